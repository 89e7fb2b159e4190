"""Wrong repositories of every kind that was met are caught, right ones of any make are not."""

from __future__ import annotations

import sqlite3

import pytest
import right_repositories as right
import wrong_repositories as wrong

from jobsim.testing import CHECKS, check_repository
from jobsim.testing.conformance.run_check import run_check

BY_NAME = {check.name: check for check in CHECKS}


@pytest.mark.parametrize("broken", wrong.SHOWN_BY, ids=lambda broken: broken.__name__)
def test_a_wrong_repository_is_caught(broken):
    assert run_check(BY_NAME[wrong.SHOWN_BY[broken]], broken).result == "failed"


@pytest.mark.parametrize("broken", wrong.WITH_TWO_INSTANCES, ids=lambda broken: broken.__name__)
def test_what_holds_within_one_instance_is_caught_with_two(broken, tmp_path):
    check = BY_NAME[wrong.WITH_TWO_INSTANCES[broken]]
    shared = wrong.over_one_store(broken, tmp_path)
    assert run_check(check, shared, instances=2, scale=0.5).result == "failed"
    (tmp_path / "alone").mkdir()
    alone = wrong.over_one_store(broken, tmp_path / "alone")
    assert run_check(check, alone, scale=0.2).result == "passed"


@pytest.mark.parametrize("kind", right.RIGHT, ids=lambda kind: kind.__name__)
def test_a_right_repository_is_not_blamed(kind):
    report = check_repository(kind, scale=0.1)
    assert report.ok, report


def test_a_database_that_is_locked_now_and_then_is_right_if_that_may_be_tried_again():
    report = check_repository(right.Locked, scale=0.1, retryable=sqlite3.OperationalError)
    assert report.ok, report


@pytest.mark.parametrize("name", ["writes_reach_other_threads", "one_start_wins"])
def test_two_instances_over_one_database_pass_if_the_database_does_the_locking(name, tmp_path):
    factory = wrong.over_one_store(wrong.TransactionPerUpdate, tmp_path)
    check, retry = BY_NAME[name], lambda exc: "locked" in str(exc)
    passed = run_check(check, factory, scale=0.1, instances=2, retryable=retry)
    assert passed.result == "passed", passed.problem


def test_an_update_that_answers_another_job_is_told_by_its_identifiers():
    failed = run_check(BY_NAME["one_start_wins"], wrong.AnswersAnother)
    assert failed.verdict.violations[0].rule == "identifiers"


def test_two_jobs_under_one_id_are_told_first():
    failed = run_check(BY_NAME["concurrent_creates"], wrong.IdsByTheClock)
    assert failed.verdict.violations[0].rule == "unique_ids"


def test_a_racing_get_is_told_whose_text_it_should_have_shown():
    failed = run_check(BY_NAME["one_end_wins"], wrong.LosersText)
    assert failed.verdict is not None or "that ended it, with" in failed.problem
