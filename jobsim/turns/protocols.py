"""What a world asks and tells: who goes on, what happens next, what has happened.

All of it is called by the thread that has the turn, so by one at a time.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from jobsim.turns.world import World


class Schedule(ABC):
    """Decides who goes on.

    Attributes
    ----------
    prunes
        Whether points are left out that can show nothing new; tests compare both.
    most_points
        After so many points a run is ended as a hang, at the same point each time. By default
        there is no such limit, and a hang is noticed by the wall clock alone.
    """

    prunes = True
    most_points = sys.maxsize

    def begin(self, world: World) -> None:
        """Be told of the run that begins; does nothing unless it is overridden."""
        del world

    @abstractmethod
    def at_point(self, me: int, others: list[int]) -> int:
        """Return who goes on at a point: `me`, or one of `others`, which can all go on."""

    def at_lock(self, me: int, others: list[int], *, again: bool) -> int:
        """Return who goes on where `me` is about to take a lock.

        `again` says that the point of the very instruction that takes it has just been offered.
        """
        return me if again else self.at_point(me, others)

    def at_yield(self, me: int, others: list[int]) -> int:
        """Return who goes on where `me` asks that others do."""
        del me
        return self.choose(others)

    @abstractmethod
    def choose(self, ready: list[int]) -> int:
        """Return which of `ready` goes on where the thread with the turn cannot."""


class Recorder(Protocol):
    """Is told what happens in a run, for its explanation."""

    def point(self, me: int, frame: FrameType) -> None:
        """Note that a thread is about to run the instruction at which its frame stands."""
        ...

    def lock(self, me: int, taken: bool, lock: Any, frame: FrameType) -> None:
        """Note that a thread took a lock, or let it go."""
        ...

    def begins(self, step: Any) -> None:
        """Note that the thread with the turn makes a call on the repository."""
        ...

    def returned(self, step: Any, answer: Any) -> None:
        """Note what the call answered."""
        ...


class Calendar(Protocol):
    """What is going to happen in virtual time, beside what the repository itself waits for."""

    def idle(self, limit: int | None) -> bool:
        """Let what is due next happen, since nobody can go on.

        `limit` is the tick at which the first timed wait ends, None without one. An entry
        before it may be taken out, `World.now` set to its tick and threads woken; then the
        answer is True. False leaves time to the timed wait, or ends the run in a deadlock.
        """
        ...
