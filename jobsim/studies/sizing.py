"""How many workers a target takes: a search on common random numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum

import pandas as pd

from jobsim.display.text import Rows, Shown, count_of, format_given_share
from jobsim.figures.intervals import half_width
from jobsim.figures.metrics import UNITS
from jobsim.figures.names import Figure, parse_figure
from jobsim.scenario.log import Log
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.studies.cells import (
    DISTRIBUTIONS,
    Outcome,
    Warmup,
    check_warmup,
    default_warmup,
    replication_seed,
    without_a_queue,
)
from jobsim.studies.formulas import needs, workers_for
from jobsim.studies.grid import Setting, run_grid
from jobsim.studies.horizon import Horizon, check_horizon, worth
from jobsim.studies.of_log import WorkersForLog, jobs_of_log, workers_for_log
from jobsim.studies.pool import Cluster
from jobsim.studies.pooled import Pooled
from jobsim.studies.replicate import in_words, interval_in_words
from jobsim.studies.statistics import Interval
from jobsim.studies.theory import theory

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

_LOOK = (1, 2, 4, 8)  # how far beyond the last number that is too few a round looks
_LOOK_AT_ALL = tuple(range(1, 9))  # the same where no number may be skipped
_LONGER = 4  # by how much runs that cannot tell are made longer
_UNSETTLED = 3.0  # at so many times the accepted memory, runs are too near their empty start
_POOLED = ("quantile", "within")

_SHARE = 0.3  # of what a study may cost, for the runs of one number of workers


class _Verdict(Enum):
    ENOUGH = "enough"
    TOO_FEW = "too few"
    OPEN = "open"  # these runs cannot tell


@dataclass(frozen=True, eq=False, repr=False)
class WorkersNeeded(Shown):
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
        The curve that the search saw, as `sweep` returns it. Runs that could not tell were made
        longer, so numbers of workers close to the answer may have longer runs.
    reason
        Why fewer are too few; without an answer, why there is none.
    horizon
        Which question was answered: the steady state's, or that of exactly such a run.
    why
        Why it was that one.
    by_theory
        The answer of an exact formula for the steady state; None where there is none.
    """

    scenario: Scenario
    metric: str
    target: float
    workers: int | None
    interval: Interval
    table: pd.DataFrame
    reason: str
    horizon: Horizon
    why: str
    by_theory: int | None = None

    @property
    def met(self) -> bool:
        """Whether some number of workers meets the target."""
        return self.workers is not None

    @property
    def agrees(self) -> bool | None:
        """Whether theory gives the same number; None where no exact formula does."""
        return None if self.by_theory is None else self.by_theory == self.workers

    @property
    def sentence(self) -> str:
        """The answer in words."""
        bound = "at least" if _raised(self.metric) else "at most"
        target = f"{self.metric} of {bound} {in_words(self.target, self.metric)}"
        if self.workers is None:
            return f"no answer for a {target}: {self.reason}"
        found = interval_in_words(self.interval, self.metric)
        level = f"{format_given_share(self.interval.level)} confidence"
        return f"{count_of(self.workers, 'worker')} for a {target}: {found} with {level}"

    def _display(self) -> tuple[str, Rows]:
        """Return the rows of the text and of the HTML display, which thus agree."""
        rows = [("answer", self.sentence)]
        if self.workers is not None:
            rows.append(("fewer", self.reason))
        rows.append(("horizon", f"{self.horizon}: {self.why}"))
        if self.by_theory is not None:
            agrees = "agrees" if self.agrees else "differs"
            rows.append(("theory", f"{count_of(self.by_theory, 'worker')} (exact); {agrees}"))
        tried = sorted(set(self.table["workers"])) if len(self.table) else []
        rows.append(("tried", ", ".join(f"{workers:,}" for workers in tried) or "nothing"))
        rows.append(("runs", f"{len(self.table):,} of {self._jobs()}"))
        return f"Workers needed by {self.scenario.name!r}", rows

    def _jobs(self) -> str:
        if self.horizon == "steady" and len(self.table):
            lengths = (self.table["warmup"] + self.table["jobs"]).dropna()
            return f"{lengths.min():,.0f} to {count_of(int(lengths.max()), 'job')}"
        if self.scenario.jobs is not None:
            return count_of(self.scenario.jobs, "job")
        return f"{self.scenario.duration:,.6g} s"


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

    Met is a target that the whole confidence interval keeps to. All numbers of workers are
    tried on the same jobs, on which more workers never make anyone wait longer, so the
    search can skip numbers.

    Of a stationary load the question is about its steady state. The search begins at the fewest
    that have one, and runs that are too short to tell are made longer; where some seconds are
    not enough, the number counts as too few, so that the error is on the safe side. Of any
    other load the question is about exactly such a run, from its first job to its last. Either
    way `horizon` says which was answered.

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
    >>> answer.workers, answer.horizon, answer.agrees
    (10, 'steady', True)
    """
    metric, bound = _target(target)
    jobs = jobs_of_log(scenario)
    if jobs is not None:
        return workers_for_log(jobs, metric, bound, at_least=_raised(metric))
    assert isinstance(scenario, Scenario)  # noqa: S101 - jobs_of_log knows all else
    if replications < 2:
        raise ValueError(f"replications is {replications}; an interval needs at least 2")
    # Before anything runs: an answer after an hour is no time to refuse an argument.
    half_width(0.0, 2, level)  # refuses a level that is none before anything runs
    if metric == "makespan":
        horizon, why = "scenario", "a makespan is that of one run"
    else:
        horizon, why = check_horizon(horizon, _well_staffed(scenario))
    if warmup is not None:
        check_warmup(warmup)
    elif horizon == "scenario":
        warmup = 0.0
    search = _Search(
        scenario, metric, bound, level, horizon, why, warmup, replications, executor, progress
    )
    return search.run()


class _Search:
    """One search; `run` once."""

    def __init__(
        self,
        scenario: Scenario,
        metric: str,
        target: float,
        level: float,
        horizon: Horizon,
        why: str,
        warmup: Warmup | None,
        replications: int,
        executor: Executor | Cluster | None,
        progress: bool | None,
    ) -> None:
        self._scenario = scenario
        # What first attempts bring is a bound with feedback too, but for work cut short.
        self._load = None if scenario.work.crash else scenario.offered_load
        self._metric = metric
        self._asked = parse_figure(metric)
        self._target = target
        self._level = level
        self._horizon = horizon
        self._why = why
        self._warmup = warmup
        self._replications = replications
        self._executor = executor
        self._progress = progress
        # By number of workers: the rows of its longest runs, their jobs, and what they say.
        self._tables: dict[int, pd.DataFrame] = {}
        self._lengths: dict[int, int | None] = {}
        self._found: dict[int, Interval] = {}
        self._verdicts: dict[int, _Verdict] = {}
        self._interrupted = False

    def run(self) -> WorkersNeeded:
        """Return the answer."""
        ideal = self._ideal()
        # Asked first, for without an end to the search a target out of reach would be sought for
        # ever.
        if math.isnan(ideal.mean):
            return self._answer(None, ideal, self._nothing())
        if not self._reachable(ideal):
            return self._answer(None, ideal, self._unreachable(ideal))
        least = 1
        if self._horizon == "steady" and self._load is not None:
            # Fewer have no steady state, so no run of them could tell anything.
            least = workers_for(self._load)
        low, high = self._bracket(least - 1)
        while high - low > 1 and not self._interrupted:
            # Four numbers per round: they are run at once, on common random numbers.
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
            steps = _LOOK if self._scenario.open_queue else _LOOK_AT_ALL
            low, high = self._look(low, [low + scale * step for step in steps])
            if self._verdicts.get(high) is _Verdict.ENOUGH:
                return low, high
            if self._scenario.open_queue:
                # Ever longer steps: the number of rounds grows with the logarithm of the answer.
                scale *= _LOOK[-1]
        return low, low

    def _look(self, low: int, candidates: list[int]) -> tuple[int, int]:
        """Try numbers of workers; return the last that is too few and the next one that is not.

        Runs that cannot tell are made longer for one number at a time: the first open one where
        each has to be known, else the middle one, which tells of those on one side of it.
        """
        self._try([workers for workers in candidates if workers not in self._found])
        while not self._interrupted:
            # Candidates ascend, so the first that is enough bounds the answer from above.
            enough = [w for w in candidates if self._verdicts[w] is _Verdict.ENOUGH]
            first = enough[0] if enough else None
            before = candidates if first is None else candidates[: candidates.index(first)]
            too_few = [w for w in before if self._verdicts[w] is _Verdict.TOO_FEW]
            every = not self._scenario.open_queue
            after = before if every or not too_few else before[before.index(too_few[-1]) + 1 :]
            undecided = [w for w in after if self._verdicts[w] is _Verdict.OPEN]
            if not undecided:
                last = before[-1] if before else low
                return last, first if first is not None else last
            self._decide(undecided[0] if every else undecided[len(undecided) // 2])
        return low, candidates[-1]

    def _decide(self, workers: int) -> None:
        """Make the runs of a number of workers longer until they tell or cost too much."""
        most = int(_SHARE * worth(self._scenario)) // self._replications
        while self._verdicts[workers] is _Verdict.OPEN and not self._interrupted:
            jobs = self._lengths[workers]
            if jobs is None or jobs >= most or self._horizon == "scenario":
                self._verdicts[workers] = _Verdict.TOO_FEW
                return
            self._try([workers], min(_LONGER * jobs, most))

    def _try(self, crew: Sequence[int], jobs: int | None = None) -> None:
        """Run numbers of workers, with the scenario's own jobs unless others are given."""
        if not crew:
            return
        jobs = self._scenario.jobs if jobs is None else jobs
        # All numbers of workers see the same jobs, so differences are theirs and not chance.
        base = self._scenario.replace({"jobs": jobs})
        # Of longer runs a smaller part is warm-up where payments come late.
        warmup = default_warmup(base) if self._warmup is None else self._warmup
        settings = [
            Setting(
                {"workers": workers},
                base.replace({"workers": workers}),
                warmup,
                self._horizon,
            )
            for workers in crew
        ]
        found = run_grid(
            settings,
            range(self._replications),
            executor=self._executor,
            progress=self._progress,
        )
        self._interrupted = found.interrupted
        table = found.table((self._metric,) if self._asked.statistic in _POOLED else ())
        for number, workers in enumerate(crew):
            self._tables[workers] = table[table["workers"] == workers]
            if not found.interrupted:
                pooled = found.pooled(number)
                interval = pooled.interval(self._metric, self._level)
                self._lengths[workers] = jobs
                self._found[workers] = interval
                self._verdicts[workers] = self._judge(interval, pooled)

    def _judge(self, found: Interval, pooled: Pooled) -> _Verdict:
        """Say whether a target is met, missed, or neither with confidence.

        Runs that are too short for an interval can still be clear: what is far on the wrong side
        is, for short runs hardly know the longest waits; and what is so far on the right side
        that a multiple of the half-width does not reach the target.
        """
        # A figure that no run has is no figure that meets a target.
        if math.isnan(found.mean):
            return _Verdict.TOO_FEW
        if found.never:
            return _Verdict.ENOUGH if not _raised(self._metric) else _Verdict.TOO_FEW
        if self._misses(found.low, found.high):
            return _Verdict.TOO_FEW
        short = pooled.shortfall(self._metric) if found.problem else 1.0
        if self._horizon == "scenario" or short <= 1.0:
            enough = self._meets(found.low, found.high)
        else:
            # An interval from short runs is too narrow; how short they are says by how much it is
            # widened. Nothing makes up for runs that are still near their empty start: all of
            # them are too low. Rare waits are known badly, but without such a bias.
            widths = 2.0 * short * found.half_width
            settled = pooled.memory_shortfall <= _UNSETTLED and math.isfinite(short)
            enough = settled and self._meets(found.mean - widths, found.mean + widths)
        if enough:
            return _Verdict.ENOUGH
        return _Verdict.TOO_FEW if self._horizon == "scenario" else _Verdict.OPEN

    def _meets(self, low: float, high: float) -> bool:
        return low >= self._target if _raised(self._metric) else high <= self._target

    def _misses(self, low: float, high: float) -> bool:
        return high < self._target if _raised(self._metric) else low > self._target

    def _ideal(self) -> Interval:
        """Return the metric with a worker for every job."""
        outcomes: list[Outcome] = []
        warmup = default_warmup(self._scenario) if self._warmup is None else self._warmup
        for replication in range(self._replications):
            # The seeds of the search, so that the ideal is one of the very jobs that it looks at.
            seed = replication_seed(self._scenario.seed, replication)
            workload = Workload.sample(self._scenario.replace({"seed": seed}))
            outcomes.append(without_a_queue(workload, warmup))
        if self._asked.statistic not in _POOLED and self._metric not in outcomes[0].figures:
            raise ValueError(f"runs of {self._scenario.name!r} have no {self._metric}")
        return Pooled(
            pd.DataFrame([outcome.figures for outcome in outcomes]),
            [outcome.tallies for outcome in outcomes],
            steady=False,
        ).interval(self._metric, self._level)

    def _reachable(self, ideal: Interval) -> bool:
        """Return whether a worker for every job meets the target, and so some number can."""
        if self._metric == "utilisation":
            # Still more workers are less busy: there is no end to it.
            return self._target > 0.0
        if ideal.never:
            return not _raised(self._metric)
        if self._horizon == "steady":
            # The target may lie so close to what is best that short runs cannot tell.
            return not self._misses(ideal.low, ideal.high)
        return self._meets(ideal.low, ideal.high)

    def _nothing(self) -> str:
        return f"no run has a {self._metric}: too few jobs are ever paid to tell"

    def _unreachable(self, ideal: Interval) -> str:
        found = interval_in_words(ideal, self._metric)
        return f"with a worker for every job, so that nobody waits, it is {found}"

    def _why_not_fewer(self, low: int) -> str:
        load = self._load
        if low in self._found:
            found = interval_in_words(self._found[low], self._metric)
            return f"{count_of(low, 'worker')}: {found}"
        if low == 0 or load is None:
            return "there is no fewer than one"
        return f"no steady state: {needs(load)}"

    def _answer(self, workers: int | None, found: Interval, reason: str) -> WorkersNeeded:
        """Put the answer together from every number of workers that was tried."""
        tables = [self._tables[crew] for crew in sorted(self._tables)]
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"workers": []})
        return WorkersNeeded(
            scenario=self._scenario,
            metric=self._metric,
            target=self._target,
            workers=workers,
            interval=found,
            table=table,
            reason=reason,
            horizon=self._horizon,
            why=self._why,
            by_theory=self._by_theory() if self._horizon == "steady" and workers else None,
        )

    def _by_theory(self) -> int | None:
        """Return the answer of exact formulas, if there are any for this metric."""
        figure = _exact_figure(self._metric, self._asked)
        if figure is None or self._load is None:
            return None
        workers = workers_for(self._load)
        # Beyond that the exact figure has long reached what it tends to.
        most = workers + max(64, 2 * workers)
        while workers < most:
            value = figure(self._scenario.replace({"workers": workers}))
            if math.isnan(value):
                return None
            if self._meets(value, value):
                return workers
            workers += 1
        return None


def _exact_figure(metric: str, asked: Figure) -> Callable[[Scenario], float] | None:
    """Return what gives a figure of the steady state exactly, NaN where it cannot."""

    def figure(scenario: Scenario) -> float:
        # Only exact formulas: an approximation would call a right answer wrong.
        known = theory(scenario)
        if not known.exact:
            return math.nan
        if asked.statistic == "quantile":
            return known.wait_percentile(100.0 * asked.value)
        if asked.statistic == "within":
            return 1.0 - known.wait_exceeds(asked.value)
        return float(getattr(known, metric))

    if asked.statistic in _POOLED:
        longest = asked.statistic == "quantile" and asked.value == 1.0
        return figure if asked.quantity == "wait" and not longest else None
    return figure if metric in ("wait_mean", "sojourn_mean", "utilisation") else None


def _well_staffed(scenario: Scenario) -> Scenario:
    """Return the scenario with enough workers: whether a load is stationary is asked of these."""
    load = scenario.offered_load
    return scenario if load is None else scenario.replace({"workers": workers_for(load)})


def _raised(metric: str) -> bool:
    """Return whether more workers raise a figure, so that a target is met from below."""
    return parse_figure(metric).at_least


def _target(target: dict[str, float]) -> tuple[str, float]:
    """Return the one metric and its target; refuse what more workers need not improve."""
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
