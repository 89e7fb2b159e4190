"""Schedules that need no plan: first come first served, and random from a seed."""

from __future__ import annotations

import random

from jobsim.turns.world import Schedule

SWITCH = 0.2
"""How likely a seeded schedule hands the turn on at a point."""


class FirstReady(Schedule):
    """Never switches at a point; who became ready first goes on first."""

    def at_point(self, me: int, others: list[int]) -> int:
        """Return `me`."""
        del others
        return me

    def choose(self, ready: list[int]) -> int:
        """Return who has been ready for longest."""
        return ready[0]


class Seeded(Schedule):
    """Switches at a point with a probability, to anybody alike.

    Parameters
    ----------
    seed
        The same seed gives the same schedule of the same program.
    switch
        How likely the turn is handed on at a point.
    """

    def __init__(self, seed: int, switch: float = SWITCH) -> None:
        self._draw = random.Random(seed).random  # noqa: S311 - no secret
        self._switch = switch

    def at_point(self, me: int, others: list[int]) -> int:
        """Return one of `others` with the probability of a switch, `me` otherwise."""
        if self._draw() >= self._switch:
            return me
        return others[int(self._draw() * len(others))]

    def choose(self, ready: list[int]) -> int:
        """Return any of them."""
        return ready[int(self._draw() * len(ready))]
