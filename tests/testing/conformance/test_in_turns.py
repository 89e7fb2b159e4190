"""Races in turns: the same seed gives the same report, and what escapes is said."""

from __future__ import annotations

import re
import time

import odd_repositories as odd
import pytest

from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.testing import CHECKS, check_repository
from jobsim.testing.broken import GALLERY
from jobsim.testing.conformance import races
from jobsim.testing.conformance.run_check import run_check
from jobsim.turns.control import Control

BY_NAME = {check.name: check for check in CHECKS}
RACES = [check.name for check in CHECKS if check.pressure is not None]


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch):
    monkeypatch.setattr(races, "ROUNDS", 20)
    monkeypatch.setattr(races, "MANY_JOBS", 100)


def text(report):
    # Only what one thread finds is timed by the wall clock.
    return re.sub(r"([\d.]+ to )?[\d.,]+ (ns|µs|ms|s|min)\b", "some time", repr(report))


@pytest.mark.parametrize("kind", [InMemoryJobRepository, GALLERY["stale_cache"]])
def test_the_same_seed_gives_the_same_report(kind):
    one, other = (check_repository(kind, scale=0.2, seed=3) for _ in range(2))
    assert text(one) == text(other)
    assert [result.calls for result in one.results if result.check.pressure] == [
        result.calls for result in other.results if result.check.pressure
    ]
    assert "races in turns drawn from the seed: they repeat exactly" in text(one)


def test_another_seed_gives_other_calls():
    check, kind = BY_NAME["one_start_wins"], GALLERY["no_lock"]
    calls = [run_check(check, kind, seed=seed).calls for seed in range(4)]
    assert len(set(calls)) > 1


def test_where_control_is_not_to_be_had_the_report_says_who_switched():
    with Control():
        report = check_repository(InMemoryJobRepository, scale=0.1)
    assert report.ok
    assert all(report[name].escaped for name in RACES)
    assert "switched by the operating system, for another run has control" in repr(report)
    assert "they repeat exactly" not in repr(report)


def test_several_instances_over_one_store_are_switched_by_the_system():
    result = run_check(BY_NAME["one_start_wins"], InMemoryJobRepository, instances=2)
    assert result.escaped == "several instances share one store"


def test_jobs_that_outlive_their_repository_are_switched_by_the_system():
    kept = InMemoryJobRepository()
    kept.create("a" * 64)
    result = run_check(BY_NAME["concurrent_creates"], lambda: kept, scale=0.2)
    assert result.result == "passed", result.problem
    assert result.escaped == "its jobs outlive it: a new one holds some"


class Waits(InMemoryJobRepository):
    """Sleeps while it holds the lock."""

    def count(self):
        with self._lock:
            time.sleep(0.01)
            return len(self._store)


def test_time_within_a_race_is_virtual():
    result = run_check(BY_NAME["counts_during_creates"], Waits, scale=0.5)
    assert (result.result, result.escaped) == ("passed", "")


def test_a_deadlock_is_told_at_once_with_the_stacks():
    result = run_check(BY_NAME["reads_during_writes"], odd.TwoOrders, time_limit=300.0)
    assert "no answer within 300 s" in result.problem
    assert result.stacks
    assert result.escaped == ""
