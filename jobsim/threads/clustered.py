"""Processes of a Dask cluster: a task on each of its workers, with a line to the first process.

Dask runs a task again if its worker is lost, and actors must not play twice. So each task may run
on its worker only, without a retry; and it plays only once it is told what, which is refused to
whoever asks a second time, or after the start.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
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
    """What of a Dask `Client` is needed; all of it waits for the answer."""

    scheduler: Any

    def submit(self, function: Any, *arguments: Any, **options: Any) -> Any:
        """Run a function on a worker and return its future."""

    def nthreads(self) -> dict[str, int]:
        """Return the address of each worker, and how many tasks it runs at once."""


class _Hello(NamedTuple):
    """What a task says of itself before it is told what to do."""

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
        Their addresses. One host after the other gets its turn, so that few processes are on
        many hosts.
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
        """Let each task in once, until all are there."""
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
                # In a thread of its own: whoever connects need not be one of ours, or say a word.
                Daemon("greeter", partial(_greet, end, self._key, came)).start()
            while True:
                try:
                    connection, hello = came.get_nowait()
                except Empty:
                    break
                task = missing.pop(hello.number, None)
                if task is None:
                    connection.send(("refused", "this part of the run has been started before"))
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
        """Raise if a task failed before it connected, or nothing is heard of it."""
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
                    f"{START_S:g} s; it needs a free thread, and a way to this host",
                )


class OfCluster:
    """A task on a worker of a cluster."""

    def __init__(self, client: Cluster, future: Any, address: str, pid: int) -> None:
        self._client, self._future = client, future
        self._address, self._pid = address, pid

    def end(self, seconds: float) -> str:
        """Let Dask forget the task; return what there is to say if it did not end as told."""
        del seconds  # a task that never comes back cannot be ended
        self._future.cancel()
        return f"on {self._address} was lost"

    def left_behind(self, folder: Path, seconds: float) -> Sequence[Piece] | None:
        """Return the files that it left on its host, by a worker of that host.

        Where the last one was killed, its nanny starts another.
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
        except Exception:  # noqa: BLE001 - whatever is in the way, they cannot be had
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
    """Be one process of a run: a task on a worker.

    Parameters
    ----------
    address, port, key
        Where the first process listens, and what it wants to know.
    number
        Of the process.
    host, now_ns
        What stands for this host and its clock; a test brings its own.

    Raises
    ------
    StartRefused
        If the process has been started before, or the run has begun.
    """
    try:
        connection = line.connected(address, port, key)
    except OSError as exc:
        raise StartRefused(
            f"nobody listens at {address}:{port} ({exc}): the run has all its processes, or is "
            "over, or this host has no way to that one"
        ) from exc
    try:
        connection.send(_Hello(number, host or host_id(), host_name(), __version__, os.getpid()))
        kind, what = connection.recv()
        if kind == "refused":
            raise StartRefused(what)
        Part(connection, what, now_ns).run()
    finally:
        connection.close()


def left_files(folder: str, pid: int) -> Sequence[Piece] | None:
    """Return what a process of this host left there; None if there is nothing, or it goes on."""
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
    # Dask needs it, so it is there. Signal 0, the usual way, ends a process on Windows.
    return bool(importlib.import_module("psutil").pid_exists(pid))


def _greet(end: socket.socket, key: bytes, came: SimpleQueue[tuple[Connection, _Hello]]) -> None:
    """Hear who has connected; body of a daemon."""
    try:
        connection = line.accepted(end, key)
        came.put((connection, connection.recv()))
    except (OSError, EOFError, multiprocessing.AuthenticationError):
        return  # not one of ours, or gone


def _host(address: str) -> str:
    """Return the host in an address of Dask, such as ``tcp://10.0.0.1:8786``."""
    return urlsplit(address).hostname or "127.0.0.1"
