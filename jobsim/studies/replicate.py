"""Independent replications of one scenario, and what they say of every metric."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobsim.display.text import (
    Rows,
    count_of,
    format_duration,
    format_number,
    rows_as_html,
    rows_as_text,
)
from jobsim.figures.intervals import half_width
from jobsim.figures.metrics import UNITS, has_retries_or_losses
from jobsim.run.run import Run
from jobsim.scenario.scenario import Scenario
from jobsim.studies.cells import Warmup, check_warmup, default_warmup
from jobsim.studies.grid import Setting, run_grid
from jobsim.studies.pool import Cluster
from jobsim.studies.statistics import Interval, batch_means, fixed_fraction, mser5

MOST = 1000
"""So many replications at most are made for a half-width."""

_SHOWN = (
    "wait_mean", "wait_p95", "wait_p99", "sojourn_mean", "utilisation", "throughput",
)  # fmt: skip
_OF_REQUESTS = ("goodput", "amplification", "response_p95", "false_kills")


@dataclass(frozen=True, eq=False, repr=False)
class Replications:
    """Runs of one scenario that differ in their seed.

    Attributes
    ----------
    scenario
        What was run.
    samples
        One row a replication, columns as those of `sweep`, without swept fields.
    warmup
        What was deleted from each run.
    level
        Confidence level of the intervals.
    goal
        What was asked of a metric's half-width, in words, and whether it was met; empty if
        nothing was.
    """

    scenario: Scenario
    samples: pd.DataFrame
    warmup: Warmup
    level: float
    goal: str = ""

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def table(self) -> pd.DataFrame:
        """One row a metric: `mean`, `half_width`, `level`, `n` (with a value), `unit`."""
        return _interval_table(self.samples, self.level).assign(
            unit=lambda table: [UNITS[name] for name in table.index]
        )

    def interval(self, metric: str) -> Interval:
        """Return the confidence interval of a metric's mean.

        Raises
        ------
        ValueError
            If there is no such metric.
        """
        return _interval(self.samples, metric, self.level)

    def __repr__(self) -> str:
        return rows_as_text(*self._display())

    def _repr_html_(self) -> str:
        return rows_as_html(*self._display())

    def _display(self) -> tuple[str, Rows]:
        title = f"{count_of(len(self), 'replication')} of {self.scenario.name!r}"
        rows = [("warm-up", self._warmup_row())]
        for metric in self._shown():
            found = self.interval(metric)
            if not math.isnan(found.mean):
                width = in_words(found.half_width, metric)
                rows.append((metric, f"{in_words(found.mean, metric)} ± {width}"))
        rows.append(("level", f"{100 * self.level:.4g} %, Student's t over replications"))
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
        share = f"the first {100 * self.warmup:.4g} % of each run deleted"
        return f"{share}: {deleted.median():,.0f} of {jobs:,} jobs"


def replicate(
    scenario: Scenario,
    n: int = 20,
    *,
    until_half_width: float | None = None,
    metric: str = "wait_mean",
    level: float = 0.95,
    warmup: Warmup | None = None,
    executor: Executor | Cluster | None = None,
    progress: bool | None = None,
) -> Replications:
    """Run a scenario in virtual time with different seeds, for intervals that can be trusted.

    The waits of one run depend on each other; whole runs do not. So each run is reduced to
    its key figures, and the intervals are over runs.

    Parameters
    ----------
    scenario
        What to run; the first replication has its own seed.
    n
        How many replications, at least 2.
    until_half_width
        Go on until the half-width of `metric` is at most this part of its mean, such as 0.05,
        or there are `MOST` replications. The sequential procedure of Law (2015), section
        9.4.1; such intervals cover the truth slightly less often than `level`.
    metric
        Which metric `until_half_width` is about.
    level
        Confidence level, between 0 and 1.
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
    >>> found.interval("wait_mean").covers(0.75)
    True
    """
    if n < 2:
        raise ValueError(f"n is {n}; an interval needs at least 2 replications")
    if until_half_width is not None and not until_half_width > 0:
        raise ValueError(f"until_half_width is {until_half_width}; it is a positive part")
    _require(metric)
    half_width(0.0, 2, level)  # refuses a level that is none before anything runs
    how = default_warmup(scenario) if warmup is None else check_warmup(warmup)
    setting = Setting({}, scenario, how)
    samples, goal = pd.DataFrame(), ""
    count = n
    while True:
        more, interrupted = run_grid(
            [setting], range(len(samples), count), executor=executor, progress=progress
        )
        samples = pd.concat([samples, more], ignore_index=True)
        if until_half_width is None or interrupted:
            break
        found = _interval(samples, metric, level)
        reached = found.half_width <= until_half_width * abs(found.mean)
        goal = (
            f"{metric} within {until_half_width:.4g} of its mean: {'met' if reached else 'NOT met'}"
        )
        if reached or count >= MOST:
            break
        count = _next_count(found, until_half_width, count)
    return Replications(scenario, samples, how, level, goal)


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
    difference = right[names].astype(np.float64) - left[names].astype(np.float64)
    return _interval_table(difference, level).assign(
        unit=lambda table: [UNITS[name] for name in table.index]
    )


def wait_interval(
    run: Run, *, batches: int = 25, warmup: Warmup = "mser5", level: float = 0.95
) -> Interval:
    """Return the interval of the mean wait from one long run, by batch means.

    Parameters
    ----------
    run
        A run of either engine, long against the memory of its queue.
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
    # Attempts stand by their request, and payments come in another order than jobs.
    paid = run.jobs["paid"].to_numpy()
    waits = (run.jobs["started"].to_numpy() - paid)[np.argsort(paid, kind="stable")]
    waits = waits[~np.isnan(waits)]
    cut = mser5(waits) if check_warmup(warmup) == "mser5" else fixed_fraction(waits, float(warmup))
    return batch_means(waits[cut:], batches=batches, level=level)


def _next_count(found: Interval, goal: float, count: int) -> int:
    """Return how many replications should do, from the width so far; at least a tenth more."""
    wanted = goal * abs(found.mean)
    factor = (found.half_width / wanted) ** 2 if wanted > 0 else math.inf
    factor = min(max(factor, 1.1), 4.0) if not math.isnan(factor) else 4.0
    return min(math.ceil(count * factor), MOST)


def _require(metric: str) -> None:
    if metric not in UNITS:
        raise ValueError(f"there is no metric {metric!r}; choose from {', '.join(UNITS)}")


def _interval(samples: pd.DataFrame, metric: str, level: float) -> Interval:
    _require(metric)
    if metric not in samples:
        raise ValueError(f"these runs have no {metric}")
    values = samples[metric].dropna().astype(np.float64)
    if np.isinf(values).any():  # a client left: whatever the others say
        return Interval(math.inf, math.nan, level, len(values))
    width = half_width(float(values.std()), len(values), level)
    return Interval(float(values.mean()), width, level, len(values))


def _interval_table(samples: pd.DataFrame, level: float) -> pd.DataFrame:
    names = [name for name in UNITS if name in samples]
    found = [_interval(samples, name, level) for name in names]
    return pd.DataFrame(
        {
            "mean": [interval.mean for interval in found],
            "half_width": [interval.half_width for interval in found],
            "level": level,
            "n": [interval.n for interval in found],
        },
        index=pd.Index(names, name="metric"),
    )


def in_words(value: float, metric: str) -> str:
    """Return a metric's value as a person reads it, with its unit.

    Examples
    --------
    >>> in_words(0.25, "wait_mean"), in_words(0.8, "utilisation"), in_words(6.4, "throughput")
    ('250 ms', '80 %', '6.4 jobs/s')
    """
    unit = UNITS[metric]
    if unit == "s":
        return format_duration(value)
    if unit == "share":
        return f"{format_number(100 * value)} %"
    return f"{format_number(value)} {unit}"
