"""The functions that numba compiles on first use: the recursion of a queue, and the event loop.

Importing this module does not import numba, an optional extra that takes a third of a second to
load. `jobsim.virtual.recursion` says why the recursion exists in plain Python as well; the event
loop is compiled from the plain functions themselves.
"""

from __future__ import annotations

import gc
import threading
import types
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from jobsim.virtual import heaps, rules

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
"""The signature of both recursions: order, paid, service, workers, and three columns to write."""

Function = TypeVar("Function", bound=Callable[..., None])


class Compiled(Generic[Function]):
    """A function that is compiled once per process, when that first pays off. Thread-safe.

    Parameters
    ----------
    compile_it
        Compiles and returns the function; raises ImportError if numba is missing or does not match
        the installed numpy.
    """

    def __init__(self, compile_it: Callable[[], Function]) -> None:
        self.compile_it = compile_it
        self._loading = threading.Lock()
        self.loaded: Function | None = None  # written once, under _loading

    def load_if_worth_it(self, jobs: int, *, threshold: int) -> Function | None:
        """Return the function if a run of this many jobs should use it, else None.

        It should if it is already loaded, or if numba is installed and there are at least
        `threshold` jobs. If numba is installed but cannot be imported, a warning is issued.

        Examples
        --------
        >>> serve = recursion.load_if_worth_it(10, threshold=200_000)  # None, unless loaded
        """
        if self.loaded is not None:
            return self.loaded
        if jobs < threshold or find_spec("numba") is None:
            return None
        try:
            return self.load()
        except ImportError as problem:
            warnings.warn(
                f"numba is installed but cannot be imported ({problem}); running in plain "
                "Python, some ten times slower, with the same result",
                RuntimeWarning,
                stacklevel=3,
            )
            return None

    def load(self) -> Function:
        """Return the function, compiled once per process and cached on disk if it can be.

        Raises
        ------
        ImportError
            If numba is missing, or does not match the installed numpy.
        """
        with self._loading:
            if self.loaded is None:
                self.loaded = self.compile_it()
            return self.loaded


def _jit(numba: Any, function: Callable[..., None], *signature: object) -> Any:
    try:
        return numba.njit(*signature, cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no directory for its cache: compile in every process
        return numba.njit(*signature, nogil=True)(function)


def _numba() -> Any:
    return import_module("numba")  # untyped, so that mypy's result does not depend on numba


def compile_recursion() -> Serve:
    """Compile `serve`."""
    numba = _numba()

    # The inputs are declared read-only, which accepts writable arrays too: one compilation is
    # enough.
    def given(dtype: object) -> object:
        return numba.types.Array(dtype, 1, "C", readonly=True)

    real, index = numba.float64, numba.intp
    columns = (real[::1], real[::1], numba.int32[::1])
    signature = numba.void(given(index), given(real), given(real), index, *columns)
    compiled: Serve = _jit(numba, serve, signature)
    return compiled


def compile_event_loop() -> Callable[..., None]:
    """Return `rules.play` with everything that it calls, to be compiled at its first call."""
    numba = _numba()
    # The same functions over a namespace of their own, in which each finds the others compiled.
    # They are inlined, since a call counts references to all arrays that it passes. Without
    # inlining functions that are called from several places, compiling takes 7.4 s instead of
    # 9.3 s, but the loop runs at 0.88 of the speed.
    names = dict(vars(rules))
    for name, value in vars(rules).items():
        if isinstance(value, types.FunctionType) and value.__module__ == rules.__name__:
            copy = types.FunctionType(value.__code__, names, name)
            names[name] = numba.njit(copy, inline="always")
    for function in (heaps.heappush, heaps.heappop):
        names[function.__name__] = numba.njit(function)
    play = _jit(numba, names["play"].py_func)

    def run(*arguments: object) -> None:
        # Nothing that the compiler makes is garbage before it is done, so collecting is in vain.
        collects = gc.isenabled() and not play.signatures
        if collects:
            gc.disable()
        try:
            play(*arguments)
        finally:
            if collects:
                gc.enable()

    return run


def serve(
    order: NDArray[np.intp],
    paid: NDArray[np.float64],
    service: NDArray[np.float64],
    workers: int,
    started: NDArray[np.float64],
    finished: NDArray[np.float64],
    worker: NDArray[np.int32],
) -> None:
    """Run the recursion on a binary heap in two arrays; numba compiles this function."""
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


recursion = Compiled(compile_recursion)
"""First come first served without feedback."""

loop = Compiled(compile_event_loop)
"""The event loop, for feedback."""
