"""Tasks on any executor: one after the other, on threads, processes or a cluster."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, Protocol, runtime_checkable

from jobsim.display.progress import bar
from jobsim.studies.cells import Outcome, Task, describe, run_task

Outcomes = list[Outcome | str]

_PATIENCE_S = 0.5  # the longest wait of the main thread during which Ctrl-C may go unnoticed


@runtime_checkable
class Cluster(Protocol):
    """Anything with a method that returns an executor, such as `distributed.Client`."""

    def get_executor(self, **options: Any) -> Executor:
        """Return an executor that runs on the cluster."""
        ...


def run_tasks(
    tasks: Sequence[Task], executor: Executor | Cluster | None, progress: bool | None
) -> tuple[list[Outcomes | None], bool]:
    """Run tasks and return their outcomes, in the order of the tasks.

    For a task that an executor loses, the outcome of each of its cells is the reason. Ctrl-C ends
    the work: tasks that are not done by then have None.

    Parameters
    ----------
    tasks
        What to run.
    executor
        Any `concurrent.futures.Executor`, or a Dask `Client`. None takes threads where numba is
        installed, whose compiled loop releases the GIL, and otherwise runs one by one.
    progress
        Whether to show a bar; None shows it in a notebook or on a terminal.

    Returns
    -------
    outcomes
        For each task a list with an outcome, or the text of an error, per cell.
    interrupted
        Whether Ctrl-C came.
    """
    done: list[Outcomes | None] = [None] * len(tasks)
    total = sum(len(task.scenarios) for task in tasks)
    cells = 0
    with bar(total, "runs", unit="run", progress=progress) as shown:
        try:
            for number, outcomes in _as_completed(tasks, executor):
                done[number] = outcomes
                cells += len(outcomes)
                shown.update_to(cells)
        except KeyboardInterrupt:
            return done, True
    return done, False


def _as_completed(
    tasks: Sequence[Task], executor: Executor | Cluster | None
) -> Iterator[tuple[int, Outcomes]]:
    """Run tasks on the given executor; by default on threads, if they release the GIL."""
    if isinstance(executor, Cluster):
        # Impure, so that Dask takes no task for another one with the same arguments.
        yield from _on(executor.get_executor(pure=False), tasks)
    elif executor is not None:
        yield from _on(executor, tasks)
    elif len(tasks) == 1 or not find_spec("numba"):
        yield from ((number, task.run()) for number, task in enumerate(tasks))
    else:
        with ThreadPoolExecutor(os.cpu_count(), "jobsim") as threads:
            yield from _on(threads, tasks)


def _on(executor: Executor, tasks: Sequence[Task]) -> Iterator[tuple[int, Outcomes]]:
    """Yield results as they come; whatever ends the loop, no task stays queued."""
    # Callbacks of any executor may come from any thread; `SimpleQueue.put` is reentrant.
    finished: queue.SimpleQueue[Future[Outcomes]] = queue.SimpleQueue()
    numbers: dict[Future[Outcomes], int] = {}
    try:
        for number, task in enumerate(tasks):
            try:
                future = executor.submit(run_task, task)
            except BrokenExecutor as exc:
                yield number, [describe(exc)] * len(task.scenarios)
                continue
            numbers[future] = number
            future.add_done_callback(finished.put)
        while numbers:
            try:
                # With a timeout, because a wait without one cannot be interrupted on all platforms.
                future = finished.get(timeout=_PATIENCE_S)
            except queue.Empty:
                continue
            number = numbers.pop(future)
            yield number, _outcomes(future, tasks[number])
    finally:
        for future in numbers:
            future.cancel()


def _outcomes(future: Future[Outcomes], task: Task) -> Outcomes:
    problem = future.exception()
    return future.result() if problem is None else [describe(problem)] * len(task.scenarios)
