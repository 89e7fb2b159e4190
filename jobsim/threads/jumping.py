"""The calendar on a clock that jumps: one thread runs at a time, and no thread waits in real time.

The threads take turns under `jobsim.turns`. When none can go on, `TurnsDesk.idle` takes the next
entry of the calendar, and time jumps to it. So only the thread that has the turn uses the play,
which needs no lock.

In a fair run the desk hands out one call at a time, in the order of the calendar: the next one
only when no thread can go on, which means that the last has been answered. The compiled loop does
the same in virtual time, so both agree to the tick. In a run from a seed, all calls that are due at
an instant are handed out at once, and the schedule draws which goes first.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jobsim.threads.play import Call, Play
from jobsim.turns.world import World
from jobsim.virtual.state import FAR, NOW


class Timed(Protocol):
    """The holder of the virtual time."""

    now: int

    def progress(self) -> None:
        """Take note that a call begins or has returned."""


class Stamps:
    """Stamps calls in virtual nanoseconds, with a counter within each instant.

    Each stamp is later than the one before, by one nanosecond if the instant is the same, which is
    less than a tick. So stamps keep the true order of calls, and a history says no less than on a
    wall clock. Only the thread that has the turn takes stamps. The first stamp of each instant is
    kept, so that stamps can be converted back to instants.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> world = SimpleNamespace(now=0, progress=lambda: None)
    >>> stamps = Stamps(world)
    >>> stamps.now_ns(), stamps.now_ns()
    (0, 1)
    >>> world.now = 2**20
    >>> later = stamps.now_ns()
    >>> later, stamps.ticks(np.array([1, later])).tolist()
    (1000000000, [0, 1048576])
    """

    def __init__(self, world: Timed) -> None:
        self._world = world
        self._tick = 0
        self._last = -1
        self._first = [0]  # the first stamp of each instant that has one
        self._instants = [0]
        self.zero_ns = 0

    def now_ns(self) -> int:
        """Return the next stamp."""
        self._world.progress()
        tick = self._world.now
        if tick > self._tick:
            self._tick = tick
            # A tick is 5**9 / 2**11 ns. Many stamps in one instant may reach into later ones.
            self._last = max(self._last, tick * 5**9 // 2**11 - 1)
            # The instant first: `ticks` reads the two in the other order, so it finds the
            # instant of every first stamp that it sees.
            self._instants.append(tick)
            self._first.append(self._last + 1)
        self._last += 1
        return self._last

    def last_ns(self) -> int:
        """Return the last stamp; for any thread."""
        return self._last

    def ticks(self, stamps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the instant of each stamp, in ticks; -1 for what never returned; any thread."""
        place = np.searchsorted(np.array(self._first), stamps, side="right") - 1
        found: NDArray[np.int64] = np.array(self._instants, dtype=np.int64)[np.maximum(place, 0)]
        return np.where(stamps < 0, -1, found)


class TurnsDesk:
    """Hands out calls when no thread can go on; for the thread that has the turn.

    Parameters
    ----------
    play
        The calendar and its rules.
    world
        The threads that take turns.
    fair
        Whether to hand out one call at a time.
    """

    def __init__(self, play: Play, world: World, *, fair: bool) -> None:
        self._play = play
        self._world = world
        self._fair = fair
        self._calls: list[list[Call]] = [[] for _ in range(play.actors)]  # the next one last
        self._begun = False
        self._over = False

    def begin(self) -> None:
        """Start scenario time; before that, nothing falls due."""
        self._begun = True

    def next(self, actor: int) -> Call | None:
        """Wait for the actor's next call; None if there will be no more."""
        while not self._calls[actor]:
            if self._over:
                return None
            self._world.wait(("desk", actor))
        return self._calls[actor].pop()

    def done(self, call: Call, outcome: int, returned_ns: int) -> None:
        """Apply the rules to an answer."""
        del returned_ns  # it is now
        self._play.answer(call, outcome, self._world.now)
        if not self._fair:
            self._hand_out(self._world.now)

    def wait_for_end(self) -> None:
        """Wait until nothing more can happen."""
        while not self._over:
            self._world.wait("the end")

    def idle(self, limit: int | None) -> bool:
        """Take the next entry of the calendar; see `jobsim.turns.protocols.Calendar`.

        At the same instant, timed waits of threads end before calls fall due.
        """
        if not self._begun or self._over:
            return False
        found = self._hand_out(FAR - 1 if limit is None else limit - 1)
        if not found and self._play.over:
            self._over = found = True
            self._world.wake("the end")
            for actor in range(self._play.actors):
                self._world.wake(("desk", actor))
        return found

    def _hand_out(self, until: int) -> bool:
        """Hand out the next call up to a tick, and all others of its instant unless it is fair."""
        due = self._play.next(until)
        if due is None:
            return False
        now = max(self._world.now, self._play.sim.state[NOW])
        self._world.now = now
        while due is not None:
            actor, call = due
            self._calls[actor].insert(0, call)
            self._world.wake(("desk", actor))
            due = None if self._fair else self._play.next(now)
        return True
