"""Runs in virtual time: the same bytes each time, the same times as SimPy, and legal."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from simpy_oracle import simulate
from table_digest import digest

from jobsim import Run, Scenario, Workload, preset, presets
from jobsim.studies.little import littles_law
from jobsim.tables.derive import jobs_from_calls
from jobsim.tables.lifecycle import illegal_transitions
from jobsim.tables.schema import JOBS, TRANSITIONS
from jobsim.virtual import run_virtual as virtual
from jobsim.virtual.run_virtual import run_virtual

RICH = Scenario(
    jobs=400,
    workers=3,
    clients=2,
    seed=11,
    arrivals={"kind": "poisson", "rate": 2.7},
    payment={
        "delay": {"kind": "exponential", "mean": 2.0},
        "abandon": 0.1,
        "duplicate": 0.2,
        "lag": {"kind": "uniform", "low": 0.0, "high": 1.0},
    },
    work={"service": {"kind": "exponential", "mean": 1.0}, "fail": 0.1},
)


def test_the_same_seed_gives_the_same_bytes_for_ever():
    assert (
        digest(run_virtual(RICH).jobs)
        == "9d9f4f23da820884902b21da3fce0350b5f6bf2e03b5ee9c04beaed6b605d25c"
    )


@pytest.mark.parametrize(
    "name", ["rich", *(name for name in presets() if not preset(name).has_feedback)]
)
def test_every_run_equals_simpy_to_the_last_bit(name):
    workload = Workload.sample(RICH if name == "rich" else preset(name))
    jobs = run_virtual(workload).jobs
    paid = workload.arrival + workload.delay
    theirs = simulate(paid, workload.lag, workload.service, workload.scenario.workers)
    assert jobs["paid"].to_numpy().tobytes() == paid.tobytes()
    assert jobs["started"].to_numpy().tobytes() == theirs.started.tobytes()
    assert jobs["finished"].to_numpy().tobytes() == theirs.finished.tobytes()
    assert jobs["rejected"].to_numpy().tobytes() == theirs.rejected.tobytes()


@pytest.mark.parametrize("name", ["rich", *presets()])
def test_every_transition_is_legal(name):
    run = run_virtual(RICH if name == "rich" else preset(name))
    assert illegal_transitions(run.transitions).empty
    last = run.transitions.groupby("job")["target"].last()
    assert (last.to_numpy() == run.jobs["status"].to_numpy()).all()


def test_the_tables_have_the_columns_of_every_run():
    run = run_virtual(RICH)
    for table, columns in ((run.jobs, JOBS), (run.transitions, TRANSITIONS)):
        assert list(table) == list(columns)
        for name, dtype in columns.items():
            assert table[name].dtype == dtype
    assert run.calls is None
    assert run.final is None


def test_the_jobs_table_has_the_dtypes_and_names_of_a_threaded_one():
    calls = pd.DataFrame(
        {
            "actor": pd.Categorical(["worker-0"]),
            "op": "update_status",
            "outcome": "ok",
            "job": 0,
            "target": pd.Categorical(["running"], dtype=JOBS["status"]),
            "returned_ns": 0,
        }
    )
    one = np.zeros(1)
    threaded = jobs_from_calls(
        calls, arrival=one, delay=one, zero_ns=0, seconds_per_ns=1.0, workers=1
    )
    ours = run_virtual(RICH).jobs
    pd.testing.assert_series_equal(
        ours.dtypes.drop("worker"), threaded.dtypes[list(ours)].drop("worker")
    )
    assert ours.index.name == threaded.index.name
    for jobs in (ours, threaded):
        assert jobs["worker"].cat.categories.dtype == "str"


def test_a_job_is_created_on_schedule_and_ends_as_it_was_drawn():
    workload = Workload.sample(RICH)
    jobs = run_virtual(workload).jobs
    ended = np.where(workload.fails, "failed", "completed")
    unpaid = np.isnan(workload.delay)
    assert unpaid.any()
    assert (jobs["status"] == np.where(unpaid, "awaiting_payment", ended)).all()
    assert (jobs["created"] == workload.arrival).all()
    never = jobs.loc[unpaid, ["paid", "started", "finished", "worker"]]
    assert never.isna().all(axis=None)
    assert jobs["worker"].dropna().isin(["worker-0", "worker-1", "worker-2"]).all()


def test_a_run_without_unpaid_jobs_has_every_status_right():
    jobs = run_virtual(RICH.replace({"payment.abandon": 0.0})).jobs
    assert set(jobs["status"]) == {"completed", "failed"}


def test_littles_law_holds():
    run = run_virtual(RICH)
    assert littles_law(run.jobs, run.transitions).error < 1e-9


def test_the_workload_is_not_copied_and_cannot_be_written_through_the_table():
    run = run_virtual(RICH)
    assert np.shares_memory(run.jobs["created"].to_numpy(), run.workload.arrival)
    with pytest.raises(ValueError, match="read-only"):
        run.jobs.loc[0, "started"] = 1.0
    run.jobs["wait"] = run.jobs["started"] - run.jobs["paid"]  # a new column is no harm


def test_a_run_says_that_it_was_virtual():
    run = run_virtual(RICH)
    assert (run.info.engine, run.info.speedup, run.ended) == ("virtual", math.inf, "complete")
    assert "engine   virtual time; complete after" in repr(run)
    with pytest.raises(ValueError, match="this one is virtual: `replay`"):
        run.check()


def test_a_virtual_run_is_saved_and_loaded(tmp_path):
    run = run_virtual(RICH)
    loaded = Run.load(run.save(tmp_path / "run"))
    pd.testing.assert_frame_equal(loaded.jobs, run.jobs)
    pd.testing.assert_frame_equal(loaded.transitions, run.transitions)
    pd.testing.assert_frame_equal(run_virtual(loaded.workload).jobs, run.jobs)


def test_a_run_of_nothing_is_a_run():
    run = run_virtual(RICH.replace({"jobs": None, "duration": 2.0**-20}))
    assert len(run.jobs) == len(run.transitions) == 0
    assert "0 of 0 created" in repr(run)


def test_what_is_no_load_is_refused():
    with pytest.raises(TypeError, match="takes a Scenario or a Workload, not 'steady'"):
        run_virtual("steady")


def test_a_bar_is_shown_when_asked_for_or_for_long_runs_only(monkeypatch):
    asked = []

    def bar(total, description, *, unit, progress):
        asked.append(progress)
        return real(total, description, unit=unit, progress=False)

    real = virtual.bar
    monkeypatch.setattr(virtual, "bar", bar)
    run_virtual(RICH)
    run_virtual(RICH, progress=True)
    monkeypatch.setattr(virtual, "LONG_RUN", 400)
    run_virtual(RICH)
    assert asked == [False, True, None]
