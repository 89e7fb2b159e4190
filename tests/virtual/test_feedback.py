"""Jobs with feedback in virtual time, held against SimPy, the recursion, and by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from every_dynamic import ALL, BASE, DYNAMICS, TOGETHER
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy_feedback import simulate
from table_digest import digest
from tied_workloads import coarse, maybe, tied_workloads

from jobsim import Run, Scenario, Workload, preset, presets
from jobsim.studies.little import littles_law
from jobsim.tables.lifecycle import illegal_transitions
from jobsim.tables.schema import JOBS
from jobsim.virtual import compiled, feedback
from jobsim.virtual.feedback import serve_feedback
from jobsim.virtual.recursion import queue_order
from jobsim.virtual.run_virtual import run_virtual
from jobsim.virtual.server import payments, serve

NAN = math.nan


RICH = BASE.replace(ALL | {"seed": 7})


def assert_equal_to_simpy(ours, theirs):
    assert list(ours) == list(JOBS)
    assert len(ours) == len(theirs)
    for name, column in ours.items():
        if name not in theirs:
            continue  # what virtual time does not have: an id, lateness
        values = column.cat.codes if name == "worker" else column
        # No tolerance: times are whole ticks, so equal means equal to the last bit.
        np.testing.assert_array_equal(values.to_numpy(), theirs[name].to_numpy(), err_msg=name)


def plain(workload, scenario=None):
    return serve_feedback(workload, scenario or workload.scenario, compiled=False)


# Against SimPy


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", DYNAMICS)
def test_every_dynamic_alone_equals_simpy_to_the_last_bit(name, seed):
    changes, shows = DYNAMICS[name]
    workload = Workload.sample(BASE.replace(changes | {"seed": seed}))
    ours = plain(workload)
    assert shows(ours)
    assert_equal_to_simpy(ours, simulate(workload))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", TOGETHER)
def test_all_together_equal_simpy_to_the_last_bit(name, seed):
    workload = Workload.sample(BASE.replace(TOGETHER[name] | {"seed": seed}))
    ours = plain(workload)
    assert ours[["crashed", "reaped", "rejected", "left"]].any().all()
    assert_equal_to_simpy(ours, simulate(workload))


@pytest.mark.parametrize("name", [name for name in presets() if preset(name).has_feedback])
def test_every_preset_with_feedback_equals_simpy_to_the_last_bit(name):
    workload = Workload.sample(preset(name))
    assert_equal_to_simpy(plain(workload), simulate(workload))


@settings(deadline=None, max_examples=150)
@given(workload=tied_workloads())
def test_what_happens_in_one_instant_happens_in_the_order_that_simpy_is_told(workload):
    assert_equal_to_simpy(plain(workload), simulate(workload))


# Against its twins


@pytest.fixture(scope="module")
def _compiled_loop():
    """Compile once; then forget it, so that other tests run what they always run."""
    pytest.importorskip("numba")
    before = compiled.loop.loaded
    compiled.loop.load()
    yield
    compiled.loop.loaded = before


@pytest.mark.usefixtures("_compiled_loop")
@pytest.mark.parametrize("name", TOGETHER)
def test_compiled_and_plain_are_equal_to_the_last_bit(name):
    workload = Workload.sample(BASE.replace(TOGETHER[name] | {"jobs": 3000}))
    fast = serve_feedback(workload, workload.scenario, compiled=True)
    assert digest(fast) == digest(plain(workload))


@pytest.mark.usefixtures("_compiled_loop")
@settings(deadline=None)
@given(workload=tied_workloads())
def test_compiled_and_plain_break_ties_alike(workload):
    fast = serve_feedback(workload, workload.scenario, compiled=True)
    pd.testing.assert_frame_equal(fast, plain(workload))


def without_feedback(workload, workers):
    paid = payments(workload)
    return serve(workload, workers, paid=paid, order=queue_order(paid))


@pytest.mark.parametrize("name", ["base", "stampede", "overload", "duplicate-payments"])
def test_without_feedback_the_loop_equals_the_recursion_to_the_last_bit(name):
    scenario = BASE if name == "base" else preset(name)
    workload = Workload.sample(scenario)
    ours = plain(workload)
    assert digest(ours) == digest(without_feedback(workload, scenario.workers))
    assert not ours[["crashed", "reaped"]].any(axis=None)
    failed = ours["status"] == "failed"
    assert ours["left"].equals(ours["finished"].where(failed))  # with nothing, at once


@settings(deadline=None)
@given(
    jobs=st.lists(st.tuples(coarse, maybe, maybe, coarse, st.booleans()), max_size=12),
    workers=st.integers(1, 4),
)
def test_without_feedback_the_loop_breaks_ties_as_the_recursion_does(jobs, workers):
    arrival, delay, lag, service, fails = np.array(sorted(jobs), float).reshape(-1, 5).T
    scenario = Scenario(workers=workers)
    workload = Workload(scenario, arrival, delay, lag, service, fails.astype(bool))
    pd.testing.assert_frame_equal(plain(workload), without_feedback(workload, workers))


def test_the_compiled_loop_is_taken_for_many_rows_only(monkeypatch):
    asked = []
    monkeypatch.setattr(
        compiled.loop, "load_if_worth_it", lambda rows, threshold: asked.append((rows, threshold))
    )
    run_virtual(RICH)
    assert asked == [(1600, feedback.COMPILE_FROM)]


# The tables


@pytest.mark.parametrize("name", TOGETHER)
def test_every_transition_is_legal_and_ends_in_the_status_of_its_job(name):
    run = run_virtual(BASE.replace(TOGETHER[name]))
    assert illegal_transitions(run.transitions).empty
    last = run.transitions.groupby("job")["target"].last()
    assert (last.to_numpy() == run.jobs["status"].to_numpy()).all()


@pytest.mark.parametrize("name", TOGETHER)
def test_littles_law_holds(name):
    run = run_virtual(BASE.replace(TOGETHER[name]))
    assert littles_law(run.jobs, run.transitions).error < 1e-9


def test_the_table_has_the_promised_dtypes():
    jobs = plain(Workload.sample(RICH))
    expected = without_feedback(Workload.sample(BASE), 3).dtypes
    pd.testing.assert_series_equal(jobs.dtypes[list(JOBS)], expected)
    assert jobs.index.name == "job"
    with pytest.raises(ValueError, match="read-only"):
        jobs.loc[0, "left"] = 1.0


def test_the_same_seed_gives_the_same_bytes_for_ever():
    assert (
        digest(run_virtual(RICH).jobs)
        == "605880ee5ac4ee2dbf4fcb7c1e956512cd6b0d3c1159081a876c3c1bbbc3a67b"
    )


def test_a_saved_run_replays_exactly(tmp_path):
    run = run_virtual(RICH)
    loaded = Run.load(run.save(tmp_path / "run"))
    assert loaded.workload.digest() == run.workload.digest()
    pd.testing.assert_frame_equal(loaded.jobs, run.jobs)
    pd.testing.assert_frame_equal(loaded.transitions, run.transitions)
    assert digest(run_virtual(loaded.workload).jobs) == digest(run.jobs)


@pytest.mark.parametrize("name", DYNAMICS)
def test_a_client_asks_in_turn_and_never_again_after_success(name):
    changes, _ = DYNAMICS[name]
    jobs = run_virtual(BASE.replace(changes)).jobs
    turns = jobs.groupby("request")["attempt"]
    assert (turns.cumcount() + 1 == jobs["attempt"]).all()
    assert (turns.transform("max") == jobs["attempt"]).loc[jobs["left"].notna()].all()
    done = jobs[jobs["status"] == "completed"].groupby("request")["finished"].min()
    assert not (jobs["created"] > jobs["request"].map(done)).any()


# By hand


def hand_made(fields, *, arrival, service, **arrays):
    """Build a workload of rows by (request, attempt); a payment comes at once, work succeeds."""
    rows = len(service)
    given = {
        "arrival": arrival,
        "delay": [0.0] * rows,
        "lag": [NAN] * rows,
        "service": service,
        "fails": [False] * rows,
    } | arrays
    made = {
        name: np.array(values, bool if name == "fails" else float) for name, values in given.items()
    }
    return Workload(Scenario(**({"workers": 1} | fields)), **made)


def play(fields, **arrays):
    workload = hand_made(fields, **arrays)
    jobs = plain(workload)
    assert_equal_to_simpy(jobs, simulate(workload))
    return jobs


def column(jobs, name):
    return [None if value != value else value for value in jobs[name].tolist()]


TWO = {"attempts": 2}
TWICE = {"pause": [NAN, 1.0], "arrival": [0.0] * 2}


def test_work_that_takes_no_time_ends_as_it_starts():
    jobs = play({"patience": {"kind": "constant", "value": 9.0}}, arrival=[0.0, 0.0, 2.0],
                service=[0.0] * 3, patience=[9.0] * 3)  # fmt: skip
    assert column(jobs, "started") == column(jobs, "finished") == [0.0, 0.0, 2.0]


def test_without_a_backoff_a_client_asks_again_in_the_instant_of_the_failure():
    jobs = play({"retry": TWO}, arrival=[0.0] * 4, pause=[NAN, 0.0] * 2, service=[1.0] * 4,
                fails=[True, False, False, False])  # fmt: skip
    # Its new job is behind the other client's, which has waited longer.
    assert column(jobs, "created") == [0.0, 1.0, 0.0]
    assert column(jobs, "started") == [0.0, 2.0, 1.0]
    assert column(jobs, "status") == ["failed", "completed", "completed"]


def test_a_client_without_patience_leaves_at_once_and_its_job_is_served_all_the_same():
    jobs = play({"patience": {"kind": "constant", "value": 0.0}}, arrival=[0.0], service=[1.0],
                patience=[0.0])  # fmt: skip
    assert column(jobs, "left") == [0.0]
    assert column(jobs, "finished") == [1.0]
    assert column(jobs, "status") == ["completed"]


def test_a_result_in_the_instant_in_which_the_patience_ends_is_a_result():
    jobs = play({"patience": {"kind": "constant", "value": 1.0}}, arrival=[0.0], service=[1.0],
                patience=[1.0])  # fmt: skip
    assert column(jobs, "left") == [None]


def test_an_impatient_client_is_served_twice():
    fields = {"retry": TWO, "patience": {"kind": "constant", "value": 1.0}}
    jobs = play(fields, **TWICE, service=[3.0, 1.0], patience=[1.0, 9.0])
    assert column(jobs, "created") == [0.0, 2.0]
    assert column(jobs, "finished") == [3.0, 4.0]
    assert column(jobs, "left") == [None, None]  # the first result, at 3, settles it


def test_a_result_that_comes_during_the_backoff_makes_the_retry_needless():
    fields = {"retry": TWO, "patience": {"kind": "constant", "value": 1.0}}
    jobs = play(fields, **TWICE, service=[1.5, 1.0], patience=[1.0, 1.0])
    assert column(jobs, "attempt") == [1]
    assert column(jobs, "left") == [None]


def test_a_failure_that_comes_after_the_client_gave_up_is_no_news():
    fields = {"retry": TWO, "patience": {"kind": "constant", "value": 1.0}}
    jobs = play(fields, **TWICE, service=[3.0, 1.0], patience=[1.0, 9.0], fails=[True, True])
    assert column(jobs, "attempt") == [1, 2]
    assert column(jobs, "left") == [None, 4.0]


def test_nobody_works_in_an_outage_that_begins_with_the_run():
    jobs = play({"outages": [{"at": 0.0, "duration": 2.0, "workers": 1}]}, arrival=[0.0],
                service=[1.0])  # fmt: skip
    assert column(jobs, "started") == [2.0]
    assert column(jobs, "crashed") == [False]


def test_what_was_running_in_an_outage_of_all_workers_stays_running_for_ever():
    fields = {"workers": 2, "outages": [{"at": 1.0, "duration": 4.0, "workers": 9}]}
    jobs = play(fields, arrival=[0.0] * 4, service=[3.0, 1.0, 3.0, 3.0])
    # The second worker hands in its result in the instant in which it goes.
    assert column(jobs, "status") == ["running", "completed", "completed", "completed"]
    assert column(jobs, "crashed") == [True, False, False, False]
    assert column(jobs, "started") == [0.0, 0.0, 5.0, 5.0]


def test_a_worker_that_is_back_in_the_instant_of_the_next_outage_stays_away():
    outages = [{"at": at, "duration": 1.0, "workers": 1} for at in (1.0, 2.0)]
    jobs = play({"outages": outages}, arrival=[1.0], service=[1.0])
    assert column(jobs, "started") == [3.0]


def test_a_worker_comes_back_only_after_the_last_of_its_reasons_to_be_away():
    fields = {"work": {"crash": 1.0}, "outages": [{"at": 2.0, "duration": 1.0, "workers": 1}]}
    for restart, back in ((5.0, 6.0), (1.5, 3.0), (2.0, 3.0)):
        jobs = play(fields, arrival=[0.0, 0.0], service=[2.0, 1.0], crash=[1.0, NAN],
                    restart=[restart, NAN])  # fmt: skip
        assert column(jobs, "started") == [0.0, back]


def test_a_worker_that_is_back_at_once_takes_the_next_job_at_once():
    jobs = play({"work": {"crash": 1.0}}, arrival=[0.0, 0.0], service=[2.0, 2.0],
                crash=[1.0, NAN], restart=[0.0, NAN])  # fmt: skip
    assert column(jobs, "status") == ["running", "completed"]
    assert column(jobs, "started") == [0.0, 1.0]
    assert column(jobs, "worker") == ["worker-0"] * 2


def test_a_reaper_fails_what_a_dead_worker_left_at_its_first_look_that_is_late_enough():
    fields = {"work": {"crash": 1.0}, "reaper": {"timeout": 2.0, "every": 1.5}, "retry": TWO}
    jobs = play(fields, **TWICE, service=[2.0, 1.0], crash=[1.0, NAN], restart=[0.0, NAN])
    assert column(jobs, "finished") == [3.0, 5.0]
    assert column(jobs, "created") == [0.0, 4.0]
    assert column(jobs, "reaped") == [True, False]
    assert column(jobs, "rejected") == [0, 0]


@pytest.mark.parametrize(("service", "reaped"), [(2.0, False), (2.5, True)])
def test_a_reaper_that_is_too_quick_kills_a_healthy_job_whose_result_is_then_refused(
    service, reaped
):
    jobs = play({"reaper": {"timeout": 2.0}}, arrival=[0.0, 0.0], service=[service, 1.0])
    assert column(jobs, "reaped") == [reaped, False]
    assert column(jobs, "rejected") == [int(reaped), 0]
    assert column(jobs, "finished")[0] == 2.0
    assert column(jobs, "started") == [0.0, service]  # its worker noticed nothing


@pytest.mark.parametrize(("skew", "finished"), [(-1.0, 3.5), (0.0, 2.5), (1.5, 1.0)])
def test_a_reaper_whose_clock_is_ahead_finds_jobs_older(skew, finished):
    reaper = {"timeout": 2.0, "every": 0.5, "skew": skew}
    jobs = play({"reaper": reaper}, arrival=[0.5], service=[9.0])
    assert column(jobs, "finished") == [finished]


def test_a_reaper_never_fails_a_job_in_the_instant_in_which_it_starts():
    reaper = {"timeout": 2.0**-30, "every": 2.0**-20}
    jobs = play({"reaper": reaper}, arrival=[1.0, 2.0], service=[0.0, 1.0])
    assert column(jobs, "status") == ["completed", "failed"]
    assert column(jobs, "finished") == [1.0, 2.0 + 2.0**-20]


def test_an_empty_budget_allows_what_the_bucket_holds_and_no_more():
    fields = {"retry": TWO | {"budget": 0.0, "burst": 2}, "workers": 4}
    jobs = play(fields, arrival=[0.0] * 8, pause=[NAN, 0.0] * 4, service=[1.0] * 8,
                fails=[True] * 8)  # fmt: skip
    assert column(jobs, "request") == [0, 0, 1, 1, 2, 3]
    assert column(jobs, "left") == [None, 2.0, None, 2.0, 1.0, 1.0]


def test_requests_fill_the_bucket_again():
    fields = {"retry": TWO | {"budget": 0.5, "burst": 1}}
    jobs = play(fields, arrival=[0.0, 0.0, 5.0, 5.0, 9.0, 9.0], pause=[NAN, 0.0] * 3,
                service=[1.0] * 6, fails=[True] * 6)  # fmt: skip
    assert jobs.groupby("request")["attempt"].max().tolist() == [2, 1, 2]


def users(count, **more):
    return {"arrivals": {"kind": "closed", "users": count, **more}}


def test_more_users_than_requests_ask_once_each_and_the_others_never():
    jobs = play(users(5), arrival=[0.0] * 2, pause=[1.0, 2.0], service=[3.0] * 2)
    assert column(jobs, "created") == [1.0, 2.0]


def test_a_user_thinks_from_the_end_of_the_request_before():
    jobs = play(users(1), arrival=[0.0] * 3, pause=[1.0] * 3, service=[3.0] * 3)
    assert column(jobs, "arrival") == column(jobs, "created") == [1.0, 5.0, 9.0]


def test_a_paced_user_thinks_from_the_intended_start_and_asks_late():
    jobs = play(users(1, paced=True), arrival=[0.0] * 3, pause=[1.0, 1.0, 9.0],
                service=[3.0] * 3)  # fmt: skip
    assert column(jobs, "arrival") == [1.0, 2.0, 11.0]
    assert column(jobs, "created") == [1.0, 4.0, 11.0]


def test_a_user_that_never_pays_waits_for_ever():
    jobs = play(users(1), arrival=[0.0] * 2, pause=[1.0] * 2, service=[3.0] * 2, delay=[NAN, 0.0])
    assert column(jobs, "status") == ["awaiting_payment"]


def test_doors_close_for_requests_and_not_for_retries():
    fields = users(1) | {"retry": TWO, "duration": 4.0}
    jobs = play(fields, arrival=[0.0] * 6, pause=[1.0] * 6, service=[2.0] * 6,
                fails=[True, False] * 3)  # fmt: skip
    assert column(jobs, "created") == [1.0, 4.0]
    assert column(jobs, "attempt") == [1, 2]


def test_a_request_that_would_begin_as_the_doors_close_is_not_made():
    scenario = users(2) | {"duration": 1.0}
    jobs = play(scenario, arrival=[0.0] * 2, pause=[1.0, 1.0 - 2.0**-20], service=[1.0] * 2)
    assert column(jobs, "request") == [1]


def test_a_burst_is_served_in_the_order_of_its_jobs_at_one_worker():
    bursts = {"arrivals": {"kind": "bursts", "size": 3, "every": 2.0}, "jobs": 6, "workers": 1}
    scenario = BASE.replace(bursts | {"retry": TWO, "work.fail": 0.0})
    jobs = plain(Workload.sample(scenario.replace({"payment": {}})))
    assert jobs["started"].is_monotonic_increasing
    assert (jobs["started"].iloc[1:].to_numpy() >= jobs["finished"].iloc[:-1].to_numpy()).all()


def test_a_run_of_nothing_is_a_run():
    run = run_virtual(RICH.replace({"jobs": None, "duration": 2.0**-20}))
    assert len(run.jobs) == len(run.transitions) == 0


@pytest.mark.parametrize("far", [2.0**40, 1e308])
def test_what_lies_beyond_all_time_never_happens(far):
    fields = {
        "reaper": {"timeout": far, "every": 1e300},
        "outages": [{"at": far, "duration": far, "workers": 1}],
        "duration": far,
    }
    workload = hand_made(fields, arrival=[0.0], service=[1.0])
    assert plain(workload)["finished"].tolist() == [1.0]


def test_the_rules_may_differ_from_those_that_a_workload_was_drawn_for():
    workload = Workload.sample(RICH)
    more = plain(workload, RICH.replace({"workers": 4}))
    expected = plain(dataclasses.replace(workload, scenario=RICH.replace({"workers": 4})))
    assert digest(more) == digest(expected) != digest(plain(workload))
