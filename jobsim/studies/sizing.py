"""How many workers a target takes: a search on common random numbers."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass

import pandas as pd

from jobsim.display.text import Rows, count_of, rows_as_html, rows_as_text
from jobsim.figures.intervals import half_width
from jobsim.figures.metrics import UNITS
from jobsim.scenario.log import Log
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.studies.cells import (
    Warmup,
    check_warmup,
    default_warmup,
    replication_seed,
    without_a_queue,
)
from jobsim.studies.formulas import needs, workers_for
from jobsim.studies.grid import Setting, run_grid
from jobsim.studies.of_log import WorkersForLog, jobs_of_log, workers_for_log
from jobsim.studies.pool import Cluster
from jobsim.studies.replicate import in_words
from jobsim.studies.statistics import Interval

AT_MOST = tuple(
    name
    for name in UNITS
    if name.startswith(("wait_", "sojourn_", "response_"))
    or name in ("makespan", "utilisation", "amplification")
)
"""Metrics that more workers lower: a target for one is met at or below it."""

AT_LEAST = tuple(name for name in UNITS if name in ("throughput", "goodput"))
"""Metrics that more workers raise: a target for one is met at or above it."""

_LOOK = (1, 2, 4, 8)  # how far beyond the last number that is too few a round looks
_LOOK_AT_ALL = tuple(range(1, 9))  # the same where no number may be skipped


@dataclass(frozen=True, eq=False, repr=False)
class WorkersNeeded:
    """The smallest number of workers that meets a target, and how that was found.

    Attributes
    ----------
    scenario
        What was asked about.
    metric, target
        What was asked for.
    workers
        The answer; None if no number meets the target.
    interval
        The metric at that number of workers; without an answer, at the most that was tried.
    table
        The curve that the search saw, as `sweep` returns it.
    reason
        Why fewer are too few; without an answer, why there is none.
    """

    scenario: Scenario
    metric: str
    target: float
    workers: int | None
    interval: Interval
    table: pd.DataFrame
    reason: str

    @property
    def met(self) -> bool:
        """Whether some number of workers meets the target."""
        return self.workers is not None

    @property
    def sentence(self) -> str:
        """The answer in words."""
        bound = "at least" if self.metric in AT_LEAST else "at most"
        target = f"{self.metric} of {bound} {in_words(self.target, self.metric)}"
        if self.workers is None:
            return f"no answer for a {target}: {self.reason}"
        found = _in_words(self.interval, self.metric)
        level = f"{100 * self.interval.level:.4g} % confidence"
        return f"{count_of(self.workers, 'worker')} for a {target}: {found} with {level}"

    def __repr__(self) -> str:
        return rows_as_text(*self._display())

    def _repr_html_(self) -> str:
        return rows_as_html(*self._display())

    def _display(self) -> tuple[str, Rows]:
        rows = [("answer", self.sentence)]
        if self.workers is not None:
            rows.append(("fewer", self.reason))
        tried = sorted(set(self.table["workers"])) if len(self.table) else []
        rows.append(("tried", ", ".join(f"{workers:,}" for workers in tried) or "nothing"))
        rows.append(("runs", f"{len(self.table):,} of {self._jobs()}"))
        return f"Workers needed by {self.scenario.name!r}", rows

    def _jobs(self) -> str:
        if self.scenario.jobs is not None:
            return count_of(self.scenario.jobs, "job")
        return f"{self.scenario.duration:,.6g} s"


def workers_needed(
    scenario: Scenario | Workload | Log,
    *,
    level: float = 0.95,
    replications: int = 20,
    warmup: Warmup | None = None,
    executor: Executor | Cluster | None = None,
    progress: bool | None = None,
    **target: float,
) -> WorkersNeeded | WorkersForLog:
    """Return the smallest number of workers that meets a target with confidence.

    Met is a target that the whole confidence interval keeps to. All numbers of workers are
    tried on the same jobs, on which more workers never make anyone wait longer, so the
    search can skip numbers. It begins at the fewest with a steady state, if arrivals have a
    rate. The answer is for runs of the scenario's length: for the steady state give it many
    jobs.

    With feedback one more worker can make things worse, for instance by starting a job that
    is then crashed or reaped. So every number is tried, from the first on, and the answer is
    the first that meets the target; that every larger one meets it too is not promised.
    Whether any number can is asked of a run with a worker for every job, as without feedback.

    Parameters
    ----------
    scenario
        The load; its own number of workers does not matter. A `Log` or a `Workload` is a load
        too: the answer is then exact for these very jobs, and options about chance say nothing.
    level
        Confidence level, between 0 and 1.
    replications
        Runs of each number of workers, at least 2.
    warmup, executor, progress
        As for `sweep`.
    **target
        One metric and its target, such as ``wait_p95=30.0``; see `AT_MOST` and `AT_LEAST`.

    Returns
    -------
    WorkersNeeded
        `workers` is the answer, None where no number will do, and `reason` says why; `table`
        is what the search saw, for `jobsim.plot.sweep`. For a log, a
        `jobsim.studies.of_log.WorkersForLog`.

    Raises
    ------
    ValueError
        If not one metric is given or it says nothing of workers, or an argument is out of
        range.
    StudyFailed
        If every run failed.

    Examples
    --------
    >>> busy = Scenario(jobs=4000, arrivals={"kind": "poisson", "rate": 6.4})
    >>> answer = workers_needed(busy, wait_p95=0.5)
    >>> answer.workers
    10
    """
    metric, bound = _target(target)
    jobs = jobs_of_log(scenario)
    if jobs is not None:
        return workers_for_log(jobs, metric, bound, at_least=metric in AT_LEAST)
    assert isinstance(scenario, Scenario)  # noqa: S101 - jobs_of_log knows all else
    if replications < 2:
        raise ValueError(f"replications is {replications}; an interval needs at least 2")
    half_width(0.0, 2, level)  # refuses a level that is none before anything runs
    how = default_warmup(scenario) if warmup is None else check_warmup(warmup)
    search = _Search(scenario, metric, bound, level, how, range(replications), executor, progress)
    return search.run()


class _Search:
    def __init__(
        self,
        scenario: Scenario,
        metric: str,
        target: float,
        level: float,
        warmup: Warmup,
        replications: range,
        executor: Executor | Cluster | None,
        progress: bool | None,
    ) -> None:
        self._scenario = scenario
        # What first attempts bring is a bound with feedback too, but for work cut short.
        self._load = None if scenario.work.crash else scenario.offered_load
        self._metric = metric
        self._target = target
        self._level = level
        self._warmup = warmup
        self._replications = replications
        self._executor = executor
        self._progress = progress
        self._tables: list[pd.DataFrame] = []
        self._found: dict[int, Interval] = {}
        self._interrupted = False

    def run(self) -> WorkersNeeded:
        ideal = self._ideal()
        if math.isnan(ideal.half_width):
            return self._answer(None, ideal, self._nothing())
        if not self._meets(ideal):
            return self._answer(None, ideal, self._unreachable(ideal))
        least = 1 if self._load is None else workers_for(self._load)
        low, high = self._bracket(least - 1)
        while high - low > 1 and not self._interrupted:
            step = max(1, (high - low) // 4)
            low, high = self._look(low, [*range(low + step, high, step), high])
        if self._interrupted:
            last = self._found[max(self._found)] if self._found else ideal
            return self._answer(None, last, "the search was interrupted")
        return self._answer(high, self._found[high], self._why_not_fewer(low))

    def _bracket(self, low: int) -> tuple[int, int]:
        """Return a number of workers that is too few, and a larger one that is enough."""
        scale = 1
        while not self._interrupted:
            steps = _LOOK_AT_ALL if self._scenario.has_feedback else _LOOK
            low, high = self._look(low, [low + scale * step for step in steps])
            if high in self._found and self._meets(self._found[high]):
                return low, high
            if not self._scenario.has_feedback:
                scale *= _LOOK[-1]
        return low, low

    def _look(self, low: int, candidates: list[int]) -> tuple[int, int]:
        """Try numbers of workers; return the last that is too few and the next one tried."""
        self._try([workers for workers in candidates if workers not in self._found])
        if self._interrupted:
            return low, candidates[-1]
        for workers in candidates:
            if self._meets(self._found[workers]):
                return low, workers
            low = workers
        return low, low

    def _try(self, crew: list[int]) -> None:
        settings = [
            Setting(
                {"workers": workers}, self._scenario.replace({"workers": workers}), self._warmup
            )
            for workers in crew
        ]
        table, self._interrupted = run_grid(
            settings, self._replications, executor=self._executor, progress=self._progress
        )
        self._tables.append(table)
        if not self._interrupted:
            for workers in crew:
                rows = table[table["workers"] == workers]
                self._found[workers] = self._interval(rows[self._metric].dropna())

    def _meets(self, found: Interval) -> bool:
        if self._metric in AT_LEAST:
            return found.low >= self._target
        return found.high <= self._target

    def _interval(self, values: pd.Series) -> Interval:
        width = half_width(float(values.std()), len(values), self._level)
        return Interval(float(values.mean()), width, self._level, len(values))

    def _ideal(self) -> Interval:
        """Return the metric with a worker for every job."""
        figures = []
        for replication in self._replications:
            seed = replication_seed(self._scenario.seed, replication)
            workload = Workload.sample(self._scenario.replace({"seed": seed}))
            found = without_a_queue(workload, self._warmup)
            if self._metric not in found:
                raise ValueError(f"runs of {self._scenario.name!r} have no {self._metric}")
            figures.append(found[self._metric])
        return self._interval(pd.Series(figures, dtype="float64").dropna())

    def _nothing(self) -> str:
        return f"no run has a {self._metric}: too few jobs are ever paid to tell"

    def _unreachable(self, ideal: Interval) -> str:
        found = _in_words(ideal, self._metric)
        return f"with a worker for every job, so that nobody waits, it is {found}"

    def _why_not_fewer(self, low: int) -> str:
        load = self._load
        if low in self._found:
            return f"{count_of(low, 'worker')}: {_in_words(self._found[low], self._metric)}"
        if low == 0 or load is None:
            return "there is no fewer than one"
        return f"no steady state: {needs(load)}"

    def _answer(self, workers: int | None, found: Interval, reason: str) -> WorkersNeeded:
        table = pd.concat(self._tables) if self._tables else pd.DataFrame({"workers": []})
        return WorkersNeeded(
            scenario=self._scenario,
            metric=self._metric,
            target=self._target,
            workers=workers,
            interval=found,
            table=table.sort_values(["workers"], kind="stable", ignore_index=True),
            reason=reason,
        )


def _target(target: dict[str, float]) -> tuple[str, float]:
    if len(target) != 1:
        given = ", ".join(target) or "none"
        raise ValueError(f"give one metric and its target, such as wait_p95=30.0; given: {given}")
    ((metric, value),) = target.items()
    if metric not in AT_MOST + AT_LEAST:
        choices = ", ".join(AT_MOST + AT_LEAST)
        raise ValueError(f"workers cannot be sized by {metric!r}; choose from {choices}")
    if not 0 <= value < math.inf:
        raise ValueError(f"{metric} is {value}; a target is a finite number of at least 0")
    return metric, float(value)


def _in_words(found: Interval, metric: str) -> str:
    return f"{in_words(found.mean, metric)} ± {in_words(found.half_width, metric)}"
