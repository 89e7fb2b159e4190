"""The engine in virtual time: the rules of the threads, no waiting, columns in and columns out."""

from __future__ import annotations

import math
import time
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.display.progress import bar
from jobsim.domain.codes import COMPLETED
from jobsim.run.run import Run, RunInfo
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.tables.jobs_table import jobs_table
from jobsim.virtual.feedback import serve_feedback
from jobsim.virtual.recursion import fcfs, queue_order, rejections

LONG_RUN = 5_000_000
"""Jobs from which a run takes long enough for a progress bar."""


def run_virtual(source: Scenario | Workload, *, progress: bool | None = None) -> Run:
    """Run a workload in virtual time, without waiting and exactly reproducible.

    The rules are those of `run_threads`, with clients that are never late and a repository
    that takes no time. The same workload gives the same bytes on every machine. Shares no
    state, so threads may call it at once.

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
        Without `calls` and `final`; `transitions` are derived when first asked for. The
        columns of `jobs` cannot be written to; without feedback they share memory with the
        workload.

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
        if workload.scenario.has_feedback:
            jobs = serve_feedback(workload, workload.scenario)
        else:
            paid = payments(workload)
            order = queue_order(paid)
            jobs = serve(workload, workload.scenario.workers, paid=paid, order=order)
        shown.update_to(len(workload))
    info = RunInfo(
        engine="virtual",
        speedup=math.inf,
        started_at=started_at,
        wall_seconds=time.perf_counter() - before,
    )
    return Run(workload, info, jobs)


def payments(workload: Workload) -> NDArray[np.float64]:
    """Return when each job is paid, in seconds; NaN where it never is.

    The later of its creation and its confirmation; virtual clients create on schedule and no
    delay is negative, so it is the confirmation.
    """
    return workload.arrival + workload.delay


def serve(
    workload: Workload, workers: int, *, paid: NDArray[np.float64], order: NDArray[np.intp]
) -> pd.DataFrame:
    """Return the `jobs` table of a workload without feedback at some number of workers.

    Parameters
    ----------
    workload
        The jobs; the number of workers in its scenario is not looked at.
    workers
        At least 1.
    paid, order
        What `payments` and `queue_order` give, so that a sweep computes them once.

    Examples
    --------
    >>> workload = Workload.sample(Scenario(jobs=3, arrivals={"kind": "stampede"}))
    >>> paid = payments(workload)
    >>> serve(workload, 2, paid=paid, order=queue_order(paid))["worker"].tolist()
    ['worker-0', 'worker-1', 'worker-0']
    """
    jobs = len(workload)
    started, finished = np.empty(jobs), np.empty(jobs)
    worker = np.empty(jobs, dtype=np.int32)
    fcfs(
        paid,
        workload.service,
        workers,
        started=started,
        finished=finished,
        worker=worker,
        order=order,
    )
    # Every paid job ends. The first status awaits payment, so a product with `is paid` will do.
    # FAILED is the next number.
    status = workload.fails.view(np.int8) + np.int8(COMPLETED)
    if len(order) < jobs:
        status *= ~np.isnan(paid)
    columns: dict[str, NDArray[Any]] = {
        "request": np.arange(jobs, dtype=np.int32),
        "attempt": np.ones(jobs, dtype=np.int16),
        "arrival": workload.arrival,
        "created": workload.arrival,
        "paid": paid,
        "started": started,
        "finished": finished,
        "status": status,
        "worker": worker,
        "rejected": rejections(paid, workload.lag),
    }
    return jobs_table(columns, workers)
