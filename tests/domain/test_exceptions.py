from __future__ import annotations

import copy
import pickle

import pytest

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError, JobsimError
from jobsim.domain.models import JobStatus

ERRORS = [
    JobNotFoundError("3f2a"),
    InvalidStateTransitionError("completed", "running"),
    InvalidStateTransitionError(JobStatus.COMPLETED, JobStatus.RUNNING),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_error_survives_pickling(error, protocol):
    back = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - our own bytes
    assert type(back) is type(error)
    assert vars(back) == vars(error)
    assert str(back) == str(error)


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_error_survives_copying(error):
    assert str(copy.deepcopy(error)) == str(error)


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_every_error_is_a_jobsim_error(error):
    assert isinstance(error, JobsimError)


def test_not_found_names_the_job():
    error = JobNotFoundError("3f2a")
    assert error.job_id == "3f2a"
    assert "3f2a" in str(error)


@pytest.mark.parametrize("error", ERRORS[1:], ids=repr)
def test_illegal_transition_tells_plain_string_values(error):
    assert str(error) == "Cannot transition from 'completed' to 'running'"
    assert type(error.from_state) is str
    assert type(error.to_state) is str
