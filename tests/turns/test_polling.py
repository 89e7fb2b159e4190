"""Loops that ask again and again instead of waiting come to an end, or are told as a hang."""

from __future__ import annotations

import time

import pytest

from jobsim import InMemoryJobRepository, Scenario, run_threads
from jobsim.domain.models import JobStatus
from jobsim.testing import explore_repository, replay_schedule
from jobsim.testing.explore.search import Planned
from jobsim.turns.control import Control
from jobsim.turns.polling import END, Polling
from jobsim.turns.schedules import FirstReady

WAIT_S = 5.0


class PollsTheClock(InMemoryJobRepository):
    """Waits in a loop until it is late enough."""

    def update_status(self, job_id, target, result=None, error=None):
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            pass
        return super().update_status(job_id, target, result, error)


@pytest.mark.parametrize("schedule", ["fair", 1])
def test_time_passes_for_a_thread_that_polls_the_clock(schedule):
    run = run_threads(Scenario(jobs=2, workers=2), PollsTheClock, schedule=schedule)
    moves = run.calls[run.calls["op"] == "update_status"]
    taken = (moves["returned_ns"] - moves["invoked_ns"]) / 1e9
    assert run.ended == "complete"
    assert len(moves) == 4
    assert taken.between(WAIT_S, 1.02 * WAIT_S).all()


def test_time_ends_for_a_thread_that_polls_for_ever():
    now, polling = 0, Polling()
    for _ in range(5_000):
        now = polling.until(1, now)
    assert now == END == polling.until(1, now)


def test_whoever_yields_in_a_loop_waits_for_a_sleeper_in_few_rounds():
    rounds = 0

    def spins():
        nonlocal rounds
        while not woken:
            rounds += 1
            time.sleep(0)

    woken = []
    with Control() as control:
        control.make(InMemoryJobRepository)
        control.spawn("sleeps", lambda: woken.append(time.sleep(3_600)))
        control.spawn("spins", spins)
        end = control.run(FirstReady())
    assert end.stopped is None
    assert rounds < 5_000


class Livelock(InMemoryJobRepository):
    """Whoever starts a job waits in a loop until it has failed."""

    def update_status(self, job_id, target, result=None, error=None):
        job = super().update_status(job_id, target, result, error)
        while self._store[job_id].status is not JobStatus.FAILED:
            pass
        return job


def test_a_loop_that_nobody_ends_is_a_hang_and_can_be_replayed(monkeypatch):
    monkeypatch.setattr(Planned, "most_points", 5_000)
    violation = explore_repository(Livelock, programs=[["running"], ["failed"]]).violation
    assert violation.rule == "hang"
    assert "while self._store" in violation.sentence
    assert replay_schedule(Livelock, violation.schedule) == violation


def test_a_thread_that_computes_without_a_point_is_ended():
    def computes():
        while True:
            pass

    with Control(keep_threads=True) as control:
        for _ in range(2):  # also the kept threads of a later run
            control.make(InMemoryJobRepository)
            control.spawn("computes", computes)
            end = control.run(FirstReady(), time_limit=0.05)
            assert (end.stopped, end.unreturned) == ("time_limit", ())
