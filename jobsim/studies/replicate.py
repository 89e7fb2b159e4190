"""Independent replications of one scenario, and what they say about every metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import pandas as pd

from jobsim.display.text import Rows, Shown, count_of, format_given_share
from jobsim.figures.intervals import half_width
from jobsim.figures.metrics import UNITS, has_retries_or_losses
from jobsim.figures.names import unit_of
from jobsim.scenario.scenario import Scenario
from jobsim.studies.cells import Warmup, check_warmup, default_warmup
from jobsim.studies.grid import Found, Setting, run_grid
from jobsim.studies.horizon import Horizon, check_horizon, worth
from jobsim.studies.length import grows, long_enough
from jobsim.studies.pool import Cluster
from jobsim.studies.pooled import Pooled
from jobsim.studies.statistics import Interval
from jobsim.studies.words import interval_in_words

MOST = 1000
"""The most replications that are made for a half-width."""

LEAST = 10
"""The fewest replications from which a half-width is believed."""

_SHOWN = (
    "wait_mean", "wait_p95", "wait_p99", "sojourn_mean", "utilisation", "throughput",
)  # fmt: skip
_OF_REQUESTS = ("goodput", "amplification", "response_p95", "false_kills")


@dataclass(frozen=True, eq=False, repr=False)
class Replications(Shown):
    """Runs of one scenario that differ in their seed.

    Attributes
    ----------
    scenario
        What was run. For the steady state it may have more `jobs` than the one that was given.
    samples
        One row per replication, columns as those of `sweep`, without swept fields.
    warmup
        What was deleted from each run.
    level
        Confidence level of the intervals.
    horizon
        What they are about: the steady state, or exactly such runs.
    why
        The reason for this horizon.
    pooled
        All replications together, for any quantile or share.
    goal
        The goal for a metric's half-width, in words, and whether it was met; empty without one.
    """

    scenario: Scenario
    samples: pd.DataFrame
    warmup: Warmup
    level: float
    horizon: Horizon
    why: str
    pooled: Pooled
    goal: str = ""

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def table(self) -> pd.DataFrame:
        """One row per metric: `mean`, `half_width`, `level`, `n` (with a value), `unit`, `problem`.

        A quantile's `mean` is that of all replications' jobs together.
        """
        names = [name for name in UNITS if name in self.samples]
        found = [self.interval(name) for name in names]
        return table_of(names, found).assign(problem=[interval.problem for interval in found])

    def interval(self, metric: str) -> Interval:
        """Return the confidence interval of a metric, any quantile and any share among them.

        Raises
        ------
        ValueError
            If there is no such metric, or these runs do not have it.
        """
        return self.pooled.interval(metric, self.level)

    def _display(self) -> tuple[str, Rows]:
        title = f"{count_of(len(self), 'replication')} of {self.scenario.name!r}"
        rows = [("horizon", f"{self.horizon}: {self.why}"), ("warm-up", self._warmup_row())]
        for metric in self._shown():
            found = self.interval(metric)
            if not math.isnan(found.mean):
                rows.append((metric, interval_in_words(found, metric)))
        how = "Student's t over replications; quantiles pooled, jackknife"
        rows.append(("level", f"{format_given_share(self.level)}, {how}"))
        return title, rows + ([("goal", self.goal)] if self.goal else [])

    def _shown(self) -> tuple[str, ...]:
        """Return the metrics to show, with those of requests where they differ from jobs."""
        names = [name for name in UNITS if name in self.samples]
        means = self.samples[names].mean()
        return _SHOWN + (
            _OF_REQUESTS if has_retries_or_losses(dict(zip(names, means, strict=True))) else ()
        )

    def _warmup_row(self) -> str:
        deleted = self.samples["warmup"]
        jobs = int((deleted + self.samples["jobs"]).median())
        if self.warmup == "mser5":
            return f"MSER-5 deleted {deleted.min():,.0f} to {deleted.max():,.0f} of {jobs:,} jobs"
        share = f"the first {format_given_share(self.warmup)} of each run deleted"
        return f"{share}: {deleted.median():,.0f} of {jobs:,} jobs"


def replicate(
    scenario: Scenario,
    n: int = 20,
    *,
    until_half_width: float | None = None,
    metric: str = "wait_mean",
    level: float = 0.95,
    horizon: Horizon | None = None,
    warmup: Warmup | None = None,
    executor: Executor | Cluster | None = None,
    progress: bool | None = None,
) -> Replications:
    """Run a scenario in virtual time with different seeds, for intervals that can be trusted.

    The waits of one run depend on each other; whole runs do not. So each run is reduced to
    its key figures, and the intervals are over runs. A quantile is that of the jobs of all runs
    together, its error that of a jackknife over runs.

    For a stationary load the answer is about its steady state, and runs that are too short for
    that are made longer: until the mean, p95 and p99 of the wait, and `metric`, are known well
    enough, or some seconds are spent. Where they are still too short, the interval's `problem`
    says so. For any other load the answer is about exactly such runs, which keep their length.

    Parameters
    ----------
    scenario
        What to run; the first replication has its own seed.
    n
        How many replications, at least 2.
    until_half_width
        Go on until the half-width of `metric` is at most this part of its mean, such as 0.05,
        but with at least `LEAST` replications and at most `MOST`. The sequential procedure of
        Law (2015), section 9.4.1.
    metric
        Which metric `until_half_width` is about; any quantile or share will do, such as
        ``"wait_p90"``.
    level
        Confidence level, between 0 and 1.
    horizon
        ``"steady"`` or ``"scenario"``; by default steady where the load is stationary, see
        `jobsim.studies.horizon`.
    warmup, executor, progress
        As for `sweep`.

    Returns
    -------
    Replications
        `table` has the interval of every metric; after Ctrl-C, from the runs that are done.

    Raises
    ------
    ValueError
        If `n` is below 2, or another argument is out of range.
    StudyFailed
        If every run failed.

    Examples
    --------
    >>> busy = Scenario(jobs=2000, arrivals={"kind": "poisson", "rate": 3.2}, seed=1)
    >>> found = replicate(busy)
    >>> found.horizon, found.interval("wait_mean").covers(0.7455)
    ('steady', True)
    """
    if n < 2:
        raise ValueError(f"n is {n}; an interval needs at least 2 replications")
    if until_half_width is not None and not until_half_width > 0:
        raise ValueError(f"until_half_width is {until_half_width}; it is a positive fraction")
    unit_of(metric)
    half_width(0.0, 2, level)  # refuses an impossible level before anything runs
    about, why = check_horizon(horizon, scenario)
    count = n if until_half_width is None else max(n, LEAST)

    def run(jobs: int | None, replications: range) -> Found:
        longer = scenario if jobs == scenario.jobs else scenario.replace({"jobs": jobs})
        how = _warmup_for(warmup, longer, about)
        setting = Setting({}, longer, how, about)
        return run_grid([setting], replications, executor=executor, progress=progress)

    found = run(scenario.jobs, range(count))
    if about == "steady" and not found.interrupted:
        goal_part = 0.0 if until_half_width is None else until_half_width
        found = long_enough(found, run, metric=metric, level=level, goal=goal_part)
        if grows(found):
            about = "scenario"
            why = "no steady state was found: waits grow with the length of the run"
            found = run(scenario.jobs, range(count))
    goal, budget = "", worth(scenario)
    jobs = found.settings[0].scenario.jobs or 1
    while until_half_width is not None and not found.interrupted:
        interval = found.pooled(0).interval(metric, level)
        reached = not interval.never and interval.half_width <= until_half_width * abs(
            interval.mean
        )
        goal = (
            f"{metric} within {until_half_width:.4g} of its mean: {'met' if reached else 'NOT met'}"
        )
        if interval.never:
            goal += f", no event in {interval.n:,} replications"
        # An event that was never seen in this many replications will not be seen often enough.
        most = min(MOST, max(count, 10 * budget // jobs), 20 * LEAST if interval.never else MOST)
        if reached or count >= most:
            break
        more = _next_count(interval, until_half_width, count, most)
        found = found.and_then(run(found.settings[0].scenario.jobs, range(count, more)))
        count = more
    setting = found.settings[0]
    return Replications(
        setting.scenario,
        found.table(),
        setting.warmup,
        level,
        about,
        why,
        found.pooled(0),
        goal,
    )


def _warmup_for(warmup: Warmup | None, scenario: Scenario, horizon: Horizon) -> Warmup:
    if warmup is not None:
        return check_warmup(warmup)
    return 0.0 if horizon == "scenario" else default_warmup(scenario)


def _next_count(found: Interval, goal: float, count: int, most: int) -> int:
    """Return how many replications should do, from the width so far; at least a tenth more."""
    wanted = goal * abs(found.mean)
    factor = (found.half_width / wanted) ** 2 if wanted > 0 else math.inf
    factor = min(max(factor, 1.1), 4.0) if not math.isnan(factor) else 4.0
    return min(math.ceil(count * factor), most)


def table_of(names: Sequence[str], found: Sequence[Interval]) -> pd.DataFrame:
    """Return intervals as a table, the same for one system and for a difference."""
    return pd.DataFrame(
        {
            "mean": [interval.mean for interval in found],
            "half_width": [interval.half_width for interval in found],
            "level": [interval.level for interval in found],
            "n": [interval.n for interval in found],
            "unit": [UNITS[name] for name in names],
        },
        index=pd.Index(names, name="metric"),
    )
