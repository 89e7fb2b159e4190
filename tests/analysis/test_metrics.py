from __future__ import annotations

import math

import pandas as pd
import pytest

from jobsim.analysis.metrics import UNITS, metrics
from jobsim.analysis.tables import JOBS, THREADED_JOBS

NAN = math.nan


def jobs_table(*, threaded: bool = False) -> pd.DataFrame:
    """Two finished, one running, one paid and waiting, one unpaid, one never created."""
    jobs = pd.DataFrame(
        {
            "request": range(6),
            "attempt": 0,
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
    columns = THREADED_JOBS if threaded else JOBS
    return jobs[list(columns)].astype(columns)


def test_the_counts_say_where_each_job_stands() -> None:
    found = metrics(jobs_table(), workers=2)
    counts = ("jobs", "created", "paid", "unpaid", "waiting", "stuck", "completed", "failed")
    assert [found[name] for name in counts] == [6, 5, 4, 1, 1, 1, 1, 1]
    assert found["rejected"] == 3
    ends = ("unpaid", "waiting", "stuck", "completed", "failed")
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


def test_the_rates_are_over_the_makespan() -> None:
    found = metrics(jobs_table(), workers=2)
    assert found["makespan"] == 10.0
    assert found["throughput"] == pytest.approx(2 / 10)
    assert found["utilisation"] == pytest.approx(9 / (2 * 10))


def test_lateness_is_there_only_where_it_was_measured() -> None:
    assert not any(name.startswith("lateness") for name in metrics(jobs_table(), workers=1))
    found = metrics(jobs_table(threaded=True), workers=1)
    assert found["lateness_p50"] == pytest.approx(0.2)
    assert found["lateness_p99"] == pytest.approx(0.396)
    assert found["lateness_max"] == pytest.approx(0.4)


def test_every_metric_has_a_unit_and_every_unit_a_metric() -> None:
    assert set(metrics(jobs_table(threaded=True), workers=1)) == set(UNITS)


@pytest.mark.parametrize("rows", [0, 1])
def test_what_has_no_data_is_nan_and_no_count_is(rows: int) -> None:
    """A RuntimeWarning would fail this test: warnings are errors."""
    table = jobs_table(threaded=True).iloc[5:].head(rows)
    found = metrics(table, workers=3)
    assert found["jobs"] == rows
    assert found["created"] == 0
    missing = {name for name, value in found.items() if math.isnan(value)}
    assert missing == {name for name, unit in UNITS.items() if unit not in ("jobs", "calls")}


def test_a_run_of_one_instant_has_no_rate() -> None:
    table = jobs_table().head(1).assign(created=2.0, finished=2.0)
    found = metrics(table, workers=1)
    assert found["makespan"] == 0.0
    assert math.isnan(found["throughput"])
    assert math.isnan(found["utilisation"])


def test_no_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        metrics(jobs_table(), workers=0)
