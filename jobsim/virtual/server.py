"""Serves a workload at one or many settings, by the fast recursion where that applies."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.domain.codes import COMPLETED
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.tables.job_arrays import JobArrays
from jobsim.tables.jobs_table import jobs_table
from jobsim.virtual import compiled, feedback, recursion
from jobsim.virtual.feedback import serve_feedback
from jobsim.virtual.recursion import fcfs, queue_order, rejections


class Server:
    """Serves one workload at any number of settings; what they share is computed once.

    Parameters
    ----------
    workload
        The jobs.
    runs
        How many runs of this length are planned: many short ones may be worth compiling for.

    Examples
    --------
    >>> scenario = Scenario(jobs=3, arrivals={"kind": "stampede"})
    >>> server = Server(Workload.sample(scenario))
    >>> [int((server.serve(scenario.replace({"workers": n}))["started"] > 0).sum()) for n in (1, 3)]
    [2, 0]
    """

    def __init__(self, workload: Workload, *, runs: int = 1) -> None:
        self.workload = workload
        self._runs = runs

    @cached_property
    def _paid(self) -> NDArray[np.float64]:
        return payments(self.workload)

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        return queue_order(self._paid)

    def serve(self, scenario: Scenario) -> pd.DataFrame:
        """Return the `jobs` table at a setting.

        It may differ from the workload's own scenario in everything that is not drawn: the workers
        and the rules.
        """
        workload = self.workload
        if scenario.has_feedback:
            self._prepare(compiled.loop, feedback.COMPILE_FROM)
            return serve_feedback(workload, scenario)
        self._prepare(compiled.recursion, recursion.COMPILE_FROM)
        return serve(workload, scenario.workers, paid=self._paid, order=self._order)

    def measure(self, scenario: Scenario) -> JobArrays:
        """Return the arrays of the table that `serve` returns, if possible without making it.

        Making the table costs as much as a short run.
        """
        if scenario.has_feedback:
            return JobArrays(self.serve(scenario))
        self._prepare(compiled.recursion, recursion.COMPILE_FROM)
        return JobArrays(_columns(self.workload, scenario.workers, self._paid, self._order))

    def _prepare(self, loop: compiled.Compiled[Any], threshold: int) -> None:
        """Compile if that is worth it for all runs together; a single run decides for itself."""
        if self._runs > 1:
            loop.load_if_worth_it(len(self.workload) * self._runs, threshold=threshold)

    def serve_without_a_queue(self, scenario: Scenario) -> tuple[pd.DataFrame, int]:
        """Return the `jobs` table with a worker for every job, and the number of these workers.

        Then no job waits: no number of workers gives shorter waits.
        """
        workload = self.workload
        workers = max(len(workload), 1)
        if scenario.has_feedback:
            # Workers that an outage takes away must be replaced.
            workers += sum(outage.workers for outage in scenario.outages)
            return serve_feedback(workload, scenario.replace({"workers": workers})), workers
        paid = self._paid
        columns = {
            "created": workload.arrival,
            "paid": paid,
            "started": paid,
            "finished": paid + workload.service,
        }
        return jobs_table(columns, workers=0), workers


def payments(workload: Workload) -> NDArray[np.float64]:
    """Return when each job is paid, in seconds; NaN where it never is.

    That is the later of its creation and its confirmation. Virtual clients create on schedule and
    no delay is negative, so it is always the confirmation.
    """
    return workload.arrival + workload.delay


def serve(
    workload: Workload, workers: int, *, paid: NDArray[np.float64], order: NDArray[np.intp]
) -> pd.DataFrame:
    """Return the `jobs` table of a workload without feedback at a number of workers.

    Parameters
    ----------
    workload
        The jobs; the number of workers in its scenario is ignored.
    workers
        At least 1.
    paid, order
        What `payments` and `queue_order` return, so that a sweep computes them once.

    Examples
    --------
    >>> workload = Workload.sample(Scenario(jobs=3, arrivals={"kind": "stampede"}))
    >>> paid = payments(workload)
    >>> serve(workload, 2, paid=paid, order=queue_order(paid))["worker"].tolist()
    ['worker-0', 'worker-1', 'worker-0']
    """
    return jobs_table(_columns(workload, workers, paid, order), workers)


def _columns(
    workload: Workload, workers: int, paid: NDArray[np.float64], order: NDArray[np.intp]
) -> dict[str, NDArray[Any]]:
    """Return the columns of a run; a study can do without the table."""
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
    # Every paid job ends as COMPLETED or, one number higher, FAILED. AWAITING is 0, so unpaid jobs
    # get it by a product.
    status = workload.fails.view(np.int8) + np.int8(COMPLETED)
    if len(order) < jobs:
        status *= ~np.isnan(paid)
    return {
        "arrival": workload.arrival,
        "created": workload.arrival,
        "paid": paid,
        "started": started,
        "finished": finished,
        "status": status,
        "worker": worker,
        "rejected": rejections(paid, workload.lag),
    }
