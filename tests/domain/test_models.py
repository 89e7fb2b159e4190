from __future__ import annotations

from datetime import datetime, timezone

import pytest
from pydantic import ValidationError

from jobsim.domain.models import LEGAL_TRANSITIONS, Job, JobStatus

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def make_job(**changes):
    fields = {
        "job_id": "j1",
        "status": "awaiting_payment",
        "input_hash": "g" * 64,
        "blockchain_identifier": "mock_bc_j1",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Job(**fields | changes)


def test_status_equals_its_string_value():
    assert JobStatus.RUNNING == "running"
    assert JobStatus("running") is JobStatus.RUNNING


def test_every_status_has_its_successors_listed():
    assert {status: set(LEGAL_TRANSITIONS[status]) for status in JobStatus} == {
        "awaiting_payment": {"running"},
        "running": {"completed", "failed"},
        "completed": set(),
        "failed": set(),
    }


def test_legal_transitions_cannot_be_changed():
    with pytest.raises(TypeError):
        LEGAL_TRANSITIONS[JobStatus.COMPLETED] = frozenset(JobStatus)
    with pytest.raises(AttributeError):
        LEGAL_TRANSITIONS[JobStatus.COMPLETED].add(JobStatus.RUNNING)


def test_job_takes_any_string_as_input_hash():
    assert make_job(input_hash="g" * 64).input_hash == "g" * 64


def test_job_starts_without_result_and_error():
    job = make_job()
    assert (job.result, job.error) == (None, None)


@pytest.mark.parametrize(
    ("field", "value"), [("status", "paid"), ("result", 3), ("job_id", None), ("created_at", "now")]
)
def test_job_refuses_a_value_of_the_wrong_kind(field, value):
    with pytest.raises(ValidationError, match=field):
        make_job(**{field: value})


def test_job_survives_json():
    job = make_job(status="failed", error="boom")
    assert Job.model_validate_json(job.model_dump_json()) == job


def test_equal_jobs_hash_equal():
    assert hash(make_job()) == hash(make_job())
