"""Threads that ask again and again instead of waiting, and the time that passes for them.

Virtual time moves when nobody can go on, and whoever polls a clock can always go on. So it is made
to wait, each time a little longer: by a part of the time for which it has polled so far. A deadline
is overrun by that part at most, and is reached in a number of looks that grows with its logarithm.
For a thread that polls for ever time stops in the end: nanoseconds have to fit 64 bits.
"""

from __future__ import annotations

READS = 1_000
"""How often a thread may read the clock before it is said to poll it."""

PART = 64
"""A polling thread waits for one in so many of the ticks for which it has polled."""

END = 2**52
"""The tick beyond which nobody polls on: 136 years."""


class Polling:
    """Who polls in one world; for the thread that has the turn."""

    def __init__(self) -> None:
        self._reads: dict[int, int] = {}  # of the clock, by thread, since it last waited
        self._since: dict[int, int] = {}  # the tick at which a thread began to poll

    def reads(self, me: int) -> bool:
        """Count one reading of the clock; return whether the thread polls it."""
        number = self._reads[me] = self._reads.get(me, 0) + 1
        return number > READS

    def until(self, me: int, now: int) -> int:
        """Return up to which tick a thread that polls is to wait; `now` if no time is left."""
        since = self._since.setdefault(me, now)
        return max(now, min(now + 1 + (now - since) // PART, END))

    def forget(self, me: int) -> None:
        """Forget a thread that has waited for something else."""
        self._reads.pop(me, None)
        self._since.pop(me, None)

    def forget_all(self) -> None:
        """Forget everybody, since a call on the repository began or returned."""
        self._reads.clear()
        self._since.clear()
