"""Percentiles of durations, some of which may be infinite: a client that left waits for ever."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.floating]


def quantiles(seconds: Seconds, shares: Sequence[float]) -> list[float]:
    """Return quantiles, linear between the closest ranks; NaN without a value.

    Method 7 of Hyndman and Fan (1996), like numpy and pandas, whose result is NaN between two
    infinite values; here it is infinite.

    Parameters
    ----------
    seconds
        Without NaN; infinite where something never came.
    shares
        Between 0 and 1.

    Examples
    --------
    >>> quantiles(np.array([1.0, 3.0, np.inf, np.inf]), (0.0, 0.25, 0.9))
    [1.0, 2.5, inf]
    """
    count = len(seconds)
    if not count or not shares:
        return [math.nan] * len(shares)
    if seconds.strides == (0,):  # the same for all jobs
        return [float(seconds[0])] * len(shares)
    places = [share * (count - 1) for share in shares]
    ranks = sorted({rank for place in places for rank in (math.floor(place), math.ceil(place))})
    # A partition puts only these ranks into place, in linear time; a sort would order all others.
    inside = np.partition(seconds, ranks)
    return [_between(inside, place) for place in places]


def mean(seconds: Seconds) -> float:
    """Return the mean, infinite if a value is; NaN without a value."""
    return float(seconds.mean(dtype=np.float64)) if len(seconds) else math.nan


def _between(inside: Seconds, place: float) -> float:
    """Return the value at a place between two ranks, both of which are at their sorted place."""
    low = math.floor(place)
    below, above = float(inside[low]), float(inside[math.ceil(place)])
    # Interpolating towards infinity would give NaN for `inf - inf`.
    if math.isinf(above):
        return above if place > low else below
    return below + (above - below) * (place - low)
