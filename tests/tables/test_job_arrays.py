"""The arrays of a table of jobs are those of the table, and requests are told apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsim import preset, run_virtual
from jobsim.tables.job_arrays import JobArrays, arrays_of
from jobsim.tables.jobs_table import jobs_of

requests = st.lists(st.integers(1, 4), min_size=1, max_size=8)


@pytest.mark.parametrize("name", ["steady", "retry-storm"])
def test_every_column_is_the_table_s(name):
    table = run_virtual(preset(name)).jobs
    jobs = arrays_of(table)
    for column in ("request", "created", "finished", "crashed"):
        np.testing.assert_array_equal(jobs[column], table[column].to_numpy())
    np.testing.assert_array_equal(jobs.worker, table["worker"].cat.codes)
    assert len(jobs) == len(table)


@given(requests)
def test_the_first_attempts_and_the_groups_are_those_of_counting(attempts):
    request = [number for number, times in enumerate(attempts) for _ in range(times)]
    jobs = JobArrays(jobs_of(request=request, finished=[1.0] * len(request)))
    assert jobs.group.tolist() == request
    assert jobs.first.tolist() == [request.index(number) for number in range(len(attempts))]
    assert jobs.one_each is (max(attempts) == 1)


def test_arrays_are_taken_once():
    jobs = arrays_of(jobs_of(finished=[1.0]))
    assert jobs["finished"] is jobs["finished"]
    assert arrays_of(jobs) is jobs
