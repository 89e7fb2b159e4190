"""What each thread waits for, and until when."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass
class Waiting:
    """What a thread that cannot go on waits for."""

    on: Hashable
    until: int | None
    timed_out: bool = False


class Waits:
    """The waits of one world; every method is called under the world's guard.

    Attributes
    ----------
    of
        What each thread waits for, by its number; guarded by the world's guard.
    on
        Numbers of threads by what they wait on. Written under the guard; a membership test is
        atomic, so any thread may make one.
    """

    def __init__(self) -> None:
        self.of: dict[int, Waiting] = {}
        self.on: dict[Hashable, list[int]] = {}
        self._timers: list[tuple[int, int, int, Waiting]] = []  # a heap
        self._order = itertools.count()

    def add(self, number: int, entry: Waiting) -> None:
        """Add a wait; `set_timer` adds its time limit."""
        self.of[number] = entry
        self.on.setdefault(entry.on, []).append(number)

    def set_timer(self, number: int, entry: Waiting) -> None:
        """Add the time limit of a wait, if it has one."""
        if entry.until is not None:
            heapq.heappush(self._timers, (entry.until, next(self._order), number, entry))

    def forget(self, number: int) -> None:
        """Remove the wait of a thread, if it has one."""
        entry = self.of.pop(number, None)
        if entry is not None:
            waiters = self.on.get(entry.on, [])
            if number in waiters:
                waiters.remove(number)
                if not waiters:
                    del self.on[entry.on]

    def end(self, on: Hashable) -> list[int]:
        """End all waits on this; return their threads, the longest waiting first."""
        numbers = self.on.pop(on, [])
        for number in numbers:
            self.of.pop(number, None)
        return numbers

    @property
    def timed(self) -> bool:
        """Whether time may end a wait, perhaps one that is already over; for any thread."""
        return bool(self._timers)

    def first_limit(self) -> int | None:
        """Return when the first timed wait ends, None without one."""
        timers = self._timers
        # An entry whose wait was ended by a wake-up is stale.
        while timers and self.of.get(timers[0][2]) is not timers[0][3]:
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def end_first(self) -> tuple[int, int]:
        """End the timed wait that `first_limit` found; return its tick and its thread."""
        limit, _, number, entry = heapq.heappop(self._timers)
        entry.timed_out = True
        self.forget(number)
        return limit, number
