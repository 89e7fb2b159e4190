"""Jobs and transitions follow from the calls, or from each other."""

import numpy as np
import pandas as pd
import pytest

from jobsim.tables.derive import jobs_from_calls, transitions_from_calls, transitions_from_jobs
from jobsim.tables.jobs_table import jobs_of as made_of
from jobsim.tables.schema import JOBS, OP, OUTCOME, STATUS, TRANSITIONS

MS = 1_000_000


def calls_of(*rows):
    """Rows of (actor, op, job, target, returned_ms, outcome)."""
    columns = ["actor", "op", "job", "target", "returned_ns", "outcome"]
    calls = pd.DataFrame(rows, columns=columns)
    calls["actor"] = calls["actor"].astype("category")
    calls["returned_ns"] *= MS
    return calls.astype({"job": "int32", "op": OP, "target": STATUS, "outcome": OUTCOME})


CALLS = calls_of(
    ("client-0", "create", 0, "awaiting_payment", 100, "ok"),
    ("client-0", "create", 1, "awaiting_payment", 200, "ok"),
    ("poller-0", "get", 0, None, 250, "ok"),
    ("worker-1", "update_status", 0, "running", 300, "ok"),
    ("worker-0", "update_status", 0, "running", 310, "illegal"),
    ("worker-1", "update_status", 0, "failed", 400, "ok"),
    ("worker-0", "update_status", 1, "running", -1, "pending"),
    ("client-0", "create", 2, "awaiting_payment", 500, "error"),
    ("poller-0", "get", -1, None, 510, "not_found"),
)


def jobs_of(calls, arrival, delay, **options):
    return jobs_from_calls(
        calls,
        arrival=np.array(arrival, dtype=float),
        delay=np.array(delay, dtype=float),
        zero_ns=50 * MS,
        seconds_per_ns=2e-9,
        workers=2,
        **options,
    )


@pytest.fixture
def jobs():
    return jobs_of(CALLS, [0.0, 0.1, 0.2], [0.3, np.nan, 0.0])


def test_times_are_scenario_seconds_since_the_start(jobs):
    assert jobs["created"].tolist()[:2] == pytest.approx([0.1, 0.3])
    assert jobs["started"].iloc[0] == pytest.approx(0.5)
    assert jobs["finished"].iloc[0] == pytest.approx(0.7)
    assert jobs["lateness"].tolist()[:2] == pytest.approx([0.1, 0.2])


def test_what_never_happened_is_nan(jobs):
    assert jobs.loc[1, ["paid", "started", "finished"]].isna().all()
    assert jobs.loc[2, ["created", "paid", "started", "finished", "lateness"]].isna().all()


@pytest.mark.parametrize(("delay", "paid"), [(0.3, 0.3), (0.0, 0.1)])
def test_a_job_is_paid_when_due_but_not_before_it_exists(delay, paid):
    jobs = jobs_of(CALLS, [0.0, 0.0, 0.0], [delay] * 3)
    assert jobs["paid"].iloc[0] == pytest.approx(paid)


def test_without_waiting_a_job_is_paid_when_created_and_never_late():
    jobs = jobs_of(CALLS, [9.0, 9.0, 9.0], [5.0, np.nan, 5.0], never_waited=True)
    assert jobs["paid"].iloc[0] == jobs["created"].iloc[0]
    assert jobs["paid"].isna().tolist() == [False, True, True]
    assert jobs["lateness"].isna().all()


def test_the_status_is_that_of_the_last_accepted_transition(jobs):
    assert jobs["status"].astype("object").tolist()[:2] == ["failed", "awaiting_payment"]
    assert jobs["status"].isna().tolist() == [False, False, True]


def test_the_worker_is_the_one_whose_start_was_accepted(jobs):
    assert jobs["worker"].astype("object").iloc[0] == "worker-1"
    assert jobs["worker"].isna().tolist() == [False, True, True]


def test_refused_calls_are_counted_by_job(jobs):
    assert jobs["rejected"].tolist() == [1, 0, 0]


def test_the_columns_are_those_of_the_tables(jobs):
    assert list(jobs.columns) == list(JOBS)
    assert jobs.index.name == "job"
    assert str(jobs["request"].dtype) == "int32"


def test_of_two_accepted_starts_the_first_counts():
    twice = calls_of(
        ("client-0", "create", 0, "awaiting_payment", 100, "ok"),
        ("worker-0", "update_status", 0, "running", 300, "ok"),
        ("worker-1", "update_status", 0, "running", 200, "ok"),
    )
    jobs = jobs_of(twice, [0.0], [0.0])
    assert jobs["started"].iloc[0] == pytest.approx(0.3)
    assert jobs["worker"].tolist() == ["worker-1"]


def test_transitions_are_the_accepted_calls_in_time_order():
    found = transitions_from_calls(CALLS, zero_ns=50 * MS, seconds_per_ns=1e-9)
    assert list(found.columns) == list(TRANSITIONS)
    assert found["time"].tolist() == pytest.approx([0.05, 0.15, 0.25, 0.35])
    assert found["job"].tolist() == [0, 1, 0, 0]
    assert found["target"].tolist() == ["awaiting_payment", "awaiting_payment", "running", "failed"]
    assert found["source"].isna().tolist() == [True, True, False, False]
    assert found["source"].astype("object").tolist()[2:] == ["awaiting_payment", "running"]
    assert found["actor"].tolist() == ["client-0", "client-0", "worker-1", "worker-1"]


def test_transitions_from_jobs_agree_with_those_from_calls():
    from_calls = transitions_from_calls(CALLS, zero_ns=50 * MS, seconds_per_ns=2e-9)
    jobs = jobs_of(CALLS, [0.0, 0.1, 0.2], [0.3, np.nan, 0.0])
    from_jobs = transitions_from_jobs(jobs, clients=1)
    pd.testing.assert_frame_equal(
        from_jobs.astype({"actor": "str"}), from_calls.astype({"actor": "str"})
    )


def test_transitions_at_one_instant_go_by_job_and_then_by_lifecycle():
    jobs = made_of(started=[0.0, 0.0], finished=[0.0, np.nan], worker="worker-0")
    found = transitions_from_jobs(jobs, clients=2)
    assert found["job"].tolist() == [0, 0, 0, 1, 1]
    assert found["target"].cat.codes.tolist() == [0, 1, 2, 0, 1]
    assert found["actor"].tolist() == ["client-0", *["worker-0"] * 2, "client-1", "worker-0"]
