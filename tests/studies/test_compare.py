"""The twin test of the threaded engine: the same workload in threads and in virtual time."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from jobsim import InMemoryJobRepository, Run, Scenario, Workload, preset, run_threads
from jobsim.studies.compare import Comparison, compare
from jobsim.virtual.run_virtual import run_virtual

SCENARIO = Scenario(
    jobs=120,
    workers=4,
    clients=2,
    seed=5,
    arrivals={"kind": "poisson", "rate": 3.4},
    payment={
        "delay": {"kind": "exponential", "mean": 1.0},
        "abandon": 0.1,
        "duplicate": 0.3,
        "lag": {"kind": "constant", "value": 0.2},
    },
    work={"service": {"kind": "exponential", "mean": 1.0}, "fail": 0.1},
)


@pytest.fixture(scope="module")
def threaded():
    return run_threads(SCENARIO, speedup=40.0)


def shifted(run, **columns):
    """The run with some columns of its jobs replaced."""
    return Run(run.workload, run.info, run.jobs.assign(**columns), calls=run.calls)


def test_both_engines_do_the_same_to_every_job(threaded):
    comparison = compare(threaded)
    assert comparison.agree
    assert len(comparison.jobs) == 120
    assert comparison.different.empty
    assert comparison.unmatched.empty
    assert (comparison.jobs["rejected_threaded"] > 0).any()
    assert (comparison.jobs["status_virtual"] == "failed").any()


@pytest.mark.parametrize("name", ["stampede", "duplicate-payments", "unpaid"])
def test_presets_that_press_the_repository_end_alike_in_both_engines(name):
    run = run_threads(preset(name), speedup=math.inf)
    assert compare(run, run_virtual(run.workload)).agree


def test_the_times_of_both_engines_are_close(threaded):
    times = compare(threaded).times() / 40.0
    # A machine may stall; half of the jobs are far below these wall seconds all the same.
    assert 0 <= times.loc["p50", "lateness"] < 0.1
    assert -0.02 < times.loc["p50", "dispatch"] < 0.1
    assert abs(times.loc["p50", "drift"]) < 0.2


def test_a_delay_of_dispatch_is_found_and_lateness_is_none_of_it():
    nan = math.nan
    workload = Workload(
        Scenario(workers=1),
        arrival=np.array([0.0, 1.0, 2.0]),
        delay=np.array([0.0, 0.0, nan]),
        lag=np.full(3, nan),
        service=np.array([4.0, 1.0, 1.0]),
        fails=np.zeros(3, dtype=bool),
    )
    virtual = run_virtual(workload)
    info = virtual.info.model_copy(update={"engine": "threads", "speedup": 2.0})
    # The first job is asked for half a second late and dispatched a quarter later, its work
    # takes 4.5 s; the second starts an eighth after that.
    jobs = virtual.jobs.assign(
        created=[0.5, 1.0, 2.0],
        paid=[0.5, 1.0, nan],
        started=[0.75, 5.375, nan],
        finished=[5.25, 6.375, nan],
        lateness=[0.5, 0.0, 0.0],
    )
    found = compare(Run(workload, info, jobs), virtual)
    assert found.jobs["dispatch"].tolist()[:2] == [0.25, 0.375]
    assert found.jobs["drift"].tolist()[:2] == [0.75, 1.375]
    assert found.drifted == 1.0
    text = repr(found)
    assert "raw drift       p50 1.06 s, p95 1.34 s, max 1.38 s; p50 531 ms of wall time" in text
    assert "exceeds their own lateness for 100 % of the jobs" in text
    assert "agree" in found._repr_html_()


def test_without_waiting_there_is_no_drift_to_speak_of():
    run = run_threads(Scenario(jobs=5, workers=1), speedup=math.inf)
    found = compare(run)
    assert found.jobs[["drift", "lateness"]].isna().all(axis=None)
    assert math.isnan(found.drifted)
    assert "drift" not in repr(found)
    assert "wall time" not in repr(found)


def test_a_job_that_ended_otherwise_is_named(threaded):
    status = threaded.jobs["status"].copy()
    first = int(np.argmax(status == "completed"))
    status.iloc[first] = "failed"
    found = compare(shifted(threaded, status=status))
    assert not found.agree
    assert found.different.index.tolist() == [(first, 1)]
    assert "DIFFER" in repr(found)


def test_another_number_of_refused_calls_is_a_difference(threaded):
    found = compare(shifted(threaded, rejected=threaded.jobs["rejected"] + 1))
    assert len(found.different) == 120


def test_jobs_are_joined_by_request_and_attempt_not_by_row(threaded):
    backwards = Run(threaded.workload, threaded.info, threaded.jobs.iloc[::-1])
    assert compare(backwards).agree


def test_a_job_that_only_one_run_has_is_named(threaded):
    request = threaded.jobs["request"].replace({7: 1007})
    found = compare(shifted(threaded, request=request))
    assert not found.agree
    assert found.unmatched["found_in"].to_dict() == {(7, 1): "virtual", (1007, 1): "threaded"}
    assert found.different.empty
    assert "119 in both runs, 2 in one only" in repr(found)


FAILING = Scenario(
    jobs=40, workers=2, arrivals={"kind": "paced", "rate": 1.0}, work={"fail": 0.4}, retry={}
)


def test_jobs_that_were_asked_for_again_are_held_against_each_other_by_attempt():
    found = compare(run_threads(FAILING, speedup=200.0))
    assert found.feedback
    assert (found.jobs.index.get_level_values("attempt") > 1).any()
    assert found.agree  # what fails is drawn, and nothing here is a matter of moments
    assert "moments" not in repr(found)
    assert found.jobs["dispatch"].notna().all()


def test_with_a_reaper_the_delay_of_dispatch_is_unknown_and_runs_may_part_ways():
    virtual = run_virtual(FAILING.replace({"reaper": {"timeout": 2.0}}))
    info = virtual.info.model_copy(update={"engine": "threads", "speedup": 2.0})
    jobs = virtual.jobs.assign(lateness=0.0)
    reaped = int(np.argmax(jobs["reaped"]))
    found = compare(Run(virtual.workload, info, jobs.drop(index=reaped)), virtual)
    assert found.jobs["dispatch"].isna().all()
    assert "dispatch" not in repr(found)
    assert len(found.unmatched) == 1
    assert "moments decide who asks again" in repr(found)


def test_a_repository_that_loses_a_confirmation_is_seen():
    class Broken(InMemoryJobRepository):
        def update_status(self, job_id, target, result=None, error=None):
            if target == "completed":
                raise OSError("disk full")
            return super().update_status(job_id, target, result=result, error=error)

    run = run_threads(SCENARIO, Broken(), speedup=math.inf)
    found = compare(run)
    assert set(found.different["status_threaded"]) == {"running"}
    assert set(found.different["status_virtual"]) == {"completed"}


def test_runs_of_other_engines_are_refused(threaded):
    virtual = run_virtual(SCENARIO)
    with pytest.raises(ValueError, match="the first run is virtual"):
        compare(virtual, virtual)
    with pytest.raises(ValueError, match="the second run has threads"):
        compare(threaded, threaded)


def test_the_table_is_plain_data(threaded):
    jobs = compare(threaded).jobs
    assert list(jobs.index.names) == ["request", "attempt"]
    assert isinstance(jobs["found_in"].dtype, pd.CategoricalDtype)


@pytest.mark.parametrize(
    ("waits", "alike"), [((20.4, 0.34), False), ((0.4, 0.34), True), ((0.05, 0.0), True)]
)
def test_equal_outcomes_over_other_waits_are_no_agreement(waits, alike):
    run = run_virtual(Scenario(jobs=5))
    late = dataclasses.replace(compared(run), waits=waits, service=1.0)
    assert late.agree
    assert late.times_agree is alike
    assert ("agree" in dict(late._display()[1])["verdict"]) is alike


def compared(run):
    jobs = run.jobs[["request", "attempt"]].assign(
        status_threaded="completed", status_virtual="completed", rejected_threaded=0,
        rejected_virtual=0, found_in="both", drift=0.0, dispatch=0.0, lateness=0.0,
    )  # fmt: skip
    return Comparison(jobs.set_index(["request", "attempt"]), speedup=60.0)
