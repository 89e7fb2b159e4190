"""One process of a run, as the first one sees it."""

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
"""How long a process may take until its repository is made, on a machine that is busy."""

END_S = GRACE_S + 20.0
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

    def left_behind(self, folder: Path, seconds: float) -> Sequence[Piece] | None:
        """Return the files that it left on its host when it was lost; None if none can be had."""


class Member:
    """One process of a run, and the line to it.

    Parameters
    ----------
    task
        What it does.
    connection, handle
        To it.
    host
        Where it is, if its clock is another one than ours.

    Attributes
    ----------
    name
        For people: "process 1 of 4".
    out
        What is sent to it; one that is gone does not get it, as its reader finds out.
    ready, ended
        Set by its reader: its repository is made; it says nothing more.
    timed
        Set by its reader once it has said often enough what its clock is.
    said_end
        Whether it came to its end as it was told; read once it has `ended`.
    problem
        Why it could not start; empty if it could.
    folder
        Where it keeps its calls if it sends them; None if they are where we read them.
    settled
        How many jobs came to rest by its actors' hands; written by its reader.
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
        self._to_ask = 0  # questions that follow; written by whoever asks first, then the reader

    def ask_clock(self, times: int) -> None:
        """Ask for its clock so many times, the next time when it has answered."""
        self._to_ask = times - 1
        self.out.send("clock", time.perf_counter_ns())

    def heard_clock(self, sent: int, there: int) -> None:
        """Take in the answer; called in its reader."""
        back = time.perf_counter_ns()
        if self.host is not None:
            self.host.heard(sent, there, back)
        if self._to_ask > 0:
            self.ask_clock(self._to_ask)
        else:
            self.timed.set()


Starter = Callable[[Sequence[Task]], Iterator[Member]]
"""Starts a process for each task, somewhere, and yields it once the line to it is made."""


def process_name(task: Task) -> str:
    """Return what a process is called, for people."""
    return f"process {task.number + 1} of {task.processes}"
