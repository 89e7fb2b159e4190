"""The one world that is under control in this process, and whether the calling thread is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobsim.turns import real

if TYPE_CHECKING:
    from jobsim.turns.world import World


class Here:
    """Holds the one world that is under control in this process."""

    world: World | None = None
    taken = False  # whether a `Control` is entered; set under `control._TAKING`


HERE = Here()


def controlled() -> tuple[World, int] | None:
    """Return the world and the calling thread's number in it, None if it is not under control."""
    world = HERE.world
    if world is None:
        return None
    me = world.numbers.get(real.get_ident())
    return None if me is None else (world, me)
