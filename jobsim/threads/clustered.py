"""Processes on a Dask cluster: a task on each worker, with a connection to the first process.

Dask runs a task again if its worker is lost, but actors must not act twice. So each task is tied to
its worker and has no retries. It does nothing before the first process has told it what to do, and
a task that connects a second time, or after the start, is refused.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol, runtime_checkable
from urllib.parse import urlsplit

from jobsim import __version__
from jobsim.domain.exceptions import JobsimError
from jobsim.threads import line
from jobsim.threads.daemons import TICK_S, Daemon
from jobsim.threads.hosts import Host, host_id, host_name
from jobsim.threads.member import START_S, Member, ProcessNotStarted, process_name
from jobsim.threads.part import GRACE_S, Part, Task
from jobsim.threads.shipping import Outbox, Piece, sealed


class StartRefused(JobsimError):  # noqa: N818 - says what happened, like a verdict
    """A task of a run was started a second time, or too late; it did nothing."""


@runtime_checkable
class Cluster(Protocol):
    """The part of a Dask `Client` that is needed; its methods block until they have an answer."""

    scheduler: Any

    def submit(self, function: Any, *arguments: Any, **options: Any) -> Any:
        """Run a function on a worker and return its future."""

    def nthreads(self) -> dict[str, int]:
        """Return the address of each worker, and how many tasks it runs at once."""


class _Hello(NamedTuple):
    """What a task says about itself before it is told what to do."""

    number: int
    host: str
    host_name: str
    version: str
    pid: int


class OnCluster:
    """Starts the processes of one run on the workers of a cluster.

    Parameters
    ----------
    client
        Of the cluster.

    Attributes
    ----------
    workers
        The addresses of its workers, alternating between hosts, so that even a few processes are
        spread over many hosts.
    """

    def __init__(self, client: Cluster) -> None:
        self._client = client
        self._key = line.key_of_run()
        by_host: dict[str, int] = {}
        turns = []
        for address in sorted(client.nthreads()):
            turn = by_host[_host(address)] = by_host.get(_host(address), -1) + 1
            turns.append((turn, address))
        self.workers = [address for _, address in sorted(turns)]

    def __call__(self, tasks: Sequence[Task]) -> Iterator[Member]:
        """Start a task on each worker and yield it once it has connected."""
        address = line.address_towards(_host(self._client.scheduler.address))
        with line.listening(address) as server:
            port = server.getsockname()[1]
            futures = [
                self._client.submit(
                    play,
                    address,
                    port,
                    self._key,
                    task.number,
                    workers=[self.workers[task.number]],
                    allow_other_workers=False,
                    retries=0,
                    pure=False,
                )
                for task in tasks
            ]
            try:
                yield from self._greeted(server, tasks, futures)
            except BaseException:
                for future in futures:
                    future.cancel()
                raise

    def _greeted(
        self, server: socket.socket, tasks: Sequence[Task], futures: Sequence[Any]
    ) -> Iterator[Member]:
        """Accept each task once, until all have connected."""
        server.settimeout(TICK_S)
        came: SimpleQueue[tuple[Connection, _Hello]] = SimpleQueue()
        hosts: dict[str, Host] = {}
        missing = {task.number: task for task in tasks}
        deadline = time.monotonic() + START_S
        while missing:
            self._refuse_failed(missing, futures, deadline, server)
            try:
                end, _ = server.accept()
            except TimeoutError:
                pass
            else:
                # In a thread of its own: a stranger that connects may never say anything.
                Daemon("greeter", partial(_greet, end, self._key, came)).start()
            while True:
                try:
                    connection, hello = came.get_nowait()
                except Empty:
                    break
                task = missing.pop(hello.number, None)
                if task is None:
                    connection.send(("refused", "this part of the run has already been started"))
                    connection.close()
                    continue
                if hello.version != __version__:
                    connection.close()
                    raise ProcessNotStarted(
                        process_name(task),
                        f"{self.workers[task.number]} has jobsim {hello.version}, and this is "
                        f"{__version__}; install the same on all",
                    )
                ours = hello.host == host_id()
                host = None if ours else hosts.setdefault(hello.host, Host(hello.host_name))
                connection.send(("play", replace(task, same_clock=ours)))
                handle = OfCluster(
                    self._client, futures[task.number], self.workers[task.number], hello.pid
                )
                yield Member(task, connection, handle, host)

    def _refuse_failed(
        self,
        missing: dict[int, Task],
        futures: Sequence[Any],
        deadline: float,
        server: socket.socket,
    ) -> None:
        """Raise if a task failed before it connected, or did not connect in time."""
        for number, task in missing.items():
            if futures[number].status == "error":
                error = futures[number].exception()
                raise ProcessNotStarted(
                    process_name(task),
                    f"on {self.workers[number]}: {type(error).__name__}: {error}",
                )
            if time.monotonic() > deadline:
                address, port, *_ = server.getsockname()
                raise ProcessNotStarted(
                    process_name(task),
                    f"{self.workers[number]} did not connect to {address}:{port} within "
                    f"{START_S:g} s; it needs a free thread, and must be able to reach this host",
                )


class OfCluster:
    """A task on a worker of a cluster."""

    def __init__(self, client: Cluster, future: Any, address: str, pid: int) -> None:
        self._client, self._future = client, future
        self._address, self._pid = address, pid

    def end(self, seconds: float) -> str:
        """Let Dask forget the task; return how it ended."""
        del seconds  # a task that never returns cannot be ended
        self._future.cancel()
        return f"on {self._address} was lost"

    def left_behind(self, folder: Path, seconds: float) -> Sequence[Piece] | None:
        """Return the files that it left on its host, fetched by another worker there.

        If the host's last worker was killed, its nanny starts another.
        """
        deadline = time.monotonic() + seconds
        near: list[str] = []
        while time.monotonic() < deadline:
            near = [a for a in self._client.nthreads() if _host(a) == _host(self._address)]
            if near:
                break
            time.sleep(TICK_S)
        if not near:
            return None
        future = self._client.submit(
            left_files,
            str(folder),
            self._pid,
            workers=near,
            allow_other_workers=False,
            pure=False,
        )
        try:
            pieces: Sequence[Piece] | None = future.result(timeout=seconds)
        except Exception:  # noqa: BLE001 - whatever failed, there are no files
            return None
        return pieces


def play(
    address: str,
    port: int,
    key: bytes,
    number: int,
    *,
    host: str | None = None,
    now_ns: Callable[[], int] = time.perf_counter_ns,
) -> None:
    """Run one process of a run; the body of a task on a worker.

    Parameters
    ----------
    address, port, key
        Where the first process listens, and the key of the run.
    number
        Of the process.
    host, now_ns
        The identity of this host, and its clock; tests replace them.

    Raises
    ------
    StartRefused
        If the process has been started before, or the run has begun.
    """
    with ExitStack() as closing:
        try:
            connection = closing.enter_context(line.connected(address, port, key))
            connection.send(
                _Hello(number, host or host_id(), host_name(), __version__, os.getpid())
            )
            kind, what = connection.recv()
        except (OSError, EOFError) as exc:  # also of one that was let in and then forgotten
            raise StartRefused(
                f"no start from {address}:{port} ({exc!r}): the run has all its processes or is "
                "over, or this host cannot reach that one"
            ) from exc
        if kind == "refused":
            raise StartRefused(what)
        Part(connection, what, now_ns).run()


def left_files(folder: str, pid: int) -> Sequence[Piece] | None:
    """Return the files that a process left on this host; None if none, or if it still runs."""
    path = Path(folder)
    deadline = time.monotonic() + 2 * GRACE_S
    while not sealed(path) and _is_alive(pid):
        if time.monotonic() > deadline:
            return None
        time.sleep(TICK_S)
    if not path.exists():
        return None
    pieces = Outbox(path).new()
    shutil.rmtree(path, ignore_errors=True)
    return pieces


def _is_alive(pid: int) -> bool:
    # Dask depends on psutil, so it is installed. The usual signal 0 ends a process on Windows.
    return bool(importlib.import_module("psutil").pid_exists(pid))


def _greet(end: socket.socket, key: bytes, came: SimpleQueue[tuple[Connection, _Hello]]) -> None:
    """Read the greeting of a task that has connected; body of a daemon."""
    try:
        connection = line.accepted(end, key)
        came.put((connection, connection.recv()))
    except (OSError, EOFError, multiprocessing.AuthenticationError):
        return  # not one of ours, or gone


def _host(address: str) -> str:
    """Return the host in a Dask address, such as ``tcp://10.0.0.1:8786``."""
    return urlsplit(address).hostname or "127.0.0.1"
