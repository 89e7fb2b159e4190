"""The resolution of time: every time in a workload is a whole number of ticks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

TICKS_PER_SECOND = 2**20
"""A power of two, so that sums and differences of times are exact up to 2^33 s (272 years)."""

BLOCK = 2**14
"""Entries of a block: 128 kB of float64."""

T = TypeVar("T", bound=np.generic)


def to_ticks(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round times to whole ticks, half to even; NaN stays NaN.

    Parameters
    ----------
    seconds
        float64, any shape; it is not changed.

    Returns
    -------
    numpy.ndarray
        float64 seconds, each a multiple of 2^-20, in a new array.

    Examples
    --------
    >>> to_ticks(np.array([0.1, 2.5])) * TICKS_PER_SECOND
    array([ 104858., 2621440.])
    """
    return round_in_place(seconds.astype(np.float64, order="C"))


def round_in_place(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round the times of a contiguous array in place, as `to_ticks` does, and return it."""
    for block in blocks(seconds.reshape(-1)):
        block *= TICKS_PER_SECOND
        np.rint(block, out=block)
        block *= 1.0 / TICKS_PER_SECOND
    return seconds


def blocks(array: NDArray[T]) -> Iterator[NDArray[T]]:
    """Cut a one-dimensional array into views that fit a cache, for several passes over each."""
    for start in range(0, len(array), BLOCK):
        yield array[start : start + BLOCK]
