"""The locked repository against the bare minimum: a dict, a lock and a Job, written inline."""

from __future__ import annotations

import threading
import uuid
from datetime import datetime, timezone

from ratio import report, speed_ratio

from jobsim.domain.models import Job, JobStatus, validate_transition
from jobsim.repository.job_repo import InMemoryJobRepository

JOBS = 2_000
HASH = "a" * 64


def lives_ours() -> None:
    """Create jobs and take each through its two updates."""
    repository = InMemoryJobRepository()
    for _ in range(JOBS):
        job_id = repository.create(HASH).job_id
        repository.update_status(job_id, JobStatus.RUNNING)
        repository.update_status(job_id, JobStatus.COMPLETED, result="done")


def lives_bare() -> None:
    """Do the same with nothing that the seed does not ask for."""
    store: dict[str, Job] = {}
    lock = threading.Lock()
    for _ in range(JOBS):
        job_id = str(uuid.uuid4())
        now = datetime.now(timezone.utc)
        with lock:
            store[job_id] = Job(
                job_id=job_id,
                status=JobStatus.AWAITING_PAYMENT,
                input_hash=HASH,
                blockchain_identifier="mock_bc_" + job_id[:8],
                created_at=now,
                updated_at=now,
            )
        for target, result in ((JobStatus.RUNNING, None), (JobStatus.COMPLETED, "done")):
            with lock:
                job = store[job_id]
                validate_transition(job.status, target)
                store[job_id] = Job(
                    job_id=job_id,
                    status=target,
                    input_hash=job.input_hash,
                    blockchain_identifier=job.blockchain_identifier,
                    created_at=job.created_at,
                    updated_at=datetime.now(timezone.utc),
                    result=result,
                )


def main() -> bool:
    """Print the ratios; return whether those that are promised hold."""
    repository = InMemoryJobRepository()
    ids = [repository.create(HASH).job_id for _ in range(JOBS)]
    store, lock = dict(repository._store), threading.Lock()  # the bare side's own table

    def get_bare() -> None:
        for job_id in ids:
            with lock:
                store[job_id]

    def count_bare() -> None:
        for _ in ids:
            with lock:
                len(store)

    held = report("create and two updates", speed_ratio(lives_ours, lives_bare), at_least=0.9)
    report("get", speed_ratio(lambda: [repository.get(i) for i in ids], get_bare))
    report("count", speed_ratio(lambda: [repository.count() for _ in ids], count_bare))
    return held
