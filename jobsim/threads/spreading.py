"""What `run_threads` needs to spread a run over several processes."""

from __future__ import annotations

import math
from contextlib import ExitStack
from functools import partial
from typing import Any

from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.threads.controlled import RepositoryFactory
from jobsim.threads.crew import Crew
from jobsim.threads.spread import SpreadPaced, SpreadPressed
from jobsim.threads.stage import MakeStage
from jobsim.threads.travel import packed


def require_processes(
    scenario: Scenario, processes: Any, *, schedule: object, perturb: bool
) -> None:
    """Raise ValueError if a number of processes is none, or contradicts another argument."""
    if schedule is not None:
        raise ValueError(
            "a schedule takes the turns of the threads of one process, and other processes do not "
            "know it; leave out schedule or processes"
        )
    if perturb:
        raise ValueError(
            "perturb=True switches threads inside one process; leave it out: several processes "
            "meet in the database by themselves"
        )
    most = max(scenario.clients, scenario.workers)
    whole = isinstance(processes, int) and not isinstance(processes, bool)
    if not whole or not 1 <= processes <= most:
        raise ValueError(
            f"processes must be from 1 to {most}, so that each has a client or a worker, not "
            f"{processes!r}"
        )


def spread(
    workload: Workload,
    factory: RepositoryFactory,
    processes: int,
    speedup: float,
    closing: ExitStack,
) -> MakeStage:
    """Start the processes of a run, which end with the stack, and return how to make its stage.

    Raises
    ------
    FactoryCannotTravel
        If the factory cannot be sent to another process.
    ProcessNotStarted
        If a process cannot make its repository.
    ValueError
        If the factory is that of the repository in memory, of which each process has its own.
    """
    if factory is InMemoryJobRepository:
        raise ValueError(
            "each process would have an InMemoryJobRepository of its own; give a factory of a "
            "repository that they share, such as a database"
        )
    pressed = math.isinf(speedup)
    crew = closing.enter_context(Crew(workload, packed(factory), processes, pressed=pressed))
    return partial(SpreadPressed if pressed else SpreadPaced, crew)
