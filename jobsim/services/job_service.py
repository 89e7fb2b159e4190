"""The two things a job service does to its repository."""

from __future__ import annotations

from jobsim.domain.models import Job, JobStatus
from jobsim.repository.protocol import JobRepository


def create_job(repo: JobRepository, input_hash: str) -> Job:
    """Ask for a new job; it awaits payment.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> create_job(InMemoryJobRepository(), "a" * 64).status.value
    'awaiting_payment'
    """
    return repo.create(input_hash)


def advance_job_state(
    repo: JobRepository,
    job_id: str,
    target: JobStatus,
    result: str | None = None,
    error: str | None = None,
) -> Job:
    """Move a job to `target`; raises whatever the repository raises.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> repo = InMemoryJobRepository()
    >>> job = create_job(repo, "a" * 64)
    >>> advance_job_state(repo, job.job_id, JobStatus.RUNNING).status.value
    'running'
    """
    return repo.update_status(job_id, target, result=result, error=error)
