"""What an exploration claims, finds and says; and that a schedule can be run again."""

from __future__ import annotations

import _thread
import itertools
import threading
from typing import ClassVar

import pytest

from jobsim import InMemoryJobRepository
from jobsim.testing import (
    Program,
    ScheduleViolation,
    TokenError,
    check_repository,
    explore_repository,
    replay_schedule,
)
from jobsim.testing.broken import GALLERY, CheckAndActApart
from jobsim.testing.conformance import check_repository as check_repository_module
from jobsim.testing.conformance.checks import CHECKS
from jobsim.testing.explore.token import Token

STARTERS = [["running"], ["running"]]


def test_a_correct_repository_holds():
    found = explore_repository(InMemoryJobRepository, programs=STARTERS)
    assert found.ok
    assert found.complete
    assert found.violation is None
    assert found.claim.startswith("HOLDS: ")
    assert found.scopes[0].complete == 1
    found.raise_on_violation()


def test_the_budget_is_told():
    found = explore_repository(InMemoryJobRepository, programs=STARTERS, budget=20)
    assert (found.ok, found.complete, found.stopped) == (True, False, "budget")
    assert found.schedules == 20
    assert found.claim.startswith("NOT PROVED: ")
    assert "PCT" in found.sampling


def test_the_same_call_gives_the_same_answer():
    def explore():
        found = explore_repository(InMemoryJobRepository, threads=(2,), preemptions=1, budget=300)
        return found, found.programs

    (one, table), (other, again) = explore(), explore()
    assert one == other
    assert table.equals(again)


@pytest.mark.parametrize("name", GALLERY)
def test_every_broken_repository_is_caught(name):
    found = explore_repository(GALLERY[name], budget=12_000, programs=CATCHES.get(name, STARTERS))
    violation = found.violation
    assert violation is not None
    assert violation.preemptions <= 3
    assert violation.sentence
    assert all(replay_schedule(GALLERY[name], violation.schedule) == violation for _ in range(3))


CATCHES = {
    "stale_cache": [["get", "get"], ["running"]],
    "overwriting_create": [["create"], ["create"]],
    "dirty_read": [["completed"], ["get"]],
    "delete_then_insert": [["running"], ["get"]],
    "torn_snapshot": [["running", "running'"], ["snapshot"]],
}


def test_a_violation_tells_what_happened():
    violation = explore_repository(CheckAndActApart, programs=STARTERS).violation
    assert violation.rule == "written_twice"
    assert "both succeeded" in violation.sentence
    table = violation.table()
    assert list(table.columns) == ["step", "thread-0", "thread-1", "where"]
    assert (table["step"].diff().dropna() >= 0).all()
    text = str(violation)
    assert "with self._lock:" in text
    assert violation.schedule in text
    with pytest.raises(ScheduleViolation, match="written_twice"):
        violation.raise_on_violation()


def test_a_schedule_gives_the_same_history_each_time():
    violation = explore_repository(CheckAndActApart, programs=STARTERS).violation
    runs = [replay_schedule(CheckAndActApart, violation.schedule) for _ in range(10)]
    assert all(run == violation for run in runs)


def test_a_schedule_of_other_code_is_refused():
    violation = explore_repository(CheckAndActApart, programs=STARTERS).violation
    with pytest.raises(TokenError, match=r"explore again|choices"):
        replay_schedule(GALLERY["lost_update"], violation.schedule)


def test_a_schedule_of_another_python_is_refused():
    token = Token(Program(STARTERS), (), 0, "3.4", "0", "0")
    with pytest.raises(TokenError, match=r"made by Python 3\.4"):
        replay_schedule(InMemoryJobRepository, str(token))


@pytest.mark.parametrize("text", ["", "jobsim1/3.11", None, "jobsim1/3.11/x:y/-/0/0/0"])
def test_what_is_no_schedule_is_refused(text):
    with pytest.raises(TokenError):
        replay_schedule(InMemoryJobRepository, text)


class Crossed(InMemoryJobRepository):
    """Takes two locks, in the one order or the other."""

    def __init__(self):
        super().__init__()
        self._other = threading.Lock()

    def get(self, job_id):
        with self._lock, self._other:
            return self._store[job_id]

    def count(self):
        with self._other, self._lock:
            return len(self._store)


def test_a_deadlock_is_found_and_explained():
    violation = explore_repository(Crossed, programs=[["get"], ["count"]]).violation
    assert violation.rule == "deadlock"
    assert violation.preemptions == 1
    assert "thread-0 waits for the lock made at" in violation.details
    assert "held by thread-1" in violation.details
    assert replay_schedule(Crossed, violation.schedule) == violation


class Raises(InMemoryJobRepository):
    def count(self):
        for _ in self._store:
            pass
        return len(self._store)


def test_an_exception_is_found_with_its_traceback():
    violation = explore_repository(Raises, programs=[["create"], ["count"]]).violation
    assert violation.rule == "error"
    assert "dictionary changed size during iteration" in violation.sentence
    assert "for _ in self._store" in violation.details


class Remembers(InMemoryJobRepository):
    """Does something else the first time that it is used in a process."""

    seen: ClassVar[set[str]] = set()

    def count(self):
        if len(Remembers.seen) % 2 == 0:
            len(self._store)
        Remembers.seen.add(str(len(Remembers.seen)))
        return super().count()


def test_state_that_outlives_the_repository_is_no_proof():
    found = explore_repository(Remembers, programs=[["count"], ["create"]])
    assert not found.complete
    assert any("not repeatable" in sentence for sentence in found.uncontrolled)
    assert found.violation is None


def test_a_repository_without_code_of_its_own_is_no_proof():
    def library():
        from unittest.mock import MagicMock

        inner = InMemoryJobRepository()
        face = MagicMock(spec_set=["create", "get", "update_status", "count"])
        for name in ("create", "get", "update_status", "count"):
            getattr(face, name).side_effect = getattr(inner, name)
        return face

    found = explore_repository(library, programs=STARTERS)
    assert not found.complete


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"preemptions": -1}, ValueError, "at least 0"),
        ({"budget": 0}, ValueError, "at least 1"),
        ({"threads": (4,)}, ValueError, "2, 3 or both"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        explore_repository(InMemoryJobRepository, **arguments)


def test_an_instance_is_refused():
    with pytest.raises(TypeError, match="cannot be called"):
        explore_repository(InMemoryJobRepository())


def pressing_at(number):
    """Return a factory whose repositories press Ctrl-C when the so many-th one is made."""
    made = itertools.count()

    def factory():
        if next(made) == number:
            _thread.interrupt_main()
        return InMemoryJobRepository()

    return factory


def test_ctrl_c_returns_what_is_known():
    programs = [[["running"], ["get"]], STARTERS]
    whole = explore_repository(InMemoryJobRepository, programs=programs)
    first = whole.explored[0].schedules
    found = explore_repository(pressing_at(first + 20), programs=programs)
    assert (found.stopped, found.ok, found.complete) == ("interrupted", True, False)
    assert found.schedules == first
    assert "interrupted" in found.claim
    # Nothing is left replaced, and a later exploration is whole.
    assert explore_repository(InMemoryJobRepository, programs=programs) == whole


def test_ctrl_c_before_the_first_schedule_raises():
    with pytest.raises(KeyboardInterrupt):
        explore_repository(pressing_at(0), programs=STARTERS)


def test_ctrl_c_ends_the_checks_of_a_repository(monkeypatch):
    explored = [check for check in CHECKS if check.name == "every_schedule"]
    monkeypatch.setattr(check_repository_module, "CHECKS", explored)
    with pytest.raises(KeyboardInterrupt):
        check_repository(pressing_at(5), scale=0.02)
