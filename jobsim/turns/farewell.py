"""Ends the threads that are left when a run is over: each unwinds alone, by an exception."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import queue
from collections.abc import Sequence

from jobsim.turns.world import Abort, World

_FAREWELL_S = 0.5
"""How long a thread may take to unwind before it is sent an exception, and again after that."""


def end_threads(world: World, numbers: Sequence[int]) -> tuple[str, ...]:
    """Let threads unwind one after another; return the names of those that did not end.

    For the thread that made the world, once `over` and `aborting` are set under its guard.
    """
    silenced = logging.getLogger("concurrent.futures")
    was, silenced.disabled = silenced.disabled, True  # a pool logs the exception in its threads
    try:
        return tuple(world.names[number] for number in numbers if not _ends(world, number))
    finally:
        silenced.disabled = was


def _ends(world: World, number: int) -> bool:
    """Let one thread unwind, alone; return whether it ended.

    One that blocks outside control, or computes without a point, is sent an exception.
    """
    if number in world.ended:
        return True
    # If the gate is open already, its thread is passing it and sees `aborting` there.
    with contextlib.suppress(RuntimeError):
        world.gates[number].release()
    if _has_ended(world, number):
        return True
    for ident, owner in list(world.numbers.items()):
        if owner == number:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(ident), ctypes.py_object(Abort)
            )
    return _has_ended(world, number)


def _has_ended(world: World, number: int) -> bool:
    """Wait a moment for the end of a thread; return whether it has ended."""
    while number not in world.ended:
        try:
            world.farewell.get(timeout=_FAREWELL_S)
        except queue.Empty:
            break
    return number in world.ended
