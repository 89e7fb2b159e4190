"""Durations counted in narrow buckets: small enough to keep for every run, and easy to pool.

They also make a quantile of one run cheaper: the counts tell which bucket has it.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def tally(seconds: NDArray[np.floating]) -> Tally:
    """Count durations.

    Parameters
    ----------
    seconds
        Shape (n,), at least 0, infinite for what never came to an end; not NaN.

    Returns
    -------
    Tally
        With exact values for up to `EXACT` durations, or if one array element stands for all,
        otherwise in buckets whose ends are at most 0.8 % apart.

    Examples
    --------
    >>> tally(np.array([0.0, 2.0, 2.0])).count.tolist()
    [1, 2]
    """
    if seconds.strides == (0,) and len(seconds):  # the same for all jobs
        value = seconds[:1].astype(np.float64)
        return Tally(value, value, value, np.array([len(seconds)], dtype=np.int64))
    durations = np.asarray(seconds, dtype=np.float64)
    if len(durations) <= EXACT:
        values, counts = np.unique(durations, return_counts=True)
        return Tally(values, values, values, counts.astype(np.int64))
    bucket = bucket_of(durations)
    count = np.bincount(bucket)
    low, high = np.full(len(count), np.inf), np.full(len(count), -np.inf)
    # `at`, because several durations fall into one bucket, and plain indexing would keep only one.
    np.minimum.at(low, bucket, durations)
    np.maximum.at(high, bucket, durations)
    there = np.flatnonzero(count)
    return Tally(there, low[there], high[there], count[there])


def bucket_of(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of the bucket of each duration, by order of size."""
    bucket: NDArray[np.int64] = np.ascontiguousarray(seconds).view(np.int64) >> _SHIFT
    # Bit patterns of non-negative floats are ordered as the floats are, so a shift makes buckets.
    bucket -= _LOWEST
    np.maximum(bucket, 0, out=bucket)
    return bucket
