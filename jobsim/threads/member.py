"""One process of a run, as the first process sees it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from jobsim.domain.exceptions import JobsimError
from jobsim.threads.hosts import Host
from jobsim.threads.outgoing import Outgoing
from jobsim.threads.part import GRACE_S, Task
from jobsim.threads.shipping import Piece

START_S = 180.0
"""How long a process may take to make its repository, on a busy machine."""

END_S = GRACE_S + 20.0
"""How long a process may take to end once it is told to, before it is killed."""


class ProcessNotStarted(JobsimError):  # noqa: N818 - says what happened, like a verdict
    """A process of the run could not make its repository; the text says why."""

    def __init__(self, process: str, problem: str) -> None:
        super().__init__(process, problem)
        self.process, self.problem = process, problem

    def __str__(self) -> str:
        return f"{self.process} could not start: {self.problem}"


class Handle(Protocol):
    """A process that can be asked whether it ended, and be ended."""

    def end(self, seconds: float) -> str:
        """Wait at most `seconds`, then kill it; return how it ended, empty if it ended normally."""

    def left_behind(self, folder: Path, seconds: float) -> Sequence[Piece] | None:
        """Return the files that a lost process left on its host; None if they are unavailable."""


class Member:
    """One process of a run, and the connection to it.

    Parameters
    ----------
    task
        What it does.
    connection, handle
        Of the process.
    host
        Its host, if that has another clock than ours.

    Attributes
    ----------
    name
        For display: "process 1 of 4".
    out
        Sends it messages; they are lost if it is gone, which its reader notices.
    ready, ended
        Set by its reader: its repository is made; its connection has ended.
    timed
        Set by its reader once its clock has been asked often enough.
    said_end
        Whether it reported its end; read once it has `ended`.
    problem
        Why it could not start; empty if it could.
    folder
        Where it keeps its calls if it sends them; None if we read them where they are written.
    settled
        How many jobs its actors have settled; written by its reader.
    """

    def __init__(
        self, task: Task, connection: Connection, handle: Handle, host: Host | None = None
    ) -> None:
        self.number = task.number
        self.name = process_name(task)
        self.connection, self.handle, self.host = connection, handle, host
        self.ready, self.ended, self.timed = (threading.Event() for _ in range(3))
        self.said_end = False
        self.problem = ""
        self.folder: Path | None = None
        self.settled = 0
        self.out = Outgoing(connection)
        self._to_ask = 0  # questions to follow; set by the first asker, then only by the reader

    def ask_clock(self, times: int) -> None:
        """Ask for its clock this many times, each time after the previous answer."""
        self._to_ask = times - 1
        self.out.send("clock", time.perf_counter_ns())

    def heard_clock(self, sent: int, there: int) -> None:
        """Take note of an answer; called in its reader."""
        back = time.perf_counter_ns()
        if self.host is not None:
            self.host.heard(sent, there, back)
        if self._to_ask > 0:
            self.ask_clock(self._to_ask)
        else:
            self.timed.set()


Starter = Callable[[Sequence[Task]], Iterator[Member]]
"""Starts a process for each task, and yields it once it is connected."""


def process_name(task: Task) -> str:
    """Return the name of a process, for display."""
    return f"process {task.number + 1} of {task.processes}"
