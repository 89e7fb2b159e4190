"""Retries and the reaper in a history; times of the hand-made ones are nanoseconds."""

from __future__ import annotations

import pandas as pd
import pytest
from calls_table import call, calls_of, final_of, life, read

from jobsim import Scenario, run_threads
from jobsim.proof.checks import attempts
from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.verdict_value import Verdict

UPDATE = "update_status"


def jobs_of(*rows, **columns) -> pd.DataFrame:
    """Rows of (request, attempt); nothing of use unless the columns say so."""
    jobs = pd.DataFrame(rows, columns=["request", "attempt"])
    none = {"status": "failed", "finished": 1.0, "crashed": False, "reaped": False}
    return jobs.assign(**(none | {"released": 1.0, "left": float("nan")} | columns))


def judge(calls: list[dict], jobs: pd.DataFrame) -> Verdict:
    return check_history(calls_of(calls), jobs=jobs, workers=9)


def told(verdict: Verdict) -> list[tuple[int, str, str]]:
    return [(v.job, v.rule, v.sentence) for v in verdict.violations]


TWO = jobs_of((0, 1), (0, 2))


def test_failed_attempts_one_after_the_other_are_right():
    calls = [*life(0, end="failed"), *life(1, at=100, end="failed"), *life(2, at=200)]
    jobs = jobs_of((0, 1), (0, 2), (0, 3), status=["failed", "failed", "completed"])
    verdict = judge(calls, jobs)
    assert verdict.ok
    assert verdict.checks == (
        "linearizability",
        "identifiers",
        "timestamps",
        "attempts",
        "late_results",
        "goodput",
        "workers",
    )


def test_without_the_jobs_of_a_run_nothing_is_checked():
    calls = [*life(0), *life(1, at=100)]
    verdict = check_history(calls_of(calls), created=jobs_of((0, 1), (0, 5)), workers=9)
    assert verdict.ok
    assert not {*attempts.CHECKS} & {*verdict.checks}


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([(0, 1), (0, 3)], "job 1: is attempt 3 of request 0, not attempt 2"),
        ([(0, 1), (1, 2)], "job 1: is attempt 2 of request 1, not attempt 1"),
        ([(1, 1), (0, 1)], "job 1: is attempt 1 of request 0, but stands after request 1"),
    ],
)
def test_attempts_are_numbered_from_one_without_gaps(rows, sentence):
    verdict = judge([*life(0, end="failed"), *life(1, at=100, end="failed")], jobs_of(*rows))
    assert told(verdict) == [(1, "attempts", sentence)]
    assert [call.op for call in verdict.violations[0].calls] == ["create"]


def test_an_attempt_before_the_create_before_it_returned_is_found():
    calls = [
        call("create", 0, 100, job=0),
        call("create", 99, 150, job=1, actor="client-1"),
    ]
    (violation,) = judge(calls, TWO).violations
    assert violation.sentence == (
        "job 1: client-1's create, the next attempt of request 0, was invoked at 0.000 ms, but "
        "client-0's create of job 0 had not returned by then"
    )
    assert [c.row for c in violation.calls] == [0, 1]
    calls[1]["invoked_ns"] = 100
    assert judge(calls, TWO).ok


def test_attempts_of_one_client_that_overlap_because_they_were_widened_are_right():
    calls = [call("create", -50, 150, job=0), call("create", 60, 250, job=1)]
    assert judge(calls, TWO).ok


def test_an_attempt_beside_a_create_that_never_returned_is_found():
    calls = [call("create", 0, -1, job=0, outcome="pending"), call("create", 99, 150, job=1)]
    (violation,) = judge(calls, TWO).violations
    assert violation.sentence.endswith("of job 0 never returned")


@pytest.mark.parametrize("missing", [0, 1])
def test_without_one_of_two_creates_there_is_no_order_to_judge(missing):
    calls = [call("create", 0, 100, job=0), call("create", 0, 150, job=1)]
    assert judge([calls[1 - missing]], TWO).ok


def completed(returned: int, **more) -> list[dict]:
    """Job 0 is COMPLETED by an update that returned then."""
    first = life(0)
    first[2] |= {"returned_ns": returned}
    return [first[0], first[1], first[2] | more]


def test_an_attempt_after_a_success_that_had_returned_is_found():
    calls = [*completed(99), call("create", 100, 150, job=1)]
    (violation,) = judge(calls, TWO).violations
    assert (violation.job, violation.rule) == (1, "attempts")
    assert violation.sentence == (
        "job 1: worker-0's update_status(completed) of job 0, an earlier attempt, had succeeded "
        "by 0.000 ms; client-0's create, invoked at 0.000 ms, asked again after the success"
    )
    assert [c.row for c in violation.calls] == [2, 3]


@pytest.mark.parametrize("returned", [100, 120, 500])
def test_a_success_that_had_not_returned_could_not_be_known(returned):
    assert judge([*completed(returned), call("create", 100, 150, job=1)], TWO).ok


def look(invoked: int, observed: str | None = "running", **more) -> dict:
    return call("get", invoked, invoked + 5, job=0, observed=observed, **more)


def test_a_look_before_the_success_excuses_the_next_attempt():
    calls = [*completed(70), look(35), call("create", 100, 150, job=1)]
    assert judge(calls, TWO).ok


def test_a_look_after_the_success_excuses_nothing():
    """The stale answer is a fault of the repository, and found as such too."""
    calls = [*completed(55), look(35), look(60), call("create", 100, 150, job=1)]
    verdict = judge(calls, TWO)
    assert verdict.counts == {"real_time": 1, "attempts": 1}
    violation = verdict.violations[1]
    assert [c.row for c in violation.calls] == [2, 4, 5]
    assert "client-0's get, invoked at 0.000 ms, answered running; " in violation.sentence


def test_a_client_that_saw_the_success_may_not_ask_again():
    calls = [*completed(90), look(45, "completed"), call("create", 100, 150, job=1)]
    assert judge(calls, TWO).counts == {"attempts": 1}


@pytest.mark.parametrize("outcome", ["error", "not_found"])
def test_a_look_without_an_answer_is_not_held_against_the_client(outcome):
    calls = [*completed(55), look(60, None, outcome=outcome), call("create", 100, 150, job=1)]
    assert "attempts" not in judge(calls, TWO).counts


def test_the_looks_of_others_and_later_ones_excuse_nothing():
    calls = [
        *completed(55),
        look(45, actor="client-1"),
        look(45, actor="poller-0"),
        call("create", 100, 150, job=1),
        look(160, "completed"),
    ]
    assert judge(calls, TWO).counts == {"attempts": 1}


def test_each_later_attempt_is_judged_by_its_own_look():
    three = jobs_of((0, 1), (0, 2), (0, 3), (1, 1))
    calls = [
        *completed(170),
        look(90),
        call("create", 100, 110, job=1),
        look(160),
        call("create", 165, 168, job=2),
        call("create", 400, 410, job=3),
    ]
    assert judge(calls, three).ok
    calls[6] = call("create", 165, 168, job=2, actor="client-1")
    assert judge(calls, three).ok  # nothing had returned by then, looked at or not
    calls[5:7] = [look(180, "completed"), call("create", 200, 210, job=2)]
    assert [v.job for v in judge(calls, three).violations] == [2]


def test_two_successes_before_one_attempt_are_one_violation():
    three = jobs_of((0, 1), (0, 2), (0, 3))
    calls = [*life(0), *life(1, at=20), call("create", 200, 210, job=2)]
    assert judge(calls, three).counts == {"attempts": 1}


def test_who_was_told_of_a_failure_may_ask_again_whatever_else_was_accepted():
    failed = call(UPDATE, 42, 48, job=0, actor="reaper-0", target="failed")
    calls = [*completed(60), failed, call("create", 100, 150, job=1)]
    assert judge(calls, TWO).counts == {"two_endings": 1}


def reaped(*rest: dict) -> list[dict]:
    reap = call(UPDATE, 40, 50, job=0, actor="reaper-0", target="failed")
    return [*life(0)[:2], reap, *rest]


def test_a_late_result_that_was_refused_is_right():
    late = call(UPDATE, 60, 70, job=0, target="completed", outcome="illegal", observed="failed")
    assert judge(reaped(late), jobs_of((0, 1), reaped=True)).ok


@pytest.mark.parametrize("target", ["completed", "failed"])
def test_a_late_result_that_was_accepted_is_found(target):
    late = call(UPDATE, 60, 70, job=0, actor="worker-0", target=target)
    verdict = judge(reaped(late), jobs_of((0, 1), reaped=True))
    violation = next(v for v in verdict.violations if v.rule == "late_results")
    assert violation.sentence == (
        "job 0: reaper-0's update_status(failed) had succeeded by 0.000 ms; worker-0's "
        f"update_status({target}), invoked at 0.000 ms, succeeded as well: the late result of a "
        "job that was reaped must be refused"
    )
    assert [c.row for c in violation.calls] == [2, 3]
    assert verdict.counts["late_results"] == 1


def test_of_two_endings_at_once_none_is_known_to_be_late():
    beside = call(UPDATE, 45, 70, job=0, actor="worker-0", target="completed")
    verdict = judge(reaped(beside), jobs_of((0, 1), reaped=True))
    assert verdict.counts == {"two_endings": 1}


def test_a_useful_job_that_no_call_completed_is_found():
    jobs = jobs_of((0, 1), status="completed")
    (violation,) = judge(life(0)[:2], jobs).violations
    assert violation.rule == "goodput"
    assert violation.sentence == (
        "job 0: counts as goodput, but no call can have written completed"
    )
    assert [c.row for c in violation.calls] == [0, 1]


@pytest.mark.parametrize("outcome", ["error", "pending"])
def test_a_call_that_may_have_completed_a_job_is_enough(outcome):
    end = call(UPDATE, 40, 50 if outcome == "error" else -1, job=0, target="completed")
    calls = [*life(0)[:2], end | {"outcome": outcome, "observed": None}]
    assert not judge(calls, jobs_of((0, 1), status="completed")).violations


def test_an_empty_history_with_feedback_is_right():
    assert check_history(calls_of([]), jobs=jobs_of()).ok


def test_a_crashed_job_does_not_keep_its_worker_busy():
    calls = [*life(0)[:2], *life(1, at=100)]
    jobs = jobs_of((0, 1), (1, 1), status=["running", "completed"], crashed=[True, False])
    final = final_of([read(0, "running"), read(1)])
    alarmed = check_history(calls_of(calls), final, jobs=jobs, workers=1)
    assert alarmed.counts == {"workers": 1}
    assert check_history(calls_of(calls), final, jobs=jobs, workers=1, crashed=[0]).ok


def test_a_slow_worker_whose_job_was_reaped_takes_no_second_job_meanwhile():
    late = call(UPDATE, 90, 95, job=0, target="completed", outcome="illegal", observed="failed")
    calls = [*reaped(late), *life(1, at=60, worker="worker-1")]
    jobs = jobs_of((0, 1), (1, 1), reaped=[True, False])
    assert check_history(calls_of(calls), jobs=jobs, workers=1).ok


def test_a_threaded_run_with_everything_at_once_is_right():
    scenario = Scenario(
        jobs=60,
        arrivals={"kind": "poisson", "rate": 20.0},
        workers=6,
        clients=3,
        pollers=1,
        work={"fail": 0.1, "crash": 0.1},
        patience={"kind": "constant", "value": 2.0},
        retry={"attempts": 3, "base": 0.2},
        reaper={"timeout": 1.0, "every": 0.5},
        outages=[{"at": 1.0, "duration": 2.0, "workers": 5}],
    )
    run = run_threads(scenario, speedup=20.0)
    assert run.jobs["crashed"].any()
    assert run.jobs["reaped"].any()
    assert (run.jobs["attempt"] > 1).any()
    verdict = run.check()
    assert verdict.ok, verdict
    assert {*attempts.CHECKS} <= {*verdict.checks}
