"""Independent replications of one scenario, and what they say of every metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from jobsim.display.text import (
    Rows,
    Shown,
    count_of,
    format_duration,
    format_given_share,
    format_number,
    format_percent,
)
from jobsim.figures.intervals import JACKKNIFE, half_width
from jobsim.figures.metrics import UNITS, has_retries_or_losses
from jobsim.figures.names import parse_figure, unit_of
from jobsim.figures.window import in_window, window_of
from jobsim.run.run import Run
from jobsim.scenario.scenario import Scenario
from jobsim.studies.cells import Warmup, check_warmup, default_warmup
from jobsim.studies.grid import Found, Setting, run_grid
from jobsim.studies.horizon import Horizon, check_horizon, worth
from jobsim.studies.length import grows, long_enough
from jobsim.studies.pool import Cluster
from jobsim.studies.pooled import Pooled
from jobsim.studies.statistics import (
    Interval,
    batch_series,
    correlated,
    fixed_fraction,
    mser5,
)
from jobsim.studies.tally import tally

MOST = 1000
"""So many replications at most are made for a half-width."""

LEAST = 10
"""So many replications at least are made before a half-width is believed."""

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
        What they tell of: the steady state, or exactly such runs.
    why
        Why it is that horizon.
    pooled
        All replications together, for any quantile or share.
    goal
        What was asked of a metric's half-width, in words, and whether it was met; empty if
        nothing was.
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
        return _table_of(names, found).assign(problem=[interval.problem for interval in found])

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
        """Return the metrics to show: those of requests where they tell another story."""
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

    Of a stationary load the answer is about its steady state, and runs that are too short for
    that are made longer: until the mean, p95 and p99 of the wait, and `metric`, are known well
    enough, or some seconds are spent. Where they are still too short, the interval's `problem`
    says so. Of any other load the answer is about exactly such runs, which keep their length.

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
        `table` has the interval of every metric. After Ctrl-C, of what is done.

    Raises
    ------
    ValueError
        If `n` is below 2, or another argument is out of range.
    StudyFailed
        If every run failed.

    Examples
    --------
    >>> found = replicate(Scenario(jobs=2000, arrivals={"kind": "poisson", "rate": 3.2}))
    >>> found.horizon, found.interval("wait_mean").covers(0.7455)
    ('steady', True)
    """
    if n < 2:
        raise ValueError(f"n is {n}; an interval needs at least 2 replications")
    if until_half_width is not None and not until_half_width > 0:
        raise ValueError(f"until_half_width is {until_half_width}; it is a positive part")
    unit_of(metric)
    half_width(0.0, 2, level)  # refuses a level that is none before anything runs
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
        # What never happens in so many replications is not going to happen often enough.
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


def paired(
    first: Replications | pd.DataFrame,
    second: Replications | pd.DataFrame,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the mean difference ``second - first`` of every metric, with its own interval.

    Replication by replication: on common random numbers both sides go up and down together,
    so their difference is known better than either.

    Parameters
    ----------
    first, second
        Replications, or the rows of a sweep at one setting each, of the same seeds.
    level
        Confidence level, between 0 and 1.

    Returns
    -------
    DataFrame
        One row a metric: `mean`, `half_width`, `level`, `n` (pairs with a value), `unit`.

    Raises
    ------
    ValueError
        If a side has two rows of one replication, if no replication is in both, or if the
        seeds of a pair differ.

    References
    ----------
    Law (2015), Simulation Modeling and Analysis, 5th ed., section 10.2.

    Examples
    --------
    >>> from jobsim.studies.sweep import sweep
    >>> table = sweep(Scenario(jobs=500), {"workers": [1, 2]}, replications=5)
    >>> one, two = (table[table["workers"] == workers] for workers in (1, 2))
    >>> paired(one, two).loc["wait_mean", ["level", "n"]].tolist()
    [0.95, 5.0]
    """
    sides = []
    for side in (first, second):
        samples = side.samples if isinstance(side, Replications) else side
        rows = samples.set_index("replication")
        if not rows.index.is_unique:
            raise ValueError("a replication comes twice; give the rows of one setting a side")
        sides.append(rows)
    common = sides[0].index.intersection(sides[1].index)
    if common.empty:
        raise ValueError("the sides have no replication in common")
    left, right = (side.loc[common] for side in sides)
    if not (left["seed"] == right["seed"]).all():
        raise ValueError("the seeds of the two sides differ; pairs need common random numbers")
    names = [name for name in UNITS if name in left and name in right]
    found = []
    for name in names:
        # The difference of two pooled quantiles has the differences of their jackknife values.
        twin = f"{name}{JACKKNIFE}"
        column = twin if twin in left and twin in right else name
        before, after = (side[column].to_numpy(dtype=np.float64) for side in (left, right))
        # Of what never ends on a side, such as a response to a client who left, nothing is known.
        ended = np.isfinite(before) & np.isfinite(after)
        values = after[ended] - before[ended]
        n = len(values)
        width = half_width(float(values.std(ddof=1)) if n > 1 else math.nan, n, level)
        found.append(Interval(float(values.mean()) if n else math.nan, width, level, n))
    return _table_of(names, found)


def wait_interval(
    run: Run,
    metric: str = "wait_mean",
    *,
    batches: int = 25,
    warmup: Warmup = "mser5",
    level: float = 0.95,
) -> Interval:
    """Return the interval of the mean wait, or another figure of the wait, from one long run.

    By batch means; a quantile or a share is pooled over the batches, with a jackknife over them.
    Batches that depend on each other make an interval too narrow: if they do, or if the run is
    too short in another way, `problem` of the interval says so.

    Parameters
    ----------
    run
        A run of either engine, long against the memory of its queue.
    metric
        ``"wait_mean"``, a quantile such as ``"wait_p99"``, or ``"wait_within_20s"``.
    batches
        How many, at least 2.
    warmup
        What to delete first: a fraction of the paid jobs, or ``"mser5"``.
    level
        Confidence level, between 0 and 1.

    Raises
    ------
    ValueError
        If there are too few waits, or an argument is out of range.

    Examples
    --------
    >>> from jobsim.virtual.run_virtual import run_virtual
    >>> wait_interval(run_virtual(Scenario(jobs=5000)), batches=5).n
    5
    """
    asked = parse_figure(metric)
    if asked.quantity != "wait" or asked.statistic == "max":
        raise ValueError(f"{metric} is not a figure of the wait, such as wait_mean or wait_p99")
    # Attempts stand by their request, at whatever time they were made.
    _, timed = in_window(run.jobs, window_of(run.jobs, run.workload.scenario, skipped=0))
    jobs = run.jobs[timed] if run.workload.scenario.users else run.jobs
    paid = jobs["paid"].to_numpy()
    waits = (jobs["started"].to_numpy() - paid)[np.argsort(paid, kind="stable")]
    waits = waits[~np.isnan(waits)]
    cut = mser5(waits) if check_warmup(warmup) == "mser5" else fixed_fraction(waits, float(warmup))
    settled = waits[cut:]
    means = batch_series(settled, batches)
    found = Pooled(
        pd.DataFrame({"wait_mean": means.mean(axis=1)}),
        [{"wait": tally(batch)} for batch in means],
        steady=True,
        cure="the run is too short",
    ).interval(metric, level)
    if not found.problem and correlated(means.mean(axis=1)):
        return replace(found, problem="the run is too short: its batches depend on each other")
    return found


def _next_count(found: Interval, goal: float, count: int, most: int) -> int:
    """Return how many replications should do, from the width so far; at least a tenth more."""
    wanted = goal * abs(found.mean)
    factor = (found.half_width / wanted) ** 2 if wanted > 0 else math.inf
    factor = min(max(factor, 1.1), 4.0) if not math.isnan(factor) else 4.0
    return min(math.ceil(count * factor), most)


def _table_of(names: Sequence[str], found: Sequence[Interval]) -> pd.DataFrame:
    """Lay intervals out as a table, the same for one system and for a difference."""
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


def interval_in_words(found: Interval, metric: str) -> str:
    """Return an interval as a person reads it, with its unit and its problem.

    Examples
    --------
    >>> interval_in_words(Interval(0.25, 0.05, 0.95, 20), "wait_mean")
    '250 ms ± 50 ms'
    """
    if found.never:
        known = math.isfinite(found.half_width)
        bound = f"at most {in_words(found.half_width, metric)}" if known else "upper bound unknown"
        return f"{in_words(found.mean, metric)}, {bound}: no event in {found.n:,} replications"
    words = f"{in_words(found.mean, metric)} ± {in_words(found.half_width, metric)}"
    return f"{words} ({found.problem})" if found.problem else words


def in_words(value: float, metric: str) -> str:
    """Return a metric's value as a person reads it, with its unit.

    Examples
    --------
    >>> in_words(0.25, "wait_mean"), in_words(0.8, "utilisation"), in_words(6.4, "throughput")
    ('250 ms', '80 %', '6.4 jobs/s')
    """
    unit = unit_of(metric)
    if unit == "s":
        return format_duration(value)
    if unit == "share":
        return format_percent(value)
    return f"{format_number(value)} {unit}"
