"""Scenario time that passes in one thread while it is inside a call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class CallTime:
    """The ticks that a call takes, spread over the number of points that it is expected to have.

    Examples
    --------
    >>> call = CallTime(ticks=10, points=4)
    >>> [call.at_point() for _ in range(5)], call.rest
    ([2, 3, 2, 3, 0], 0)
    """

    ticks: int
    points: int
    seen: int = 0
    passed: int = 0

    def at_point(self) -> int:
        """Return how many ticks pass at the next point."""
        self.seen += 1
        # Time spent waiting for a lock comes on top; it is not part of the call's own time.
        share = self.ticks * min(self.seen, self.points) // self.points - self.passed
        self.passed += share
        return share

    @property
    def rest(self) -> int:
        """The ticks that no point has taken."""
        return self.ticks - self.passed
