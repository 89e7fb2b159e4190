"""Processes on a cluster, with threads for its workers: starts, lines, clocks of other hosts."""

from __future__ import annotations

import math
import multiprocessing
import os
import socket
import threading
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

import shared_repositories as shared
from ctrl_c import ctrl_c_once
from thread_cluster import ThreadCluster, clock

from jobsim import Scenario
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.recorded import RecordedRepository
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.run.run import Run
from jobsim.scenario.workload import Workload
from jobsim.threads import clustered, line
from jobsim.threads.clock import WallClock
from jobsim.threads.clustered import OnCluster, StartRefused, play
from jobsim.threads.crew import Crew
from jobsim.threads.left import calls_left, judge_left
from jobsim.threads.member import ProcessNotStarted
from jobsim.threads.run_threads import run_threads
from jobsim.threads.shipping import sealed
from jobsim.threads.spread_pressed import SpreadPressed
from jobsim.threads.stage import Setting
from jobsim.threads.travel import packed

MS = 1_000_000
FAST = math.inf
_GONE = 2**31 - 1  # no process has this number


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/jobs.db?synchronous=OFF"


def load(**changes: object) -> Scenario:
    return Scenario(**({"jobs": 60, "clients": 2, "workers": 4} | changes))


@pytest.mark.parametrize(
    ("offset", "ppm", "speedup"),
    [(3 * MS, 0, FAST), (-7_000 * MS, 150, FAST), (2 * MS, 0, 500.0), (0, 5_000, FAST)],
)
def test_no_skew_and_no_drift_makes_an_alarm(url, offset, ppm, speedup, tmp_path):
    client = ThreadCluster(None, ("far", clock(offset, ppm)))
    scenario = load(pollers=2, poll_interval=0.005)
    run = run_threads(scenario, partial(SqlJobRepository, url), executor=client, speedup=speedup)
    assert run.ended == "complete"
    assert run.info.processes == 2
    (host,) = run.info.hosts
    assert set(host.actors) == {"client-1", "worker-1", "worker-3", "poller-1"}
    assert len(run.transitions) == 180
    verdict = run.check()
    assert not verdict.violations, verdict
    if not ppm:  # the true offset is within what is said of it
        low, high = host.clock().offsets(run.calls["invoked_ns"].to_numpy() + offset)
        assert (low <= offset).all()
        assert (offset <= high).all()
    # A saved run is judged in the same way.
    assert Run.load(run.save(tmp_path / "run")).check().outcome is verdict.outcome


def test_two_hosts_that_write_twice_are_found_out(url):
    client = ThreadCluster(None, ("far", clock(-5 * MS)))
    scenario = load(payment={"duplicate": 1.0}, jobs=100)
    factory = partial(shared.lock_in_the_process, url)
    verdict = run_threads(scenario, factory, executor=client, speedup=FAST).check()
    assert verdict.outcome.value == "VIOLATED"
    assert "written_twice" in verdict.counts


def test_retries_and_the_reaper_play_on(url):
    # Their rules are on the one calendar, which does not care where a call is made.
    scenario = load(
        work={"fail": 0.5, "crash": 0.2},
        retry={"attempts": 3, "base": 0.5},
        reaper={"timeout": 5.0, "every": 1.0},
    )
    client = ThreadCluster(None, ("far", clock(MS)))
    run = run_threads(scenario, partial(SqlJobRepository, url), executor=client, speedup=100.0)
    assert run.ended == "complete"
    assert run.jobs["attempt"].max() > 1
    assert run.jobs["reaped"].any()
    assert not run.check().violations


def test_a_process_that_cannot_start_says_why(url):
    with pytest.raises(ProcessNotStarted, match=r"process . of 2 could not start: .*no route to"):
        run_threads(load(), partial(shared.no_route, url), executor=ThreadCluster(None, None))


@pytest.mark.parametrize("ended", ["interrupted", "time_limit"])
def test_what_ends_the_run_ends_it_although_an_actor_is_stuck(url, monkeypatch, ended):
    press, go = ctrl_c_once(), Crew.go

    def go_and_press(crew: Crew) -> None:
        go(crew)
        press()

    stuck = threading.Event()
    monkeypatch.setattr(shared.Stuck, "until", stuck, raising=False)
    limit = {"wall_limit": 0.3} if ended == "time_limit" else {}
    if not limit:
        monkeypatch.setattr(Crew, "go", go_and_press)
    factory = partial(shared.Stuck, url)
    client = ThreadCluster(None, None)
    try:
        run = run_threads(load(), factory, executor=client, speedup=FAST, **limit)
    finally:
        stuck.set()
    assert run.ended == ended
    assert run.info.died == ()
    assert run.check().outcome.value == "OK"
    if limit:
        assert {u.actor for u in run.unreturned} <= {f"worker-{n}" for n in range(4)}
        assert "shared_repositories" in run.unreturned[0].stack


def test_a_second_start_of_a_part_is_refused(url):
    client = ThreadCluster(None, None, starts=2)
    run = run_threads(load(), partial(SqlJobRepository, url), executor=client, speedup=FAST)
    assert run.check().ok
    assert len(run.transitions) == 180  # nobody played twice
    client.wait()
    assert sorted(task.status for task in client.tasks) == 2 * ["error"] + 2 * ["finished"]
    assert all(isinstance(t.exception(), StartRefused) for t in client.tasks if t.exception())


def test_a_start_that_is_let_in_and_never_answered_is_refused():
    with line.listening("127.0.0.1") as server:
        port = server.getsockname()[1]
        late = threading.Thread(target=lambda: line.accepted(server.accept()[0], b"key").close())
        late.start()
        with pytest.raises(StartRefused, match="no start from"):
            play("127.0.0.1", port, b"key", 0)
        late.join()


def test_a_start_after_the_run_is_refused():
    with pytest.raises(StartRefused, match="the run has all its processes or is over"):
        play("127.0.0.1", 1, b"key", 0)


def test_another_version_on_a_worker_is_refused(url):
    def old(address: str, port: int, key: bytes, number: int) -> None:
        connection = line.connected(address, port, key)
        connection.send(clustered._Hello(number, "", "", "0.0.1", 0))
        with pytest.raises(EOFError):
            connection.recv()

    client = ThreadCluster(None, instead=old)
    with pytest.raises(ProcessNotStarted, match=r"has jobsim 0\.0\.1, .*install the same"):
        run_threads(load(), partial(SqlJobRepository, url), executor=client)


def test_a_task_that_fails_on_its_worker_says_why(url):
    client = ThreadCluster(None, instead=lambda *_: 1 // 0)
    with pytest.raises(ProcessNotStarted, match=r"process 1 of 1 could not start: on tcp.*Zero"):
        run_threads(load(), partial(SqlJobRepository, url), executor=client)


def test_whoever_does_not_know_the_key_is_not_let_in(url):
    def stranger(address: str, port: int, key: bytes, number: int) -> None:
        with pytest.raises((multiprocessing.AuthenticationError, OSError, EOFError)):
            play(address, port, b"another", number)
        with socket.create_connection((address, port)):  # and this one never says a word
            play(address, port, key, number)

    client = ThreadCluster(None, instead=stranger)
    run = run_threads(load(), partial(SqlJobRepository, url), executor=client, speedup=FAST)
    assert run.check().ok


@pytest.mark.parametrize("found", [True, False])
def test_what_a_lost_host_had_recorded_is_fetched_or_called_lost(url, monkeypatch, found):
    lines: list[Connection] = []
    connected = line.connected

    def noted(*arguments: Any) -> Connection:
        lines.append(connected(*arguments))
        return lines[-1]

    def cut() -> None:
        with socket.socket(fileno=os.dup(lines[0].fileno())) as end:
            end.shutdown(socket.SHUT_RDWR)

    monkeypatch.setattr(line, "connected", noted)
    monkeypatch.setattr(shared.Cut, "cut", cut, raising=False)
    monkeypatch.setattr(shared.Cut, "left", 20)
    if not found:
        monkeypatch.setattr(clustered.OfCluster, "left_behind", lambda *_: None)
    client = ThreadCluster(("far", clock(MS)), ("farther", clock(-MS)))
    run = run_threads(load(), partial(shared.Cut, url), executor=client, speedup=FAST)
    assert run.ended == "complete"
    (died,) = run.info.died
    assert "on tcp://127.0.0.1" in died
    assert run.info.lost == (() if found else (died[: len("process 1 of 2")],))
    verdict = run.check()
    assert not verdict.violations, verdict
    if found:  # every update is there, those of the lost host as well
        ended = {"running": 1, "completed": 2, "failed": 2}
        wrote = run.calls[(run.calls["op"] == "update_status") & (run.calls["outcome"] == "ok")]
        steps = run.final["status"].map(ended).fillna(0).sum()
        assert len(wrote) <= steps <= len(wrote) + (run.calls["outcome"] == "pending").sum()


def test_of_a_run_whose_first_process_is_gone_the_calls_are_left(url, monkeypatch):
    workload = Workload.sample(load())
    start = OnCluster(ThreadCluster(None, None))
    with Crew(workload, packed(partial(shared.Cut, url)), 2, pressed=True, start=start) as crew:

        def cut() -> None:  # as it is when that process is killed
            for member in crew.members:
                with socket.socket(fileno=os.dup(member.connection.fileno())) as end:
                    end.shutdown(socket.SHUT_RDWR)

        monkeypatch.setattr(shared.Cut, "cut", cut, raising=False)
        monkeypatch.setattr(shared.Cut, "left", 20)
        recorded = RecordedRepository(InMemoryJobRepository())
        SpreadPressed(crew, Setting(workload, recorded, WallClock(FAST), lambda: None)).begin()
        while sealed(crew.folder) < 2:  # the others have ended by themselves when it is so
            time.sleep(0.01)
        calls, verdict = calls_left(crew.folder), judge_left(crew.folder)
    assert not verdict.violations, verdict
    # Each call that was made is there: what they say is what the database holds.
    with SqlJobRepository(url) as repository:
        statuses = [job.status.value for job in repository.snapshot()]
    steps = sum({"awaiting_payment": 0, "running": 1, "completed": 2}[each] for each in statuses)
    accepted = calls["outcome"] == "ok"
    assert (accepted & (calls["op"] == "update_status")).sum() == steps >= 20
    assert (accepted & (calls["op"] == "create")).sum() == len(statuses)


def test_a_folder_without_calls_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no calls"):
        judge_left(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"executor": "dask"}, TypeError, "takes a distributed.Client"),
        ({"executor": ThreadCluster()}, ValueError, "no workers yet"),
        (
            {"executor": ThreadCluster(None), "processes": 2},
            ValueError,
            "from 1 to 1, the number of workers",
        ),
        ({"executor": ThreadCluster(None), "schedule": 1}, ValueError, "leave out schedule"),
    ],
)
def test_what_contradicts_an_executor_is_refused(url, arguments, error, message):
    with pytest.raises(error, match=message):
        run_threads(load(), partial(SqlJobRepository, url), **arguments)


def test_what_a_killed_worker_left_is_sent_once_and_cleared(tmp_path):
    (tmp_path / "worker-1.calls").write_bytes(b"calls")
    (tmp_path / "worker-1.open").write_bytes(b"open")
    pieces = clustered.left_files(str(tmp_path), _GONE)
    # The call that was invoked last first: see `Outbox`.
    assert pieces == [("worker-1.open", 0, b"open"), ("worker-1.calls", 0, b"calls")]
    assert clustered.left_files(str(tmp_path), _GONE) is None


def test_of_a_worker_that_goes_on_nothing_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(clustered, "GRACE_S", 0.0)
    (tmp_path / "worker-1.calls").write_bytes(b"calls")
    assert clustered.left_files(str(tmp_path), os.getpid()) is None
    assert (tmp_path / "worker-1.calls").exists()
