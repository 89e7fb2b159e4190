from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest

from jobsim.domain.exceptions import JobsimError
from jobsim.proof.verdict_value import Call, HistoryViolation, Outcome, Verdict, Violation

CALL = Call(3, "worker-0", "get", 7, None, 10, 20, "ok", "running")
VIOLATION = Violation(7, "real_time", "job 7: <went> back", (CALL, CALL))
BROKEN = Verdict(
    jobs=9,
    calls=1_234,
    checks=("linearizability", "count"),
    violations=(VIOLATION,) * 6,
    counts={"real_time": 150, "count": 1},
    undecided=("a & b",),
)


def test_a_violation_outweighs_what_is_undecided() -> None:
    assert BROKEN.outcome is Outcome.VIOLATED
    unknown = dataclasses.replace(BROKEN, violations=(), counts={})
    assert unknown.outcome is Outcome.UNKNOWN
    assert not unknown.ok
    assert dataclasses.replace(unknown, undecided=()).ok


FINE = Verdict(jobs=1, calls=3, checks=("count",))


@pytest.mark.parametrize(
    ("change", "ok"),
    [
        ({}, True),
        ({"overlapping": False}, True),
        ({"violations": (VIOLATION,)}, False),
        ({"undecided": ("who knows",)}, False),
        ({"errors": {"get": 1}}, False),
        ({"unreturned": {"get": 1}}, False),
    ],
)
def test_a_verdict_is_true_where_it_is_plainly_ok(change: dict[str, Any], ok: bool) -> None:
    verdict = dataclasses.replace(FINE, **change)
    assert verdict.ok is ok
    assert bool(verdict) is ok


def test_errors_stand_in_the_first_line() -> None:
    verdict = dataclasses.replace(FINE, calls=814, errors={"update_status": 400, "get": 39})
    assert str(verdict).splitlines()[0] == "verdict  OK, but 439 of 814 calls raised an error"
    assert "errors   update_status 400, get 39" in str(verdict)
    broken = dataclasses.replace(verdict, violations=(VIOLATION,), counts={"real_time": 1})
    assert "VIOLATED; 439 of 814 calls raised an error" in str(broken)


def test_what_was_never_tried_at_the_same_time_is_said() -> None:
    some = dataclasses.replace(FINE, overlapping=True, untried=("get + start", "end + end"))
    assert "untried  never at the same time: get + start, end + end" in str(some)
    none = dataclasses.replace(some, overlapping=False)
    assert "OK, but no two calls were under way at the same time" in str(none)
    assert "untried" not in str(none)


def test_the_first_of_each_rule_is_shown() -> None:
    late = dataclasses.replace(VIOLATION, rule="count", sentence="counts wrong")
    verdict = dataclasses.replace(
        BROKEN, violations=(VIOLATION,) * 20 + (late,), counts={"real_time": 20, "count": 1}
    )
    assert str(verdict).count("went") == 4
    assert "count      counts wrong\n           and 16 more" in str(verdict)


def test_only_a_violation_raises() -> None:
    Verdict(jobs=0, calls=0, checks=(), undecided=("who knows",)).raise_on_violation()
    with pytest.raises(AssertionError, match="went") as caught:
        BROKEN.raise_on_violation()
    assert isinstance(caught.value, HistoryViolation)
    assert isinstance(caught.value, JobsimError)
    assert pickle.loads(pickle.dumps(caught.value)).verdict == BROKEN  # noqa: S301 - our own


def test_a_verdict_is_a_value() -> None:
    assert dataclasses.replace(BROKEN) == BROKEN
    assert len({BROKEN, dataclasses.replace(BROKEN)}) == 1


def test_the_text_is_short_and_names_its_scope() -> None:
    text = str(BROKEN)
    assert text == repr(BROKEN)
    assert text.splitlines() == [
        "verdict    VIOLATED",
        "checked    9 jobs, 1,234 calls: linearizability, count",
        "found      real_time 150, count 1",
        *["real_time  job 7: <went> back"] * 5,
        "           and 146 more, see verdict.violations",
        "undecided  a & b",
        "scope      this history only: another run of the same code may end otherwise",
    ]


def test_a_right_history_lists_no_violations() -> None:
    assert str(Verdict(jobs=1, calls=3, checks=("count",))).splitlines() == [
        "verdict  OK",
        "checked  1 job, 3 calls: count",
        "scope    this history only: another run of the same code may end otherwise",
    ]


def test_a_few_violations_are_all_shown() -> None:
    few = dataclasses.replace(BROKEN, violations=(VIOLATION,) * 2, counts={"real_time": 2})
    assert "more" not in str(few)
    assert str(few).count("went") == 2


def test_the_html_has_the_same_rows_escaped() -> None:
    page = BROKEN._repr_html_()
    assert "&lt;went&gt;" in page
    assert "a &amp; b" in page
    assert page.count("<tr>") == len(str(BROKEN).splitlines())


@pytest.mark.parametrize(
    ("outcome", "observed", "answer"),
    [
        ("ok", "running", "answered running"),
        ("ok", None, "answered no status"),
        ("illegal", "failed", "was refused from failed"),
        ("illegal", None, "was refused"),
        ("not_found", None, "found no such job"),
        ("error", None, "ended in an error"),
        ("pending", None, "never returned"),
    ],
)
def test_an_answer_reads_as_a_verb_phrase(outcome: str, observed: str | None, answer: str) -> None:
    assert dataclasses.replace(CALL, outcome=outcome, observed=observed).answer == answer


def test_a_call_is_named_by_its_actor_and_target() -> None:
    assert CALL.name == "worker-0's get"
    assert dataclasses.replace(CALL, target="failed").name == "worker-0's get(failed)"
