"""Spawned processes on this host."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobsim.threads.member import END_S, Member
from jobsim.threads.part import Task, begin
from jobsim.threads.shipping import Piece


class Spawned:
    """A process of this host that this one started."""

    def __init__(self, process: Any) -> None:
        self.process = process

    def end(self, seconds: float) -> str:
        """Wait at most `seconds`, then kill it; return how it ended, empty if it ended normally."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(END_S)
            return "did not answer, and was killed"
        code = self.process.exitcode
        if not code:
            return ""
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def left_behind(self, folder: Path, seconds: float) -> Sequence[Piece] | None:
        """Return None: there is nothing to fetch, since it writes where we read."""


def spawned(tasks: Sequence[Task]) -> Iterator[Member]:
    """Start a process for each task, with a pipe that only it and this process hold."""
    context = multiprocessing.get_context("spawn")
    for task in tasks:
        ours, theirs = context.Pipe()
        process = context.Process(
            target=begin, args=(theirs, task), name=f"jobsim-{task.number}", daemon=True
        )
        with _ctrl_c_blocked():
            process.start()
        theirs.close()  # otherwise we would not notice that it is gone
        yield Member(task, ours, Spawned(process))


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Block Ctrl-C while a process starts: it inherits that, and ignores Ctrl-C from the start."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before: Sequence[Any] | set[Any] = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
