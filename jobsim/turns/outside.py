"""Detects a thread that blocks where control does not reach: in a database, in C.

The thread that called `Control.run` looks every few milliseconds. A thread that has the turn and
takes no step may be computing; the operating system knows whether it sleeps. Linux says so in
`/proc`. Elsewhere the only evidence, and a weaker one, is a long time without a step.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from jobsim.turns import real
from jobsim.turns.deadlock import place_of
from jobsim.turns.world import World

LOOK_S = 0.002
"""How often the watching thread looks."""

SLEEPING = 3
"""How many looks in a row must find the thread asleep. A thread that waits for the interpreter
lock sleeps too, but not during a look: then the looking thread has released the lock."""

BLIND_S = 0.05
"""After how long without a step a thread counts as blocked, where there is no `/proc`."""

_TASKS = Path("/proc/self/task")
_HAS_PROC = sys.platform == "linux" and _TASKS.exists()


class Watch:
    """Looks at one run; for the thread that waits for its end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: tuple[int | None, int, int] | None = None
        self._still = 0
        self._since = real.CLOCKS["monotonic"]()
        self._handed: tuple[int, int] | None = None
        self._alone_since = self._since

    def spins(self) -> float:
        """Return for how many seconds one thread has had the turn without virtual time passing.

        It may be computing, or it may be waiting in a loop for something that never happens.
        """
        world, now = self._world, real.CLOCKS["monotonic"]()
        handed = (world.handed, world.now)
        if handed != self._handed:
            self._handed, self._alone_since = handed, now
        return float(now - self._alone_since)

    def look(self) -> float:
        """Look once; return for how many seconds nothing has moved."""
        world = self._world
        now = real.CLOCKS["monotonic"]()
        seen = (world.current, world.points, world.handed)
        if seen != self._seen:
            self._seen, self._still, self._since = seen, 0, now
            return 0.0
        suspect = seen[0]
        if suspect is not None and not world.held and self._asleep(suspect, now):
            self._still += 1
            if self._still >= SLEEPING or not _HAS_PROC:
                place = place_of(world.frame_of(suspect))
                world.set_aside(suspect, seen[1], seen[2], str(place or "?"))
                self._still = 0
        else:
            self._still = 0
        return float(now - self._since)

    def _asleep(self, number: int, now: float) -> bool:
        """Return whether the thread sleeps; without `/proc`, whether it took no step for long."""
        if not _HAS_PROC:
            return bool(now - self._since > BLIND_S)
        native = _native_id(self._world, number)
        if native is None:
            return False
        try:
            # A descriptor and not a file object: if Ctrl-C came before a file object was closed,
            # Python would warn about an unclosed file.
            file = os.open(_TASKS / str(native) / "stat", os.O_RDONLY)
        except OSError:  # it has just ended
            return False
        try:
            stat = os.read(file, 4096)
        except OSError:
            return False
        finally:
            os.close(file)
        # The name in parentheses may contain any character.
        return stat.rpartition(b")")[2].split()[0] == b"S"


def _native_id(world: World, number: int) -> int | None:
    for ident, owner in list(world.numbers.items()):
        if owner == number:
            thread = threading._active.get(ident)  # type: ignore[attr-defined]
            return None if thread is None else thread.native_id
    return None
