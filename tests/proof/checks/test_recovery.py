"""Acknowledged writes that a kill undid are told as such, and nothing else is."""

from __future__ import annotations

import pandas as pd
import pytest
from calls_table import call, calls_of, final_of, life, read

from jobsim.proof.checks.all_checks import check_history
from jobsim.tables.schema import FAULTS

UPDATE = "update_status"


def kills(*moments, kind="kill_server"):
    rows = [(kind, 0, begun, ended) for begun, ended in moments]
    return pd.DataFrame(rows, columns=list(FAULTS)).astype(FAULTS)


def judge(calls, reads, faults, **options):
    return check_history(calls_of(calls), final_of(reads), faults=faults, **options)


def test_nothing_lost_is_nothing_found():
    verdict = judge(life(0), [read(0)], kills((60, 90)))
    assert not verdict.violations
    assert "lost_after_recovery" in verdict.checks


def test_without_a_kill_nothing_is_looked_for():
    cut = kills((60, 90), kind="cut_after")
    for faults in (None, cut):
        verdict = judge(life(0), [read(0, "running")], faults)
        assert set(verdict.counts) == {"real_time"}
        assert "lost_after_recovery" not in verdict.checks


@pytest.mark.parametrize("kind", ["kill_server", "kill_backend"])
def test_an_end_that_is_missing_is_the_cause_and_stands_alone(kind):
    verdict = judge(life(0), [read(0, "running")], kills((60, 90), kind=kind))
    assert verdict.counts == {"lost_after_recovery": 1}
    (violation,) = verdict.violations
    assert [c.row for c in violation.calls] == [2, -1]
    assert violation.killed_ns == 60
    assert violation.sentence == (
        "job 0: worker-0's update_status(completed) answered completed at 0.000 ms; the server was "
        "killed at 0.000 ms; then the final read's get answered running: an acknowledged write is "
        "missing after the recovery"
    )


def test_of_several_missing_steps_the_first_is_named():
    verdict = judge(life(0), [read(0, "awaiting_payment")], kills((60, 90)))
    assert verdict.counts == {"lost_after_recovery": 1}
    assert verdict.violations[0].calls[0].target == "running"


def test_a_step_that_could_be_written_again_was_lost():
    calls = [*life(0), call(UPDATE, 100, 110, target="completed", actor="worker-1")]
    verdict = judge(calls, [read(0, result="done by worker-1")], kills((60, 90)))
    assert verdict.counts == {"lost_after_recovery": 1}
    assert [c.row for c in verdict.violations[0].calls] == [2, 3]


def test_lost_jobs_explain_a_count_that_is_low_by_as_many():
    reads = [read(0, None, outcome="not_found"), read(1)]
    calls = [*life(0), *life(1), call("count", 100, 110, job=-1, count=1)]
    verdict = judge(calls, reads, kills((60, 90)), count_before=0)
    assert verdict.counts == {"lost_after_recovery": 1}
    calls[-1] |= {"count": 0}
    verdict = judge(calls, reads, kills((60, 90)), count_before=0)
    assert verdict.counts == {"lost_after_recovery": 1, "count": 1}


def test_what_was_acknowledged_after_the_server_was_back_is_another_fault():
    verdict = judge(life(0), [read(0, "running")], kills((10, 25)))
    assert set(verdict.counts) == {"real_time"}


def test_a_stale_read_is_not_a_loss():
    calls = [*life(0), call("get", 100, 110, observed="running")]
    verdict = judge(calls, [read(0)], kills((60, 90)))
    assert set(verdict.counts) == {"real_time"}


def test_two_winners_before_the_kill_are_not_a_loss():
    calls = [
        *life(0)[:2],
        call(UPDATE, 20, 30, target="running", actor="worker-1"),
        call(UPDATE, 40, 50, target="completed", actor="worker-0"),
    ]
    verdict = judge(calls, [read(0)], kills((60, 90)))
    assert set(verdict.counts) == {"written_twice"}


def test_a_server_that_never_came_back_explains_what_is_missing():
    verdict = judge(life(0), [read(0, "running")], kills((60, -1)))
    assert verdict.counts == {"lost_after_recovery": 1}


def test_other_jobs_keep_their_findings():
    reads = [read(0, "running"), read(1, result="done by nobody")]
    verdict = judge([*life(0), *life(1)], reads, kills((60, 90)), engine_texts=True)
    assert verdict.counts == {"lost_after_recovery": 1, "content": 1}


def test_a_final_read_that_failed_is_undecided():
    verdict = judge(life(0), [read(0, None, outcome="error")], None)
    assert not verdict.violations
    assert verdict.undecided == ("created jobs whose final read ended in an error: 1",)
