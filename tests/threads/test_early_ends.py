"""Ctrl-C, limits, hangs and faults: a run ends, says how, and keeps what was recorded."""

import _thread
import threading

import numpy as np
import pytest
from jobsim_threads import jobsim_threads

from jobsim import InMemoryJobRepository, JobStatus, RunFailed, Scenario, Workload, run_threads
from jobsim.threads import audit, run_tables, session
from jobsim.threads.pressing import Confirmed, Worker

INF = float("inf")


def workload(jobs, service=0.0, **scenario):
    zeros = np.zeros(jobs)
    return Workload(
        Scenario(**{"workers": 2, "clients": 2, **scenario}),
        arrival=zeros,
        delay=zeros,
        lag=np.full(jobs, np.nan),
        service=np.full(jobs, service),
        fails=np.zeros(jobs, dtype=bool),
    )


class Gate(InMemoryJobRepository):
    """Holds back calls of one method until `release` is set; the first lets `act` happen."""

    def __init__(self, method, act=lambda: None):
        super().__init__()
        self.release = threading.Event()
        first = threading.Lock()
        inner = getattr(super(), method)

        def held(*args, **kwargs):
            if first.acquire(blocking=False):
                act()
            self.release.wait()
            return inner(*args, **kwargs)

        setattr(self, method, held)


@pytest.fixture
def gate():
    """Make gates, and open them all when the test is over."""
    gates, before = [], jobsim_threads()

    def make(*args):
        gates.append(Gate(*args))
        return gates[-1]

    yield make
    for made in gates:
        made.release.set()
    for thread in jobsim_threads() - before:
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def short_patience(monkeypatch):
    monkeypatch.setattr(session, "GRACE_S", 0.2)
    monkeypatch.setattr(session, "PATIENCE_S", 0.2)


def test_a_wall_limit_ends_the_run_and_leaves_jobs_where_they_are():
    run = run_threads(workload(3, service=1e6), wall_limit=0.2)
    assert run.ended == "time_limit"
    assert run.jobs["started"].notna().sum() == 2
    assert run.jobs["finished"].isna().all()
    assert run.unreturned == ()


def test_requests_that_were_never_asked_are_in_no_figure():
    # The second would be asked after a quarter of an hour.
    scenario = Scenario(jobs=4, arrivals={"kind": "paced", "rate": 0.001})
    found = run_threads(scenario, speedup=1.0, wall_limit=0.1).metrics()
    assert found["jobs"] == found["requests"] <= 1
    assert found["stuck"] == 0
    assert found["amplification"] == 1.0 or not found["created"]


def test_ctrl_c_ends_the_run_and_returns_what_was_recorded():
    creates = threading.Semaphore(0)

    class Interrupting(InMemoryJobRepository):
        def create(self, input_hash):
            job = super().create(input_hash)
            creates.release()
            return job

        def update_status(self, job_id, target, result=None, error=None):
            job = super().update_status(job_id, target, result, error)
            for _ in range(3):
                creates.acquire()
            _thread.interrupt_main()
            return job

    run = run_threads(workload(3, service=1e6, workers=1), Interrupting())
    assert run.ended == "interrupted"
    assert run.jobs["created"].notna().all()
    assert run.transitions["target"].tolist().count("running") == 1
    assert set(run.final["outcome"]) == {"ok"}


def test_a_second_ctrl_c_leaves_out_the_last_look(monkeypatch, gate):
    close = Confirmed.close

    def close_and_interrupt(self):
        close(self)
        _thread.interrupt_main()

    monkeypatch.setattr(Confirmed, "close", close_and_interrupt)
    run = run_threads(workload(2), gate("update_status", _thread.interrupt_main), speedup=INF)
    assert run.ended == "interrupted"
    assert len(run.calls) > 0
    assert len(run.final) == 0


def test_ctrl_c_while_tables_are_made_loses_nothing(monkeypatch):
    made = run_tables.calls_table

    def interrupted(recorded):
        _thread.interrupt_main()
        return made(recorded)

    monkeypatch.setattr(run_tables, "calls_table", interrupted)
    run = run_threads(workload(5), speedup=INF)
    assert run.ended == "complete"
    assert (run.jobs["status"] == "completed").all()


def test_ctrl_c_during_the_last_look_keeps_the_run():
    class Interrupting(InMemoryJobRepository):
        def get(self, job_id):
            _thread.interrupt_main()
            threading.Event().wait(0.3)  # longer than the main thread waits between two looks
            return super().get(job_id)

    run = run_threads(workload(50), Interrupting(), speedup=INF)
    assert run.ended == "interrupted"
    assert (run.jobs["status"] == "completed").all()
    assert len(run.final) < 50


@pytest.mark.parametrize("method", ["create", "update_status"])
def test_a_thread_that_hangs_in_the_repository_is_named_with_its_stack(gate, method):
    run = run_threads(workload(2), gate(method), speedup=INF, wall_limit=0.3)
    assert run.ended == "time_limit"
    hung = {left.actor for left in run.unreturned}
    assert hung == ({"client-0", "client-1"} if method == "create" else {"worker-0", "worker-1"})
    assert all("in held" in left.stack for left in run.unreturned)
    pending = run.calls[run.calls["outcome"] == "pending"]
    assert set(pending["actor"]) == hung
    assert set(pending["op"]) == {method}


def test_a_repository_that_hangs_from_the_first_call_on_does_not_hang_the_caller(gate):
    run = run_threads(workload(2), gate("count"), speedup=INF)
    assert run.ended == "complete"
    assert run.info.count_before is None
    assert [left.actor for left in run.unreturned] == ["auditor"]


def test_a_repository_that_hangs_at_the_last_look_yields_what_was_seen(gate):
    run = run_threads(workload(2), gate("get"), speedup=INF)
    assert run.ended == "complete"
    assert len(run.final) == 0
    assert [left.actor for left in run.unreturned] == ["auditor"]


def test_a_fault_of_the_engine_raises_and_carries_the_run(monkeypatch):
    def fail(self, job_id, target):
        raise ZeroDivisionError("a fault of the engine")

    monkeypatch.setattr(Worker, "_advance", fail)
    with pytest.raises(RunFailed, match="ZeroDivisionError: a fault of the engine") as caught:
        run_threads(workload(4), speedup=INF)
    assert caught.value.run.ended == "failed"
    assert caught.value.run.jobs["created"].notna().any()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("speedup", [1e6, float("inf")])
def test_a_repository_that_ends_its_thread_ends_the_run(speedup):
    class Exiting(InMemoryJobRepository):
        def update_status(self, *args, **kwargs):
            raise SystemExit(3)

    with pytest.raises(RunFailed, match="SystemExit: 3") as raised:
        run_threads(Scenario(jobs=1, workers=1), Exiting(), speedup=speedup)
    assert raised.value.run.ended == "failed"


def test_a_repository_that_ends_the_thread_of_the_final_reads_loses_nothing():
    class Exiting(InMemoryJobRepository):
        def get(self, job_id):
            raise SystemExit(3)

    with pytest.raises(RunFailed, match="SystemExit: 3") as raised:
        run_threads(Scenario(jobs=2, workers=1, pollers=0), Exiting(), speedup=INF)
    assert raised.value.run.ended == "failed"
    assert len(raised.value.run.transitions) == 6


@pytest.mark.parametrize("exception", [OSError("disk is gone"), SystemExit(3)])
def test_a_repository_that_cannot_be_closed_does_not_lose_its_run(exception):
    class Stuck(InMemoryJobRepository):
        def close(self):
            raise exception

    with pytest.raises(RunFailed, match=r"close\(\) of the repository raised") as raised:
        run_threads(workload(2), Stuck, speedup=INF)
    assert raised.value.run.ended == "complete"
    assert raised.value.__cause__ is exception


def test_what_a_factory_made_is_closed_although_it_is_no_repository():
    closed = []

    class Incomplete:
        def close(self):
            closed.append(self)

    with pytest.raises(TypeError):
        run_threads(workload(2), Incomplete, speedup=INF)
    assert len(closed) == 1


def test_ctrl_c_ends_the_wait_for_a_close_and_keeps_the_run():
    class Hanging(InMemoryJobRepository):
        def close(self):
            raise KeyboardInterrupt

    assert run_threads(workload(2), Hanging, speedup=INF).ended == "complete"


def test_a_fault_outside_the_repository_is_not_taken_for_its_error(monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError("not from the repository")

    monkeypatch.setattr("jobsim.threads.pressing.create_job", fail)
    with pytest.raises(RunFailed, match="not from the repository"):
        run_threads(workload(4), speedup=INF)


def test_threads_that_cannot_be_started_are_a_fault_and_the_others_end(monkeypatch):
    start, before = threading.Thread.start, jobsim_threads()

    def refuse(self):
        if self.name == "jobsim worker-1":
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RunFailed, match="can't start new thread"):
        run_threads(workload(4), speedup=INF)
    assert jobsim_threads() <= before


def test_a_thread_slow_to_leave_is_waited_for(monkeypatch):
    """A thread outside any repository call is on its way out: patience, no accusation."""
    monkeypatch.setattr(session, "GRACE_S", 0.0)
    monkeypatch.setattr(session, "PATIENCE_S", audit.PATIENCE_S)
    run = run_threads(workload(50, workers=8), speedup=INF)
    assert run.unreturned == ()


def test_the_status_of_a_job_left_running_is_running():
    run = run_threads(workload(1, service=1e6), wall_limit=0.2)
    assert run.jobs["status"].tolist() == [JobStatus.RUNNING.value]
    # A worker was at it when the run was ended: it is not stuck.
    found = run.metrics()
    assert (found["in_progress"], found["stuck"]) == (1, 0)
