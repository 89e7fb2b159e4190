"""What is left out shows nothing new: the same answers and the same verdicts without it."""

from __future__ import annotations

import pytest
from correct_repositories import CORRECT

from jobsim import InMemoryJobRepository
from jobsim.testing.broken import GALLERY
from jobsim.testing.explore.judge import Judge
from jobsim.testing.explore.programs import Program
from jobsim.testing.explore.runner import Runner

KINDS = {
    "in_memory": InMemoryJobRepository,
    "no_lock": GALLERY["no_lock"],
    "two_locks_for_one_job": GALLERY["two_locks_for_one_job"],
    "delete_then_insert": GALLERY["delete_then_insert"],
    **{name: CORRECT[name] for name in ("Ticket", "ReadWrite", "CompareAndSwap", "Spinning")},
}
PROGRAMS = [
    Program([["running"], ["running"]]),
    Program([["completed", "get"], ["failed"]], start="running"),
    Program([["create"], ["count"]]),
]


def explored(kind, program, monkeypatch, *, prunes):
    answers = set()
    verdicts = set()
    holds = Judge.holds

    def noted(judge, history):
        held = holds(judge, history)
        answers.add(tuple(sorted((step, answer) for _, _, step, answer in history)))
        verdicts.add(held)
        return True  # so that all schedules are run

    monkeypatch.setattr(Judge, "holds", noted)
    runner = Runner(kind)
    runner.prunes = prunes
    with runner.control():
        known = runner.explore(program, 1, 100_000)
    monkeypatch.setattr(Judge, "holds", holds)
    assert known.uncontrolled is None
    assert known.left == 0
    return answers, verdicts, known.schedules


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_the_same_answers_and_verdicts(name, program, monkeypatch):
    answers, verdicts, schedules = explored(KINDS[name], program, monkeypatch, prunes=True)
    all_answers, all_verdicts, all_schedules = explored(
        KINDS[name], program, monkeypatch, prunes=False
    )
    assert answers == all_answers
    assert verdicts == all_verdicts
    assert schedules < all_schedules
