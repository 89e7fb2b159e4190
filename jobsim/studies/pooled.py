"""What the replications of one setting say about a figure, and whether they are enough.

Three measurements tell whether the runs are enough, each against what coverage experiments showed
(``make coverage``): how well the mean is known, how well the number of jobs beyond a quantile is
known, and how large a part of the waits' variance lies between runs, which is their integrated
autocorrelation time over their length. An interval that fails one says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.figures.intervals import half_width, no_event_bound
from jobsim.figures.names import Figure, parse_figure
from jobsim.figures.tally import Tally
from jobsim.studies.cells import DISTRIBUTIONS
from jobsim.studies.statistics import Interval
from jobsim.studies.tallies import Pool

JUDGED = ("wait_mean", "wait_p95", "wait_p99")
"""The figures that runs are made long enough for unless another is asked for."""

# Accepted and planned: relative standard errors of a mean and of the number of jobs beyond a
# quantile, and the autocorrelation time over the length of a run. Runs with just the accepted error
# have skewed tails, and their intervals cover p99 in 92 or 93 %; so twice as good is planned for.
_MEAN, _TAIL, _MEMORY = (0.05, 0.04), (0.11, 0.055), (0.04, 0.02)

_POOLED = frozenset({"quantile", "within"})

_NEGLIGIBLE = 1e-3  # a mean wait below this share of the mean service is not worth longer runs


class Pooled:
    """Replications of one setting.

    Parameters
    ----------
    samples
        One row per replication, with its figures.
    tallies
        The distributions of each replication, in the order of the rows.
    steady
        Whether they are about the steady state, and not only about runs of this length.
    cure
        What to say about them where they are not enough.
    """

    def __init__(
        self,
        samples: pd.DataFrame,
        tallies: Sequence[Mapping[str, Tally]],
        *,
        steady: bool,
        cure: str = "",
    ) -> None:
        self.samples = samples
        self.steady = steady
        self.cure = cure or ("the runs are too short" if steady else "too few runs")
        self._tallies = tallies
        self._pools: dict[str, Pool | None] = {}

    def pool(self, of: str) -> Pool | None:
        """Return a distribution over all replications; None if they have none."""
        if of not in self._pools:
            # Where each response is a sojourn, so is the pool of all.
            if of == "response" and all(one.get(of) is one.get("sojourn") for one in self._tallies):
                return self.pool("sojourn")
            # A run without such jobs has no tally, and takes no part in the pool.
            found = [one[of] for one in self._tallies if of in one]
            self._pools[of] = Pool(found) if found else None
        return self._pools[of]

    def values(self, figure: str) -> NDArray[np.float64]:
        """Return one value per replication, whose mean is the estimate and whose spread its error.

        For a quantile or a share these are jackknife values: what the pooled figure moves by
        when a replication is left out, times their number.

        Raises
        ------
        ValueError
            If there is no such figure, or these runs do not have it.
        """
        asked = parse_figure(figure)
        if asked.statistic in _POOLED and (pool := self.pool(asked.quantity)) is not None:
            return _jackknife(pool, asked)
        if figure not in self.samples:
            raise ValueError(f"these runs have no {figure}")
        values: NDArray[np.float64] = (
            self.samples[figure].dropna().to_numpy(dtype=np.float64, na_value=np.nan)
        )
        return values

    def own(self, figure: str) -> list[float]:
        """Return a quantile or a share of each replication by itself."""
        asked = parse_figure(figure)
        pools = [Pool([one[asked.quantity]]) for one in self._tallies]
        return [float(_jackknife(pool, asked)[0]) for pool in pools]

    def interval(self, figure: str, level: float) -> Interval:
        """Return a figure with its confidence interval; `problem` says if the runs are too short.

        Raises
        ------
        ValueError
            As for `values`.
        """
        values = self.values(figure)
        values = values[~np.isnan(values)]
        n, asked = len(values), parse_figure(figure)
        # Student's t of infinite values would be NaN, which looks like no data.
        if n and not np.isfinite(values).all():
            return Interval(math.inf, math.nan, level, n, "some never came to an end")
        mean = float(values.mean()) if n else math.nan
        width = half_width(float(values.std(ddof=1)) if n > 1 else math.nan, n, level)
        if n > 1 and width == 0.0 and asked.statistic != "quantile":
            bound = no_event_bound(asked.unit, n, level)
            if mean == 0.0:
                return Interval(0.0, bound, level, n, never=True)
            if asked.statistic == "within" and mean == 1.0:
                return Interval(1.0, bound, level, n)
        problem = f"{self.cure} for this figure" if self.shortfall(figure) > 1.0 else ""
        return Interval(mean, width, level, n, problem)

    def shortfall(self, figure: str) -> float:
        """Return the error of a figure over the accepted one; above 1 the runs are too short."""
        return self._shortfall(figure, planned=False)

    @property
    def memory_shortfall(self) -> float:
        """The memory of the waits, relative to the length of the runs, over the accepted one.

        More runs of the same length do not help: all of them are still near their empty start.
        """
        return self._memory_shortfall(planned=False)

    def factor(self, figures: Sequence[str], service_mean: float, *, pilot: bool = False) -> float:
        """Return how many times as many jobs the figures need; at most 1 if these are enough.

        The accepted errors of a pilot are not enough: the runs that it plans may have less luck.
        """
        if not pilot and all(self.shortfall(figure) <= 1.0 for figure in figures):
            return 1.0
        known = [
            figure
            for figure in figures
            if (asked := parse_figure(figure)).statistic != "within"
            and (asked.statistic != "quantile" or self.pool(asked.quantity) is not None)
        ]
        # Errors fall with the square root of the number of jobs.
        wanted = [self._shortfall(figure, planned=True) ** 2 for figure in known]
        mean = self.samples["wait_mean"].mean() if "wait_mean" in self.samples else math.nan
        if not wanted or not mean > _NEGLIGIBLE * service_mean:
            return 1.0
        return max(wanted)

    def _shortfall(self, figure: str, *, planned: bool) -> float:
        """Return the largest ratio of an error to the accepted, or planned, error."""
        asked = parse_figure(figure)
        if asked.quantity not in DISTRIBUTIONS:
            return 0.0
        memory = self._memory_shortfall(planned=planned)
        if asked.statistic not in _POOLED:
            # Whole runs are independent, so Student's t suffices for the mean of exactly such runs.
            return max(memory, self._mean_error(figure) / _MEAN[planned]) if self.steady else 0.0
        pool = self.pool(asked.quantity)
        if pool is None:
            return 0.0
        return max(memory, _tail_error(pool, asked) / _TAIL[planned])

    def _memory_shortfall(self, *, planned: bool) -> float:
        return math.sqrt(self._memory / _MEMORY[planned]) if self.steady else 0.0

    def _mean_error(self, figure: str) -> float:
        values = self.values(figure)
        # One run alone says nothing about how far runs lie apart.
        if len(values) < 2:
            return math.inf
        mean = float(values.mean())
        # Over whole runs, which are independent; the waits within one are not.
        error = float(values.std(ddof=1)) / math.sqrt(len(values))
        return error / mean if mean else 0.0

    @cached_property
    def _memory(self) -> float:
        """The part of the waits' variance that lies between runs.

        With independent waits it is one over their number; in general the integrated
        autocorrelation time over it. Runs that are shorter than their own memory agree neither
        with each other nor with the steady state, however many there are.
        """
        pool, means = self.pool("wait"), self.samples.get("wait_mean")
        if pool is None or means is None or pool.variance == 0.0 or len(means) < 2:
            return 0.0
        return float(means.var()) / pool.variance


def _jackknife(pool: Pool, asked: Figure) -> NDArray[np.float64]:
    """Return jackknife values around the pooled figure (Quenouille 1956, Tukey 1958)."""
    n = len(pool)
    if asked.statistic == "within":
        beyond = pool.beyond(asked.value)
        total = int(pool.totals.sum())
        if not total:
            return np.full(n, np.nan)
        # As an integer ratio, so that a share of exactly 1 is recognised.
        whole = 1.0 - int(beyond.sum()) / total
        without = 1.0 - (beyond.sum() - beyond) / np.maximum(total - pool.totals, 1)
    else:
        whole = pool.quantile(asked.value)
        without = pool.quantiles_without(asked.value) if n > 1 else np.array([whole])
    if not (math.isfinite(whole) and np.isfinite(without).all()):
        # Without values there is no quantile; an infinite one in some replication decides.
        return np.full(n, math.nan if math.isnan(whole) else math.inf)
    # Centred on the pooled figure: the jackknife's bias correction would move a reported quantile
    # off it.
    values: NDArray[np.float64] = whole + (n - 1) * (without.mean() - without)
    return values


def _tail_error(pool: Pool, asked: Figure) -> float:
    """Return the relative standard error of the number of jobs beyond the figure."""
    n, total = len(pool), int(pool.totals.sum())
    if n < 2 or not total:
        return math.inf
    if asked.statistic == "within":
        share, error = _share(pool, pool.beyond(asked.value))
        # Relative to the rarer side: a share of 99.9 % is known by the jobs that miss it.
        rarer = min(share, 1.0 - share)
        return error / rarer if rarer else 0.0
    where = pool.quantile(asked.value)
    share, error = _share(pool, pool.beyond(where))
    beyond = 1.0 - asked.value
    # Fewer than ten jobs beyond a quantile say next to nothing about its place.
    if total * beyond < 10:
        return math.inf
    if (pool.quantiles_without(asked.value) == where).all():
        # Many jobs have this value: it is the quantile if clearly enough lie at or below it.
        return 0.0 if share + 2.5 * error <= beyond else math.inf
    return error / beyond


def _share(pool: Pool, beyond: NDArray[np.int64]) -> tuple[float, float]:
    """Return a share over all replications and its standard error, as a ratio of sums."""
    n, total = len(pool), int(pool.totals.sum())
    share = int(beyond.sum()) / total
    # Runs differ in length, so their residuals are counted in jobs, not in shares.
    rest = beyond - share * pool.totals
    return share, math.sqrt(n / (n - 1) * float((rest**2).sum())) / total
