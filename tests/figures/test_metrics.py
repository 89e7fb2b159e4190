from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from jobsim import Scenario, run_virtual
from jobsim.figures.metrics import UNITS, has_retries_or_losses, metrics
from jobsim.figures.window import Window
from jobsim.tables.jobs_table import jobs_of, to_schema
from jobsim.tables.schema import JOBS

NAN = math.nan


def feedback_table() -> pd.DataFrame:
    """Request 0 served at the third attempt, 1 left, 2 late, 3 stuck, 4 open."""
    columns = [
        "request", "created", "finished", "status", "released", "crashed", "reaped", "left",
    ]  # fmt: skip
    rows = [
        (0, 0.0, 4.0, "failed", 1.5, True, True, NAN),
        (0, 5.0, 8.0, "failed", 9.0, True, True, NAN),
        (0, 9.0, 10.0, "completed", 10.0, False, False, NAN),
        (1, 1.0, 2.0, "failed", 2.0, False, False, 2.0),
        (2, 2.0, 6.0, "completed", 6.0, False, False, 5.0),
        (3, 3.0, NAN, "running", 3.5, True, False, NAN),
        (4, 4.0, NAN, "awaiting_payment", NAN, False, False, NAN),
    ]
    jobs = pd.DataFrame(rows, columns=columns)
    started = jobs["created"].where(jobs["status"] != "awaiting_payment")
    jobs = jobs.assign(
        attempt=jobs.groupby("request").cumcount() + 1,
        arrival=jobs["created"] - 0.5,
        paid=jobs["created"],
        started=started,
        worker="w",
        rejected=0,
        job_id="x",
        lateness=0.5,
    )
    return jobs[list(JOBS)].astype(JOBS)


def jobs_table() -> pd.DataFrame:
    """Two finished, one running, one paid and waiting, one unpaid, one never created."""
    jobs = pd.DataFrame(
        {
            "request": range(6),
            "attempt": 1,
            "arrival": 0.0,
            "created": [1.0, 1.0, 2.0, 3.0, 4.0, NAN],
            "paid": [2.0, 1.0, 2.0, 3.5, NAN, NAN],
            "started": [2.0, 5.0, 6.0, NAN, NAN, NAN],
            "finished": [5.0, 11.0, NAN, NAN, NAN, NAN],
            "status": ["completed", "failed", "running", *["awaiting_payment"] * 2, None],
            "worker": ["w", "w", "v", None, None, None],
            "rejected": [1, 0, 2, 0, 0, 0],
            "job_id": "x",
            "lateness": [0.0, 0.1, 0.2, 0.3, 0.4, NAN],
        }
    )
    return to_schema(jobs)


def test_the_counts_say_where_each_job_stands() -> None:
    found = metrics(jobs_table(), workers=2)
    counts = ("jobs", "created", "paid", "unpaid", "waiting", "in_progress", "completed", "failed")
    assert [found[name] for name in counts] == [6, 5, 4, 1, 1, 1, 1, 1]
    assert found["rejected"] == 3
    ends = ("unpaid", "waiting", "in_progress", "stuck", "completed", "failed")
    assert sum(found[name] for name in ends) == found["created"]


def test_the_times_are_means_and_percentiles_over_the_jobs_that_got_so_far() -> None:
    found = metrics(jobs_table(), workers=2)
    assert found["wait_mean"] == pytest.approx((0 + 4 + 4) / 3)
    assert found["wait_p50"] == 4.0
    assert found["sojourn_mean"] == 7.0
    assert found["sojourn_p50"] == 7.0
    assert found["sojourn_p95"] == pytest.approx(4 + 0.95 * 6)
    assert found["sojourn_p99"] == pytest.approx(4 + 0.99 * 6)
    assert found["service_mean"] == 4.5


def test_the_rates_of_a_batch_are_up_to_its_last_work() -> None:
    found = metrics(jobs_table(), workers=2)
    assert found["makespan"] == 10.0
    assert found["throughput"] == pytest.approx(2 / 10)
    # 3 s and 6 s, and 5 s so far of the job that is still worked on.
    assert found["utilisation"] == pytest.approx(14 / (2 * 10))


def test_what_ends_after_the_last_request_is_no_part_of_a_rate() -> None:
    jobs = jobs_of(created=[0.0, 10.0], finished=[1.0, 14.0], started=[0.0, 10.0])
    found = metrics(jobs, workers=1)
    assert found["throughput"] == found["goodput"] == 0.1  # two jobs bound one gap
    assert found["utilisation"] == 0.1
    assert found["makespan"] == 14.0


def test_work_that_goes_on_after_the_reaper_came_is_work_and_never_more_than_all() -> None:
    jobs = jobs_of(
        started=[0.0, 10.0], finished=[4.0, 14.0], released=[10.0, 20.0], reaped=True,
        status="failed", worker="worker-0",
    )  # fmt: skip
    assert metrics(jobs, workers=1)["utilisation"] == 1.0


def test_what_a_warm_up_begins_is_worked_on_in_the_window() -> None:
    # Ten jobs of 10 s each a second apart: one worker is five times too few.
    jobs = jobs_of(created=np.arange(10.0), started=np.arange(10) * 10.0,
                   finished=np.arange(1, 11) * 10.0)  # fmt: skip
    window = Window(5.0, 9.0, 5, "the last request")
    found = metrics(jobs, workers=1, window=window, only_window=True)
    assert found["jobs"] == 5
    assert found["utilisation"] == 1.0


def test_lateness_is_told_by_its_percentiles() -> None:
    found = metrics(jobs_table(), workers=1)
    assert found["lateness_p50"] == pytest.approx(0.2)
    assert found["lateness_p99"] == pytest.approx(0.396)
    assert found["lateness_max"] == pytest.approx(0.4)


def test_the_response_of_a_job_that_was_served_counts_from_its_intended_start() -> None:
    found = metrics(jobs_table().assign(arrival=0.25).iloc[[0]], workers=1)
    assert found["response_mean"] == found["response_p99"] == 4.75
    never_waited = jobs_table().assign(lateness=NAN)
    assert math.isnan(metrics(never_waited, workers=1)["response_mean"])


def test_requests_are_counted_by_what_came_of_them() -> None:
    found = metrics(feedback_table(), workers=2)
    assert [found[name] for name in ("requests", "served", "left")] == [5, 1, 2]
    assert found["amplification"] == pytest.approx(7 / 5)
    # One served after 10.5 s, two left, one waits for a job that is stuck: three in four never.
    assert found["response_mean"] == found["response_p50"] == math.inf


def test_only_useful_results_are_goodput() -> None:
    found = metrics(feedback_table(), workers=2)
    assert found["makespan"] == 10.0
    # The requests came within 4 s, in which two of their jobs ended and none was of use.
    assert (found["throughput"], found["goodput"]) == (2 / 4, 0.0)


def test_false_kills_are_those_whose_worker_was_at_work() -> None:
    found = metrics(feedback_table(), workers=2)
    assert [found[name] for name in ("crashed", "reaped", "false_kills", "stuck")] == [3, 2, 1, 1]
    assert found["recovery_mean"] == found["recovery_max"] == 2.5


def test_workers_are_busy_with_all_that_they_begin_wasted_or_not() -> None:
    found = metrics(feedback_table(), workers=2)
    assert found["utilisation"] == pytest.approx((1.5 + 1 + 2 + 0.5) / (2 * 4))
    assert found["service_mean"] == pytest.approx((1 + 1 + 4) / 3)


def test_goodput_is_never_more_than_throughput() -> None:
    for seed in range(5):
        scenario = Scenario(
            jobs=200, seed=seed, work={"fail": 0.3}, patience={"mean": 2.0, "kind": "exponential"}
        )
        found = run_virtual(scenario.replace({"retry": {"attempts": 3}})).metrics()
        assert 0 < found["goodput"] < found["throughput"]


def test_a_run_without_retries_or_losses_is_told_by_its_jobs() -> None:
    plain = run_virtual(Scenario(jobs=50, work={"fail": 0.2})).metrics()
    assert not has_retries_or_losses(plain)
    assert has_retries_or_losses(metrics(feedback_table(), workers=1))
    assert plain["served"] == plain["completed"]
    assert plain["left"] == plain["failed"]


def test_every_metric_has_a_unit_and_every_unit_a_metric() -> None:
    assert list(metrics(feedback_table(), workers=1)) == list(UNITS)


@pytest.mark.parametrize("rows", [0, 1])
def test_what_has_no_data_is_nan_and_no_count_is(rows: int) -> None:
    """A RuntimeWarning would fail this test: warnings are errors."""
    table = jobs_table().iloc[5:].head(rows)
    found = metrics(table, workers=3)
    assert found["jobs"] == rows
    assert found["created"] == 0
    missing = {name for name, value in found.items() if math.isnan(value)}
    counted = {name for name in found if UNITS[name] in ("jobs", "calls", "requests")}
    if rows:
        counted.add("amplification")  # of the one request that was tried, no job came
    assert missing == set(found) - counted


def test_a_run_of_one_instant_has_no_rate() -> None:
    found = metrics(jobs_of(created=2.0, started=[2.0], finished=2.0), workers=1)
    assert found["makespan"] == 0.0
    assert math.isnan(found["throughput"])
    assert math.isnan(found["utilisation"])


def test_any_percentile_and_any_service_level_can_be_asked_for() -> None:
    jobs = jobs_of(started=[0.0, 1.0, 2.0, 3.0], finished=9.0)
    found = metrics(jobs, workers=4, also=["wait_p90", "wait_within_2s", "sojourn_within_8s"])
    assert found["wait_p90"] == pytest.approx(2.7)
    assert found["wait_within_2s"] == 0.75
    assert found["sojourn_within_8s"] == 0.0


def test_no_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        metrics(jobs_table(), workers=0)
