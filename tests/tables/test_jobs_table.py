"""Every run has one table of jobs: the same columns, and no memory for what is shared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobsim import Scenario, Workload, preset, presets, run_threads, run_virtual
from jobsim.tables.jobs_table import jobs_of, jobs_table, to_schema
from jobsim.tables.schema import JOBS

ASKED = ("request", "attempt", "arrival")


def bytes_a_job(jobs: pd.DataFrame, workload: Workload) -> float:
    """Return what the table takes beside what was asked for and the ids, each memory once."""
    given = [array for array in workload.arrays().values() if array.size]
    sizes = {}
    for name, column in jobs.drop(columns=[*ASKED, "job_id"]).items():
        values = column.cat.codes.array if column.dtype == "category" else column.array
        memory = np.asarray(column.array.codes if column.dtype == "category" else values)
        if not any(np.shares_memory(memory, array) for array in given):
            constant = memory.strides == (0,)
            sizes[memory.__array_interface__["data"][0], name * constant] = (
                0 if constant else memory.nbytes
            )
    return sum(sizes.values()) / len(jobs)


@pytest.mark.parametrize("name", presets())
def test_a_job_takes_at_most_64_bytes_beside_what_was_asked_for(name):
    workload = Workload.sample(preset(name))
    jobs = run_virtual(workload).jobs
    assert bytes_a_job(jobs, workload) <= 64
    # What pandas itself counts, as if nothing were shared.
    whole = jobs.drop(columns=[*ASKED, "job_id"]).memory_usage(deep=True, index=False)
    assert whole.sum() / len(jobs) <= 64


@pytest.mark.parametrize("name", ["steady", "retry-storm", "closed-loop"])
def test_a_run_with_threads_has_the_columns_and_dtypes_of_its_virtual_twin(name):
    workload = Workload.sample(preset(name).replace({"jobs": 40}))
    threaded, virtual = run_threads(workload, speedup=1000.0).jobs, run_virtual(workload).jobs
    assert list(threaded) == list(virtual) == list(JOBS)
    pd.testing.assert_series_equal(threaded.dtypes, virtual.dtypes)
    assert threaded["job_id"].notna().all()
    assert virtual["job_id"].isna().all()
    assert bytes_a_job(threaded, workload) <= 64


def test_equal_tables_of_an_empty_run_and_a_full_one_have_equal_dtypes():
    empty = jobs_of(created=[])
    full = jobs_of(created=[0.0])
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_a_table_cannot_be_written_to():
    jobs = jobs_table({"created": np.zeros(2)}, workers=1)
    with pytest.raises(ValueError, match="read-only"):
        jobs["created"].to_numpy()[0] = 1.0


def test_a_client_leaves_when_the_last_attempt_at_its_request_fails():
    jobs = jobs_of(
        request=[0, 0, 1],
        finished=[1.0, 2.0, 3.0],
        status=["failed", "failed", "completed"],
    )
    assert jobs["attempt"].tolist() == [1, 2, 1]
    assert jobs["left"].fillna(-1).tolist() == [-1, 2.0, -1]


@pytest.mark.parametrize("engine", ["virtual", "threads"])
def test_a_table_of_before_gets_the_columns_that_it_lacked(engine):
    scenario = Scenario(jobs=20, work={"fail": 0.5})
    run = run_virtual(scenario) if engine == "virtual" else run_threads(scenario, speedup=1e4)
    lacked = ["released", "crashed", "reaped", "left"]
    before = run.jobs.drop(columns=lacked + ["job_id", "lateness"] * (engine == "virtual"))
    converted = to_schema(before.astype({"attempt": "int16"}))
    pd.testing.assert_frame_equal(converted, run.jobs)


def test_a_column_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="could not convert"):
        to_schema(pd.DataFrame({"created": ["early"]}))
