"""Durations counted in narrow buckets: small enough to keep for every run, and easy to pool.

A quantile over replications is that of all their jobs together, never the mean of each run's
own: a mean of quantiles is biased, and more runs only narrow the interval around the wrong value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

EXACT = 1024
"""The most durations that are counted exactly, each value in its own bucket."""

# The leading bits of a float64, its exponent among them, number buckets of equal relative width.
_SHIFT = 45  # 2**7 buckets from each power of two to the next: 0.8 % wide at most
_LOWEST = (1023 - 21) << 7  # the bucket below one tick of 2**-20 s: all that is in it is 0


@dataclass(frozen=True, eq=False)
class Tally:
    """The durations of one run, counted. Immutable and picklable.

    Attributes
    ----------
    key
        int64 or float64, ascending: the bucket; where all are exact, the duration itself.
    low, high
        float64, seconds: the least and the greatest duration in each bucket.
    count
        int64: how many.
    """

    key: NDArray[np.float64] | NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: NDArray[np.int64]

    @property
    def exact(self) -> bool:
        """Whether every bucket holds one value."""
        return self.key.dtype == np.float64

    @property
    def total(self) -> int:
        """How many durations were counted."""
        return int(self.count.sum())


def tally(seconds: NDArray[np.float64]) -> Tally:
    """Count durations.

    Parameters
    ----------
    seconds
        float64, shape (n,), at least 0, infinite for what never came to an end; not NaN.

    Returns
    -------
    Tally
        With exact values for up to `EXACT` durations, otherwise in buckets whose ends are at most
        0.8 % apart; between these a quantile is interpolated.

    Examples
    --------
    >>> tally(np.array([0.0, 2.0, 2.0])).count.tolist()
    [1, 2]
    """
    if len(seconds) <= EXACT:
        values, counts = np.unique(seconds, return_counts=True)
        return Tally(values, values, values, counts.astype(np.int64))
    bucket = _bucket(seconds)
    count = np.bincount(bucket)
    low, high = np.full(len(count), np.inf), np.full(len(count), -np.inf)
    # `at`, because several durations fall into one bucket, and plain indexing would keep only one.
    np.minimum.at(low, bucket, seconds)
    np.maximum.at(high, bucket, seconds)
    there = np.flatnonzero(count)
    return Tally(there, low[there], high[there], count[there])


def _bucket(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    bucket: NDArray[np.int64] = np.ascontiguousarray(seconds).view(np.int64) >> _SHIFT
    # Bit patterns of non-negative floats are ordered as the floats are, so a shift makes buckets.
    bucket -= _LOWEST
    np.maximum(bucket, 0, out=bucket)
    return bucket


class Pool:
    """The durations of several replications together, and without each of them.

    Parameters
    ----------
    tallies
        One per replication, at least one.

    Examples
    --------
    >>> runs = [np.array([0.0, 1.0, 2.0]), np.array([3.0, 4.0])]
    >>> Pool([tally(run) for run in runs]).quantile(0.5)
    2.0
    """

    def __init__(self, tallies: Sequence[Tally]) -> None:
        # If one run was counted in buckets, all are, so that their keys can be merged.
        exact = all(one.exact for one in tallies)
        keys = [
            one.key if exact or not one.exact else _bucket(np.asarray(one.key, dtype=np.float64))
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
