"""Threads that poll a clock instead of waiting, and the time that passes for them.

Virtual time moves when no thread can go on, but a thread that polls a clock can always go on. So
it is made to wait, each time a little longer: by a fraction of the time for which it has polled so
far. It overruns a deadline by that fraction at most, and reaches it after a number of polls that
grows with the logarithm of the time. For a thread that polls for ever time stops in the end:
nanoseconds have to fit 64 bits.
"""

from __future__ import annotations

READS = 1_000
"""How often a thread may read the clock before it counts as polling."""

PART = 64
"""A polling thread waits for this fraction, 1 / 64, of the time for which it has polled."""

END = 2**52
"""The tick after which time no longer passes for polling threads: 136 years."""


class Polling:
    """The threads of one world that poll; for the thread that has the turn."""

    def __init__(self) -> None:
        self._reads: dict[int, int] = {}  # of the clock, by thread, since it last waited
        self._since: dict[int, int] = {}  # the tick at which a thread began to poll

    def reads(self, me: int) -> bool:
        """Count one reading of the clock; return whether the thread polls it."""
        number = self._reads[me] = self._reads.get(me, 0) + 1
        return number > READS

    def until(self, me: int, now: int) -> int:
        """Return the tick until which a polling thread has to wait; `now` if no time is left."""
        since = self._since.setdefault(me, now)
        return max(now, min(now + 1 + (now - since) // PART, END))

    def forget(self, me: int) -> None:
        """Forget a thread that has waited for something else."""
        self._reads.pop(me, None)
        self._since.pop(me, None)

    def forget_all(self) -> None:
        """Forget all threads, since a call on the repository began or returned."""
        self._reads.clear()
        self._since.clear()
