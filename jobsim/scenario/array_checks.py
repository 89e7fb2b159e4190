"""Whether an array can be part of a workload: its type, its length, and times in whole ticks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobsim.scenario.draws import LONGEST
from jobsim.scenario.ticks import BLOCK, TICKS_PER_SECOND, blocks


def checked_array(
    name: str, array: NDArray[Any], dtype: np.dtype[Any], length: int
) -> NDArray[Any]:
    """Return the array, or a copy if it could still be written to; raise if it is unfit."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        got = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"{name} must be a {dtype} array, not {got}")
    if array.shape != (length,):
        raise ValueError(f"{name} has shape {array.shape}: one entry per job means ({length},)")
    if not array.flags.c_contiguous or _is_writeable(array):
        array = array.copy()
        array.flags.writeable = False
    if dtype == np.float64:
        _check_times(name, array, may_be_missing=name not in {"arrival", "service"})
    return array


def require_known(name: str, times: NDArray[np.float64], wanted: NDArray[np.bool_]) -> None:
    """Raise if a wanted time is missing."""
    missing = np.flatnonzero(wanted & np.isnan(times))
    if len(missing):
        raise ValueError(f"{name} of job {missing[0]} is NaN: say how many seconds it takes")


def _is_writeable(array: NDArray[Any]) -> bool:
    """Tell whether someone can write to the array's memory, through it or through a base."""
    base: object = array
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return True
        base = base.base
    return False


def _check_times(name: str, times: NDArray[np.float64], *, may_be_missing: bool) -> None:
    """Raise if a time is not whole ticks; in blocks, so that no copy of the array is made."""
    for number, block in enumerate(blocks(times)):
        ticks = block * TICKS_PER_SECOND
        # NaN and infinity fail this too; NaN is let in again below, where it means "never".
        good = np.rint(ticks) == ticks
        good &= block >= 0.0
        good &= block <= LONGEST
        if may_be_missing:
            good |= np.isnan(block)
        if not good.all():
            # `argmin` of booleans is the place of the first False.
            job = number * BLOCK + int(np.argmin(good))
            raise ValueError(
                f"{name} of job {job} is {times[job]} s: it must lie between 0 and 2**33 s, "
                f"rounded by to_ticks"
            )
