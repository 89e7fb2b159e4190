from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from jobsim.figures.durations import dwell, holding_times, latencies, percentiles
from jobsim.tables.jobs_table import jobs_of

NAN = math.nan


def test_dwell_measures_each_stage_and_leaves_open_ones_empty() -> None:
    jobs = jobs_of(
        created=[0.0, 1.0, 2.0, 3.0, NAN],
        paid=[2.0, 1.0, NAN, 4.0, NAN],
        started=[2.5, 3.0, NAN, NAN, NAN],
        finished=[6.0, NAN, NAN, NAN, NAN],
    )
    expected = pd.DataFrame(
        {
            "unpaid": [2.0, 0.0, NAN, 1.0, NAN],
            "wait": [0.5, 2.0, NAN, NAN, NAN],
            "service": [3.5, NAN, NAN, NAN, NAN],
            "lost": [0.0, NAN, NAN, NAN, NAN],
            "sojourn": [6.0, NAN, NAN, NAN, NAN],
        },
        index=jobs.index,
    )
    pd.testing.assert_frame_equal(dwell(jobs), expected)


def test_a_job_whose_worker_died_is_not_worked_on_until_the_reaper_comes() -> None:
    jobs = jobs_of(
        started=[0.0, 0.0], finished=[60.0, 60.0], released=[5.0, 90.0], crashed=[True, True],
        reaped=True, status="failed",
    )  # fmt: skip
    stages = dwell(jobs)
    # The second worker was lost only after the reaper had failed its job.
    assert stages["service"].tolist() == [5.0, 60.0]
    assert stages["lost"].tolist() == [55.0, 0.0]


def test_holding_times_are_since_the_previous_transition_of_the_same_job() -> None:
    moves = pd.DataFrame(
        {"time": [0.0, 0.5, 2.0, 2.5, 7.0], "job": [1, 0, 1, 0, 1]}, index=[9, 8, 7, 6, 5]
    )
    expected = pd.Series([NAN, NAN, 2.0, 2.0, 5.0], index=[9, 8, 7, 6, 5], name="holding")
    pd.testing.assert_series_equal(holding_times(moves), expected)


def test_holding_times_of_nothing_are_none() -> None:
    assert holding_times(pd.DataFrame({"time": [], "job": []}, dtype="float64")).empty


def test_latencies_are_microseconds_of_all_calls_that_returned() -> None:
    calls = pd.DataFrame(
        {
            "op": ["create", "get", "get", "count"],
            "outcome": ["ok", "not_found", "pending", "error"],
            "invoked_ns": [10_000, 20_000, 30_000, 40_000],
            "returned_ns": [11_500, 20_250, -1, 40_000],
        }
    )
    found = latencies(calls)
    assert found["op"].tolist() == ["create", "get", "count"]
    assert found["latency"].tolist() == [1.5, 0.25, 0.0]


def test_percentiles_of_a_column_ignore_what_is_missing() -> None:
    found = percentiles(pd.Series([4.0, NAN, 0.0, 3.0, 1.0, 2.0]))
    assert list(found.index) == ["p50", "p90", "p95", "p99"]
    assert found["p50"] == 2.0
    assert found["p90"] == pytest.approx(3.6)


def test_percentiles_of_a_table_keep_its_columns() -> None:
    found = percentiles(pd.DataFrame({"a": [0.0, 10.0], "b": [NAN, 5.0]}), q=(0.25, 0.999, 1))
    assert list(found.index) == ["p25", "p99.9", "p100"]
    assert found["a"].tolist() == pytest.approx([2.5, 9.99, 10.0])
    assert found["b"].tolist() == [5.0, 5.0, 5.0]


@pytest.mark.parametrize("empty", [[], [NAN, NAN]])
def test_percentiles_of_nothing_are_nan(empty: list[float]) -> None:
    column = pd.Series(empty, dtype="float64")
    assert percentiles(column).isna().all()
    assert percentiles(column.to_frame("a"))["a"].isna().all()
    assert len(percentiles(column.to_frame("a"))) == 4


@pytest.mark.parametrize("wrong", [-0.1, 95, NAN])
def test_percentiles_refuse_what_is_no_share(wrong: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        percentiles(pd.Series(np.arange(3.0)), q=(0.5, wrong))
