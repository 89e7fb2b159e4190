"""Percentiles of durations, some of which may be infinite: a client that left waits for ever."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from jobsim.figures.tally import Tally, tally

Seconds = NDArray[np.floating]


def quantile(seconds: Seconds, share: float, counted: Tally | None = None) -> float:
    """Return a quantile, linear between the closest ranks; NaN without a value.

    Method 7 of Hyndman and Fan (1996), like numpy and pandas, whose result is NaN between two
    infinite values; here it is infinite.

    Parameters
    ----------
    seconds
        Without NaN; infinite where something never came.
    share
        Between 0 and 1.
    counted
        What `jobsim.figures.tally.tally` returns for them, if that is known already.

    Examples
    --------
    >>> [quantile(np.array([1.0, 3.0, np.inf, np.inf]), share) for share in (0.0, 0.25, 0.9)]
    [1.0, 2.5, inf]
    """
    if not len(seconds):
        return math.nan
    counted = tally(seconds) if counted is None else counted
    place = share * (len(seconds) - 1)
    rank = math.floor(place)
    below, above = _neighbours(seconds, rank, counted)
    if place == rank:
        return below
    # Interpolating towards infinity would give NaN for `inf - inf`.
    return above if math.isinf(above) else below + (above - below) * (place - rank)


def mean(seconds: Seconds) -> float:
    """Return the mean, infinite if a value is; NaN without a value."""
    return float(seconds.mean(dtype=np.float64)) if len(seconds) else math.nan


def without_nan(seconds: Seconds) -> Seconds:
    """Return the durations that are known; the same array if all are."""
    # Most columns have no NaN; a copy of them would cost more than the test.
    known = ~np.isnan(seconds)
    return seconds if known.all() else seconds[known]


def _neighbours(seconds: Seconds, rank: int, counted: Tally) -> tuple[float, float]:
    """Return the value of a rank, from 0, and that of the next; after the last, anything.

    The counts tell which bucket has the rank, so only its values have to be ordered.
    """
    up_to = counted.count.cumsum()
    bucket = int(up_to.searchsorted(rank, side="right"))
    low, high = float(counted.low[bucket]), float(counted.high[bucket])
    rest = int(up_to[bucket]) - rank
    if rest == 1:
        return high, float(counted.low[min(bucket + 1, len(up_to) - 1)])
    if low == high:
        return low, low
    inside = seconds[(seconds >= low) & (seconds <= high)]
    # A partition puts only these two into place, in linear time; a sort would order all others.
    inside.partition([-rest, 1 - rest])
    return float(inside[-rest]), float(inside[1 - rest])
