"""The actors of a run, and the process that each of them belongs to."""

from __future__ import annotations

from collections.abc import Iterator

from jobsim.domain.marks import CLIENT, POLLER, REAPER_ROLE, WORKER
from jobsim.scenario.scenario import Scenario


def cast(scenario: Scenario) -> Iterator[tuple[str, int]]:
    """Return role and index of every actor, in the order of their numbers in `Play`."""
    roles = (
        (CLIENT, scenario.clients),
        (WORKER, scenario.workers),
        (REAPER_ROLE, int(scenario.reaper is not None)),
        (POLLER, scenario.pollers),
    )
    return ((role, index) for role, number in roles for index in range(number))


def cast_of(scenario: Scenario, number: int, processes: int) -> list[tuple[int, str, int]]:
    """Return number in the run, role and index of each actor of one process.

    The actors of each role are dealt out in turn, so that every process gets its share of them.
    """
    return [
        (actor, role, index)
        for actor, (role, index) in enumerate(cast(scenario))
        if index % processes == number
    ]
