"""A fair run on a real repository equals virtual time in every column, to the tick."""

import os
import time

import pytest
from every_dynamic import BASE, DYNAMICS, TOGETHER
from feedback_by_hand import NAN, workload
from hypothesis import given, settings
from tables_equal import assert_jobs_equal, assert_runs_equal
from tied_workloads import tied_workloads

from jobsim import (
    InMemoryJobRepository,
    JobStatus,
    Run,
    Scenario,
    Workload,
    preset,
    presets,
    run_threads,
    run_virtual,
)

QUICK = {"jobs": 120}
TIED_RUNS = int(os.environ.get("JOBSIM_TIED_RUNS", "60"))
"""How many random workloads full of ties are run; 300 have been."""


def fair(source, *args, **kwargs):
    return run_threads(source, *args, schedule="fair", progress=False, **kwargs)


def assert_fair_equals_virtual(load):
    run, virtual = fair(load), run_virtual(load)
    assert run.ended == "complete"
    assert_jobs_equal(run.jobs, virtual.jobs)
    # The repository's own word, read after the run.
    assert run.final["status"].tolist() == virtual.jobs["status"].tolist()
    assert sorted(run.transitions["time"]) == sorted(virtual.transitions["time"])
    verdict = run.check()
    assert verdict.ok, verdict
    return run


@pytest.mark.parametrize("name", presets())
def test_every_preset(name):
    assert_fair_equals_virtual(Workload.sample(preset(name)))


@pytest.mark.parametrize("name", DYNAMICS)
def test_every_dynamic_alone(name):
    changes, _ = DYNAMICS[name]
    assert_fair_equals_virtual(Workload.sample(BASE.replace(changes | QUICK)))


@pytest.mark.parametrize("name", TOGETHER)
def test_all_dynamics_together(name):
    assert_fair_equals_virtual(Workload.sample(BASE.replace(TOGETHER[name] | QUICK)))


@settings(deadline=None, max_examples=TIED_RUNS)
@given(load=tied_workloads())
def test_what_happens_in_one_instant(load):
    assert_fair_equals_virtual(load)


def test_a_deadline_from_creation_fails_what_runs_and_refuses_the_late_result():
    load = Workload.sample(
        Scenario(
            workers=1,
            arrivals={"kind": "schedule", "times": (0.0, 0.0)},
            work={"service": {"kind": "constant", "value": 2400.0}},
            reaper={"timeout": 3600.0, "since": "created"},
        )
    )
    jobs = assert_fair_equals_virtual(load).jobs
    assert jobs["finished"].tolist() == [2400.0, 3600.0]
    assert jobs["status"].tolist() == ["completed", "failed"]
    assert jobs["released"].tolist() == [2400.0, 4800.0]
    assert jobs["rejected"].tolist() == [0, 1]


def test_no_two_calls_overlap():
    calls = fair(Scenario(jobs=50, workers=3, pollers=1)).calls
    assert (calls["invoked_ns"].to_numpy()[1:] > calls["returned_ns"].to_numpy()[:-1]).all()


def test_pollers_come_last_in_an_instant_and_keep_no_run_alive():
    load = workload(2, {"arrival": [1.0, 2.0], "service": 1.0}, pollers=1, poll_interval=1.0)
    calls = fair(load).calls
    # At 1 s a job is created, paid and started before anybody looks; at 3 s the run is over.
    polls = calls[calls["actor"] == "poller-0"]
    assert polls["observed"].dropna().tolist() == ["running", "running"]


def test_a_poller_without_an_interval_looks_whenever_something_happens():
    load = workload(3, {"arrival": [1.0, 2.0, 9.0]}, pollers=1, poll_interval=0.0)
    calls = fair(load).calls
    assert 3 <= (calls["op"] == "get").sum() <= 12


def test_a_saved_run_is_run_again_from_its_folder(tmp_path):
    run = fair(BASE.replace(TOGETHER["open"] | QUICK))
    loaded = Run.load(run.save(tmp_path / "run"))
    assert loaded.info.schedule == "fair"
    assert_runs_equal(run_threads(loaded.workload, schedule=loaded.info.schedule), run)


def test_waiting_inside_the_repository_takes_no_wall_time_and_scenario_time():
    class Slow(InMemoryJobRepository):
        def create(self, input_hash):
            time.sleep(3600.0)
            return super().create(input_hash)

    run = fair(workload(2, {"arrival": [0.0, 0.0], "service": 1.0}, clients=1), Slow)
    assert run.jobs["created"].tolist() == [3600.0, 7200.0]
    assert run.info.wall_seconds < 60.0


def test_an_answer_that_was_lost_is_not_taken_for_a_refusal():
    class Lossy(InMemoryJobRepository):
        """Commits the start of the first job, and says that it failed."""

        def update_status(self, job_id, target, result=None, error=None):
            job = super().update_status(job_id, target, result, error)
            if target == JobStatus.RUNNING and not getattr(self, "lost", False):
                self.lost = True
                raise TimeoutError("no answer")
            return job

    load = workload(2, {"arrival": [0.0, 5.0], "service": 1.0}, reaper={"timeout": 2.0})
    run = fair(load, Lossy)
    # The reaper looks, for the job may be running with nobody at it: and so it is.
    assert run.final["status"].tolist() == ["failed", "completed"]
    assert run.transitions["actor"].tolist().count("reaper-0") == 1


def test_an_exception_from_the_repository_is_data_and_its_actor_goes_on():
    class Moody(InMemoryJobRepository):
        def create(self, input_hash):
            if int(input_hash, 16) % 2:
                raise OSError("disk full")
            return super().create(input_hash)

    run = fair(workload(4, {"arrival": [0.0, 1.0, 2.0, 3.0]}), Moody)
    assert run.jobs["created"].notna().tolist() == [True, False, True, False]
    assert run.jobs["left"].tolist()[1::2] == [1.0, 3.0]
    assert run.calls["error"].dropna().str.startswith("OSError: disk full (test_").all()


def test_a_start_that_is_accepted_twice_counts_once_and_is_found():
    class Careless(InMemoryJobRepository):
        def update_status(self, job_id, target, result=None, error=None):
            job = self._store[job_id].model_copy(update={"status": JobStatus(target)})
            self._store[job_id] = job
            return job

    load = workload(2, {"arrival": [0.0, 3.0], "lag": [0.5, NAN], "service": 1.0})
    run = fair(load, Careless)
    assert run.ended == "complete"
    assert run.jobs["started"].tolist() == [0.0, 3.0]
    # Both calls were made in one order, so the first sentence names it.
    assert not run.check().ok


def test_what_makes_a_repository_is_wanted():
    with pytest.raises(TypeError, match="pass what makes the repository and not an instance"):
        fair(Scenario(jobs=1), InMemoryJobRepository())


@pytest.mark.parametrize("factory", [InMemoryJobRepository, lambda: InMemoryJobRepository(), None])
def test_a_class_a_function_and_nothing_make_a_repository(factory):
    assert fair(Scenario(jobs=3), factory).info.repository == "InMemoryJobRepository"


@pytest.mark.parametrize("schedule", ["random", -1, True, 1.5])
def test_a_schedule_that_is_none_is_refused(schedule):
    with pytest.raises(ValueError, match="schedule must be 'fair', a seed from 0 on, or None"):
        run_threads(Scenario(jobs=1), schedule=schedule)


def test_a_schedule_and_a_perturbation_contradict_each_other():
    with pytest.raises(ValueError, match="leave out perturb"):
        fair(Scenario(jobs=1), perturb=True)


@pytest.mark.parametrize("speedup", [2.0, float("inf"), None])
def test_a_schedule_and_a_speedup_contradict_each_other(speedup):
    with pytest.raises(ValueError, match="leave out speedup"):
        fair(Scenario(jobs=1), speedup=speedup)
