"""The engine in virtual time: the same rules as with threads, on columns, without waiting."""

from __future__ import annotations

import math
import time
from datetime import datetime, timezone

from jobsim.display.progress import bar
from jobsim.run.info import RunInfo
from jobsim.run.run import Run
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.virtual.server import Server

LONG_RUN = 5_000_000
"""Jobs from which a run takes long enough for a progress bar."""


def run_virtual(source: Scenario | Workload, *, progress: bool | None = None) -> Run:
    """Run a workload in virtual time, without waiting and exactly reproducible.

    The rules are those of `run_threads`, with clients that are never late and a repository
    that takes no time. The same workload gives the same bytes on every machine. There is no shared
    state, so threads may call this at the same time.

    Parameters
    ----------
    source
        A scenario, which is sampled first, or a workload.
    progress
        Whether to show a progress bar; None shows it in a notebook or on a terminal, for runs
        of at least `LONG_RUN` jobs.

    Returns
    -------
    Run
        Without `calls` and `final`; `transitions` are derived on first use. The columns of `jobs`
        are read-only; without feedback they share memory with the workload.

    Raises
    ------
    TypeError
        If the source is neither scenario nor workload.
    ValueError
        If the scenario cannot be sampled, see `Workload.sample`.

    Examples
    --------
    >>> run = run_virtual(Scenario(jobs=1000, arrivals={"kind": "poisson", "rate": 3.0}))
    >>> round(run.metrics()["utilisation"], 2)
    0.81
    """
    if not isinstance(source, Scenario | Workload):
        raise TypeError(f"run_virtual takes a Scenario or a Workload, not {source!r}")
    started_at, before = datetime.now(timezone.utc), time.perf_counter()
    workload = Workload.sample(source) if isinstance(source, Scenario) else source
    if progress is None and len(workload) < LONG_RUN:
        progress = False
    with bar(len(workload), "jobs", unit="job", progress=progress) as shown:
        jobs = Server(workload).serve(workload.scenario)
        shown.update_to(len(workload))
    info = RunInfo(
        engine="virtual",
        speedup=math.inf,
        started_at=started_at,
        wall_seconds=time.perf_counter() - before,
    )
    return Run(workload, info, jobs)
