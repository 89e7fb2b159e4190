from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import jobsim

TRACES = Path(__file__).resolve().parents[3] / "shared" / "traces"
real = pytest.mark.skipif(not TRACES.is_dir(), reason="the sample traces are not here")

LOAD = jobsim.Scenario(
    jobs=3000, workers=4, arrivals={"kind": "poisson", "rate": 1.6},
    payment={"delay": {"kind": "exponential", "mean": 5.0}, "abandon": 0.05},
    work={"service": {"kind": "lognormal", "mean": 2.0, "cv": 1.2}, "fail": 0.05},
)  # fmt: skip


@pytest.fixture(scope="module")
def log():
    return jobsim.read_log(jobsim.run_virtual(LOAD).jobs)


@pytest.fixture(scope="module")
def found(log):
    return jobsim.backtest(log)


def test_a_log_whose_model_is_true_gives_its_own_waits(found):
    np.testing.assert_allclose(found.waits["replayed"], found.waits["logged"], atol=1e-5)
    assert (found.workers, found.found, found.explains) == (4, True, True)
    assert "4 workers, first come first served, explain" in repr(found)


def test_jobs_that_were_running_at_the_end_take_part():
    jobs = jobsim.run_virtual(LOAD).jobs
    end = float(jobs["created"].max()) * 0.7
    cut = jobs[jobs["created"] <= end].copy()
    cut["finished"] = cut["finished"].where(cut["finished"] <= end)
    started = cut["started"].where(cut["started"] <= end)
    rows = cut.assign(started=started)[["request", "arrival", "paid", "started", "finished"]]
    found = jobsim.backtest(jobsim.read_log(rows), workers=4, holdout=0)
    assert found.explains
    told = found.waits.dropna()
    np.testing.assert_allclose(told["replayed"], told["logged"], atol=1e-5)


def test_the_unseen_part_lies_in_its_prediction_interval(found):
    assert found.unseen is not None
    assert (found.unseen["low"] <= found.unseen["high"]).all()
    assert found.unseen["inside"].all()


def test_a_wrong_number_of_workers_does_not_explain(log):
    wrong = jobsim.backtest(log, workers=6, holdout=0)
    assert wrong.explains is False
    assert "6 workers, first come first served, do not explain" in wrong.sentences[0]


def test_jobs_that_overtake_each_other_are_named():
    """The same work, last come first served: no number of workers waiting in line explains it."""
    rng = np.random.default_rng(1)
    arrival, service = np.cumsum(rng.exponential(1.0, 2000)), rng.exponential(0.9, 2000)
    started, clock, waiting, following = np.empty(2000), 0.0, [], 0
    for _ in range(2000):
        while following < 2000 and (arrival[following] <= clock or not waiting):
            clock = max(clock, arrival[following]) if not waiting else clock
            waiting.append(following)
            following += 1
        job = waiting.pop()
        started[job], clock = clock, clock + service[job]
    frame = pd.DataFrame({"arrival": arrival, "started": started, "finished": started + service})
    found = jobsim.backtest(jobsim.read_log(frame), holdout=0)
    assert found.explains is False
    assert any("ready just before them" in text for text in found.sentences)


def test_a_log_without_waits_says_so():
    found = jobsim.backtest(jobsim.read_log(pd.DataFrame({"created": range(50), "took": 3.0})))
    assert found.explains is None
    assert "records no waits" in found.sentences[0]
    assert found.table["logged"].isna().all()


def test_hours_stand_beside_each_other(found):
    assert found.by_hour["jobs"].sum() == len(found.waits)
    np.testing.assert_allclose(found.by_hour["logged"], found.by_hour["replayed"], atol=1e-5)


@real
def test_neither_four_nor_nine_workers_explain_kth():
    log = jobsim.read_log(TRACES / "KTH-SP2-1996-2.1-cln.first500.swf")
    for workers in (4, 9, None):
        found = jobsim.backtest(log, workers, holdout=0)
        assert found.explains is False
        said = " ".join(found.sentences)
        assert "ready just before them" in said
        assert "jobs that take several workers" in said


@real
@pytest.mark.parametrize(
    ("name", "rows"),
    [("LLNL-Atlas-2006-2.1-cln.first500.swf", 500), ("azure-functions-2021-invitro200.csv", 199)],
)
def test_public_logs_without_waits_are_read_whole_and_say_so(name, rows):
    log = jobsim.read_log(TRACES / name)
    assert (len(log), log.skipped) == (rows, {})
    assert "records no waits" in jobsim.backtest(log).sentences[0]
