"""Scenario time, and its relation to the clock that stamps calls."""

from __future__ import annotations

import math
import threading
import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jobsim.scenario.ticks import TICKS_PER_SECOND


class Source(Protocol):
    """The source of real time; tests replace it."""

    def now_ns(self) -> int:
        """Return nanoseconds that never decrease."""

    def wait(self, changed: threading.Condition, seconds: float | None) -> None:
        """Wait for a notification, but at most `seconds`; None sets no limit."""


class WallTime:
    """Time as it passes."""

    now_ns = staticmethod(time.perf_counter_ns)

    def wait(self, changed: threading.Condition, seconds: float | None) -> None:
        """Wait for a notification, but at most `seconds`; None sets no limit."""
        changed.wait(None if seconds is None else min(seconds, threading.TIMEOUT_MAX))


class Clock(Protocol):
    """Stamps calls, and converts stamps to scenario time."""

    def now_ns(self) -> int:
        """Return a stamp for a call."""

    def last_ns(self) -> int:
        """Return a stamp that is not later than that of any future call; for any thread."""

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
        """Start scenario time now."""
        self.zero_ns = self.now_ns()

    def tick(self, ns: int) -> int:
        """Return the tick in which a stamp lies."""
        return math.floor((ns - self.zero_ns) * self._rate)

    def ticks(self, stamps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tick in which each stamp lies; `tick` for arrays."""
        found: NDArray[np.int64] = np.floor((stamps - self.zero_ns) * self._rate).astype(np.int64)
        return found

    def remaining(self, tick: int) -> float:
        """Return the wall seconds until a tick; not positive if it has passed."""
        return (tick / self._rate - (self.now_ns() - self.zero_ns)) * 1e-9
