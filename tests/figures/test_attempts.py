from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsim import Scenario, run_virtual
from jobsim.figures.attempts import (
    attempts_per_request,
    goodput,
    intended_start,
    requests,
    settle,
    useful,
)
from jobsim.tables.jobs_table import to_schema

NAN = math.nan


def jobs_of(*rows, **columns) -> pd.DataFrame:
    """Rows of (request, finished, status, left); arrival and creation are a second a job."""
    jobs = pd.DataFrame(rows, columns=["request", "finished", "status", "left"])
    jobs = jobs.astype({"finished": "float64", "left": "float64"})
    at = np.arange(float(len(jobs)))
    return to_schema(jobs.assign(**({"arrival": at, "created": at + 0.25} | columns)))


def test_the_first_completion_of_a_request_is_useful():
    jobs = jobs_of(
        (0, 9.0, "completed", NAN), (0, 7.0, "completed", NAN), (1, 8.0, "completed", NAN)
    )
    assert useful(jobs).tolist() == [False, True, True]


def test_what_ends_after_the_client_left_is_wasted():
    jobs = jobs_of((0, 9.0, "completed", NAN), (0, NAN, "running", 8.0), (1, 5.0, "completed", 5.0))
    assert useful(jobs).tolist() == [False, False, True]


def test_of_two_completions_in_one_instant_the_earlier_attempt_counts():
    jobs = jobs_of((0, 5.0, "completed", NAN), (0, 5.0, "completed", NAN))
    assert useful(jobs).tolist() == [True, False]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.integers(0, 5),
            st.sampled_from(["completed", "failed", "running"]),
            st.sampled_from([NAN, NAN, 2.0, 4.0]),
        ),
        max_size=25,
    )
)
def test_useful_is_what_a_loop_over_the_requests_finds(rows):
    jobs = jobs_of(*sorted(rows, key=lambda row: row[0]))
    expected = set()
    for _, attempts in jobs.groupby("request"):
        limit = attempts["left"].min()  # NaN compares as false below
        done = attempts[(attempts["status"] == "completed") & ~(attempts["finished"] > limit)]
        if len(done):
            expected.add(int(done["finished"].idxmin()))
    assert set(np.flatnonzero(useful(jobs)).tolist()) == expected


def test_requests_tell_how_each_was_settled_and_when():
    jobs = jobs_of(
        (3, 1.0, "failed", NAN),
        (3, 6.0, "completed", NAN),
        (4, 9.0, "completed", 5.0),
        (7, NAN, "running", NAN),
    )
    table = requests(jobs)
    assert table.index.tolist() == [3, 4, 7]
    assert table.index.name == "request"
    assert table["attempts"].tolist() == [2, 1, 1]
    assert table["asked"].tolist() == [0.0, 2.0, 3.0]
    assert table["outcome"].tolist() == ["served", "left", "open"]
    np.testing.assert_equal(table["settled"].to_numpy(), [6.0, 5.0, NAN])
    np.testing.assert_equal(table["response"].to_numpy(), [6.0, 3.0, NAN])
    np.testing.assert_equal(table["response_from_created"].to_numpy(), [5.75, 2.75, NAN])


def test_a_paced_client_that_is_late_hides_it_from_the_actual_start():
    paced = {"kind": "closed", "users": 1, "paced": True, "think": {"kind": "constant", "value": 1}}
    scenario = Scenario(jobs=9, workers=1, work={"service": {"kind": "constant", "value": 3.0}})
    table = requests(run_virtual(scenario.replace({"arrivals": paced})).jobs)
    assert table["response_from_created"].tolist() == [3.0] * 9
    assert table["response"].tolist() == [3.0 + 2.0 * late for late in range(9)]


@pytest.mark.parametrize(("lateness", "known"), [([NAN, NAN], False), ([0.5, NAN], True)])
def test_without_a_schedule_there_is_no_intended_start(lateness, known):
    jobs = jobs_of((0, 3.0, "completed", NAN), (1, 4.0, "completed", NAN), lateness=lateness)
    assert np.isnan(intended_start(jobs)).tolist() == [not known] * 2
    assert requests(jobs)["response"].isna().tolist() == [not known] * 2
    assert requests(jobs)["response_from_created"].tolist() == [2.75, 2.75]


def test_requests_are_counted_by_attempts_and_outcome():
    jobs = jobs_of(
        (0, 1.0, "completed", NAN),
        (1, 1.0, "failed", NAN),
        (1, 1.0, "failed", NAN),
        (1, 3.0, "failed", 3.0),
        (2, 2.0, "completed", NAN),
        (3, NAN, None, NAN),
    )
    table = attempts_per_request(jobs)
    assert table.index.tolist() == [1, 2, 3]
    assert table.to_numpy().tolist() == [[2, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_goodput_is_the_useful_part_of_throughput():
    jobs = jobs_of(
        (0, 1.5, "failed", NAN),
        (0, 2.5, "completed", NAN),
        (0, 3.5, "completed", NAN),
        (1, NAN, "running", NAN),
        created=[0.0, 1.5, 2.0, NAN],
    )
    table = goodput(jobs, window=2.0)
    assert table.index.tolist() == [0.0, 2.0]
    assert table["requests"].tolist() == [0.5, 0.0]
    assert table["asked"].tolist() == [1.0, 0.5]
    assert table["throughput"].tolist() == [0.5, 1.0]
    assert table["goodput"].tolist() == [0.0, 0.5]


def test_a_window_of_no_length_is_refused():
    with pytest.raises(ValueError, match="window must be a positive number of seconds, not 0"):
        goodput(jobs_of((0, 1.0, "completed", NAN)), window=0)


def test_an_empty_table_has_no_request():
    empty = jobs_of()
    assert useful(empty).tolist() == []
    assert requests(empty).empty
    assert attempts_per_request(empty).empty
    assert goodput(empty).empty


def test_a_run_without_feedback_has_one_attempt_a_request():
    jobs = run_virtual(Scenario(jobs=50, work={"fail": 0.2})).jobs
    assert (useful(jobs) == (jobs["status"] == "completed")).all()
    assert (requests(jobs)["attempts"] == 1).all()


@pytest.mark.parametrize("seed", range(3))
def test_every_request_that_was_served_or_left_behind_is_settled_once(seed):
    scenario = Scenario(
        jobs=300,
        workers=4,
        seed=seed,
        arrivals={"kind": "poisson", "rate": 4.0},
        work={"fail": 0.3, "crash": 0.05},
        patience={"kind": "constant", "value": 4.0},
        retry={"attempts": 3, "base": 0.5},
        reaper={"timeout": 3.0},
    )
    jobs = run_virtual(scenario).jobs
    outcome = settle(jobs).outcome
    left = jobs.loc[jobs["left"].notna(), "request"].nunique()
    assert useful(jobs).sum() + left == 300  # patience and the reaper leave no request open
    assert np.bincount(outcome, minlength=3).tolist() == [300 - left, left, 0]
    assert attempts_per_request(jobs).sum().sum() == 300
