"""The time over which rates are measured: one rule for summary, report, sweep and sizing.

A run begins empty and ends empty. While it fills and while it drains, fewer jobs end and fewer
workers are busy than in the service that it stands for, so neither is part of a rate. The stock of
jobs whose payment is under way has to fill first.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobsim.display.text import count_of, format_duration
from jobsim.figures.attempts import settle
from jobsim.figures.quantiles import without_nan
from jobsim.scenario.closed import Closed
from jobsim.scenario.scenario import Scenario
from jobsim.tables.job_arrays import JobArrays, Jobs, arrays_of

SHARE = 0.1
"""The share of the requests that counts as warm-up, while the service fills."""

MOST = 0.5
"""The largest such share: the measured part is never smaller than the part left out."""


class Window(NamedTuple):
    """A span of the run.

    Attributes
    ----------
    start, end
        Seconds since the start of the run; NaN if nothing was created.
    skipped
        How many requests came before it.
    until
        Its end, in words.
    """

    start: float
    end: float
    skipped: int
    until: str

    @property
    def length(self) -> float:
        """Seconds; NaN where there is no time in which to measure a rate."""
        return self.end - self.start if self.end > self.start else math.nan

    def __str__(self) -> str:
        begin = f"after {count_of(self.skipped, 'request')}" if self.skipped else "from the first"
        return (
            f"{format_duration(self.start)} to {format_duration(self.end)}: {begin}, "
            f"up to {self.until}"
        )


def default_share(scenario: Scenario) -> float:
    """Return the share of the requests that is warm-up: none where the whole run is a transient.

    A spike, a batch and a log have no rate, so there is no steady state to warm up to. Workers get
    only what is paid for, and payments reach their steady rate only after their delay: two standard
    deviations beyond its mean, hardly any payment is still missing.

    Examples
    --------
    >>> scenario = Scenario(jobs=100, arrivals={"kind": "poisson", "rate": 2.0})
    >>> late = scenario.replace({"payment.delay": {"kind": "constant", "value": 15.0}})
    >>> default_share(scenario), default_share(late)
    (0.1, 0.3)
    """
    rate = scenario.arrivals.mean_rate
    if rate is None:
        return SHARE if isinstance(scenario.arrivals, Closed) else 0.0
    payment = scenario.payment
    filled = payment.confirmation_mean + 2.0 * math.sqrt(payment.confirmation_variance)
    lengths = [
        math.inf if scenario.jobs is None else scenario.jobs / rate,
        math.inf if scenario.duration is None else scenario.duration,
    ]
    return min(max(SHARE, filled / min(lengths)), MOST)


def window_of(
    jobs: Jobs, scenario: Scenario | None = None, *, skipped: int | None = None
) -> Window:
    """Return the time over which the rates of a run are measured.

    It begins with the first request after the warm-up and ends with the last request: what
    comes later is the drain. In a closed loop the drain begins when the first user has nothing
    more to ask for, or when arrivals stop. Where all jobs are asked for in less time than the
    work of one job takes, they are a batch, and the window ends with the work.

    Parameters
    ----------
    jobs
        The `jobs` table of a run, all of it, or its arrays.
    scenario
        The scenario of the run; without one the loop counts as open, and nothing as warm-up.
    skipped
        How many requests are warm-up, in the order in which they were first asked for; by
        default the `default_share` of them.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> window_of(jobs_of(created=[0.0, 10.0], finished=[1.0, 14.0]))[:2]
    (0.0, 10.0)
    >>> window_of(jobs_of(created=[0.0, 0.0], finished=[1.0, 14.0]))[:2]
    (0.0, 14.0)
    """
    jobs = arrays_of(jobs)
    created = jobs["created"] if jobs.one_each else jobs["created"][jobs.first]
    known = without_nan(created)
    # Requests stand in order of their arrival, but threads may create them in another one.
    if not (known[1:] >= known[:-1]).all():
        known = np.sort(known)
    if not len(known):
        return Window(math.nan, math.nan, 0, "the end")
    if skipped is None:
        share = 0.0 if scenario is None else default_share(scenario)
        skipped = int(share * len(known))
    # At least one request is left, so that the window has a start.
    skipped = min(skipped, len(known) - 1)
    start, end, until = float(known[skipped]), float(known[-1]), "the last request"
    if scenario is not None and scenario.users is not None:
        end, until = _loop_end(jobs, scenario, end)
    # Negated, so that NaN counts as a batch too.
    if not end - start > _usual_work(jobs):
        end, until = _last_work(jobs, start), "the end of the last work"
    return Window(start, end, skipped, until)


def in_window(jobs: Jobs, window: Window) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which jobs count, and which of those have durations that count.

    Jobs of requests that began after the warm-up count. In the drain of a closed loop they count,
    but their durations are those of an emptying service, and do not. A request whose creation
    never returned counts.
    """
    jobs = arrays_of(jobs)
    begun = jobs["created"] if jobs.one_each else jobs["created"][jobs.first]
    # Negated comparisons: a creation that never returned (NaN) counts.
    after = ~(begun < window.start)
    timed = after & ~(begun > window.end)
    return (after, timed) if jobs.one_each else (after[jobs.group], timed[jobs.group])


def _loop_end(jobs: JobArrays, scenario: Scenario, last: float) -> tuple[float, str]:
    """Return when the first user of a closed loop was done, or arrivals stopped."""
    users, requests = scenario.users or 0, scenario.jobs
    ends = [(last, "the last request")]
    if scenario.duration is not None:
        ends.append((min(scenario.duration, last), "the last request"))
    if requests is not None:
        number = jobs["request"][jobs.first]
        done = without_nan(settle(jobs).settled[number >= requests - users])
        if len(done):
            ends.append((float(done.min()), "the last request of the first user to be done"))
    return min(ends)


def _usual_work(jobs: JobArrays) -> float:
    """Return the mean time of a worker at a job; 0 if no worker let go of one."""
    ended = without_nan(jobs.between("started", "released"))
    return float(ended.mean()) if len(ended) else 0.0


def _last_work(jobs: JobArrays, start: float) -> float:
    """Return when the last worker let go of a job, or the last job ended."""
    ends = (jobs[name] for name in ("released", "finished"))
    return max(float(np.fmax.reduce(column, initial=start)) for column in ends)
