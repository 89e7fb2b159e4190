"""Event loops of asyncio in a controlled thread: a selector that waits for its turn."""

from __future__ import annotations

import asyncio
import math
from asyncio.selector_events import BaseSelectorEventLoop
from typing import Any

from jobsim.turns import real
from jobsim.turns.here import controlled
from jobsim.turns.primitives import ticks_of
from jobsim.turns.threads import Either

_write_to_self = BaseSelectorEventLoop._write_to_self  # type: ignore[attr-defined]
_init = BaseSelectorEventLoop.__init__


class _Waiting(real.Selector):
    """Polls without blocking, and if nothing is ready waits in virtual time."""

    def select(self, timeout: float | None = None) -> Any:
        """Return what is ready, at once, after the loop is woken, or after the timeout."""
        found = controlled()
        if found is None:
            return super().select(timeout)
        world, _ = found
        endless = timeout is None or math.isinf(timeout)
        until = None if endless else world.now + ticks_of(max(timeout or 0, 0))
        while True:
            ready = super().select(0)
            if ready or (timeout is not None and timeout <= 0):
                return ready
            if not world.wait(("select", id(self)), until):
                return []


class TurnSelector(metaclass=Either):
    """Makes such a selector in a controlled thread, and a real one in any other."""

    kinds = (real.Selector,)

    def __new__(cls) -> Any:
        """Return the selector; no instance of this class exists."""
        return real.Selector() if controlled() is None else _Waiting()


def write_to_self(loop: Any) -> None:
    """Wake a loop from another thread: through its own socket, and in virtual time."""
    _write_to_self(loop)
    found = controlled()
    if found is not None:
        found[0].wake(("select", id(loop._selector)))


def init(loop: Any, *args: Any, **kwargs: Any) -> None:
    """Make a loop as usual, and remember one that a controlled thread makes."""
    _init(loop, *args, **kwargs)
    found = controlled()
    if found is not None:
        found[0].loops.append(loop)


def close(loops: list[Any]) -> None:
    """Close the loops of a run that are still open; its threads have ended.

    Otherwise their sockets would stay open, two thousand after a thousand schedules.
    """
    for loop in loops:
        if loop.is_closed() or loop.is_running():
            continue
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()
    loops.clear()
