"""The check that runs small programs under every schedule, for the list of checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jobsim.testing.explore.explore import explore_repository
from jobsim.turns.control import ControlError, FactoryError

if TYPE_CHECKING:
    from jobsim.testing.conformance.trial import Options
    from jobsim.testing.explore.exploration import Exploration

BUDGET = 14_000
"""How many schedules the check runs at scale 1: some seconds for a repository in memory."""

MIXED = 400
"""How many longer programs it samples at scale 1."""

PATIENCE = 6.0
"""How long this check may take, in time limits of a check; only slow repositories need it all."""


class NotExplored(Exception):  # noqa: N818 - a finding, not a fault
    """The repository cannot be explored here; the text says why."""


def every_schedule(factory: Callable[[], Any], options: Options) -> Exploration:
    """Explore a repository as far as the scale says.

    Raises
    ------
    NotExplored
        If control cannot be had, or instances share one store: then the races stand alone.
    """
    if options.instances > 1:
        raise NotExplored("several instances share one store; schedules are run on fresh ones")
    try:
        return explore_repository(
            factory,
            preemptions=options.preemptions,
            budget=max(int(BUDGET * options.scale), 1),
            mixed=int(MIXED * options.scale),
            seed=options.seed,
            time_limit=PATIENCE * options.time_limit,
            illegal=options.illegal,
            not_found=options.not_found,
            retryable=options.retryable,
        )
    except ControlError as error:
        raise NotExplored(str(error)) from error
    except FactoryError as error:
        raise NotExplored(f"the factory does not work under control: {error}") from error
