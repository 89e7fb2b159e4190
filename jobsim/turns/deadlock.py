"""Describes a deadlock: which thread holds what and waits for what, with source lines."""

from __future__ import annotations

import linecache
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobsim.turns.world import World

_HERE = f"{Path(__file__).resolve().parent}{os.sep}"
_LIBRARY = {"threading", "queue", "concurrent.futures.thread", "concurrent.futures._base"}


@dataclass(frozen=True)
class Place:
    """A line of source code."""

    file: str
    line: int

    @property
    def text(self) -> str:
        """The line without its indentation; empty where the source cannot be read."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        text = self.text
        return f"{Path(self.file).name}:{self.line}{': ' if text else ''}{text}"


@dataclass(frozen=True)
class Blocked:
    """One thread of a deadlock."""

    thread: str
    waits_for: str
    held_by: str | None
    at: Place | None
    holds: tuple[str, ...]

    def __str__(self) -> str:
        by = f", held by {self.held_by}" if self.held_by else ""
        at = f", at {self.at}" if self.at else ""
        holds = f"; holds {', '.join(self.holds)}" if self.holds else ""
        return f"{self.thread} waits for {self.waits_for}{by}{at}{holds}"


@dataclass(frozen=True)
class Deadlock:
    """Threads of which none can go on.

    Attributes
    ----------
    threads
        The waiting threads, in order of their numbers.
    """

    threads: tuple[Blocked, ...]

    def __str__(self) -> str:
        lines = [f"  {thread}" for thread in self.threads]
        return "\n".join(["deadlock: nobody can go on", *lines])


def describe(world: World) -> Deadlock:
    """Return which thread waits for what; called under the world's guard when none can go on."""
    idents = dict(world.numbers)
    locks: dict[int, Any] = {id(entry.on): entry.on for entry in world.waits.of.values()}
    blocked = []
    for number, entry in sorted(world.waits.of.items()):
        holder = idents.get(getattr(entry.on, "holder", None) or -1)
        holds = tuple(
            f"{lock.label()}, taken at {lock.taken_at()}"
            for lock in locks.values()
            if idents.get(getattr(lock, "holder", None) or -1) == number
        )
        blocked.append(
            Blocked(
                thread=world.names[number],
                waits_for=_label(world, entry.on),
                held_by=None if holder is None else world.names[holder],
                at=place_of(world.frame_of(number)),
                holds=holds,
            )
        )
    return Deadlock(tuple(blocked))


def _label(world: World, on: Any) -> str:
    if hasattr(on, "label"):
        return str(on.label())
    if isinstance(on, tuple) and on[0] == "join":
        return f"the end of {world.names[on[1]]}"
    return f"{on!r:.60}" if isinstance(on, str | tuple) else "a time that never comes"


def place_of(frame: FrameType | None) -> Place | None:
    """Return where a thread stands, outside the code of this package and of `threading`."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module not in _LIBRARY and not frame.f_code.co_filename.startswith(_HERE):
            return Place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def caller(depth: int) -> FrameType | None:
    """Return a frame of the calling thread, None where the stack is not that deep."""
    try:
        return sys._getframe(depth + 1)
    except ValueError:
        return None
