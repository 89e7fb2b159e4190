"""The tallies of several runs together, and without each of them.

A quantile over replications is that of all their jobs together, never the mean of each run's
own: a mean of quantiles is biased, and more runs only narrow the interval around the wrong value.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from jobsim.figures.tally import Tally, bucket_of


class Pool:
    """The durations of several replications together, and without each of them.

    Parameters
    ----------
    tallies
        One per replication, at least one.

    Examples
    --------
    >>> from jobsim.figures.tally import tally
    >>> runs = [np.array([0.0, 1.0, 2.0]), np.array([3.0, 4.0])]
    >>> Pool([tally(run) for run in runs]).quantile(0.5)
    2.0
    """

    def __init__(self, tallies: Sequence[Tally]) -> None:
        # If one run was counted in buckets, all are, so that their keys can be merged.
        exact = all(one.exact for one in tallies)
        keys = [
            one.key if exact or not one.exact else bucket_of(np.asarray(one.key, dtype=np.float64))
            for one in tallies
        ]
        merged, place = np.unique(np.concatenate(keys), return_inverse=True)
        self.low = np.full(len(merged), np.inf)
        self.high = np.full(len(merged), -np.inf)
        np.minimum.at(self.low, place, np.concatenate([one.low for one in tallies]))
        np.maximum.at(self.high, place, np.concatenate([one.high for one in tallies]))
        counts = np.zeros((len(tallies), len(merged)), dtype=np.int64)
        # The run of each key, in the order in which the keys were concatenated.
        run = np.repeat(np.arange(len(tallies)), [len(key) for key in keys])
        np.add.at(counts, (run, place), np.concatenate([one.count for one in tallies]))
        self.below = np.cumsum(counts, axis=1)  # durations of each run up to each bucket
        self.together = self.below.sum(axis=0)
        self.totals = self.below[:, -1] if len(merged) else np.zeros(len(tallies), np.int64)

    @cached_property
    def variance(self) -> float:
        """Variance of the durations that ended, to the width of a bucket."""
        # One infinite wait would make the variance infinite, and no run would be long enough.
        ended = np.isfinite(self.high)
        middle = 0.5 * (self.low[ended] + self.high[ended])
        count = np.diff(self.together, prepend=0)[ended]
        if not count.sum():
            return 0.0
        mean = np.average(middle, weights=count)
        return float(np.average((middle - mean) ** 2, weights=count))

    def __len__(self) -> int:
        return len(self.below)

    def quantile(self, q: float) -> float:
        """Return the quantile of all durations, linear between closest ranks; NaN without any."""
        return self._quantile(self.together, q)

    def quantiles_without(self, q: float) -> NDArray[np.float64]:
        """Return the quantile of all replications but one, for each of them."""
        rest = self.together - self.below
        totals = self.totals.sum() - self.totals
        if not (totals > 0).all():
            return np.array([self._quantile(below, q) for below in rest])
        place = (totals - 1) * q
        rank = np.floor(place).astype(np.int64)
        part = place - rank
        first = self._ranked_in_each(rest, rank)
        second = self._ranked_in_each(rest, np.minimum(rank + 1, totals - 1))
        # Neighbours that are both infinite have no difference.
        moved = (part > 0.0) & (second != first)
        found: NDArray[np.float64] = first.copy()
        found[moved] += part[moved] * (second[moved] - first[moved])
        return found

    def beyond(self, seconds: float) -> NDArray[np.int64]:
        """Return how many durations of each replication are longer, to the width of a bucket."""
        return self.totals - self._up_to(seconds)

    def _up_to(self, seconds: float) -> NDArray[np.int64]:
        last = int(np.searchsorted(self.low, seconds, side="right")) - 1
        if last < 0:
            return np.zeros(len(self), dtype=np.int64)
        before = self.below[:, last - 1] if last else np.zeros(len(self), dtype=np.int64)
        low, high = self.low[last], self.high[last]
        # Durations lie evenly within a bucket, as for quantiles, so that both invert each other.
        part = 1.0 if seconds >= high else (seconds - low) / (high - low)
        inside: NDArray[np.int64] = np.rint(part * (self.below[:, last] - before)).astype(np.int64)
        return before + inside

    def _quantile(self, below: NDArray[np.int64], q: float) -> float:
        """Return a quantile from cumulative counts, so that runs are left out by subtraction."""
        total = int(below[-1]) if len(below) else 0
        if not total:
            return float("nan")
        # Method 7 of Hyndman and Fan, as everywhere else in the package.
        rank, part = divmod((total - 1) * q, 1.0)
        first = self._ranked(below, int(rank))
        if not part:
            return first
        second = self._ranked(below, min(int(rank) + 1, total - 1))
        return first if first == second else first + part * (second - first)

    def _ranked(self, below: NDArray[np.int64], rank: int) -> float:
        """Return the duration of a rank, from 0: those of a bucket lie evenly between its ends."""
        # `below` is cumulative: the first bucket beyond the rank holds it.
        bucket = int(np.searchsorted(below, rank, side="right"))
        low, high = float(self.low[bucket]), float(self.high[bucket])
        if low == high:
            return low
        before = int(below[bucket - 1]) if bucket else 0
        inside = int(below[bucket]) - before
        return low + (high - low) * ((rank - before + 0.5) / inside)

    def _ranked_in_each(
        self, below: NDArray[np.int64], ranks: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the durations of a rank in each row of counts; as `_ranked`, for many at once."""
        rows = np.arange(len(below))
        bucket = np.array(
            [row.searchsorted(rank, side="right") for row, rank in zip(below, ranks, strict=True)]
        )
        low, high = self.low[bucket], self.high[bucket]
        before = np.where(bucket > 0, below[rows, bucket - 1], 0)
        inside = below[rows, bucket] - before
        found: NDArray[np.float64] = low.copy()
        wide = low != high
        part = (ranks[wide] - before[wide] + 0.5) / inside[wide]
        found[wide] += (high[wide] - low[wide]) * part
        return found
