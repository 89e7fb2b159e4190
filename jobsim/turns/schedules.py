"""Schedules without a plan: first come first served, and random from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from jobsim.turns.protocols import Schedule
from jobsim.turns.world import World

SWITCH = 0.2
"""The probability that a seeded schedule switches threads at a point."""

SPELL = 200
"""The number of points after which a varied schedule draws a new probability of a switch."""

SHORT = 1_000
"""Ticks, about a millisecond: timed waits that end this soon may end while others can go on."""

SLOW = 0.25
"""The probability that such a wait ends when a varied schedule switches threads."""


class FirstReady(Schedule):
    """Never switches at a point; the thread that became ready first goes on first."""

    def at_point(self, me: int, others: list[int]) -> int:
        """Return `me`."""
        del others
        return me

    def choose(self, ready: list[int]) -> int:
        """Return the thread that has been ready for longest."""
        return ready[0]


class Seeded(Schedule):
    """Switches at a point with a given probability, to any other thread with equal chance.

    Parameters
    ----------
    seed
        The same seed gives the same schedule of the same program.
    switch
        The probability of a switch at a point.
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


class Varied(Seeded):
    """Alternates between many and few switches, and now and then lets a short timeout expire.

    Some races need many switches close together, others a thread that runs undisturbed for long.

    Parameters
    ----------
    seed
        The same seed gives the same schedule of the same program.
    switches
        Probabilities of a switch at a point; each drawn one holds for `SPELL` points.
    """

    def __init__(self, seed: int, switches: Sequence[float]) -> None:
        super().__init__(seed)
        self._switches = switches
        self._left = 0
        self._world: World | None = None

    def begin(self, world: World) -> None:
        """Take note of the run that begins."""
        self._world = world

    def at_point(self, me: int, others: list[int]) -> int:
        """Return one of `others` with the current probability, `me` otherwise."""
        self._left -= 1
        if self._left < 0:
            self._left = SPELL
            self._switch = self._switches[int(self._draw() * len(self._switches))]
        to = super().at_point(me, others)
        if to != me and self._draw() < SLOW and self._world is not None:
            self._world.pass_time(SHORT)
        return to
