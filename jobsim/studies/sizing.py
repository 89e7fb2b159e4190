"""How many workers a target needs: a search on common random numbers."""

from __future__ import annotations

import math
from concurrent.futures import Executor

from jobsim.figures.intervals import half_width
from jobsim.figures.metrics import UNITS
from jobsim.figures.names import parse_figure
from jobsim.scenario.log import Log
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.studies.cells import DISTRIBUTIONS, Warmup, check_warmup
from jobsim.studies.formulas import workers_for
from jobsim.studies.horizon import Horizon, check_horizon
from jobsim.studies.of_log import WorkersForLog, jobs_of_log, workers_for_log
from jobsim.studies.pool import Cluster
from jobsim.studies.workers_answer import WorkersNeeded, raised
from jobsim.studies.workers_search import Search

AT_MOST = tuple(
    name
    for name in UNITS
    if name.startswith(("wait_", "sojourn_", "response_"))
    or name in ("makespan", "utilisation", "amplification")
)
"""Metrics that more workers lower: a target for one is met at or below it. So is any quantile."""

AT_LEAST = tuple(name for name in UNITS if name in ("throughput", "goodput"))
"""Metrics that more workers raise: a target for one is met at or above it. So is any share of
jobs that is over within some time."""


def workers_needed(
    scenario: Scenario | Workload | Log,
    *,
    level: float = 0.95,
    replications: int = 20,
    horizon: Horizon | None = None,
    warmup: Warmup | None = None,
    executor: Executor | Cluster | None = None,
    progress: bool | None = None,
    **target: float,
) -> WorkersNeeded | WorkersForLog:
    """Return the smallest number of workers that meets a target with confidence.

    A target is met if the whole confidence interval keeps to it. All numbers of workers are
    tried on the same jobs, on which more workers never make anyone wait longer, so the
    search can skip numbers.

    For a stationary load the question is about its steady state. The search begins at the fewest
    workers that have one, and runs that are too short to tell are made longer; where some seconds
    are not enough, the number counts as too few, so that the error is on the safe side. For any
    other load the question is about exactly such a run, from its first job to its last. Either
    way `horizon` says which question was answered.

    With feedback one more worker can make things worse, for instance by starting a job that then
    crashes or is reaped. So every number is tried, from the first on, and the answer is the first
    that meets the target; larger numbers need not meet it. Whether any number can meet it is
    decided by a run with a worker for every job, as without feedback.

    Parameters
    ----------
    scenario
        The load; its own number of workers does not matter. A `Log` or a `Workload` is a load
        too: the answer is then exact for its own jobs, and options about chance have no effect.
    level
        Confidence level, between 0 and 1.
    replications
        Runs of each number of workers, at least 2.
    horizon
        ``"steady"`` or ``"scenario"``; by default steady where the load is stationary.
    warmup, executor, progress
        As for `sweep`.
    **target
        One metric and its target, such as ``wait_p95=30.0``, any quantile, or any share that is
        over within a time, such as ``wait_within_20s=0.8``; see `AT_MOST` and `AT_LEAST`. In
        responses, requests whose client left count as never ended.

    Returns
    -------
    WorkersNeeded
        `workers` is the answer, None where no number meets the target, and `reason` says why;
        `table` is what the search saw, for `jobsim.plot.sweep`. For a log, a
        `jobsim.studies.of_log.WorkersForLog`.

    Raises
    ------
    ValueError
        If not exactly one metric is given, if it does not depend on workers, or if an argument is
        out of range.
    StudyFailed
        If every run failed.

    Examples
    --------
    >>> busy = Scenario(jobs=4000, arrivals={"kind": "poisson", "rate": 6.4})
    >>> answer = workers_needed(busy, wait_p95=0.5)
    >>> answer.workers, answer.horizon, answer.agrees
    (10, 'steady', True)
    """
    metric, bound = _target(target)
    jobs = jobs_of_log(scenario)
    if jobs is not None:
        return workers_for_log(jobs, metric, bound, at_least=raised(metric))
    assert isinstance(scenario, Scenario)  # noqa: S101 - jobs_of_log knows all else
    if replications < 2:
        raise ValueError(f"replications is {replications}; an interval needs at least 2")
    half_width(0.0, 2, level)  # refuses an impossible level before anything runs
    if metric == "makespan":
        horizon, why = "scenario", "a makespan is that of one run"
    else:
        horizon, why = check_horizon(horizon, _well_staffed(scenario))
    if warmup is not None:
        check_warmup(warmup)
    elif horizon == "scenario":
        warmup = 0.0
    search = Search(
        scenario, metric, bound, level, horizon, why, warmup, replications, executor, progress
    )
    return search.run()


def _well_staffed(scenario: Scenario) -> Scenario:
    """Return the scenario with enough workers for its load to be stationary, if it can be."""
    load = scenario.offered_load
    return scenario if load is None else scenario.replace({"workers": workers_for(load)})


def _target(target: dict[str, float]) -> tuple[str, float]:
    """Return the metric and its target; refuse a figure that more workers need not improve."""
    if len(target) != 1:
        given = ", ".join(target) or "none"
        raise ValueError(f"give one metric and its target, such as wait_p95=30.0; given: {given}")
    ((metric, value),) = target.items()
    asked = parse_figure(metric)
    if asked.quantity not in DISTRIBUTIONS and metric not in AT_MOST + AT_LEAST:
        choices = ", ".join(AT_MOST + AT_LEAST)
        raise ValueError(
            f"workers cannot be sized by {metric!r}; choose from {choices}, or any quantile or "
            "share, such as wait_p90 or wait_within_20s"
        )
    if not 0 <= value < math.inf:
        raise ValueError(f"{metric} is {value}; a target is a finite number of at least 0")
    return asked.name, float(value)
