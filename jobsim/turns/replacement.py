"""What is replaced in the library while threads are under control, and restored afterwards.

Each replacement makes controlled threads take turns, and behaves as usual in any other thread. So a
Jupyter kernel, a progress bar or a coverage measurement can go on during a run.
"""

from __future__ import annotations

import asyncio.selector_events
import concurrent.futures.thread
import gc
import logging
import os
import queue
import random
import selectors
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from jobsim.turns import chance, debugger, loops, real, threads
from jobsim.turns.here import HERE, controlled
from jobsim.turns.points import Points
from jobsim.turns.primitives import EPOCH, TurnLock


class Replacement:
    """The library's names, replaced between `begin` and `end`.

    Parameters
    ----------
    rearm
        Called after every `sys.settrace`, in any thread.
    draws
        Replaces `os.urandom` for controlled threads.
    points
        The points at which a debugger has to offer the turn.

    Attributes
    ----------
    factories
        Each original and its replacement by the original's id, for modules that hold the original.
    """

    def __init__(self, rearm: Callable[[], None], draws: chance.Draws, points: Points) -> None:
        self._rearm = rearm
        self._undo: list[tuple[Any, str, Any]] = []
        self._collects = False
        clocks = {
            name: threads.clock(name, EPOCH[name.removesuffix("_ns")]) for name in real.CLOCKS
        }
        monotonic = clocks["monotonic"]
        self._plan: list[tuple[Any, str, Any]] = [
            (threading, "Lock", threads.Lock),
            (threading, "RLock", threads.RLock),
            (threading, "_allocate_lock", threads.Lock),
            (threading, "_time", monotonic),
            (threading.Thread, "start", threads.start),
            (threading.Thread, "join", threads.join),
            (threading.Thread, "is_alive", threads.is_alive),
            (queue, "SimpleQueue", threads.SimpleQueue),
            (queue, "time", monotonic),
            (time, "sleep", threads.sleep),
            *[(time, name, clock) for name, clock in clocks.items()],
            (os, "urandom", draws.urandom),
            (random, "_urandom", draws.urandom),
            (selectors, "DefaultSelector", loops.TurnSelector),
            (asyncio.selector_events.BaseSelectorEventLoop, "__init__", loops.init),
            (
                asyncio.selector_events.BaseSelectorEventLoop,
                "_write_to_self",
                loops.write_to_self,
            ),
            # A lock made at import, which is held while a pool starts a thread.
            (concurrent.futures.thread, "_global_shutdown_lock", TurnLock()),
            (logging.Handler, "handle", _handle),
            (sys, "settrace", self._settrace),
            (sys, "breakpointhook", debugger.hook(points)),
        ]
        originals = [
            (real.Lock, threads.Lock),
            (real.RLock, threads.RLock),
            (real.allocate_lock, threads.Lock),
            (real.SimpleQueue, threads.SimpleQueue),
            (real.sleep, threads.sleep),
            (real.urandom, draws.urandom),
            *[(real.CLOCKS[name], clock) for name, clock in clocks.items()],
        ]
        self.factories = {id(old): (old, new) for old, new in originals}

    def begin(self) -> None:
        """Replace the names, and turn garbage collection off: finalizers must not run at any time.

        What is garbage already is not collected first: that would walk over the whole heap, tenths
        of a second in a notebook.
        """
        self._collects = gc.isenabled()
        gc.disable()
        for owner, name, new in self._plan:
            # From the owner's own dictionary: the plain attribute, not a bound or inherited one.
            self._undo.append((owner, name, vars(owner)[name]))
            setattr(owner, name, new)

    def end(self) -> None:
        """Restore everything."""
        while self._undo:
            owner, name, old = self._undo.pop()
            setattr(owner, name, old)
        if self._collects:
            gc.enable()

    def _settrace(self, function: Any) -> None:
        real.settrace(function)
        self._rearm()


def _handle(handler: logging.Handler, record: logging.LogRecord) -> Any:
    """Handle a log record without offering the turn, since the handler's lock is a real one."""
    world = HERE.world
    if world is None or controlled() is None:
        return real.handle(handler, record)
    world.held += 1
    try:
        return real.handle(handler, record)
    finally:
        world.held -= 1
