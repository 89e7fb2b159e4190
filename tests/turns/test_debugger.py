"""A debugger in a controlled thread changes no schedule."""

from __future__ import annotations

import io
import sys

import pytest

from jobsim import InMemoryJobRepository
from jobsim.testing import explore_repository, replay_schedule
from jobsim.testing.broken import CheckAndActApart
from jobsim.turns import debugger
from jobsim.turns.control import Control
from jobsim.turns.schedules import Seeded


class Counter:
    def __init__(self):
        self.number = 0

    def up(self):
        before = self.number
        breakpoint()
        self.number = before + 1
        self.number = self.number + 1

    def twice(self):
        self.number = self.number + 1
        self.number = self.number + 1


def play(control, seed):
    counter = control.make(Counter)
    control.spawn("a", counter.up)
    control.spawn("b", counter.twice)
    end = control.run(Seeded(seed))
    assert end.stopped is None, end.errors
    return counter.number, end.handed


@pytest.fixture
def talk(monkeypatch):
    """Answer the debugger's prompts, and return what it wrote."""
    out = io.StringIO()

    def say(commands):
        monkeypatch.setattr(debugger, "OPTIONS", {"stdin": io.StringIO(commands), "stdout": out})

    monkeypatch.setattr(sys, "breakpointhook", lambda: None)  # where there is no talk
    return say, out


def test_breakpoint_changes_no_schedule(talk):
    say, out = talk
    with Control(keep_threads=True) as control:
        play(control, 0)
        for seed in range(15):
            debugger.OPTIONS.clear()
            plain = play(control, seed)
            say("p 'number', before\nn\nn\nc\n")
            assert play(control, seed) == plain
        debugger.OPTIONS.clear()
        assert play(control, 3) == play(control, 3)
    assert out.getvalue().count("('number', ") == 15


def test_a_schedule_stops_at_a_step(talk):
    say, out = talk
    found = explore_repository(CheckAndActApart, programs=[["running"], ["running"]]).violation
    row = next(row for row in found.rows if "self._store[job_id] = moved" in row.text)
    say("p 'here', target\nc\n")
    again = replay_schedule(CheckAndActApart, found.schedule, stop_at=row.step)
    assert again == found
    assert "('here', <JobStatus.RUNNING: 'running'>)" in out.getvalue()


def test_without_a_debugger_nothing_stops(talk):
    _, out = talk
    explore_repository(InMemoryJobRepository, programs=[["running"]])
    assert out.getvalue() == ""
