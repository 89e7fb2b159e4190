from __future__ import annotations

import pytest

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import JobStatus
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.services.job_service import advance_job_state, create_job


class Spy:
    """Notes each call and answers with what it was."""

    def create(self, *args, **kwargs):
        return ("create", args, kwargs)

    def update_status(self, *args, **kwargs):
        return ("update_status", args, kwargs)


def test_create_job_asks_the_repository_once():
    assert create_job(Spy(), "a" * 64) == ("create", ("a" * 64,), {})


def test_advance_passes_everything_on():
    answer = advance_job_state(Spy(), "j1", JobStatus.FAILED, result="r", error="e")
    assert answer == ("update_status", ("j1", JobStatus.FAILED), {"result": "r", "error": "e"})


def test_a_job_goes_through_its_life():
    repo = InMemoryJobRepository()
    job = create_job(repo, "a" * 64)
    advance_job_state(repo, job.job_id, JobStatus.RUNNING)
    done = advance_job_state(repo, job.job_id, JobStatus.COMPLETED, result="output")
    assert repo.get(job.job_id) is done
    assert (done.status, done.result, done.error) == (JobStatus.COMPLETED, "output", None)


def test_errors_of_the_repository_reach_the_caller():
    repo = InMemoryJobRepository()
    with pytest.raises(JobNotFoundError):
        advance_job_state(repo, "nobody", JobStatus.RUNNING)
    job = create_job(repo, "a" * 64)
    with pytest.raises(InvalidStateTransitionError):
        advance_job_state(repo, job.job_id, JobStatus.COMPLETED)
    assert repo.get(job.job_id) is job
