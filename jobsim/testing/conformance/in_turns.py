"""Runs a check in turns drawn from a seed: the same seed gives the same calls and answers."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable
from typing import Any

from jobsim.domain.text import exception_text
from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.testing.conformance.ends import Escaped, FactoryFailed
from jobsim.testing.conformance.pressure import Pressure
from jobsim.testing.conformance.trial import Options, Trial
from jobsim.threads.daemons import replaced_by
from jobsim.turns.control import Control, ControlError, FactoryError
from jobsim.turns.schedules import Varied
from jobsim.turns.world import World

SWITCHES: dict[Pressure, tuple[float, ...]] = {
    Pressure.THREADS: (0.01,),
    Pressure.BARRIER: (0.05,),
    Pressure.PERTURBED: (0.3, 0.1, 0.03),
}
"""Probabilities of a switch at a point; they alternate at random during a race."""

SHARES: dict[Pressure, float] = {
    Pressure.THREADS: 1.0,
    Pressure.BARRIER: 0.5,
    Pressure.PERTURBED: 0.5,
}
"""The share of the rounds that is played: a round in turns shows more than one of free threads."""

STEP_NS = 1_000
"""By how much the clock of the calls advances each time that it is read."""

PATIENCE = 6.0
"""How long a check may take in turns on the wall clock, in time limits of a check."""

_NAME = "jobsim check"


def play_in_turns(
    name: str,
    factory: Callable[[], Any],
    pressure: Pressure,
    options: Options,
    play: Callable[[Trial], None],
) -> Trial:
    """Make a trial of a repository and play it in turns.

    Parameters
    ----------
    name
        Of the check; each check draws different turns.
    factory
        Makes the repository.
    pressure
        Of the check: it decides which rounds begin together, and how often threads are switched.
    options
        As the user gave them.
    play
        Makes the calls; it runs in a controlled thread, and the threads that it starts are
        controlled as well.

    Raises
    ------
    Escaped
        If control does not hold: something blocks outside it, or nothing has a point.
    FactoryFailed
        If the factory raises.
    """
    # Several instances share only their store, which control does not reach.
    if options.instances > 1:
        raise Escaped("several instances share one store")
    if replaced_by():
        raise Escaped(f"threads are those of {replaced_by()}")
    # Not `hash`, which differs from process to process for texts.
    seed = zlib.crc32(f"{options.seed} {name}".encode())
    try:
        with Control(seed=seed) as control:
            made = _made(control, factory)
            world = control.world
            assert world is not None  # noqa: S101 - `make` has opened it
            trial = Trial(
                lambda: made,
                pressure=pressure,
                options=options,
                clock_ns=_clock(world),
                share=SHARES[pressure],
            )

            def give_up() -> None:
                if world.outside:
                    raise Escaped(
                        "a thread blocks outside control, at {1}".format(*world.outside[0])
                    )

            control.spawn(_NAME, lambda: play(trial))
            end = control.run(
                Varied(seed, SWITCHES[pressure]),
                time_limit=PATIENCE * options.time_limit,
                on_tick=give_up,
            )
            # Again, since a thread may have blocked after the last tick.
            give_up()
    except ControlError as error:
        raise Escaped(str(error)) from error
    if _NAME in end.errors:
        raise end.errors[_NAME]
    if end.stopped is not None:
        raise Escaped(f"the turns ended early ({end.stopped})")
    # Without a point no call was ever interrupted, and a race that passes says nothing.
    if not end.points:
        raise Escaped("it has no code of its own that could be switched in")
    return trial


def _made(control: Control, factory: Callable[[], Any]) -> Any:
    """Call the factory under control; what it raises is reported as in any other check."""
    try:
        return control.make(factory)
    except FactoryError as error:
        raise Escaped(f"the factory does not work under control: {error}") from error
    except Exception as exc:
        raise FactoryFailed(f"the factory raised {exception_text(exc)}") from exc


def _clock(world: World) -> Callable[[], int]:
    """Return a clock of virtual time that advances with each reading, so that it orders calls."""
    # Shared by all threads: `next` is one step in C, and only the one that has the turn reads it.
    steps = itertools.count()

    def now_ns() -> int:
        world.progress()
        return world.now * 1_000_000_000 // TICKS_PER_SECOND + STEP_NS * next(steps)

    return now_ns
