"""Threads that run one body after another, so that a schedule need not start threads.

A kept thread waits at one gate, which its first turn in the next run opens: between two runs no
thread is woken only to wait again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from jobsim.turns import real

_JOIN_S = 2.0


class Crew:
    """Daemon threads, each with a gate: opening it lets the thread run its body.

    For one thread: the one that explores.
    """

    def __init__(self) -> None:
        self._members: list[_Member] = []

    def gates(self, number: int) -> list[Any]:
        """Return the closed gates of this many threads, which have ended their last bodies."""
        while len(self._members) < number:
            self._members.append(_Member())
        return [member.gate for member in self._members[:number]]

    def give(self, place: int, name: str, body: Callable[[], None]) -> None:
        """Let the thread at `place` run a body once its gate is opened."""
        member = self._members[place]
        if member.thread.name != name:
            member.thread.name = name
        member.body = body

    def dismiss(self) -> None:
        """End all threads and wait for them; they have ended their bodies."""
        members = self._members
        self.abandon()
        for member in members:
            real.join(member.thread, _JOIN_S)

    def abandon(self) -> None:
        """Let each thread end after its body, without waiting for it."""
        members, self._members = self._members, []
        for member in members:
            member.body = None
            # It may be open already, if the end of a run opened it: that will do.
            with contextlib.suppress(RuntimeError):
                member.gate.release()


class _Member:
    def __init__(self) -> None:
        self.gate = real.allocate_lock()
        self.gate.acquire()
        self.body: Callable[[], None] | None = None  # written before the gate opens
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread._started = real.event()  # type: ignore[attr-defined]
        real.start(self.thread)

    def _loop(self) -> None:
        while True:
            self.gate.acquire()
            body, self.body = self.body, None
            if body is None:
                return
            # At its end the body passes the turn on, and the next body may then be set at once. So
            # this thread writes nothing after it, and reads only after passing the gate again.
            body()
