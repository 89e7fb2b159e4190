"""What is replaced in the library while threads are under control, and put back afterwards.

Each replacement answers controlled threads by the turn and any other thread as ever. That is
what lets a Jupyter kernel, a progress bar or a coverage measurement go on beside a run.
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
        Called after every `sys.settrace`, by whoever.
    draws
        Answers `os.urandom` for controlled threads.
    points
        The points that a debugger has to offer.

    Attributes
    ----------
    factories
        Original and replacement by the original's id, for those who hold the original.
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
            # Made at import, held while a pool starts a thread.
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
        """Replace; the garbage collector rests, for it would run finalizers at odd moments.

        What is garbage already stays so until the end: to collect it here costs a walk over the
        whole heap, tenths of a second in a notebook.
        """
        self._collects = gc.isenabled()
        gc.disable()
        for owner, name, new in self._plan:
            # Looked up in the class's own dictionary: a function, not a bound one.
            self._undo.append((owner, name, vars(owner)[name]))
            setattr(owner, name, new)

    def end(self) -> None:
        """Put everything back."""
        while self._undo:
            owner, name, old = self._undo.pop()
            setattr(owner, name, old)
        if self._collects:
            gc.enable()

    def _settrace(self, function: Any) -> None:
        real.settrace(function)
        self._rearm()


def _handle(handler: logging.Handler, record: logging.LogRecord) -> Any:
    """Handle a log record without offering the turn: a handler's lock was made at import."""
    world = HERE.world
    if world is None or controlled() is None:
        return real.handle(handler, record)
    world.held += 1
    try:
        return real.handle(handler, record)
    finally:
        world.held -= 1
