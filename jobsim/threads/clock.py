"""Scenario time, laid over a clock that calls are stamped with."""

from __future__ import annotations

import math
import threading
import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jobsim.scenario.ticks import TICKS_PER_SECOND


class Source(Protocol):
    """Where real time comes from; a test brings its own."""

    def now_ns(self) -> int:
        """Return nanoseconds that never decrease."""

    def wait(self, changed: threading.Condition, seconds: float | None) -> None:
        """Wait for a notification or so many seconds; None waits for the notification alone."""


class WallTime:
    """Time as it passes."""

    now_ns = staticmethod(time.perf_counter_ns)

    def wait(self, changed: threading.Condition, seconds: float | None) -> None:
        """Wait for a notification or so many seconds."""
        changed.wait(None if seconds is None else min(seconds, threading.TIMEOUT_MAX))


class Clock(Protocol):
    """How the stamps of calls and the time of a scenario belong together."""

    def now_ns(self) -> int:
        """Return a stamp for a call."""

    def last_ns(self) -> int:
        """Return a stamp that no call to come is before; for any thread."""

    def ticks(self, stamps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the scenario time of stamps, in whole ticks."""


class WallClock:
    """Scenario time since the start of the run: wall time times the speed-up.

    At a speed-up of infinity nothing waits, and a scenario second is a wall second. `start` is
    called before any other thread reads the clock; after that it never changes, so it needs no
    lock.

    Examples
    --------
    >>> clock = WallClock(speedup=2.0)
    >>> clock.start()
    >>> clock.tick(clock.zero_ns + 500_000_000) / TICKS_PER_SECOND
    1.0
    """

    def __init__(self, speedup: float, source: Source | None = None) -> None:
        self.speedup = speedup
        self.source = WallTime() if source is None else source
        self.now_ns = self.last_ns = self.source.now_ns
        self.zero_ns = 0
        self._rate = TICKS_PER_SECOND * 1e-9 * (1.0 if math.isinf(speedup) else speedup)

    def start(self) -> None:
        """Let scenario time begin now."""
        self.zero_ns = self.now_ns()

    def tick(self, ns: int) -> int:
        """Return the tick in which a stamp lies."""
        return math.floor((ns - self.zero_ns) * self._rate)

    def ticks(self, stamps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tick in which each stamp lies: what `tick` says of it."""
        found: NDArray[np.int64] = np.floor((stamps - self.zero_ns) * self._rate).astype(np.int64)
        return found

    def remaining(self, tick: int) -> float:
        """Return the wall seconds until a tick; not positive if it has come."""
        return (tick / self._rate - (self.now_ns() - self.zero_ns)) * 1e-9
