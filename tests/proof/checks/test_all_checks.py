from __future__ import annotations

import pandas as pd
import pytest
from calls_table import call, calls_of, final_of, life, read

from jobsim.proof.checks.all_checks import SPELLED_OUT, check_history
from jobsim.proof.overlap import PAIRS
from jobsim.proof.verdict_value import Verdict


def test_nothing_is_right() -> None:
    verdict = check_history(calls_of([]), final_of([]), workers=1, count_before=0)
    assert verdict == Verdict(
        jobs=0,
        calls=0,
        checks=("linearizability", "identifiers", "timestamps", "workers", "accounted"),
        overlapping=False,
        untried=PAIRS,
    )


def test_violations_come_by_rule_then_by_job_and_are_all_counted() -> None:
    jobs = SPELLED_OUT + 20
    rows = [call("get", 0, 5, job=job, observed="running") for job in reversed(range(jobs))]
    rows.append(call("get", 6, 9, job=3, outcome="not_found", changed=True))
    verdict = check_history(calls_of(rows))
    assert len(verdict.violations) == SPELLED_OUT
    assert [v.rule for v in verdict.violations[:2]] == ["identifiers", "unwritten"]
    assert [v.job for v in verdict.violations[:5]] == [3, 0, 1, 2, 3]
    assert verdict.counts == {"identifiers": 1, "unwritten": jobs}


def test_two_jobs_under_one_id_are_told_before_the_hundreds_of_counts_that_follow_from_it() -> None:
    many = 3 * SPELLED_OUT
    rows = [call("create", 0, 5, job=0), call("create", 6, 9, job=1)]
    rows += [call("count", 10 + n, 10 + n, job=-1, count=1) for n in range(many)]
    created = pd.DataFrame({"job_id": ["a", "a"]})
    verdict = check_history(calls_of(rows), created=created, count_before=0)
    assert verdict.counts == {"unique_ids": 1, "count": many}
    assert verdict.violations[0].rule == "unique_ids"
    assert len(verdict.violations) == SPELLED_OUT
    assert "unique_ids" in str(verdict).splitlines()[3]


def test_a_large_rule_leaves_room_for_the_small_ones() -> None:
    rows = [call("get", 0, 5, job=job, observed="running") for job in range(SPELLED_OUT)]
    rows += [call("create", 0, 5, job=job) for job in range(SPELLED_OUT)]
    rows += [
        call("get", 6, 9, job=job, backdated=True) for job in range(SPELLED_OUT, SPELLED_OUT + 7)
    ]
    rules = [v.rule for v in check_history(calls_of(rows)).violations]
    assert rules.count("timestamps") == 7
    assert len(rules) == SPELLED_OUT


def test_errors_and_calls_that_never_returned_are_counted_and_said() -> None:
    rows = [
        *life(0),
        call("get", 60, 70, job=0, outcome="error"),
        call("count", 60, 70, job=-1, outcome="error"),
        call("get", 80, -1, job=0, outcome="pending"),
    ]
    verdict = check_history(calls_of(rows), count_before=0)
    assert verdict.outcome.value == "OK"
    assert not verdict.ok
    assert verdict.errors == {"get": 1, "count": 1}
    assert verdict.unreturned == {"get": 1}
    assert "2 of 6 calls raised an error and 1 call never returned" in str(verdict)


def test_calls_need_not_be_in_order() -> None:
    calls = calls_of(life(0))
    assert check_history(calls.iloc[::-1]).ok


def test_an_answer_for_an_id_that_nobody_created_is_undecided() -> None:
    rows = [
        call("get", 0, 5, job=-1, observed="running"),
        call("get", 0, 5, job=-1, outcome="not_found"),
        call("get", 0, 5, job=-1, outcome="error"),
        call("update_status", 0, 5, job=-1, target="running", outcome="illegal"),
    ]
    verdict = check_history(calls_of(rows))
    assert verdict.outcome.value == "UNKNOWN"
    assert verdict.undecided == ("answers for ids that no recorded create had returned: 2",)


def test_count_without_a_start_is_undecided() -> None:
    verdict = check_history(calls_of([call("count", 0, 5, job=-1, count=3)]))
    assert "count" not in verdict.checks
    assert verdict.undecided == ("answers of count: what it answered before the run is not known",)


def test_created_has_a_row_for_each_job() -> None:
    with pytest.raises(ValueError, match="created has 1 rows for 2 jobs"):
        check_history(calls_of([*life(0), *life(1)]), created=pd.DataFrame({"job_id": ["a"]}))


def test_created_may_lack_the_ids() -> None:
    created = pd.DataFrame({"request": [0]})
    assert check_history(calls_of(life(0)), final_of([read(0)]), created=created).ok
