from __future__ import annotations

import pandas as pd
import pytest
from calls_table import call, calls_of, final_of, life, read

from jobsim.domain.marks import INPUT_HASH
from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.checks.invariants import _repeat
from jobsim.proof.verdict_value import Verdict


def told(verdict: Verdict) -> list[tuple[int, str, str]]:
    return [(v.job, v.rule, v.sentence) for v in verdict.violations]


def judge_final(*rows: dict, calls: list[dict] | None = None) -> Verdict:
    """Judge final reads of the engine, on job 0's right life unless other calls are given."""
    return check_history(
        calls_of(life(0) if calls is None else calls), final_of(list(rows)), engine_texts=True
    )


def test_a_right_life_violates_nothing() -> None:
    calls = [*life(0), *life(1, at=100, end="failed"), call("create", 300, 310, job=2)]
    verdict = check_history(
        calls_of([*calls, call("count", 400, 410, job=-1, count=8)]),
        final_of([read(0), read(1, "failed"), read(2, "awaiting_payment")]),
        workers=1,
        count_before=5,
        created=pd.DataFrame({"job_id": ["a", "b", "c"]}, dtype="str"),
        engine_texts=True,
    )
    assert verdict.ok
    assert (verdict.jobs, verdict.calls) == (3, 8)
    assert verdict.checks == (
        "linearizability",
        "identifiers",
        "timestamps",
        "count",
        "unique_ids",
        "workers",
        "accounted",
        "content",
    )


@pytest.mark.parametrize(
    ("column", "rule", "sentence"),
    [
        (
            "changed",
            "identifiers",
            (
                "job 0: w's get, invoked at 0.000 ms, answered completed with other identifiers "
                "than before"
            ),
        ),
        (
            "backdated",
            "timestamps",
            (
                "job 0: w's get, invoked at 0.000 ms, answered completed with an updated_at that "
                "went back"
            ),
        ),
    ],
)
def test_what_the_recorder_flagged_is_told(column: str, rule: str, sentence: str) -> None:
    flagged = call("get", 60, 61, actor="w", observed="completed", **{column: True})
    unknown = call("get", 60, 61, job=-1, outcome="not_found", **{column: True})
    verdict = check_history(calls_of([*life(0), flagged, unknown]))
    assert told(verdict) == [(0, rule, sentence)]
    assert verdict.violations[0].calls[0].row == 3


@pytest.mark.parametrize("column", ["input_hash", "blockchain_identifier"])
def test_an_identifier_that_changed_until_the_end_is_found(column: str) -> None:
    created = pd.DataFrame({column: ["x", None]}, dtype="str")
    calls = calls_of([*life(0), *life(1, at=100)])
    final = final_of([read(0, **{column: "x"}), read(1)])
    assert check_history(calls, final, created=created).ok
    (violation,) = check_history(calls, final_of([read(1), read(0)]), created=created).violations
    assert (violation.job, violation.rule) == (0, "identifiers")
    assert violation.sentence.endswith(f"with {column} {read(0)[column]!r}, not 'x'")


def test_an_id_given_twice_is_found_with_both_creates() -> None:
    ids = ["0123456789", "0123456780", "0123456789"]
    created = pd.DataFrame({"job_id": ids}, dtype="str")
    rows = [call("create", n, n + 5, job=n) for n in range(3)]
    verdict = check_history(calls_of(rows), created=created)
    assert told(verdict) == [(2, "unique_ids", "job 2: was given the id of job 0, '0123456789'")]
    assert [call.row for call in verdict.violations[0].calls] == [0, 2]


@pytest.mark.parametrize(
    ("ids", "repeat"),
    [
        ([], True),
        ([None], True),
        (["a", "b"], True),  # too short to tell quickly
        (["abcdefgh", "abcdefghi"], True),
        (["abcdefgh", "abcdefgx", None], False),
        (["abcdefghij", "abcdefghix", "xbcdefghij"], False),
        (["abcdefghij0123456789", "abcdefghij0123456789"], True),
    ],
)
def test_ids_are_called_unique_only_if_they_are(ids: list[str | None], repeat: bool) -> None:
    assert _repeat(pd.Series(ids, dtype="str")) is repeat
    assert _repeat(pd.Series(["other", *ids], dtype="str")[1:]) is repeat


def test_ids_that_share_no_width_are_compared_one_by_one() -> None:
    created = pd.DataFrame({"job_id": ["a", "bb", None, None]}, dtype="str")
    rows = [call("create", n, n + 5, job=n) for n in range(2)]
    assert check_history(calls_of(rows), created=created).ok


def test_a_final_read_updated_before_it_was_created_is_found() -> None:
    early = pd.Timestamp("2025-01-01", tz="UTC")
    verdict = judge_final(read(0, updated_at=early))
    assert told(verdict) == [
        (
            0,
            "timestamps",
            (
                "job 0: the final read's get shows updated_at 2025-01-01 00:00:00+00:00, "
                "created_at 2026-01-01 00:00:00+00:00"
            ),
        )
    ]


def test_more_running_jobs_than_workers_are_found_at_the_first_moment() -> None:
    rows = [row for job in range(3) for row in life(job, at=job)]
    verdict = check_history(calls_of(rows), workers=1)
    assert told(verdict) == [
        (
            1,
            "workers",
            "job 1: is one too many at 0.000 ms: 2 jobs are certainly RUNNING, and workers = 1",
        )
    ]
    assert [call.job for call in verdict.violations[0].calls] == [0, 1]
    assert check_history(calls_of(rows), workers=3).ok
    assert check_history(calls_of(rows), workers=2, crashed={0}).ok


@pytest.mark.parametrize(
    "end",
    [
        call("update_status", 40, 90, target="completed"),
        call("update_status", 40, 45, target="failed", outcome="error"),
        call("update_status", 40, -1, target="completed", outcome="pending"),
    ],
)
def test_a_job_is_certainly_running_until_someone_may_have_begun_to_end_it(end: dict) -> None:
    first = [*life(0)[:2], end]
    at_once, before = life(1, at=10), life(1, at=9)  # RUNNING returns at 40 and at 39
    assert not check_history(calls_of([*first, *at_once]), workers=1).violations
    assert "workers" in check_history(calls_of([*first, *before]), workers=1).counts


def test_the_writer_of_the_end_outweighs_those_who_may_have_written_it() -> None:
    lost = call("update_status", 32, 33, target="completed", outcome="error")
    calls = calls_of([*life(0), lost, *life(1, at=9)])
    assert "workers" in check_history(calls, workers=1).counts


@pytest.mark.parametrize("outcome", ["error", "no_effect"])
@pytest.mark.parametrize(("actor", "goes_on"), [("worker-0", True), ("reaper", False)])
def test_a_worker_whose_end_had_no_answer_goes_on_to_its_next_job(outcome, actor, goes_on) -> None:
    ask = {"target": "completed", "outcome": outcome, "actor": actor}
    lost = call("update_status", 32, 33, **ask)
    calls = calls_of([*life(0, end="failed"), lost, *life(1, at=9)])
    assert ("workers" not in check_history(calls, workers=1).counts) == goes_on


def test_a_job_that_never_ends_keeps_its_worker() -> None:
    calls = calls_of([*life(0)[:2], *life(1, at=1000)])
    assert check_history(calls, workers=1).counts == {"workers": 1}
    assert not check_history(calls, workers=1, crashed=[0]).violations


def test_a_created_job_that_the_final_read_does_not_find_is_lost() -> None:
    missing = {"outcome": "not_found", "status": None, "input_hash": None, "result": None}
    verdict = judge_final(read(0, **missing))
    sentence = "job 0: was created, but the final read's get found no such job"
    assert told(verdict) == [(0, "accounted", sentence)]
    assert [call.row for call in verdict.violations[0].calls] == [0, -1]


def test_a_job_whose_create_failed_need_not_be_found() -> None:
    lost = call("create", 0, 5, outcome="error")
    assert not judge_final(calls=[lost]).violations
    assert not judge_final(read(0, None, outcome="not_found"), calls=[lost]).violations


@pytest.mark.parametrize("rows", [[], [read(0, None, outcome="pending")]])
def test_a_job_without_a_final_read_is_undecided(rows: list[dict]) -> None:
    verdict = judge_final(*rows)
    assert verdict.outcome.value == "UNKNOWN"
    assert verdict.undecided == ("created jobs without a final read: 1",)


@pytest.mark.parametrize(
    ("answer", "invoked", "returned", "right"),
    [
        (10, 0, 1, True),  # both creates are under way
        (12, 2, 3, True),
        (9, 0, 1, False),
        (13, 2, 3, False),
        (10, 6, 7, True),  # a tie with the first return
        (10, 7, 8, False),  # the first create had returned
        (11, 7, 8, True),
        (12, 30, 31, True),  # the second may have done its work
    ],
)
def test_count_is_held_to_its_bounds(answer: int, invoked: int, returned: int, right: bool) -> None:
    rows = [
        call("create", 1, 6, job=0),
        call("create", 1, 20, job=1, outcome="error"),
        call("count", invoked, returned, job=-1, count=answer),
    ]
    verdict = check_history(calls_of(rows), count_before=10)
    assert (not verdict.violations) is right
    if not right:
        (violation,) = verdict.violations
        assert (violation.job, violation.rule) == (-1, "count")
        assert f"answered {answer}, but there were" in violation.sentence


@pytest.mark.parametrize(("outcome", "right"), [("error", {2, 3}), ("no_effect", {2})])
def test_count_knows_of_creates_without_effect(outcome: str, right: set[int]) -> None:
    creates = [call("create", 0, 9, job=0), call("create", 5, 15, job=1, outcome=outcome)]
    for answer in (1, 2, 3):
        calls = calls_of([*creates, call("count", 20, 30, job=-1, count=answer)])
        verdict = check_history(calls, count_before=1)
        assert (not verdict.violations) == (answer in right)


def test_count_sees_no_job_before_its_create() -> None:
    rows = [call("count", 0, 4, job=-1, count=1, actor="c"), call("create", 5, 6)]
    (violation,) = check_history(calls_of(rows), count_before=0).violations
    assert violation.sentence == (
        "c's count, invoked at 0.000 ms, answered 1, but there were 0 jobs"
    )


@pytest.mark.parametrize(
    ("status", "change", "column"),
    [
        ("completed", {"result": "done by worker-1"}, "result"),
        ("completed", {"result": None}, "result"),
        ("completed", {"error": "failed by worker-0"}, "error"),
        ("failed", {"error": "oops"}, "error"),
        ("failed", {"result": "done by worker-0"}, "result"),
        ("completed", {"input_hash": "f" * 64}, "input_hash"),
    ],
)
def test_the_final_content_is_what_the_winner_wrote(status: str, change: dict, column: str) -> None:
    calls = [*life(0, end=status), call("get", 60, 61, actor="worker-1", observed=status)]
    assert judge_final(read(0, status), calls=calls).ok
    (violation,) = judge_final(read(0, status, **change), calls=calls).violations
    assert (violation.job, violation.rule) == (0, "content")
    assert f"with {column} {change[column]!r}, not " in violation.sentence


def test_a_job_that_has_not_ended_has_no_text() -> None:
    calls = life(0)[:2]
    assert judge_final(read(0, "running"), calls=calls).ok
    assert judge_final(read(0, "running", result="done by worker-0"), calls=calls).counts == {
        "content": 1
    }


@pytest.mark.parametrize(
    ("result", "right"),
    [("done by worker-1", True), ("done by worker-2", True), ("done by worker-0", False)],
)
def test_an_end_without_a_definite_writer_may_be_anyones(result: str, right: bool) -> None:
    calls = [
        *life(0)[:2],
        *(
            call("update_status", 40, 50, actor=actor, target="completed", outcome="error")
            for actor in ("worker-1", "worker-2")
        ),
    ]
    assert (not judge_final(read(0, result=result), calls=calls).violations) is right


def test_input_hashes_are_those_of_the_engine_for_large_numbers_too() -> None:
    job = 0xABCDE
    assert INPUT_HASH.format(request=job) == read(job)["input_hash"]
    assert judge_final(read(job), calls=life(job)).ok


def test_identifiers_that_the_final_read_shows_changed_are_found() -> None:
    verdict = judge_final(read(0, changed=True))
    sentence = "job 0: the final read's get answered completed with other identifiers than before"
    assert told(verdict) == [(0, "identifiers", sentence)]
