from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import jobsim

LOAD = jobsim.Scenario(
    jobs=4000, workers=5, arrivals={"kind": "poisson", "rate": 2.1},
    work={"service": {"kind": "lognormal", "mean": 2.0, "cv": 1.0}},
)  # fmt: skip


@pytest.fixture(scope="module")
def run():
    return jobsim.run_virtual(LOAD)


def truth(run: jobsim.Run, at: float) -> tuple[float, float, float]:
    """Return when the backlog was gone, how long the next job waited, and first emptiness."""
    jobs = run.jobs
    inside = (jobs["paid"] <= at) & (jobs["finished"] > at)
    drained = float(jobs.loc[inside, "finished"].max()) - at if inside.any() else 0.0
    free = np.sort(jobs.loc[jobs["started"] <= at, "finished"].to_numpy())[-LOAD.workers :]
    following = jobs[jobs["paid"] > at]
    ends = jobs.loc[jobs["started"].where(inside).notna(), "finished"].to_numpy()
    busy = np.sort(np.concatenate([free[free > at], ends]))
    busy = np.unique(busy)
    wait = max(float(busy[-LOAD.workers]) - at, 0.0) if len(busy) >= LOAD.workers else 0.0
    latest = np.maximum.accumulate(jobs["finished"].to_numpy())
    paid = following["paid"].to_numpy()
    before = latest[following.index[0] - 1 : len(latest) - 1]
    hit = np.flatnonzero(paid >= np.maximum(before, at))
    empty = max(float(before[hit[0]]) - at, 0.0) if len(hit) else math.inf
    return drained, wait, empty


def test_intervals_cover_what_happened(run):
    log = jobsim.read_log(run.jobs)
    hits, moments = np.zeros(3), np.linspace(0.4, 0.9, 8) * log.span
    first = float(run.jobs["arrival"].iloc[0])
    for at in moments:
        row = jobsim.forecast(log, at=at, workers=5).table.iloc[0]
        for place, (name, value) in enumerate(
            zip(("drained", "wait", "empty"), truth(run, at + first), strict=True)
        ):
            low, high = row[f"{name}_low"] - 1e-6, row[f"{name}_high"] + 1e-6
            hits[place] += low <= value <= high
    # At 95 % fewer than five of eight happen four times in ten thousand.
    assert (hits >= 5).all()


def test_more_workers_drain_a_backlog_sooner_and_never_is_said():
    spike = LOAD.replace({"arrivals.rate": 5.0})
    log = jobsim.read_log(jobsim.run_virtual(spike.replace({"jobs": 2000})).jobs)
    found = jobsim.forecast(log, at=0.5 * log.span, workers=[5, 10, 20])
    table = found.table
    assert table["drained"].is_monotonic_decreasing
    assert table["wait"].is_monotonic_decreasing
    assert math.isinf(table["empty"][0])
    assert "first empty after never" in repr(found)
    assert table["load"][2] < 1.0
    assert "not foreseeable" in repr(found)
    assert found.waiting > 300


def test_a_constant_service_drains_when_arithmetic_says():
    scenario = jobsim.Scenario(
        jobs=100, workers=4, arrivals={"kind": "stampede"},
        work={"service": {"kind": "constant", "value": 10.0}},
    )  # fmt: skip
    found = jobsim.forecast(jobsim.run_virtual(scenario), at=95.0, workers=4)
    row = found.table.iloc[0]
    # Four are 5 s into their work and 60 wait: 15 rounds of 10 s after the next 5 s.
    assert (found.running, found.waiting) == (4, 60)
    assert row["drained_low"] == row["drained_high"] == pytest.approx(155.0, abs=1e-4)
    assert row["wait"] == pytest.approx(155.0, abs=1e-4)


def test_who_has_no_start_waits():
    over = pd.DataFrame({"created": range(40), "started": range(40), "state": "done"})
    over = over.assign(finished=over["started"] + 4)
    now = pd.DataFrame({"created": [39, 40, 41, 41, 41], "started": [42, 42, None, None, None],
                        "state": ["running"] * 2 + ["queued"] * 3})  # fmt: skip
    log = jobsim.read_log(pd.concat([over, now], ignore_index=True))
    found = jobsim.forecast(log, at=43.0, workers=2)
    assert (found.running, found.waiting) == (2, 3)


def test_rows_that_were_never_closed_hold_up_nobody():
    over = pd.DataFrame({"created": range(300), "started": range(300), "state": "done"})
    over = over.assign(finished=over["started"] + 4 + over["started"] % 3)
    rows = {"created": [5, 9, 299], "started": [5, 9, 299], "state": ["running"] * 3}
    log = jobsim.read_log(pd.concat([over, pd.DataFrame(rows)], ignore_index=True))
    assert "2 of those not over: they have run for 5 times as long as any" in repr(log)
    assert len(log.unfinished) == 3
    assert log.peak_concurrency()[0] == jobsim.read_log(over).peak_concurrency()[0] + 1
    found = jobsim.forecast(log)
    assert (found.running, found.waiting) == (1, 0)
    assert found.table["drained_high"][0] < 60.0
    learned = jobsim.calibrate(log, holdout=0)
    assert learned.service.mean.covers(5.0)
    assert any(text.startswith("2 jobs not over count for no work") for text in learned.warnings)


def test_a_smaller_crew_ends_what_it_has_begun():
    scenario = jobsim.Scenario(
        jobs=8, workers=4, arrivals={"kind": "stampede"},
        work={"service": {"kind": "constant", "value": 10.0}},
    )  # fmt: skip
    row = jobsim.forecast(jobsim.run_virtual(scenario), at=5.0, workers=2).table.iloc[0]
    assert row["drained"] == pytest.approx(5.0 + 20.0, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "problem"),
    [({"at": -1.0}, "lies between"), ({"at": 1e9}, "lies between"), ({"workers": 0}, "at least 1"),
     ({"at": 0.5}, "30 are needed")],
)  # fmt: skip
def test_what_cannot_be_foretold_is_refused(run, options, problem):
    with pytest.raises(ValueError, match=problem):
        jobsim.forecast(jobsim.read_log(run.jobs), **options)
