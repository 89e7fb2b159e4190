"""Switches at random moments of the repository's own code, and nothing left behind."""

from __future__ import annotations

import sys
import sysconfig
import threading

import numpy as np
import pytest

from jobsim import InMemoryJobRepository, Scenario, Workload, adapt, run_threads
from jobsim.domain.models import validate_transition
from jobsim.repository import job_repo, protocol
from jobsim.repository.recorded import RecordedRepository
from jobsim.threads import perturb
from jobsim.threads.perturb import Perturbation, PerturbedRepository

MONITORED = sys.version_info >= (3, 12)


class CheckThenAct(InMemoryJobRepository):
    def update_status(self, job_id, target, result=None, error=None):
        job = self.get(job_id)
        validate_transition(job.status, target)
        change = {"status": target, "result": result, "error": error}
        job = self._store[job_id] = job.model_copy(update=change)
        return job


def workload(jobs=200, seed=0):
    zeros = np.zeros(jobs)
    return Workload(
        Scenario(workers=4, clients=2, seed=seed),
        arrival=zeros,
        delay=zeros,
        lag=np.where(np.arange(jobs) % 5 == 0, 0.0, np.nan),
        service=zeros,
        fails=np.zeros(jobs, dtype=bool),
    )


@pytest.fixture
def yields(monkeypatch):
    """Count the yields of a perturbation that yields at every instruction, without a sleep."""
    made = []
    monkeypatch.setattr(perturb, "YIELD", 1.0)
    monkeypatch.setattr(perturb.time, "sleep", lambda seconds: made.append(seconds))
    return made


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    def state():
        tools = [sys.monitoring.get_tool(n) for n in range(6)] if MONITORED else []
        return sys.gettrace(), threading.gettrace(), tools

    before = state()
    yield
    assert state() == before


def test_a_repository_that_checks_and_then_acts_is_caught():
    caught = sum(
        not run_threads(workload(seed=seed), CheckThenAct(), speedup=float("inf"), perturb=True)
        .check()
        .ok
        for seed in range(4)
    )
    assert caught >= 3


def test_a_correct_repository_stays_correct_and_the_run_says_that_it_was_perturbed():
    run = run_threads(
        workload(), adapt(InMemoryJobRepository()), speedup=float("inf"), perturb=True
    )
    assert run.check().ok
    assert run.info.perturbed
    assert run.info.repository == "AdaptedRepository"
    assert not run_threads(workload(2), speedup=float("inf")).info.perturbed


def test_the_repositorys_own_code_is_perturbed_and_answers_as_ever(yields):
    repository = InMemoryJobRepository()
    with Perturbation(repository, 0) as perturbation:
        face = PerturbedRepository(repository, perturbation)
        job = face.create("a")
        assert yields
        yields.clear()
        moved = face.update_status(job.job_id, "running", result="r", error="e")
        assert len(yields) > 20
        assert (face.get(job.job_id), face.count()) == (moved, 1)
        assert (moved.result, moved.error) == ("r", "e")


@pytest.mark.parametrize("wrap", [adapt, RecordedRepository, lambda inner: inner])
def test_wrappers_are_looked_through(yields, wrap):
    repository = wrap(InMemoryJobRepository())
    with Perturbation(repository, 0) as perturbation:
        perturbation.call(repository.count)
    assert yields


def test_neither_the_library_nor_jobsim_nor_generated_code_is_perturbed():
    concerns = Perturbation(CheckThenAct(), 0).concerns

    def named(name):
        return compile("pass", name, "exec")

    assert concerns(CheckThenAct.update_status.__code__)
    assert concerns(InMemoryJobRepository.update_status.__code__)
    assert concerns(named("/home/me/project/helper.py"))
    assert concerns(named("<ipython-input-3-abc>"))
    assert not concerns(threading.Thread.run.__code__)
    assert not concerns(validate_transition.__code__)
    assert not concerns(named("<string>"))
    assert not concerns(named(f"{sysconfig.get_path('purelib')}/pandas/core/frame.py"))


def test_bases_from_the_library_are_not_its_own_code_but_any_other_is():
    class Typed(InMemoryJobRepository, protocol.JobRepository, threading.local):
        @property
        def size(self):
            return 0

        @staticmethod
        def clock():
            return 0

        plain = 7

    own = Perturbation(Typed(), 0)._own
    assert own == {job_repo.__file__, protocol.__file__, __file__}


def test_calls_from_outside_are_left_alone(yields):
    repository = InMemoryJobRepository()
    perturbation = Perturbation(repository, 0)
    perturbation.call(repository.count)
    with perturbation:
        repository.count()
    perturbation.call(repository.count)
    assert yields == []


def test_the_draws_come_from_the_seed_and_the_threads_name(yields, monkeypatch):
    monkeypatch.setattr(perturb, "YIELD", 0.2)
    repository = InMemoryJobRepository()

    def pattern(seed, name):
        yields.clear()
        with Perturbation(repository, seed) as perturbation:

            def work():
                for _ in range(30):
                    perturbation.call(repository.count)

            thread = threading.Thread(target=work, name=name)
            thread.start()
            thread.join(30)
        return list(yields)

    first = pattern(1, "a")
    assert pattern(1, "a") == first
    assert pattern(2, "a") != first
    assert pattern(1, "b") != first


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_everything_is_restored_if_a_call_or_the_block_raises(error):
    class Raising(InMemoryJobRepository):
        def count(self):
            raise error

    repository = Raising()
    with pytest.raises(error), Perturbation(repository, 0) as perturbation:
        perturbation.call(repository.count)


@pytest.mark.skipif(MONITORED, reason="uses sys.settrace before 3.12 only")
def test_another_trace_function_is_set_again_after_each_call():
    seen = []

    def tracer(frame, event, arg):
        seen.append(frame.f_code.co_name)

    repository = InMemoryJobRepository()
    before = sys.gettrace()
    with Perturbation(repository, 0) as perturbation:
        sys.settrace(tracer)
        try:
            perturbation.call(repository.count)
            during = sys.gettrace()
        finally:
            sys.settrace(before)
    assert during is tracer
    assert "count" not in seen
    assert "_nothing" in seen


@pytest.mark.skipif(not MONITORED, reason="sys.monitoring is new in 3.12")
def test_taken_tool_ids_are_an_error_that_says_what_to_do():
    taken = [tool for tool in (2, 3, 4) if sys.monitoring.get_tool(tool) is None]
    for tool in taken:
        sys.monitoring.use_tool_id(tool, "other")
    try:
        with pytest.raises(RuntimeError, match="no tool id"), Perturbation(object(), 0):
            pass
    finally:
        for tool in taken:
            sys.monitoring.free_tool_id(tool)


def test_two_perturbations_at_once_do_not_disturb_each_other(yields):
    first, second = InMemoryJobRepository(), InMemoryJobRepository()
    with Perturbation(first, 0) as one:
        with Perturbation(second, 0) as two:
            two.call(second.count)
        yields.clear()
        one.call(first.count)
    assert yields


def test_naps_are_some_of_the_yields(yields):
    repository = InMemoryJobRepository()
    with Perturbation(repository, 0) as perturbation:
        for _ in range(20):
            perturbation.call(repository.count)
    assert set(yields) == {0, perturb.NAP_S}
