"""The first-come-first-served recursion for numba, compiled on first use.

Importing this module imports no numba: it is an optional extra that takes a third of a second
to load. `jobsim.engines.kernel` says why there is a plain twin.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Serve = Callable[
    [
        NDArray[np.intp],
        NDArray[np.float64],
        NDArray[np.float64],
        int,
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.int32],
    ],
    None,
]
"""What both recursions look like: order, paid, service, workers, and three columns to write."""

_loading = threading.Lock()
_loaded: Serve | None = None  # written once, under _loading


def load_if_worth_it(jobs: int, *, threshold: int) -> Serve | None:
    """Return the compiled recursion if a run of so many jobs should use it, else None.

    It should if it is loaded already, or if numba is installed and there are `threshold` jobs.
    A numba that is installed but cannot be imported is warned of.

    Examples
    --------
    >>> serve = load_if_worth_it(10, threshold=200_000)  # None, unless it is loaded already
    """
    if _loaded is not None:
        return _loaded
    if jobs < threshold or find_spec("numba") is None:
        return None
    try:
        return load()
    except ImportError as problem:
        warnings.warn(
            f"numba is installed but cannot be imported ({problem}); running in plain Python, "
            "some ten times slower, with the same result",
            RuntimeWarning,
            stacklevel=3,
        )
        return None


def load() -> Serve:
    """Return the compiled recursion, compiled once per process and cached on disk if it can be.

    Safe to call from several threads.

    Raises
    ------
    ImportError
        If numba is missing, or does not fit the installed numpy.
    """
    global _loaded
    with _loading:
        if _loaded is None:
            _loaded = _compile()
        return _loaded


def _compile() -> Serve:
    numba: Any = import_module("numba")  # untyped, so that mypy says the same with and without it

    # The inputs are declared read-only, which accepts writable arrays too: one compilation.
    def given(dtype: object) -> object:
        return numba.types.Array(dtype, 1, "C", readonly=True)

    real, index = numba.float64, numba.intp
    columns = (real[::1], real[::1], numba.int32[::1])
    signature = numba.void(given(index), given(real), given(real), index, *columns)
    compiled: Serve
    try:
        compiled = numba.njit(signature, cache=True, nogil=True)(serve)
    except RuntimeError:  # numba found no directory to keep its cache in: compile every time
        compiled = numba.njit(signature, nogil=True)(serve)
    return compiled


def serve(
    order: NDArray[np.intp],
    paid: NDArray[np.float64],
    service: NDArray[np.float64],
    workers: int,
    started: NDArray[np.float64],
    finished: NDArray[np.float64],
    worker: NDArray[np.int32],
) -> None:
    """Run the recursion on a binary heap in two arrays; numba compiles this very text."""
    # Invariant: (free, number) is a heap by (free since, worker), a total order.
    free = np.zeros(workers)
    number = np.arange(workers)
    for i in range(len(order)):
        job = order[i]
        start = paid[job]
        if free[0] > start:
            start = free[0]
        first = number[0]
        end = start + service[job]
        started[job] = start
        finished[job] = end
        worker[job] = first
        hole = 0
        child = 1
        while child < workers:
            right = child + 1
            if right < workers and (
                free[right] < free[child]
                or (free[right] == free[child] and number[right] < number[child])
            ):
                child = right
            if end < free[child] or (end == free[child] and first < number[child]):
                break
            free[hole] = free[child]
            number[hole] = number[child]
            hole = child
            child = 2 * hole + 1
        free[hole] = end
        number[hole] = first
