"""The other processes of a run, as the first one sees them: started, listened to, ended.

One daemon thread a process reads what it says. A process that is gone breaks its connection, which
ends its reader: nothing else has to watch over it. No lock is shared with another process.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from jobsim.domain.exceptions import JobsimError
from jobsim.domain.text import exception_text
from jobsim.run.info import Unreturned
from jobsim.scenario.workload import Workload
from jobsim.threads import part
from jobsim.threads.daemons import TICK_S, Daemon

START_S = 60.0
"""How long a process may take until its repository is made."""

END_S = part.GRACE_S + 5.0
"""How long a process may take to end once it is told to; then it is killed."""


class ProcessNotStarted(JobsimError):  # noqa: N818 - says what happened, like a verdict
    """A process of the run could not make its repository; see what it says."""

    def __init__(self, process: str, problem: str) -> None:
        super().__init__(process, problem)
        self.process, self.problem = process, problem

    def __str__(self) -> str:
        return f"{self.process} could not start: {self.problem}"


class Handle(Protocol):
    """A process that can be asked whether it ended, and be ended."""

    def end(self, seconds: float) -> str:
        """Wait for its end, end it if it takes longer; return how it ended, empty if as usual."""


class Spawned:
    """A process of this host that this one started."""

    def __init__(self, process: Any) -> None:
        self.process = process

    def end(self, seconds: float) -> str:
        """Wait for its end, end it if it takes longer; return how it ended, empty if as usual."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(END_S)
            return "did not answer, and was killed"
        code = self.process.exitcode
        if not code:
            return ""
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


class Member:
    """One process of a run, and the line to it. `send` is for any thread.

    Attributes
    ----------
    name
        For people: "process 1 of 4".
    ready, ended
        Set by its reader: its repository is made; it says nothing more.
    said_end
        Whether it came to its end as it was told; read once it has `ended`.
    problem
        Why it could not start; empty if it could.
    settled
        How many jobs came to rest by its actors' hands; written by its reader.
    clock
        Pairs of what it says its clock was, and when we asked and heard, in nanoseconds.
    """

    def __init__(self, number: int, processes: int, connection: Connection, handle: Handle) -> None:
        self.number = number
        self.name = f"process {number + 1} of {processes}"
        self.connection, self.handle = connection, handle
        self.ready, self.ended = threading.Event(), threading.Event()
        self.said_end = False
        self.problem = ""
        self.settled = 0
        self.clock: list[tuple[int, int, int]] = []
        self._sending = threading.Lock()

    def send(self, *message: Any) -> None:
        """Send a message; one that is gone does not get it, as its reader finds out."""
        with self._sending, contextlib.suppress(OSError):
            self.connection.send(message)


class Crew:
    """The processes of one run. A context: when it ends, none of them is left.

    Parameters
    ----------
    workload, factory, processes
        Of the run; the factory as `jobsim.threads.travel.packed` gives it.
    pressed
        Whether actors never wait.

    Attributes
    ----------
    folder
        Where the calls of all actors are kept until the context ends.
    died, faults, unreturned
        Which ended in the middle; what of the engine failed in them; which actors never came
        back. Read after `close`.
    """

    def __init__(
        self, workload: Workload, factory: bytes, processes: int, *, pressed: bool
    ) -> None:
        self.processes = processes
        self.members: list[Member] = []
        self.died: tuple[str, ...] = ()
        self.faults: list[str] = []
        self.unreturned: list[Unreturned] = []
        self.folder = Path(tempfile.mkdtemp(prefix="jobsim-calls-"))
        self._tasks = [
            part.Task(number, processes, workload, factory, self.folder, pressed)
            for number in range(processes)
        ]
        self._hear: Callable[[Member, str, list[Any]], None] = lambda *_: None
        self._gone: Callable[[Member], None] = lambda _: None
        self._readers: list[Daemon] = []
        self._closed = False

    def __enter__(self) -> Self:
        try:
            self._start(self._spawn())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def serve(
        self,
        hear: Callable[[Member, str, list[Any]], None],
        gone: Callable[[Member], None],
    ) -> None:
        """Pass on what processes say from now on, and which are gone; called in their readers.

        Before `go`: until then they say nothing but that they are ready.
        """
        self._hear, self._gone = hear, gone

    def go(self) -> None:
        """Let the actors act."""
        for member in self.members:
            if member.ended.is_set():
                self._gone(member)  # nobody was told so far
            member.send("go")

    def close(self) -> None:
        """End all processes, and note how they ended; again, it does nothing."""
        if self._closed:
            return
        self._closed = True
        early = [member.ended.is_set() and not member.said_end for member in self.members]
        for member in self.members:
            # In a thread of its own: a process that was stopped may not take what is sent.
            Daemon(f"stop {member.name}", partial(member.send, "stop")).start()
        deadline = time.monotonic() + END_S
        found = []
        for member, was_gone in zip(self.members, early, strict=True):
            member.ended.wait(max(deadline - time.monotonic(), 0.0))
            how = member.handle.end(max(deadline - time.monotonic(), TICK_S))
            member.ended.wait(TICK_S)
            if was_gone or not member.said_end:
                found.append(f"{member.name} {how or 'ended in the middle'}")
            member.connection.close()
        self.died = tuple(found)

    def _spawn(self) -> Iterator[Member]:
        """Start every process, with a pipe to it that only the two of us hold."""
        context = multiprocessing.get_context("spawn")
        for task in self._tasks:
            ours, theirs = context.Pipe()
            process = context.Process(
                target=part.begin, args=(theirs, task), name=f"jobsim-{task.number}", daemon=True
            )
            with _ctrl_c_blocked():
                process.start()
            theirs.close()  # or its end would not be seen
            yield Member(task.number, self.processes, ours, Spawned(process))

    def _start(self, members: Iterator[Member]) -> None:
        """Wait until every repository is made, so that all actors begin at once."""
        for member in members:
            self.members.append(member)
            reader = Daemon(member.name, partial(self._read, member))
            self._readers.append(reader)
            reader.start()
        deadline = time.monotonic() + START_S
        for member in self.members:
            while not member.ready.wait(TICK_S):
                if member.problem or member.ended.is_set() or time.monotonic() > deadline:
                    raise ProcessNotStarted(member.name, member.problem or _NO_WORD)

    def _read(self, member: Member) -> None:
        """Listen to one process until it says no more: body of its reader."""
        try:
            while True:
                kind, *what = member.connection.recv()
                if kind == "ready":
                    member.ready.set()
                elif kind == "failed":
                    member.problem = what[0]
                elif kind == "settled":
                    member.settled = what[0]
                elif kind == "clock":
                    member.clock.append((what[0], what[1], time.perf_counter_ns()))
                elif kind == "end":
                    stuck, faults = what
                    self.unreturned += [Unreturned(actor=a, stack=s) for a, s in stuck.items()]
                    self.faults += faults
                    member.said_end = True
                else:
                    self._hear(member, kind, what)
        except (EOFError, OSError):
            pass  # as it ends, or as it was killed: `close` tells which
        except Exception as exc:  # noqa: BLE001 - reported by the main thread
            self.faults.append(exception_text(exc))
        finally:
            member.ended.set()
            self._gone(member)


_NO_WORD = (
    "it ended before it was ready, or took too long. A script that starts processes needs "
    "if __name__ == '__main__': around what it runs"
)


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Let a process start that does not hear Ctrl-C, not even while it imports; ours is kept."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before: Sequence[Any] | set[Any] = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
