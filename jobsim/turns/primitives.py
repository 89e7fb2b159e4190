"""Locks that respect turns.

Each contains a real lock and is correct for every thread. A thread that is not under control uses
only the real lock. A controlled thread tries it and, if it would block, waits for its turn instead.
So a lock that was made under control still works after the run, and during the run it may be shared
with other threads, such as those of a Jupyter kernel.
"""

from __future__ import annotations

import math
import sys
from types import FrameType
from typing import Any

from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.turns import real
from jobsim.turns.deadlock import Place, place_of
from jobsim.turns.here import HERE, controlled
from jobsim.turns.world import NOT_NEEDED, Abort, World

EPOCH = {"time": 1_800_000_000, "monotonic": 100_000, "perf_counter": 100_000}
"""What controlled threads read from the clocks when a run begins, in seconds."""


def ticks_of(seconds: float) -> int:
    """Return a length of time in ticks, rounded up: nobody wakes too early."""
    return math.ceil(seconds * TICKS_PER_SECOND)


class TurnLock:
    """A `threading.Lock` that waits for its turn."""

    __slots__ = ("__weakref__", "_made", "_real", "_taken", "holder")

    def __init__(self) -> None:
        self._real = real.allocate_lock()
        self.holder: int | None = None  # ident of the thread that holds it; written by it alone
        self._taken: tuple[Any, int] | None = None
        self._made = place_of(sys._getframe(1))

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; return whether it was taken."""
        found = controlled()
        if found is None:
            return self._acquire_outside(blocking, timeout)
        return self._acquire(*found, blocking, timeout, sys._getframe(1))

    # On 3.11 every call inside these methods is an event of the trace function. Nearly every
    # schedule uses them, so `controlled` and `release` are inlined here.

    def __enter__(self) -> bool:
        world = HERE.world
        me = None if world is None else world.numbers.get(real.get_ident())
        if world is None or me is None:
            return self._acquire_outside(True, -1)
        return self._acquire(world, me, True, -1, sys._getframe(1))

    def __exit__(self, *_: object) -> None:
        self.holder = None
        self._real.release()
        world = HERE.world
        # After the release and without the guard; `World._wait` says why that is safe.
        if world is not None and (self in world.waits.on or world.recorder is not None):
            self._released(world)

    def _acquire_outside(self, blocking: bool, timeout: float) -> bool:
        taken = self._real.acquire(blocking, timeout)
        if taken:
            self.holder = real.get_ident()
        return taken

    def _acquire(
        self,
        world: World,
        me: int,
        blocking: bool,
        timeout: float,
        frame: FrameType,
    ) -> bool:
        """Take the lock, or wait until it is free; the schedule alone decides who gets it."""
        take = self._real.acquire
        if world.aborting:
            # Unwinding code may take a lock again before it releases it, as `Condition.wait` does.
            # No other thread runs now; the holder of the lock will unwind later.
            if take(False):
                self.holder = real.get_ident()
                return True
            raise Abort
        endless = blocking and timeout < 0
        if endless:
            # Tells schedules that while the lock is held this thread could only wait, so that they
            # need not give it a turn.
            world.wants[me] = self._real
        world.step_at_lock(me, frame)
        taken = take(False)
        if not taken and blocking:
            until = None if endless else world.now + ticks_of(timeout)
            while not taken:
                ended = world.wait_unless(self, until, lambda: take(False))
                taken = ended == NOT_NEEDED or take(False)
                if not taken and not ended:
                    break
        if endless:
            del world.wants[me]
        if taken:
            self.holder = real.get_ident()
            self._taken = (frame.f_code, frame.f_lineno)
            if world.recorder is not None:
                world.recorder.lock(me, True, self, frame)
        return taken

    def release(self) -> None:
        """Release the lock; any thread may, as with the real one."""
        self.holder = None
        self._real.release()
        world = HERE.world
        # After the release and without the guard; `World._wait` says why that is safe.
        if world is not None and (self in world.waits.on or world.recorder is not None):
            self._released(world)

    def _released(self, world: World) -> None:
        """Report that the lock is free, and wake the threads that wait for it."""
        if world.recorder is not None and (me := world.me()) is not None:
            world.recorder.lock(me, False, self, sys._getframe(2))
        world.wake(self)

    def locked(self) -> bool:
        """Return whether the lock is held."""
        return self._real.locked()

    def _is_owned(self) -> bool:
        return self._real.locked()

    def _at_fork_reinit(self) -> None:
        self._real = real.allocate_lock()
        self.holder = None

    def reset(self) -> None:
        """Release the lock whoever holds it; for a lock of a module, before the next run."""
        self._at_fork_reinit()

    def label(self) -> str:
        """Return a name for this lock in reports."""
        return f"the lock made at {self._made}" if self._made else "a lock"

    def taken_at(self) -> Place | None:
        """Return where the holder took it."""
        return Place(self._taken[0].co_filename, self._taken[1]) if self._taken else None


class TurnRLock:
    """A `threading.RLock` that waits for its turn."""

    def __init__(self) -> None:
        self.lock = TurnLock()
        self._owner: int | None = None  # written by the holder alone
        self._count = 0  # guarded by lock

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock, also if this thread already holds it; return whether it was taken."""
        return self._enter(blocking, timeout, sys._getframe(1))

    def __enter__(self) -> bool:
        return self._enter(True, -1, sys._getframe(1))

    def _enter(self, blocking: bool, timeout: float, frame: FrameType) -> bool:
        """Take the lock unless this thread holds it; taking it again offers no turn."""
        me = real.get_ident()
        if self._owner == me:  # no other thread writes this thread's ident
            self._count += 1
            return True
        found = controlled()
        lock = self.lock
        if found is None:
            taken = lock._acquire_outside(blocking, timeout)
        else:
            taken = lock._acquire(*found, blocking, timeout, frame)
        if taken:
            self._owner, self._count = me, 1
        return taken

    def release(self) -> None:
        """Release the lock once.

        Raises
        ------
        RuntimeError
            If the calling thread does not hold the lock.
        """
        if self._owner != real.get_ident():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = None
            self.lock.release()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _is_owned(self) -> bool:
        return self._owner == real.get_ident()

    def _recursion_count(self) -> int:
        return self._count if self._is_owned() else 0

    def _release_save(self) -> int:
        count, self._count, self._owner = self._count, 0, None
        self.lock.release()
        return count

    def _acquire_restore(self, count: int) -> None:
        self.lock.acquire()
        self._owner, self._count = real.get_ident(), count

    def _at_fork_reinit(self) -> None:
        self.lock._at_fork_reinit()
        self._owner, self._count = None, 0

    reset = _at_fork_reinit
