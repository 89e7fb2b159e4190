"""What a world calls: schedules, recorders and calendars.

All methods are called by the thread that has the turn, so by one at a time.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from jobsim.turns.world import World


class Schedule(ABC):
    """Decides which thread goes on.

    Attributes
    ----------
    prunes
        Whether to skip points that can show nothing new; tests compare both settings.
    most_points
        The number of points after which a run ends as a hang, at the same point each time. By
        default there is no limit, and only the wall clock ends a hang.
    """

    prunes = True
    most_points = sys.maxsize

    def begin(self, world: World) -> None:
        """Take note of the run that begins; does nothing by default."""
        del world

    @abstractmethod
    def at_point(self, me: int, others: list[int]) -> int:
        """Return who goes on at a point: `me` or one of `others`, all of which can go on."""

    def at_lock(self, me: int, others: list[int], *, again: bool) -> int:
        """Return who goes on where `me` is about to take a lock.

        `again` says that the schedule was just asked at the instruction that takes the lock.
        """
        return me if again else self.at_point(me, others)

    def at_yield(self, me: int, others: list[int]) -> int:
        """Return who goes on where `me` yields."""
        del me
        return self.choose(others)

    @abstractmethod
    def choose(self, ready: list[int]) -> int:
        """Return which of `ready` goes on if the thread with the turn cannot."""


class Recorder(Protocol):
    """Takes note of what happens in a run, for its explanation."""

    def point(self, me: int, frame: FrameType) -> None:
        """Note that a thread is about to run the instruction at which its frame stands."""
        ...

    def lock(self, me: int, taken: bool, lock: Any, frame: FrameType) -> None:
        """Note that a thread took a lock, or released it."""
        ...

    def begins(self, step: Any) -> None:
        """Note that the thread with the turn makes a call on the repository."""
        ...

    def returned(self, step: Any, answer: Any) -> None:
        """Note what the call answered."""
        ...


class Calendar(Protocol):
    """Events in virtual time, besides those that the repository itself waits for."""

    def idle(self, limit: int | None) -> bool:
        """Make the next event happen, since no thread can go on; return whether there was one.

        `limit` is the tick at which the first timed wait ends, None without one. Only an event
        before it may happen: it sets `World.now` to its tick and wakes threads. After False the
        timed wait ends or, if there is none, the run ends in a deadlock.
        """
        ...
