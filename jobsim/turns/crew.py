"""Threads that run one body after another, so that a schedule costs no thread's start.

A kept thread stands before one gate, and the first turn that it is given opens it: between two
runs nobody has to be woken only to wait again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from jobsim.turns import real

_JOIN_S = 2.0


class Crew:
    """Daemon threads, each with a gate: whoever opens it lets the thread run its body.

    For one thread at a time: the one that explores.
    """

    def __init__(self) -> None:
        self._members: list[_Member] = []

    def gates(self, number: int) -> list[Any]:
        """Return the closed gates of so many threads, which have ended what they ran before."""
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
        """End all threads, which have ended their body."""
        members = self._members
        self.abandon()
        for member in members:
            real.join(member.thread, _JOIN_S)

    def abandon(self) -> None:
        """End each thread as soon as it has ended its body, and wait for none."""
        members, self._members = self._members, []
        for member in members:
            member.body = None
            # Opened by whoever ended a run, and not passed: that will do.
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
            # It hands the turn on when it ends, and the next one may then be set at once: this
            # thread writes nothing after that, and reads only once it is through the gate again.
            body()
