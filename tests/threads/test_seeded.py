"""A run from a seed: any number of times the same, in the middle of the repository's own lines."""

import queue
import threading
import time

import pytest
from every_dynamic import BASE, TOGETHER
from feedback_by_hand import workload
from jobsim_threads import jobsim_threads
from tables_equal import assert_runs_equal

from jobsim import (
    InMemoryJobRepository,
    JobNotFoundError,
    JobStatus,
    Run,
    RunFailed,
    Scenario,
    Workload,
    run_threads,
    run_virtual,
)
from jobsim.domain.models import validate_transition
from jobsim.threads.actor import Actor
from jobsim.turns.control import ControlError

RACE = workload(30, {"lag": 0.0, "service": 1.0}, clients=3, workers=4)
RICH = Workload.sample(BASE.replace(TOGETHER["open"] | {"jobs": 40, "pollers": 2, "clients": 2}))


def seeded(source, *args, schedule=7, **kwargs):
    return run_threads(source, *args, schedule=schedule, progress=False, **kwargs)


class Careless(InMemoryJobRepository):
    """Checks and acts without its lock."""

    def update_status(self, job_id, target, result=None, error=None):
        job = self._store[job_id]
        validate_transition(job.status, target)
        job = job.model_copy(update={"status": target, "result": result, "error": error})
        self._store[job_id] = job
        return job


@pytest.fixture(autouse=True)
def nothing_is_left():
    before, lock, sleep = jobsim_threads(), threading.Lock, time.sleep
    yield
    assert jobsim_threads() <= before
    assert (threading.Lock, time.sleep) == (lock, sleep)


def test_one_seed_gives_one_run():
    first = seeded(RICH)
    assert first.ended == "complete"
    for _ in range(10):
        assert_runs_equal(seeded(RICH), first)


def test_another_seed_gives_another_run():
    orders = {tuple(seeded(RICH, schedule=seed).calls["actor"].astype(str)) for seed in range(5)}
    assert len(orders) == 5


def test_a_seed_finds_a_race_and_finds_it_again():
    runs = [seeded(RACE, Careless, schedule=seed) for seed in range(5)]
    broken = [run for run in runs if not run.check().ok]
    assert broken
    again = seeded(RACE, Careless, schedule=broken[0].info.schedule)
    assert_runs_equal(again, broken[0])


@pytest.mark.parametrize("seed", range(5))
def test_a_correct_repository_holds(seed):
    run = seeded(RICH, schedule=seed)
    assert run.check().ok
    assert run.info.points > 0
    assert run.info.outside == ()
    assert run.check().overlapping


def test_a_saved_run_is_run_again_from_its_folder(tmp_path):
    run = seeded(RACE, Careless)
    loaded = Run.load(run.save(tmp_path / "run"))
    assert_runs_equal(seeded(loaded.workload, Careless, schedule=loaded.info.schedule), run)


def test_a_violation_between_two_calls_of_one_instant_is_found():
    class Forgetful(InMemoryJobRepository):
        """Answers a `get` with what it knew before the last update."""

        def __init__(self):
            super().__init__()
            self.before = {}

        def update_status(self, job_id, target, result=None, error=None):
            self.before[job_id] = super().get(job_id)
            return super().update_status(job_id, target, result, error)

        def get(self, job_id):
            return self.before.get(job_id) or super().get(job_id)

    # At 0 s the job is created, paid and started; at 1 s it ends, and then the poller looks.
    load = workload(2, {"arrival": [0.0, 2.0], "service": 1.0}, pollers=1, poll_interval=1.0)
    run = run_threads(load, Forgetful, schedule="fair")
    (found,) = (f for f in run.check().violations if (f.rule, f.job) == ("real_time", 1))
    start, look = found.calls
    # At 2 s the job is created, paid and started, and then the poller looks.
    assert 0 < look.invoked_ns - start.returned_ns < 954


# Calls that take time


def test_calls_take_their_time_and_overlap():
    load = Workload.sample(
        Scenario(
            jobs=20,
            workers=3,
            clients=3,
            arrivals={"kind": "stampede"},
            work={"service": {"kind": "constant", "value": 1.0}},
            call_time={"kind": "constant", "value": 0.25},
        )
    )
    run = seeded(load)
    took = (run.calls["returned_ns"] - run.calls["invoked_ns"])[run.calls["op"] == "create"] / 1e9
    assert took.min() == pytest.approx(0.25, abs=1e-5)
    assert run.check().overlapping
    assert run.check().ok
    assert run.jobs["created"].min() >= 0.25
    assert_runs_equal(seeded(load), run)


def test_a_lock_is_held_while_a_call_takes_its_time():
    class Long(InMemoryJobRepository):
        def create(self, input_hash):
            with self.whole:
                return super().create(input_hash)

        def __init__(self):
            super().__init__()
            self.whole = threading.Lock()

    load = workload(4, {"arrival": [0.0] * 4, "call_time": 1.0}, clients=4,
                    call_time={"kind": "constant", "value": 1.0})  # fmt: skip
    run = run_threads(load, Long, schedule="fair")
    # Four clients ask at once, and get in one after the other.
    assert run.jobs["created"].max() > 2.0


def test_call_time_changes_neither_virtual_time_nor_an_older_draw():
    timed = BASE.replace({"call_time": {"kind": "constant", "value": 0.5}, "jobs": 50})
    plain = BASE.replace({"jobs": 50})
    assert run_virtual(timed).jobs.equals(run_virtual(plain).jobs)
    before, now = Workload.sample(plain).arrays(), Workload.sample(timed).arrays()
    assert all((before[name] == now[name])[before[name] == before[name]].all() for name in before)
    assert set(now) - set(before) == {"call_time"}


# Repositories with threads and locks of their own


def test_a_write_behind_queue_works():
    class Behind(InMemoryJobRepository):
        def __init__(self):
            super().__init__()
            self.todo = queue.SimpleQueue()
            threading.Thread(target=self.work, daemon=True).start()

        def work(self):
            while True:
                call, answer = self.todo.get()
                try:
                    answer.put((call(), None))
                except Exception as exc:  # noqa: BLE001 - handed to the caller
                    answer.put((None, exc))

        def update_status(self, *args, **kwargs):
            answer = queue.SimpleQueue()
            update = super().update_status
            self.todo.put((lambda: update(*args, **kwargs), answer))
            job, error = answer.get()
            if error is not None:
                raise error
            return job

    run = seeded(RACE, Behind)
    assert run.ended == "complete"
    assert run.check().ok
    assert_runs_equal(seeded(RACE, Behind), run)


def test_a_deadlock_is_found_and_explained():
    class Crossed(InMemoryJobRepository):
        def __init__(self):
            super().__init__()
            self.a, self.b = threading.Lock(), threading.Lock()

        def create(self, input_hash):
            with self.a, self.b:
                return super().create(input_hash)

        def update_status(self, *args, **kwargs):
            with self.b, self.a:
                return super().update_status(*args, **kwargs)

    runs = (seeded(RACE, Crossed, schedule=seed) for seed in range(20))
    run = next(run for run in runs if run.ended == "deadlock")
    assert "test_seeded.py" in run.info.deadlock
    stuck = set(run.calls.loc[run.calls["outcome"] == "pending", "actor"])
    assert stuck
    assert stuck <= {left.actor for left in run.unreturned}


# Early ends


def test_a_wall_limit_ends_the_run():
    class Busy(InMemoryJobRepository):
        def create(self, input_hash):
            while True:
                time.perf_counter()

    run = seeded(workload(2, {}), Busy, wall_limit=0.3)
    assert run.ended == "time_limit"
    assert run.calls["outcome"].tolist().count("pending") > 0


def test_ctrl_c_ends_the_run_and_keeps_what_was_recorded():
    import _thread

    class Interrupting(InMemoryJobRepository):
        updates = 0

        def update_status(self, *args, **kwargs):
            self.updates += 1
            if self.updates >= 10:  # of two workers, so that the first ones have returned
                _thread.interrupt_main()
            return super().update_status(*args, **kwargs)

    run = seeded(Workload.sample(Scenario(jobs=3000, workers=2)), Interrupting)
    assert run.ended == "interrupted"
    assert run.transitions["target"].tolist().count("running") > 0


def test_a_factory_that_raises_is_the_callers_own():
    def fail():
        raise OSError("no database")

    with pytest.raises(OSError, match="no database"):
        seeded(Scenario(jobs=1), fail)


def test_two_runs_that_take_turns_at_once_are_refused():
    def nested():
        seeded(Scenario(jobs=1))
        return InMemoryJobRepository()

    with pytest.raises(ControlError, match="another run has control"):
        seeded(Scenario(jobs=1), nested)


def test_a_fault_of_the_engine_raises_and_carries_the_run(monkeypatch):
    def fail(self, call):
        raise ZeroDivisionError("a fault of the engine")

    monkeypatch.setattr(Actor, "perform", fail)
    with pytest.raises(RunFailed, match="a fault of the engine") as caught:
        seeded(RACE)
    assert caught.value.run.ended == "failed"


def test_a_repository_that_forgets_jobs_is_recorded_as_it_is():
    class Forgetting(InMemoryJobRepository):
        def get(self, job_id):
            raise JobNotFoundError(job_id)

    assert set(seeded(RACE, Forgetting).final["outcome"]) == {"not_found"}


def test_statuses_are_the_repositorys_own():
    run = seeded(RICH)
    assert run.final["status"].tolist() == run.jobs["status"].tolist()
    assert JobStatus.COMPLETED.value in run.final["status"].tolist()
