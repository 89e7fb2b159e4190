"""A run: its tables, its figures, and how it shows itself."""

import pickle

import numpy as np
import pytest

from jobsim import (
    InMemoryJobRepository,
    Run,
    RunFailed,
    Scenario,
    Workload,
    run_threads,
    run_virtual,
)
from jobsim.figures.names import unit_of
from jobsim.run.display import run_rows
from jobsim.run.hosts import RemoteHost
from jobsim.run.info import Unreturned


def workload(jobs=8, name="custom", **columns):
    zeros = np.zeros(jobs)
    defaults = {
        "arrival": zeros,
        "delay": zeros,
        "lag": np.full(jobs, np.nan),
        "service": zeros,
        "fails": np.zeros(jobs, dtype=bool),
    }
    return Workload(Scenario(name=name, workers=2), **{**defaults, **columns})


@pytest.fixture(scope="module")
def run():
    delay = np.where(np.arange(8) == 3, np.nan, 0.0)
    return run_threads(workload(delay=delay), speedup=float("inf"))


def test_the_summary_gives_each_figure_with_its_unit(run):
    summary = run.summary()
    assert summary.loc["completed", "value"] == 7
    assert list(summary) == ["value", "unit", "note"]
    assert summary["unit"].to_dict() == {name: unit_of(name) for name in summary.index}
    assert "ignored the schedule" in summary.loc["wait_p95", "note"]
    assert summary.loc["throughput", "note"].endswith("up to the last request")


def test_the_text_tells_what_happened(run):
    text = repr(run)
    assert "8 of 8 created: 7 completed, 1 never paid" in text
    assert "threads on InMemoryJobRepository, no waiting; complete" in text
    assert "23 on the repository: 23 ok" in text  # 8 creates, 14 updates, the first count


@pytest.fixture(scope="module")
def stormy():
    scenario = Scenario(
        jobs=200,
        workers=8,
        work={"fail": 0.3, "crash": 0.1},
        retry={"attempts": 2},
        reaper={"timeout": 3.0},
    )
    return run_virtual(scenario)


def test_a_run_with_feedback_tells_of_its_requests_and_of_what_was_cut_off(stormy):
    found, text = stormy.metrics(), repr(stormy)
    assert f"requests  200: {found['served']:.0f} served, {found['left']:.0f} left; " in text
    assert "amplification 1." in text
    assert "response  mean " in text
    assert f"cut off   {found['crashed']:.0f} lost their worker; {found['reaped']:.0f}" in text
    assert f"reaped, {found['false_kills']:.0f} of them false kills" in text


def test_a_run_without_feedback_has_no_such_rows(run):
    labels = {label for label, _ in run._display()[1]}
    assert labels.isdisjoint({"requests", "response", "cut off"})


def test_rows_of_a_run_with_feedback_say_only_what_happened():
    brief = {"kind": "constant", "value": 0.0}
    text = repr(run_virtual(Scenario(jobs=3, payment={"abandon": 1.0}, patience=brief)))
    assert "requests  3: 3 left; amplification 1" in text
    assert "cut off" not in text
    assert "requests" not in repr(run_virtual(Scenario(jobs=3, payment={"abandon": 1.0})))


def test_the_check_leaves_out_jobs_whose_worker_is_gone():
    scenario = Scenario(
        jobs=6,
        arrivals={"kind": "stampede"},
        workers=1,
        work={"service": {"kind": "constant", "value": 0.01}, "crash": 1.0},
    )
    run = run_threads(scenario)
    assert run.jobs["crashed"].all()
    assert run.check().ok


def test_the_html_says_the_same_as_the_text(run):
    for _, value in run._display()[1]:
        assert value in run._repr_html_()


def test_a_hostile_scenario_name_is_inert():
    name = "<script>\x00\u202e" + "y" * 500
    run = run_threads(workload(1, name=name), speedup=float("inf"))
    for shown in (repr(run), run._repr_html_()):
        assert "\x00" not in shown
        assert "\u202e" not in shown
    assert "<script>" not in run._repr_html_()


def test_an_early_end_and_a_lost_thread_are_shown(run):
    left = Unreturned(actor="worker-3", stack="")
    info = run.info.model_copy(update={"ended": "time_limit", "unreturned": (left,)})
    text = repr(Run(run.workload, info, run.jobs, calls=run.calls))
    assert "time limit after" in text
    assert "never returned  worker-3" in text


def test_processes_that_died_and_clocks_of_other_hosts_are_shown(run):
    host = RemoteHost(name="far", actors=("worker-1",), drift=200e-6, trips=((0, 90, 40_000),))
    told = {
        "processes": 2,
        "died": ("process 2 of 2 was ended by signal 9",),
        "lost": ("process 2 of 2",),
        "hosts": (host,),
    }
    assert run_rows(Run(run.workload, run.info.model_copy(update=told), run.jobs))[1][-4:] == [
        ("processes", "2"),
        ("died", "process 2 of 2 was ended by signal 9"),
        ("lost", "the last calls of process 2 of 2"),
        ("clock of far", "known to within 0.020 ms at best, drift up to 200 ppm"),
    ]


def test_a_run_with_a_schedule_tells_its_lateness_and_speedup():
    assert "lateness" in repr(run_threads(workload(2), speedup=2.0))


def test_a_run_whose_threads_ran_late_marks_its_waits_first():
    second = workload(8, arrival=np.arange(8.0), service=np.ones(8))
    run = run_virtual(second)
    info = run.info.model_copy(update={"engine": "threads", "speedup": 10.0})
    late = Run(second, info, run.jobs.assign(lateness=5.0))
    assert (
        repr(late)
        .splitlines()[0]
        .endswith("the threads ran late, so the waits are not those of this load")
    )
    assert (
        late.summary().loc["wait_p95", "note"] == "not the waits of this load: the threads ran late"
    )
    assert "ran late" not in repr(run)


def test_transitions_are_derived_where_none_are_given(run):
    virtual = Run(run.workload, run.info, run.jobs)
    assert virtual.transitions["target"].tolist().count("completed") == 7
    assert virtual.transitions is virtual.transitions
    assert "calls" not in repr(virtual)


def test_a_perturbed_run_says_so():
    assert "Repository, perturbed, no waiting" in repr(
        run_threads(workload(1), speedup=float("inf"), perturb=True)
    )


def test_a_run_of_nothing_can_be_shown():
    run = run_threads(workload(0), speedup=float("inf"))
    assert "0 of 0 created: none finished" in repr(run)


def test_run_failed_says_what_and_where_to_look(run):
    error = RunFailed("ZeroDivisionError: x", run)
    assert str(error) == "the run failed: ZeroDivisionError: x; `.run` holds what was recorded"
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
    assert copy.problem == error.problem
    assert len(copy.run.jobs) == 8


def test_the_repository_is_named_by_its_class():
    class Mine(InMemoryJobRepository):
        pass

    assert run_threads(workload(1), Mine(), speedup=float("inf")).info.repository.endswith("Mine")
