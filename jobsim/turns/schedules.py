"""Schedules that need no plan: first come first served, and random from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from jobsim.turns.protocols import Schedule
from jobsim.turns.world import World

SWITCH = 0.2
"""How likely a seeded schedule hands the turn on at a point."""

SPELL = 200
"""After how many points a varied schedule draws how restless it is."""

SHORT = 1_000
"""Ticks, about a millisecond: waits that end so soon may end while others could go on."""

SLOW = 0.25
"""How likely such a wait ends where a varied schedule hands the turn on."""


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


class Varied(Seeded):
    """Switches often for a while and then seldom; now and then all are too slow for a timeout.

    Some races need many switches close together, others a thread that is left alone for long.

    Parameters
    ----------
    seed
        The same seed gives the same schedule of the same program.
    switches
        How likely the turn is handed on at a point; one of them holds for `SPELL` points.
    """

    def __init__(self, seed: int, switches: Sequence[float]) -> None:
        super().__init__(seed)
        self._switches = switches
        self._left = 0
        self._world: World | None = None

    def begin(self, world: World) -> None:
        """Be told of the run that begins."""
        self._world = world

    def at_point(self, me: int, others: list[int]) -> int:
        """Return one of `others` with the probability that holds for now, `me` otherwise."""
        self._left -= 1
        if self._left < 0:
            self._left = SPELL
            self._switch = self._switches[int(self._draw() * len(self._switches))]
        to = super().at_point(me, others)
        if to != me and self._draw() < SLOW and self._world is not None:
            self._world.pass_time(SHORT)
        return to
