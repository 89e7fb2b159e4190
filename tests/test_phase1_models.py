from __future__ import annotations

from datetime import datetime, timezone
from itertools import product

import pytest
from pydantic import ValidationError

from jobsim.domain.exceptions import InvalidStateTransitionError
from jobsim.domain.models import Job, JobStatus, validate_transition

LEGAL = [
    (JobStatus.AWAITING_PAYMENT, JobStatus.RUNNING),
    (JobStatus.RUNNING, JobStatus.COMPLETED),
    (JobStatus.RUNNING, JobStatus.FAILED),
]
ILLEGAL = [pair for pair in product(JobStatus, repeat=2) if pair not in LEGAL]

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
FIELDS = {
    "job_id": "j1",
    "status": JobStatus.AWAITING_PAYMENT,
    "input_hash": "a" * 64,
    "blockchain_identifier": "mock_bc_j1",
    "created_at": NOW,
    "updated_at": NOW,
}


# TC-1.1: JobStatus has exactly its four members
def test_job_status_has_exactly_four_members():
    assert {status.name: status.value for status in JobStatus} == {
        "AWAITING_PAYMENT": "awaiting_payment",
        "RUNNING": "running",
        "COMPLETED": "completed",
        "FAILED": "failed",
    }


# TC-1.2: Job rejects an extra field
def test_job_rejects_an_extra_field():
    with pytest.raises(ValidationError, match="colour"):
        Job(**FIELDS, colour="red")


# TC-1.3: Job is frozen
def test_job_is_frozen():
    job = Job(**FIELDS)
    with pytest.raises(ValidationError, match="frozen"):
        job.status = JobStatus.RUNNING
    assert job.status is JobStatus.AWAITING_PAYMENT


# TC-1.4: the three legal transitions do not raise
@pytest.mark.parametrize(("current", "target"), LEGAL)
def test_legal_transition_does_not_raise(current, target):
    validate_transition(current, target)


# TC-1.5: all thirteen other ordered pairs raise InvalidStateTransitionError
@pytest.mark.parametrize(("current", "target"), ILLEGAL)
def test_illegal_transition_raises(current, target):
    assert len(ILLEGAL) == 13
    with pytest.raises(InvalidStateTransitionError):
        validate_transition(current, target)


# TC-1.6: the exception carries .from_state == "completed" and .to_state == "running"
def test_exception_carries_both_states():
    with pytest.raises(InvalidStateTransitionError) as caught:
        validate_transition(JobStatus.COMPLETED, JobStatus.RUNNING)
    assert caught.value.from_state == "completed"
    assert caught.value.to_state == "running"
