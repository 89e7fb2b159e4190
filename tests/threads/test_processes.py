"""`run_threads(processes=)`: one history and one verdict, whatever happens to a process.

To start a process takes a second of CPU. What does not need one is in `test_clustered`.
"""

from __future__ import annotations

import math
import multiprocessing
import signal
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

import shared_repositories as shared

from jobsim import Scenario
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.threads.run_threads import run_threads
from jobsim.threads.travel import FactoryCannotTravel, packed, unpacked

FAST = math.inf


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/jobs.db?synchronous=OFF"


@pytest.fixture(autouse=True)
def no_process_left():
    yield
    assert not multiprocessing.active_children()


def load(**changes: object) -> Scenario:
    return Scenario(**({"jobs": 60, "clients": 2, "workers": 4} | changes))


# Every accepted payment is confirmed twice: two workers go for each job.
TWICE = {"payment": {"duplicate": 1.0}, "jobs": 100}


def test_one_history_and_one_verdict(url):
    scenario = load(pollers=2, poll_interval=0.01, work={"fail": 0.2})
    run = run_threads(scenario, partial(SqlJobRepository, url), processes=2, speedup=FAST)
    assert run.ended == "complete"
    assert (run.info.processes, run.info.died) == (2, ())
    assert run.check().ok, run.check()
    assert set(run.jobs["status"]) == {"completed", "failed"}
    assert len(run.transitions) == 180
    # A call on another process's job is checked like any other: none is on an unknown job.
    known = run.calls[run.calls["op"] != "count"]
    assert (known["job"] >= 0).all()
    assert not run.calls[["changed", "backdated"]].any(axis=None)


def test_a_race_that_needs_two_processes_needs_two(url):
    factory = partial(shared.lock_in_the_process, url)
    found = [
        run_threads(load(**TWICE), factory, processes=n, speedup=FAST).check().outcome.value
        for n in (1, 2)
    ]
    assert found == ["OK", "VIOLATED"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize(("speedup", "nth", "after"), [(FAST, 30, True), (500.0, 9, False)])
def test_what_a_killed_process_had_recorded_is_kept(url, tmp_path, speedup, nth, after):
    factory = partial(shared.Killed, url, tmp_path / "killed", nth, after)
    run = run_threads(load(), factory, processes=2, speedup=speedup)
    assert run.ended == "complete"
    assert run.info.died == ("process 2 of 2 was ended by signal 9",)
    verdict = run.check()
    # What was open when the process died may leave something undecided, and accuses nobody.
    assert not verdict.violations, verdict
    assert not verdict.ok  # the verdict says so
    assert "process 2 of 2 was ended by signal 9" in verdict.caveats
    # The call that was open is there, without an answer, and all that had returned before it.
    dead = run.calls[run.calls["actor"].isin(["worker-1", "worker-3"])]
    pending = dead[dead["outcome"] == "pending"]
    assert "update_status" in set(pending["op"])
    updates = dead[(dead["op"] == "update_status") & (dead["outcome"] != "pending")]
    # Of those that had been counted each is kept, unless a worker was still inside it. There may
    # be any number more: the other worker goes on until the kill takes effect.
    assert len(updates) + (pending["op"] == "update_status").sum() >= nth
    # Nothing of the other process is lost.
    assert not (run.calls[~run.calls["actor"].isin(dead["actor"])]["outcome"] == "pending")[
        run.calls["actor"].isin(["client-0", "worker-0", "worker-2"])
    ].any()
    mine = run.jobs[run.jobs["worker"].isin(["worker-0", "worker-2"])]
    assert set(mine["status"]) == {"completed"}


def test_the_wall_limit_ends_all_and_names_who_never_came_back(url):
    run = run_threads(load(), partial(shared.Hung, url), processes=2, speedup=FAST, wall_limit=0.3)
    assert run.ended == "time_limit"
    # On a busy machine the limit may come before one of them is there.
    assert {u.actor for u in run.unreturned} <= {"worker-1", "worker-3"}
    assert all("shared_repositories" in u.stack for u in run.unreturned)
    assert (run.calls["outcome"] == "pending").sum() == len(run.unreturned)
    assert run.check().outcome.value == "OK"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"processes": 0}, "from 1 to 4"),
        ({"processes": 5}, "from 1 to 4"),
        ({"processes": True}, "from 1 to 4"),
        ({"processes": 2, "schedule": 1}, "leave out schedule, or processes"),
        ({"processes": 2, "perturb": True}, "perturb=True switches threads inside one process"),
        ({"processes": 2, "repository": InMemoryJobRepository}, "that they share"),
    ],
)
def test_what_contradicts_processes_is_refused(url, arguments, message):
    with pytest.raises(ValueError, match=message):
        run_threads(load(), **({"repository": partial(SqlJobRepository, url)} | arguments))


def test_an_instance_cannot_be_shared():
    with pytest.raises(TypeError, match="with processes, pass what makes the repository"):
        run_threads(load(), InMemoryJobRepository(), processes=2)


def test_a_factory_of_a_notebook_travels_where_cloudpickle_is(monkeypatch):
    pytest.importorskip("cloudpickle")
    path = "sqlite://"
    assert unpacked(packed(lambda: path))() == path
    monkeypatch.setattr("jobsim.threads.travel.find_spec", lambda _: None)
    with pytest.raises(FactoryCannotTravel, match=r"put it into a module.*or install cloudpickle"):
        packed(lambda: path)
