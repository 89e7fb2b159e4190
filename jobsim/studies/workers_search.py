"""The search for a number of workers, on common random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from enum import Enum

import pandas as pd

from jobsim.display.text import count_of
from jobsim.figures.names import parse_figure
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.studies.cells import (
    Outcome,
    Warmup,
    default_warmup,
    replication_seed,
    without_a_queue,
)
from jobsim.studies.formulas import needs, workers_for
from jobsim.studies.grid import Setting, run_grid
from jobsim.studies.horizon import Horizon, worth
from jobsim.studies.pool import Cluster
from jobsim.studies.pooled import Pooled
from jobsim.studies.statistics import Interval
from jobsim.studies.words import interval_in_words
from jobsim.studies.workers_answer import WorkersNeeded, raised
from jobsim.studies.workers_by_theory import meets, workers_by_theory

_LOOK = (1, 2, 4, 8)  # steps beyond the last number that is too few, tried in one round
_LOOK_AT_ALL = tuple(range(1, 9))  # the same where no number may be skipped
_LONGER = 4  # factor by which runs that cannot tell are made longer
_UNSETTLED = 3.0  # multiple of the accepted memory at which runs are too near their empty start
_POOLED = ("quantile", "within")

_SHARE = 0.3  # of the jobs that a study may run, for the runs of one number of workers


class Verdict(Enum):
    """What the runs of a number of workers say about the target."""

    ENOUGH = "enough"
    TOO_FEW = "too few"
    OPEN = "open"  # these runs cannot tell


class Search:
    """One search; `run` once.

    Parameters
    ----------
    target
        The target of the metric.
    horizon, why
        Which question is asked, and why that one.
    warmup
        What to delete from each run; None takes what the length of the run needs.

    The others are those of `jobsim.studies.sizing.workers_needed`.
    """

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
        # The load of first attempts is a bound with feedback too, unless crashes cut work short.
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
        self._verdicts: dict[int, Verdict] = {}
        self._interrupted = False

    def run(self) -> WorkersNeeded:
        """Return the answer."""
        ideal = self._ideal()
        # Asked first, because the search for a target out of reach would never end.
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
            if self._verdicts.get(high) is Verdict.ENOUGH:
                return low, high
            if self._scenario.open_queue:
                # Growing steps: the number of rounds grows with the logarithm of the answer.
                scale *= _LOOK[-1]
        return low, low

    def _look(self, low: int, candidates: list[int]) -> tuple[int, int]:
        """Try numbers of workers; return the last that is too few and the next one that is not.

        Runs that cannot tell are made longer for one number at a time: the first open one where
        each has to be known, otherwise the middle one, which also decides those on one side.
        """
        self._try([workers for workers in candidates if workers not in self._found])
        while not self._interrupted:
            # Candidates ascend, so the first that is enough bounds the answer from above.
            enough = [w for w in candidates if self._verdicts[w] is Verdict.ENOUGH]
            first = enough[0] if enough else None
            before = candidates if first is None else candidates[: candidates.index(first)]
            too_few = [w for w in before if self._verdicts[w] is Verdict.TOO_FEW]
            every = not self._scenario.open_queue
            after = before if every or not too_few else before[before.index(too_few[-1]) + 1 :]
            undecided = [w for w in after if self._verdicts[w] is Verdict.OPEN]
            if not undecided:
                last = before[-1] if before else low
                return last, first if first is not None else last
            self._decide(undecided[0] if every else undecided[len(undecided) // 2])
        return low, candidates[-1]

    def _decide(self, workers: int) -> None:
        """Make the runs of a number of workers longer until they can tell or cost too much."""
        most = int(_SHARE * worth(self._scenario)) // self._replications
        while self._verdicts[workers] is Verdict.OPEN and not self._interrupted:
            jobs = self._lengths[workers]
            if jobs is None or jobs >= most or self._horizon == "scenario":
                self._verdicts[workers] = Verdict.TOO_FEW
                return
            self._try([workers], min(_LONGER * jobs, most))

    def _try(self, crew: Sequence[int], jobs: int | None = None) -> None:
        """Run numbers of workers, with the scenario's own jobs unless others are given."""
        if not crew:
            return
        jobs = self._scenario.jobs if jobs is None else jobs
        # All numbers of workers see the same jobs, so differences are theirs and not chance.
        base = self._scenario.replace({"jobs": jobs})
        # Where payments come late, a smaller part of a longer run is warm-up.
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

    def _judge(self, found: Interval, pooled: Pooled) -> Verdict:
        """Say whether a target is met, missed, or neither with confidence.

        Runs that are too short for an interval can still be clear. A figure far on the wrong side
        is a miss, because short runs hardly see the longest waits. A figure is a hit if a multiple
        of the half-width does not reach the target.
        """
        # A figure that no run has meets no target.
        if math.isnan(found.mean):
            return Verdict.TOO_FEW
        if found.never:
            return Verdict.ENOUGH if not raised(self._metric) else Verdict.TOO_FEW
        if self._misses(found.low, found.high):
            return Verdict.TOO_FEW
        short = pooled.shortfall(self._metric) if found.problem else 1.0
        if self._horizon == "scenario" or short <= 1.0:
            enough = self._meets(found.low, found.high)
        else:
            # An interval from short runs is too narrow, so it is widened by how short they are.
            # Nothing makes up for runs that are still near their empty start: all of them are too
            # low. Rare waits are uncertain, but without such a bias.
            widths = 2.0 * short * found.half_width
            settled = pooled.memory_shortfall <= _UNSETTLED and math.isfinite(short)
            enough = settled and self._meets(found.mean - widths, found.mean + widths)
        if enough:
            return Verdict.ENOUGH
        return Verdict.TOO_FEW if self._horizon == "scenario" else Verdict.OPEN

    def _meets(self, low: float, high: float) -> bool:
        return meets(low, high, self._asked, self._target)

    def _misses(self, low: float, high: float) -> bool:
        return high < self._target if raised(self._metric) else low > self._target

    def _ideal(self) -> Interval:
        """Return the metric with a worker for every job."""
        outcomes: list[Outcome] = []
        warmup = default_warmup(self._scenario) if self._warmup is None else self._warmup
        for replication in range(self._replications):
            # The seeds of the search, so that the ideal is that of the same jobs.
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
        """Return whether a worker for every job meets the target, so that some number can."""
        if self._metric == "utilisation":
            # More workers are always less busy.
            return self._target > 0.0
        if ideal.never:
            return not raised(self._metric)
        if self._horizon == "steady":
            # The target may lie so close to the ideal that short runs cannot tell.
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
        steady = self._horizon == "steady" and workers
        by_theory = workers_by_theory(self._scenario, self._asked, self._target) if steady else None
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
            by_theory=by_theory,
        )
