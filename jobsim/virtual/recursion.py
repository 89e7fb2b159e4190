"""First come first served at c workers, in virtual time: a recursion, no event calendar.

Without feedback a job starts at the later of two moments, its payment and the first moment at
which a worker is free, and jobs start in the order of their payments (Kiefer and Wolfowitz
1955). So the only state is a heap of (free since, worker).

The recursion is written twice, because no single version is fast both ways. Plain Python is fastest
with the C `heapq` on tuples, which numba compiles to half the speed of a heap in two arrays; and
that heap runs at half the speed of `heapq` when interpreted. The order (free since, worker) is
total, so both pop the same worker, and both add the same floats: results are equal to the last bit.
"""

from __future__ import annotations

from heapq import heapreplace

import numpy as np
from numpy.typing import NDArray

from jobsim.virtual import compiled as _compiled

COMPILE_FROM = 200_000
"""The number of jobs from which loading or compiling the recursion costs less than it saves."""

_CHUNK = 65_536  # bounds the Python objects alive in the interpreted recursion


def queue_order(paid: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the paid jobs in the order in which workers take them: by (paid, job).

    Parameters
    ----------
    paid
        float64, seconds; NaN where a job is never paid.

    Returns
    -------
    ndarray of intp
        Job numbers; never-paid jobs are left out. It does not depend on the number of workers,
        so a sweep over workers sorts once.

    Examples
    --------
    >>> queue_order(np.array([2.0, np.nan, 1.0, 1.0])).tolist()
    [2, 3, 0]
    """
    order = np.flatnonzero(~np.isnan(paid))
    times = paid if len(order) == len(paid) else paid[order]
    if bool((times[1:] >= times[:-1]).all()):
        return order
    # Delays are short compared with the run, so the jobs are nearly in order. For a given delay,
    # timsort takes time linear in the jobs.
    return order[np.argsort(times, kind="stable")]


def rejections(paid: NDArray[np.float64], lag: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return how many confirmations of each job are refused: 1 where a duplicate is queued.

    A duplicate is an entry of the queue at ``paid + lag``, behind its original even if the lag is
    zero. So when a worker takes it the job has been started, and the repository refuses it. That
    takes no service time and the worker keeps its place among the idle ones: a duplicate delays no
    job. A run ends only after every entry has been taken, so each duplicate is refused exactly
    once, whatever the load.

    Parameters
    ----------
    paid
        float64, seconds; NaN where a job is never paid, and then has no duplicate either.
    lag
        float64, seconds from the payment to its duplicate; NaN where there is none.

    Examples
    --------
    >>> nan = np.nan
    >>> rejections(np.array([0.0, 0.0, nan]), np.array([nan, 3.0, 3.0])).tolist()
    [0, 1, 0]
    """
    return (~(np.isnan(paid) | np.isnan(lag))).astype(np.int32)


def fcfs(
    paid: NDArray[np.float64],
    service: NDArray[np.float64],
    workers: int,
    *,
    started: NDArray[np.float64],
    finished: NDArray[np.float64],
    worker: NDArray[np.int32],
    order: NDArray[np.intp] | None = None,
    compiled: bool | None = None,
) -> None:
    """Serve every paid job first come first served; write its start, its end and its worker.

    Jobs are taken in order of (paid, job). Every worker is free at 0. A job goes to the worker that
    has been free longest or becomes free first, and among equals to the one with the lowest number.
    The same input gives the same bytes, compiled or not. The inputs are only read and there is no
    shared state, so threads may call this at the same time; the compiled recursion releases the
    GIL.

    Parameters
    ----------
    paid
        float64, seconds from the start of the run, not negative; NaN where a job is never paid.
    service
        float64, seconds of work, finite and not negative.
    workers
        Number of workers, at least 1.
    started, finished
        float64 columns to write, contiguous; NaN where the job is never paid.
    worker
        int32 column to write, contiguous: worker numbers from 0, -1 where never paid.
    order
        What `queue_order` returns for `paid`, if the caller already has it.
    compiled
        Whether to run the compiled recursion. By default it is used if it is already loaded in this
        process, or if numba can be imported and there are at least `COMPILE_FROM` jobs.

    Raises
    ------
    ValueError
        If `workers` is less than 1, or the arrays differ in length.
    ImportError
        If `compiled` is true and numba cannot be imported.

    Examples
    --------
    Two jobs paid at 0 and one at 1, two workers:

    >>> paid, service = np.array([0.0, 0.0, 1.0]), np.array([5.0, 2.0, 1.0])
    >>> started, finished, worker = np.empty(3), np.empty(3), np.empty(3, np.int32)
    >>> fcfs(paid, service, 2, started=started, finished=finished, worker=worker)
    >>> started.tolist(), finished.tolist(), worker.tolist()
    ([0.0, 0.0, 2.0], [5.0, 2.0, 3.0], [0, 1, 1])
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}; a queue needs at least 1")
    lengths = {len(column) for column in (paid, service, started, finished, worker)}
    if len(lengths) > 1:
        raise ValueError(f"all columns must have the same length, not {sorted(lengths)}")
    paid = np.ascontiguousarray(paid, dtype=np.float64)
    service = np.ascontiguousarray(service, dtype=np.float64)
    if order is None:
        order = queue_order(paid)
    if len(order) < len(paid):
        started.fill(np.nan)
        finished.fill(np.nan)
        worker.fill(-1)
    if compiled is None:
        serve = _compiled.recursion.load_if_worth_it(len(paid), threshold=COMPILE_FROM) or _serve
    else:
        serve = _compiled.recursion.load() if compiled else _serve
    serve(order, paid, service, workers, started, finished, worker)


def _serve(
    order: NDArray[np.intp],
    paid: NDArray[np.float64],
    service: NDArray[np.float64],
    workers: int,
    started: NDArray[np.float64],
    finished: NDArray[np.float64],
    worker: NDArray[np.int32],
) -> None:
    """Run the recursion in plain Python."""
    heap = [(0.0, number) for number in range(workers)]
    for first in range(0, len(order), _CHUNK):
        jobs = order[first : first + _CHUNK]
        starts, ends, numbers = [], [], []
        for due, work in zip(paid[jobs].tolist(), service[jobs].tolist(), strict=True):
            free, number = heap[0]
            start = due
            if free > start:  # `max` would take a tenth of the loop's time
                start = free
            end = start + work
            starts.append(start)
            ends.append(end)
            numbers.append(number)
            heapreplace(heap, (end, number))
        started[jobs] = starts
        finished[jobs] = ends
        worker[jobs] = numbers
