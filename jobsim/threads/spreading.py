"""Spreads a run over several processes, on this host or on a cluster."""

from __future__ import annotations

import math
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.protocol import RepositoryFactory
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.threads.clustered import Cluster, OnCluster
from jobsim.threads.crew import Crew
from jobsim.threads.member import Starter
from jobsim.threads.spawned import spawned
from jobsim.threads.spread_paced import SpreadPaced
from jobsim.threads.spread_pressed import SpreadPressed
from jobsim.threads.stage import MakeStage
from jobsim.threads.travel import packed


class Spreading(NamedTuple):
    """The number of processes of a run, and what starts them."""

    processes: int
    start: Starter


def spreading_of(
    scenario: Scenario,
    processes: int | None,
    executor: Any,
    *,
    schedule: object,
    perturb: bool,
) -> Spreading | None:
    """Return how a run is spread; None if all of it stays in this process.

    Raises
    ------
    TypeError
        If the executor is not a Dask `Client`.
    ValueError
        If the number of processes is invalid, or more than there are actors or workers of the
        cluster, or if another argument contradicts it.
    """
    if executor is None and (processes is None or (processes == 1 and processes is not True)):
        return None
    if schedule is not None:
        raise ValueError(
            "a schedule takes the turns of the threads of one process, and other processes do not "
            "know it; leave out schedule, or processes and executor"
        )
    if perturb:
        raise ValueError(
            "perturb=True switches threads inside one process; leave it out: several processes "
            "meet in the database by themselves"
        )
    most = max(scenario.clients, scenario.workers)
    each = "so that each has a client or a worker"
    start: Starter = spawned
    if executor is not None:
        if not isinstance(executor, Cluster) or getattr(executor, "asynchronous", False):
            raise TypeError(
                f"executor takes a distributed.Client that is not asynchronous, not {executor!r}; "
                "for processes of this host give processes"
            )
        start = cluster = OnCluster(executor)
        if not cluster.workers:
            raise ValueError("the cluster has no workers yet; client.wait_for_workers(2) waits")
        if len(cluster.workers) < most:
            most, each = len(cluster.workers), "the number of workers of the cluster"
        processes = most if processes is None else processes
    whole = isinstance(processes, int) and not isinstance(processes, bool)
    if processes is None or not whole or not 1 <= processes <= most:
        raise ValueError(f"processes must be from 1 to {most}, {each}, not {processes!r}")
    return Spreading(processes, start)


def spread(
    workload: Workload,
    factory: RepositoryFactory,
    spreading: Spreading,
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
        If the factory is `InMemoryJobRepository`, which processes cannot share.
    """
    if factory is InMemoryJobRepository:
        raise ValueError(
            "each process would have an InMemoryJobRepository of its own; give a factory of a "
            "repository that they share, such as a database"
        )
    pressed = math.isinf(speedup)
    crew = closing.enter_context(
        Crew(
            workload,
            packed(factory),
            spreading.processes,
            pressed=pressed,
            start=spreading.start,
        )
    )
    return partial(SpreadPressed if pressed else SpreadPaced, crew)
