"""The memory that a run takes, estimated before it begins, when a refusal costs nothing."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from jobsim.domain.exceptions import JobsimError
from jobsim.scenario.arrivals import Schedule
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.varying import Varying

# Bytes at the peak, saving included, measured over 2 million jobs in virtual time and 40,000 on
# threads (the repository's own objects are most of those), and rounded up.
DRAWN_ROW = 50
VIRTUAL_ROW = 350
THREADS_ROW = 4000
VIRTUAL_WORKER = 200
THREAD = 50_000

_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class TooLargeError(JobsimError, ValueError):
    """The run needs more memory than it may have; ask for less, or raise the limit.

    Parameters
    ----------
    what
        What needs it, in the plural.
    needed_bytes, limit_bytes
        How much it needs, and how much it may have.
    advice
        What to do.

    Examples
    --------
    >>> print(TooLargeError("1e+09 jobs", 3.5e11, 12e9, "ask for fewer"))
    1e+09 jobs need about 350 GB of memory, more than the limit of 12 GB; ask for fewer
    """

    def __init__(self, what: str, needed_bytes: float, limit_bytes: float, advice: str) -> None:
        super().__init__(what, needed_bytes, limit_bytes, advice)
        self.what, self.advice = what, advice
        self.needed_bytes, self.limit_bytes = needed_bytes, limit_bytes

    def __str__(self) -> str:
        needed, limit = (f"{size / 1e9:.3g} GB" for size in (self.needed_bytes, self.limit_bytes))
        return (
            f"{self.what} need about {needed} of memory, more than the limit of {limit}; "
            f"{self.advice}"
        )


def expected_requests(scenario: Scenario) -> float:
    """Return roughly how many requests a scenario makes; an upper bound where the rate varies.

    Examples
    --------
    >>> expected_requests(Scenario(duration=60.0, arrivals={"kind": "poisson", "rate": 2.0}))
    120.0
    """
    known = [] if scenario.jobs is None else [float(scenario.jobs)]
    arrivals = scenario.arrivals
    if isinstance(arrivals, Schedule):
        known.append(float(len(arrivals.times)))
    rate = arrivals.mean_rate
    if isinstance(arrivals, Varying):
        rate = arrivals.peak_rate
        if arrivals.period is None and rate < float("inf"):
            last_time, last_rate = arrivals.points[-1]
            if not last_rate:
                known.append(rate * last_time)
    if scenario.duration is not None and rate is not None:
        known.append(rate * scenario.duration)
    return min(known, default=0.0)


def require_memory(
    scenario: Scenario,
    limit_bytes: float,
    *,
    threads: bool,
    requests: int | None = None,
    advice: str = "ask for fewer jobs",
) -> None:
    """Raise unless a run of this scenario fits into `limit_bytes` of memory.

    Parameters
    ----------
    scenario
        What is to be run.
    limit_bytes
        How much memory it may take.
    threads
        Whether it runs on threads; otherwise in virtual time.
    requests
        How many requests there are, where that is known: those of a trace.
    advice
        What the error advises.

    Raises
    ------
    TooLargeError
        If it does not fit.

    Examples
    --------
    >>> require_memory(Scenario(jobs=1000), 1e9, threads=True)
    """
    made = expected_requests(scenario) if requests is None else float(requests)
    rows = made * scenario.attempts
    actors = scenario.workers + (scenario.clients + scenario.pollers if threads else 0)
    users = scenario.users or 0
    of_jobs = rows * (THREADS_ROW if threads else VIRTUAL_ROW)
    of_actors = actors * (THREAD if threads else VIRTUAL_WORKER) + users * VIRTUAL_WORKER
    if of_jobs + of_actors > limit_bytes:
        what = f"{rows:.4g} jobs" if of_jobs > of_actors else f"{actors + users:.4g} actors"
        raise TooLargeError(what, of_jobs + of_actors, limit_bytes, advice)


def require_drawable(scenario: Scenario) -> None:
    """Raise `TooLargeError` for a workload that this machine's memory cannot hold at all."""
    rows = expected_requests(scenario) * scenario.attempts
    if rows * DRAWN_ROW > 1e9 and rows * DRAWN_ROW > machine_bytes():
        advice = "ask for fewer jobs or a shorter duration"
        raise TooLargeError(f"{rows:.4g} jobs", rows * DRAWN_ROW, machine_bytes(), advice)


def machine_bytes() -> float:
    """Return how much memory this process can have: the machine's, or its container's."""
    found = [8e9]
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found = [float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))]
    for path in _CGROUPS:
        with contextlib.suppress(OSError, ValueError):  # "max" is not a number
            found.append(float(Path(path).read_text(encoding="ascii")))
    return min(found)
