"""Recording and the threaded engine against the least that does the same work."""

from __future__ import annotations

import math
import queue
import sys
import threading
import tracemalloc

import numpy as np
from ratio import report, speed_ratio

from jobsim import InMemoryJobRepository, JobRepository, JobStatus, Scenario, Workload, run_threads
from jobsim.repository.recorded import RecordedRepository
from jobsim.threads.session import Session

JOBS = 10_000
MANY_JOBS = 200_000
HASH = "a" * 64


def workload(jobs: int, clients: int, workers: int) -> Workload:
    """Return jobs that are all asked for and paid at once, and take no time."""
    zeros = np.zeros(jobs)
    scenario = Scenario(clients=clients, workers=workers)
    nobody = np.zeros(jobs, dtype=bool)
    return Workload(scenario, zeros, zeros, np.full(jobs, math.nan), zeros, nobody)


def lives(repository: JobRepository) -> None:
    """Create jobs and take each through its two updates."""
    for _ in range(JOBS):
        job_id = repository.create(HASH).job_id
        repository.update_status(job_id, JobStatus.RUNNING)
        repository.update_status(job_id, JobStatus.COMPLETED, result="done")


def by_hand(repository: JobRepository, jobs: int, clients: int, workers: int) -> None:
    """Do by hand what a run does that never waits: clients, a queue, workers."""
    paid: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def create(first: int) -> None:
        for _ in range(first, jobs, clients):
            paid.put(repository.create(HASH).job_id)

    def work() -> None:
        while (job_id := paid.get()) is not None:
            repository.update_status(job_id, JobStatus.RUNNING)
            repository.update_status(job_id, JobStatus.COMPLETED, result="done")

    creators = [threading.Thread(target=create, args=(k,)) for k in range(clients)]
    servers = [threading.Thread(target=work) for _ in range(workers)]
    for thread in creators + servers:
        thread.start()
    for thread in creators:
        thread.join()
    for _ in servers:
        paid.put(None)
    for thread in servers:
        thread.join()


class Traffic(Session):
    """A run without what comes after the last thread has ended: the last look and the tables."""

    def _final(self, ended, interrupts):
        return None, ended

    def _tables(self, info, final):
        return None


def traffic(jobs: int, clients: int, workers: int) -> None:
    """Run the engine's own threads on a new repository."""
    session = Traffic(
        workload(jobs, clients, workers), InMemoryJobRepository(), math.inf, perturb=False
    )
    session.run(progress=False, wall_limit=None)


def bytes_a_call() -> float:
    """Return what recording keeps per call, in bytes, while a run goes on."""
    repository = InMemoryJobRepository()
    ids = [repository.create(HASH).job_id for _ in range(100)]
    actor = RecordedRepository(repository).actor("reader")
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(200_000):
            actor.get(ids[number % 100])
        return (tracemalloc.get_traced_memory()[0] - before) / 200_000
    finally:
        tracemalloc.stop()


def many_threads_lose_nothing() -> bool:
    """Run 64 threads and 200,000 jobs without waiting, and return whether all adds up."""
    run = run_threads(workload(MANY_JOBS, 32, 32), speedup=math.inf, progress=False)
    figures, verdict = run.metrics(), run.check()
    print(run)
    print(verdict)
    return (
        verdict.ok
        and run.jobs["job_id"].is_unique
        and figures["completed"] == MANY_JOBS == len(run.final)
        and len(run.transitions) == 3 * MANY_JOBS
        and len(run.calls) == 3 * MANY_JOBS + 1
    )


def main() -> bool:
    """Print the ratios; return whether those that are promised hold."""
    held = report(
        "create and two updates, recorded / not",
        speed_ratio(
            lambda: lives(RecordedRepository(InMemoryJobRepository()).actor("one")),
            lambda: lives(InMemoryJobRepository()),
        ),
        at_least=1 / 1.15,
    )
    for clients, workers in ((1, 1), (4, 8), (32, 32)):
        threads = f"{clients} + {workers} threads"
        recorded = speed_ratio(
            lambda c=clients, w=workers: traffic(JOBS, c, w),
            lambda c=clients, w=workers: by_hand(
                RecordedRepository(InMemoryJobRepository()), JOBS, c, w
            ),
            rounds=15,
        )
        held &= report(f"run / by hand, both recorded, {threads}", recorded, at_least=0.85)
        bare = speed_ratio(
            lambda c=clients, w=workers: traffic(JOBS, c, w),
            lambda c=clients, w=workers: by_hand(InMemoryJobRepository(), JOBS, c, w),
            rounds=15,
        )
        report(f"run, recorded / by hand, not recorded, {threads}", bare)
    kept = speed_ratio(
        lambda: by_hand(InMemoryJobRepository(), JOBS, 32, 32),
        lambda: by_hand(InMemoryJobRepository(), JOBS, 1, 1),
        rounds=15,
    )
    report("64 threads / 2 threads, by hand", kept)
    ours = speed_ratio(lambda: traffic(JOBS, 32, 32), lambda: traffic(JOBS, 1, 1), rounds=15)
    held &= report("64 threads / 2 threads, a run", ours, at_least=kept)
    print(f"{'bytes kept per recorded call':<52}{bytes_a_call():6.0f}")
    return many_threads_lose_nothing() and held


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
