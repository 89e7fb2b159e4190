"""Scenario time, laid over the wall clock."""

from __future__ import annotations

import math
import threading
import time


class Clock:
    """Scenario seconds since the start of the run: wall time times the speed-up.

    At a speed-up of infinity nothing waits, every deadline has come, and a scenario second is a
    wall second. `start` is called before any other thread reads the clock; after that it never
    changes, so it needs no lock.

    Examples
    --------
    >>> clock = Clock(speedup=2.0)
    >>> clock.start()
    >>> clock.at(clock.zero_ns + 500_000_000)
    1.0
    """

    def __init__(self, speedup: float) -> None:
        self.speedup = speedup
        self.never_waits = math.isinf(speedup)
        self.zero_ns = 0
        self.seconds_per_ns = 1e-9 * (1.0 if self.never_waits else speedup)

    def start(self) -> None:
        """Let scenario time begin now."""
        self.zero_ns = time.perf_counter_ns()

    def at(self, ns: int) -> float:
        """Return the scenario time of a reading of `time.perf_counter_ns`."""
        return (ns - self.zero_ns) * self.seconds_per_ns

    def now(self) -> float:
        """Return the scenario time."""
        return self.at(time.perf_counter_ns())

    def remaining(self, when: float) -> float:
        """Return the wall seconds until scenario time `when`; not positive if it has come."""
        if self.never_waits:
            return 0.0
        wall = when / self.speedup - (time.perf_counter_ns() - self.zero_ns) * 1e-9
        return min(wall, threading.TIMEOUT_MAX)

    def wait_until(self, when: float, stop: threading.Event) -> bool:
        """Wait for scenario time `when`; return False if `stop` came first.

        The deadline is absolute, so lateness does not add up over many waits.
        """
        if self.never_waits:
            return not stop.is_set()
        wall = self.remaining(when)
        return not (stop.wait(wall) if wall > 0 else stop.is_set())
