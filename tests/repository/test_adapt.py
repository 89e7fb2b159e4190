from __future__ import annotations

import pytest

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import JobStatus
from jobsim.repository.adapt import UNKNOWN_STATE, adapt
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.protocol import JobRepository


class Conflict(Exception):
    """A refusal that says nothing about the state."""


class Raising:
    """A repository whose every look-up raises one given exception."""

    def __init__(self, error):
        self.error = error

    def create(self, input_hash):
        raise self.error

    def get(self, job_id):
        raise self.error

    def update_status(self, job_id, target, result=None, error=None):
        raise self.error

    def count(self):
        raise self.error


def move(repository):
    return repository.update_status("j1", JobStatus.RUNNING)


def test_answers_pass_through_untouched():
    inner = InMemoryJobRepository()
    adapted = adapt(inner)
    job = adapted.create("a")
    assert adapted.get(job.job_id) is job
    running = adapted.update_status(job.job_id, "running", result="r", error="e")
    assert inner.get(job.job_id) is running
    assert (running.result, running.error) == ("r", "e")
    assert adapted.count() == 1


def test_it_is_a_job_repository():
    assert isinstance(adapt(InMemoryJobRepository()), JobRepository)


@pytest.mark.parametrize("call", [lambda repo: repo.get("j1"), move])
def test_own_not_found_becomes_job_not_found(call):
    cause = KeyError("j1")
    with pytest.raises(JobNotFoundError) as caught:
        call(adapt(Raising(cause), not_found=KeyError))
    assert caught.value.job_id == "j1"
    assert caught.value.__cause__ is cause


def test_own_refusal_becomes_an_illegal_transition():
    cause = Conflict()
    with pytest.raises(InvalidStateTransitionError) as caught:
        move(adapt(Raising(cause), illegal=Conflict))
    assert (caught.value.from_state, caught.value.to_state) == (UNKNOWN_STATE, "running")
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize(
    ("state", "seen"),
    [("failed", "failed"), (JobStatus.FAILED, "failed"), (3, UNKNOWN_STATE)],
)
def test_state_that_the_refusal_names_is_kept(state, seen):
    cause = Conflict()
    cause.from_state = state
    with pytest.raises(InvalidStateTransitionError) as caught:
        move(adapt(Raising(cause), illegal=(LookupError, Conflict)))
    assert caught.value.from_state == seen


def test_not_found_wins_where_one_exception_fits_both():
    with pytest.raises(JobNotFoundError):
        move(adapt(Raising(KeyError("j1")), illegal=LookupError, not_found=KeyError))


@pytest.mark.parametrize(
    "error", [JobNotFoundError("j1"), InvalidStateTransitionError("failed", "running")], ids=repr
)
def test_jobsims_own_errors_pass_even_under_a_wide_mapping(error):
    with pytest.raises(type(error)) as caught:
        move(adapt(Raising(error), illegal=Exception, not_found=Exception))
    assert caught.value is error


def test_job_not_found_from_get_passes_even_under_a_wide_mapping():
    error = JobNotFoundError("j1")
    with pytest.raises(JobNotFoundError) as caught:
        adapt(Raising(error), not_found=Exception).get("j1")
    assert caught.value is error


@pytest.mark.parametrize("call", [lambda repo: repo.get("j1"), move])
def test_exception_that_is_not_mapped_passes(call):
    error = OSError("disk")
    with pytest.raises(OSError, match="disk") as caught:
        call(adapt(Raising(error), illegal=Conflict, not_found=KeyError))
    assert caught.value is error


def test_illegal_mapping_does_not_touch_get():
    with pytest.raises(Conflict):
        adapt(Raising(Conflict()), illegal=Conflict).get("j1")


@pytest.mark.parametrize("mapping", [{"illegal": "Conflict"}, {"not_found": (KeyError, int)}])
def test_mapping_that_is_no_exception_type_is_refused(mapping):
    (name,) = mapping
    with pytest.raises(TypeError, match=f"{name} takes exception types"):
        adapt(InMemoryJobRepository(), **mapping)


def test_object_that_is_no_repository_is_refused():
    with pytest.raises(TypeError, match="it lacks"):
        adapt(object())
