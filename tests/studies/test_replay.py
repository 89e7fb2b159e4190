"""A virtual run's transitions on a real repository."""

from __future__ import annotations

import pytest

from jobsim import InMemoryJobRepository, Scenario, preset, presets, run_threads
from jobsim.proof.checks.all_checks import check_history
from jobsim.studies.replay import replay
from jobsim.virtual.run_virtual import run_virtual

SCENARIO = Scenario(jobs=30, workers=2, work={"fail": 0.3}, payment={"abandon": 0.2}, seed=4)


@pytest.mark.parametrize("name", presets())
def test_a_real_repository_accepts_every_transition_of_a_virtual_run(name):
    run = run_virtual(preset(name))
    told = replay(run)
    assert told.complete
    assert told.accepted == len(run.transitions)
    assert told.refused == told.errors == told.unsent == 0
    assert told.repository.count() == len(run.jobs)


def test_the_calls_are_those_of_the_transitions_and_pass_the_checks():
    run = run_virtual(SCENARIO)
    calls = replay(run).calls
    assert calls["job"].tolist() == run.transitions["job"].tolist()
    assert calls["actor"].tolist() == run.transitions["actor"].tolist()
    assert calls["observed"].tolist() == run.transitions["target"].tolist()
    assert check_history(calls, workers=2).outcome.value == "OK"


def test_a_threaded_run_can_be_replayed_too():
    run = run_threads(SCENARIO, speedup=float("inf"))
    assert replay(run, InMemoryJobRepository()).complete


def test_what_the_repository_does_not_accept_is_counted_and_not_the_end():
    class Picky(InMemoryJobRepository):
        """Refuses a third of the jobs, forgets one, and cannot complete."""

        def create(self, input_hash):
            if int(input_hash, 16) % 3 == 0:
                raise OSError("disk full")
            return super().create(input_hash)

        def update_status(self, job_id, target, result=None, error=None):
            if target == "completed":
                job_id = "forgotten"
            return super().update_status(job_id, target, result=result, error=error)

    run = run_virtual(SCENARIO.replace({"payment.abandon": 0.0, "work.fail": 0.0}))
    told = replay(run, Picky())
    assert (told.accepted, told.refused, told.errors, told.unsent) == (40, 20, 10, 20)
    assert not told.complete
    assert "accepted      40 of 90 transitions" in repr(told)
    assert "refused       20" in repr(told)
    assert "not sent" in told._repr_html_()


def test_a_fault_that_is_not_the_repositorys_is_raised(monkeypatch):
    def fail(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr("jobsim.studies.replay.create_job", fail)
    with pytest.raises(ZeroDivisionError):
        replay(run_virtual(SCENARIO))


def test_an_object_without_the_four_methods_is_refused():
    with pytest.raises(TypeError, match="lacks create"):
        replay(run_virtual(SCENARIO), object())
