"""A cluster whose workers are threads of this process, with clocks of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from jobsim.threads.clustered import play


def clock(offset_ns: int, ppm: float = 0.0) -> Callable[[], int]:
    """Return a clock that is off by so much, and goes so much faster than ours."""
    zero = time.perf_counter_ns()

    def now_ns() -> int:
        true = time.perf_counter_ns()
        return true + offset_ns + int((true - zero) * ppm * 1e-6)

    return now_ns


class _Future:
    def __init__(self, body: Callable[[], object]) -> None:
        self.status, self._error, self._answer = "pending", None, None
        self._body = body
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer = self._body()
            self.status = "finished"
        except Exception as exc:  # noqa: BLE001 - as a cluster does
            self._error, self.status = exc, "error"

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def exception(self) -> BaseException | None:
        return self._error

    def result(self, timeout: float | None = None) -> Any:
        self.join(timeout)
        if self._error is not None:
            raise self._error
        return self._answer

    def cancel(self) -> None:
        """Leave it: a thread cannot be stopped, and neither can a task."""


class ThreadCluster:
    """Has what `run_threads` needs of a Dask `Client`.

    Parameters
    ----------
    hosts
        A worker for each: the name of its host and its clock; None for this host and its clock.
    starts
        How often each part of a run is started; whatever comes after the first is refused.
    instead
        What the workers do instead of `play`, with the same arguments.
    """

    def __init__(
        self,
        *hosts: tuple[str, Callable[[], int]] | None,
        starts: int = 1,
        instead: Callable[..., object] | None = None,
    ) -> None:
        self.scheduler = SimpleNamespace(address="tcp://127.0.0.1:1")
        self.tasks: list[_Future] = []
        self._hosts = {f"tcp://127.0.0.1:{n}": host for n, host in enumerate(hosts, 2)}
        self._starts = starts
        self._play = instead or play

    def nthreads(self) -> dict[str, int]:
        return dict.fromkeys(self._hosts, 1)

    def wait(self) -> None:
        """Wait until every task has ended."""
        for task in self.tasks:
            task.join()

    def submit(self, function: Any, *arguments: Any, workers: list[str], **_: Any) -> _Future:
        where = self._hosts[workers[0]]
        starts, more = 1, {}
        if function is play:
            function, starts = self._play, self._starts
            if where is not None:
                more = {"host": where[0], "now_ns": where[1]}
        self.tasks += [_Future(lambda: function(*arguments, **more)) for _ in range(starts)]
        return self.tasks[-starts]
