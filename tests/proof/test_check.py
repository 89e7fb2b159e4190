from __future__ import annotations

import pandas as pd
import pytest
from calls_table import call, calls_of, final_of, life, read

from jobsim.proof.check import check_history
from jobsim.proof.verdict import SPELLED_OUT, Verdict


def test_nothing_is_right() -> None:
    verdict = check_history(calls_of([]), final_of([]), workers=1, count_before=0)
    assert verdict == Verdict(
        jobs=0,
        calls=0,
        checks=("linearizability", "identifiers", "timestamps", "workers", "accounted"),
    )


def test_violations_come_in_order_of_job_and_are_all_counted() -> None:
    jobs = SPELLED_OUT + 20
    rows = [call("get", 0, 5, job=job, observed="running") for job in reversed(range(jobs))]
    rows.append(call("get", 6, 9, job=3, outcome="not_found", changed=True))
    verdict = check_history(calls_of(rows))
    assert len(verdict.violations) == SPELLED_OUT
    assert [v.job for v in verdict.violations[:6]] == [0, 1, 2, 3, 3, 4]
    assert [v.rule for v in verdict.violations[3:5]] == ["unwritten", "identifiers"]
    assert verdict.counts == {"unwritten": jobs, "identifiers": 1}


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
