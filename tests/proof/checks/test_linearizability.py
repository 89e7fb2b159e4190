"""The linear-time check against the brute-force search, and against its own sabotage."""

from __future__ import annotations

import dataclasses
import inspect
import random
import sys
import types
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from calls_table import call, calls_of, final_of, life, read
from wgl_oracle import STATUSES, Op, linearizable, right_history, small_history, table

from jobsim.domain import codes
from jobsim.proof import roles
from jobsim.proof.checks import linearizability
from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.history import History
from jobsim.proof.verdict_value import Call, Violation

HISTORIES = 24_000
LATE = 10_000
TABLES = ("LOWER", "UPPER", "WRITES", "MAY_WRITE", "HIDES", "FAULT")

Judged = tuple[History, "np.ndarray[tuple[int], np.dtype[np.bool_]]"]


def numbered(histories: list[list[Op]]) -> pd.DataFrame:
    """Each history becomes one job, so that one check judges them all."""
    return table([[dataclasses.replace(op, job=n) for op in h] for n, h in enumerate(histories)])


@pytest.fixture(scope="module")
def judged() -> Judged:
    rng = random.Random(20)
    histories = [small_history(rng) for _ in range(HISTORIES)]
    return History(numbered(histories)), np.array([linearizable(ops) for ops in histories])


@pytest.fixture(scope="module")
def judged_with_final() -> Judged:
    rng = random.Random(21)
    histories, truth, rows = [], [], []
    for job in range(3_000):
        ops = small_history(rng)
        status = rng.choice(STATUSES)
        histories.append(ops)
        rows.append(read(job, status))
        truth.append(linearizable([*ops, Op("get", LATE, LATE, "ok", None, status)]))
    return History(numbered(histories), final_of(rows)), np.array(truth)


def accepted(history: History, module: types.ModuleType = linearizability) -> np.ndarray:
    return module.judge(history, module.bound(history)) < 0


def test_agrees_with_the_oracle_on_every_history(judged: Judged) -> None:
    history, truth = judged
    assert len(truth) >= 20_000
    assert np.flatnonzero(accepted(history) != truth).tolist() == []


def test_agrees_with_the_oracle_where_there_is_a_final_read(judged_with_final: Judged) -> None:
    history, truth = judged_with_final
    assert 0.1 < truth.mean() < 0.9
    assert np.flatnonzero(accepted(history) != truth).tolist() == []


def test_the_histories_hold_both_answers_and_every_kind_of_call(judged: Judged) -> None:
    history, truth = judged
    assert 0.4 < truth.mean() < 0.8
    rule = linearizability.judge(history, linearizability.bound(history))
    assert all((rule == number).sum() >= 50 for number in range(len(linearizability.RULES)))
    seen = Counter(zip(history.op.tolist(), history.outcome.tolist(), strict=True))
    assert {codes.ERROR, codes.PENDING} <= {outcome for _, outcome in seen}
    assert len(history.rows(roles.HIDES, 1)) > 1_000


def test_jobs_can_be_judged_one_by_one() -> None:
    rng = random.Random(6)
    for _ in range(120):
        histories = [small_history(rng)[:4] for _ in range(2)]
        ops = [dataclasses.replace(op, job=n) for n, part in enumerate(histories) for op in part]
        verdict = check_history(table([ops]))
        assert (not verdict.violations) is linearizable(ops)


def test_a_right_history_with_counts_is_never_blamed_and_no_blame_is_wrong() -> None:
    rng = random.Random(5)
    blamed = 0
    for _ in range(160):
        ops = [op for job in range(3) for op in right_history(rng, 2, job)]
        for _ in range(2):
            at = rng.randint(0, 12)
            ops.append(Op("count", at, at + 2, "ok", job=-1, count=5 + rng.randint(0, 3)))
        verdict = check_history(table([ops]), count_before=5)
        if verdict.violations:
            blamed += 1
            assert not linearizable(ops, before=5)
    assert 20 < blamed < 140


SABOTAGE = {
    "open intervals": ("linearizability", "latest > bounds", "latest >= bounds"),
    "no running maximum": (
        "linearizability",
        "np.maximum(latest, bounds.lower[step], out=latest)",
        "latest = bounds.lower[step]",
    ),
    "largest return": ("linearizability", "np.minimum.at(upper", "np.maximum.at(upper"),
    "smallest invocation": ("linearizability", "np.maximum.at(lower.", "np.minimum.at(lower."),
    "no possible writers": ("linearizability", "if uncertain:", "if False:"),
    "possible writers act before their call": (
        "linearizability",
        "np.maximum(bounds.lower[step, job], first)",
        "np.where(first == NEVER, first, bounds.lower[step, job])",
    ),
    "two endings allowed": (
        "linearizability",
        '"two_endings": (bounds.upper[2] < NEVER) & (bounds.upper[3] < NEVER)',
        '"two_endings": bounds.upper[2] < ALWAYS',
    ),
    "written twice allowed": ("linearizability", "writers > 1)", "writers > 2)"),
    "hidden refusals say nothing": (
        "linearizability",
        "rows(roles.HIDES, 1)",
        "rows(roles.HIDES, 2)",
    ),
    "hidden refusals were always early": (
        "linearizability",
        "rows = rows[history.returned[rows] < _earliest_end(bounds, history.job[rows])]",
        "",
    ),
    "hidden refusals see no end that ties": (
        "linearizability",
        "history.returned[rows] < _earliest_end",
        "history.returned[rows] <= _earliest_end",
    ),
    "an end that nobody saw never came": (
        "linearizability",
        "np.maximum(lower, possible)",
        "NEVER",
    ),
    "not found says nothing": ("roles", "return _Role(lower=0)", "return _Role()"),
    "spurious refusals allowed": ("roles", "_Role(fault=SPURIOUS)", "_saw(observed)"),
    "any answer of an update will do": ("roles", "target == observed and target", "target"),
    "failed updates did nothing": (
        "roles",
        "return _Role(may_write=target) if target >= RUNNING else _Role()",
        "return _Role()",
    ),
    "failed updates took effect": ("roles", "_Role(may_write=target)", "_wrote(target)"),
    "failed creates did nothing": ("roles", "_Role(may_write=AWAITING)", "_Role()"),
    "refused RUNNING says nothing": ("roles", "return _Role(upper=RUNNING)", "return _Role()"),
    "refused without a job": ("roles", "_Role(upper=AWAITING, hides", "_Role(hides"),
    "reads say nothing of the past": ("roles", "else NO_STEP, upper=state)", "else NO_STEP)"),
    "reads say nothing of the future": (
        "roles",
        "lower=STEP[state] + 1 if state < COMPLETED else NO_STEP, ",
        "",
    ),
    "writes have no upper bound": ("roles", "upper=state, writes=state", "writes=state"),
    "writes have no lower bound": (
        "roles",
        "lower=STEP[state], upper=state, writes",
        "upper=state, writes",
    ),
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_the_oracle_notices_sabotage(
    name: str, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, truth = judged
    where, old, new = SABOTAGE[name]
    assert accepted_by_changed(monkeypatch, where, old, old, history).tolist() == truth.tolist()
    wrong = accepted_by_changed(monkeypatch, where, old, new, history) != truth
    assert wrong.sum() >= 5, "the random histories do not tell this checker from a right one"


def accepted_by_changed(
    monkeypatch: pytest.MonkeyPatch, where: str, old: str, new: str, history: History
) -> np.ndarray:
    """Judge with the source of one module changed; a change that finds no text is an error."""

    def changed(module: types.ModuleType) -> types.ModuleType:
        source = inspect.getsource(module)
        if module.__name__.endswith(where):
            assert old in source, f"update this sabotage: {old!r} is not in {where}.py"
            source = source.replace(old, new)
        copy = types.ModuleType("changed_" + module.__name__.rpartition(".")[2])
        monkeypatch.setitem(sys.modules, copy.__name__, copy)
        exec(compile(source, copy.__name__, "exec"), vars(copy))  # noqa: S102 - our own source
        return copy

    with monkeypatch.context() as patch:
        tables = changed(roles)
        for name in TABLES:
            patch.setattr(roles, name, getattr(tables, name))
        return accepted(history, changed(linearizability))


def op_of(call: Call) -> Op:
    return Op(
        call.op,
        call.invoked_ns,
        call.returned_ns,
        call.outcome,
        call.target,
        call.observed,
    )


def anyone_else(violation: Violation) -> list[Op]:
    """Pending writers from the beginning of time, for each step that no proving call writes.

    If the proving calls contradict even these, they need nothing else of the history.
    """
    proof = [op_of(call) for call in violation.calls]
    seen = {status for op in proof for status in (op.observed, op.target) if status is not None}
    end = "failed" if "failed" in seen and "completed" not in seen else "completed"
    if any(op.observed == "failed" for op in proof):
        end = "failed"
    later = proof[1:]
    writers = [op for op in later if op.outcome in ("ok", "error", "pending")]
    written = {op.target for op in writers if op.op == "update_status"}
    others = []
    if not any(op.op == "create" for op in writers):
        others.append(Op("create", -100, None, "pending"))
    if "running" not in written:
        others.append(Op("update_status", -100, None, "pending", "running"))
    hidden = [op for op in later if op.outcome == "illegal" and op.observed is None]
    if not written & {"completed", "failed"} and not (hidden and len(proof) == 2):
        others.append(Op("update_status", -100, None, "pending", end))
    return others


def test_the_calls_of_a_real_time_violation_prove_it_alone(judged: Judged) -> None:
    history, _ = judged
    finding = next(f for f in linearizability.find(history) if f.rule == "real_time")
    sizes: Counter[int] = Counter()
    for position in range(2_500):
        violation = finding.explain(position)
        before, after = violation.calls[:2]
        assert before.returned_ns is not None
        assert before.returned_ns < after.invoked_ns
        proof = [op_of(call) for call in violation.calls]
        assert not linearizable([*proof, *anyone_else(violation)]), violation
        sizes[len(violation.calls)] += 1
        hides = after.outcome == "illegal" and after.observed is None
        assert len(violation.calls) == 2 or hides
    assert sizes[2] > 2_000
    assert sizes[3] > 0


def test_every_rule_is_told_with_calls_of_its_job(judged: Judged) -> None:
    history, _ = judged
    for finding in linearizability.find(history):
        for position in range(50):
            violation = finding.explain(position)
            assert violation.rule == finding.rule
            assert violation.sentence.startswith(f"job {violation.job}: ")
            assert violation.calls
            assert {call.job for call in violation.calls} == {violation.job}


RUNNING_AT_20 = [
    call("create", 0, 10),
    call("update_status", 12, 20, actor="worker-0", target="running"),
]


@pytest.mark.parametrize(
    ("rows", "rule", "sentence"),
    [
        (
            [*RUNNING_AT_20, call("get", 61, 70, actor="r", observed="awaiting_payment")],
            "real_time",
            (
                "job 0: worker-0's update_status(running) answered running at 0.000 ms; r's get, "
                "invoked 41 ns later, answered awaiting_payment: the job had reached "
                "running, and went back"
            ),
        ),
        (
            [*RUNNING_AT_20, call("get", 61, 70, actor="r", outcome="not_found")],
            "real_time",
            (
                "job 0: client-0's create answered awaiting_payment at 0.000 ms; r's get, invoked "
                "51 ns later, found no such job: the job had reached awaiting_payment, and "
                "went back"
            ),
        ),
        (
            [call("get", 0, 5, observed="awaiting_payment"), call("create", 10, 20)],
            "real_time",
            (
                "job 0: client-0's get answered awaiting_payment at 0.000 ms; client-0's create, "
                "invoked 5 ns later, answered awaiting_payment: it was awaiting_payment "
                "before any call can have written awaiting_payment"
            ),
        ),
        (
            [
                call("create", 0, 10),
                call("get", 12, 15, observed="running"),
                call("update_status", 30, -1, outcome="pending", actor="w", target="running"),
            ],
            "real_time",
            (
                "job 0: client-0's get answered running at 0.000 ms; w's update_status(running), "
                "invoked 15 ns later, never returned: it was running before any call can have "
                "written running"
            ),
        ),
        (
            [
                *RUNNING_AT_20,
                call("update_status", 30, 40, outcome="illegal", target="failed"),
            ],
            "real_time",
            (
                "job 0: worker-0's update_status(running) answered running at 0.000 ms; client-0's "
                "update_status(failed), invoked 10 ns later, was refused without saying from "
                "where, though the job can only have been running"
            ),
        ),
        (
            [call("create", 0, 5), call("create", 7, 9)],
            "written_twice",
            (
                "job 0: client-0's create and client-0's create both succeeded; a state is written "
                "once"
            ),
        ),
        (
            [*life(0), call("get", 70, 80, observed="failed")],
            "two_endings",
            (
                "job 0: worker-0's update_status(completed) answered completed, client-0's get "
                "answered failed; a job ends once"
            ),
        ),
        (
            [call("create", 0, 5), call("get", 6, 7, observed="failed")],
            "unwritten",
            "job 0: client-0's get answered failed, but no call can have written running",
        ),
        (
            [*RUNNING_AT_20, call("get", 6, 7, observed="failed")],
            "unwritten",
            "job 0: client-0's get answered failed, but no call can have written failed",
        ),
        (
            [call("create", 0, 5, observed="running")],
            "wrong_answer",
            (
                "job 0: client-0's create, invoked at 0.000 ms, answered running, which no state "
                "explains"
            ),
        ),
        (
            [
                call("create", 0, 5),
                call(
                    "update_status",
                    2_000_000,
                    2_000_005,
                    outcome="illegal",
                    observed="awaiting_payment",
                    target="running",
                ),
            ],
            "spurious_rejection",
            (
                "job 0: client-0's update_status(running), invoked at 2.000 ms, was refused from "
                "awaiting_payment, from where that step is legal"
            ),
        ),
    ],
)
def test_a_violation_is_told_in_one_sentence(rows: list[dict], rule: str, sentence: str) -> None:
    (violation,) = check_history(calls_of(rows)).violations
    assert (violation.rule, violation.sentence) == (rule, sentence)


def test_a_final_read_can_be_one_of_the_proving_calls() -> None:
    verdict = check_history(calls_of(life(0)), final_of([read(0, "running")]))
    (violation,) = verdict.violations
    assert violation.rule == "real_time"
    assert violation.calls[1].actor == "the final read"
    assert violation.calls[1].row == -1


def test_a_final_read_alone_can_show_a_state_that_nobody_wrote() -> None:
    verdict = check_history(calls_of(RUNNING_AT_20), final_of([read(0, "completed")]))
    (violation,) = verdict.violations
    assert violation.rule == "unwritten"
    assert [call.row for call in violation.calls] == [-1]


def test_an_unknown_end_of_the_final_read_is_taken_from_a_failed_call() -> None:
    lost = call("update_status", 30, 40, outcome="error", target="failed")
    verdict = check_history(calls_of([*RUNNING_AT_20, lost]), final_of([read(0, "failed")]))
    assert not verdict.violations


def test_chunks_do_not_change_the_answer(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    history, truth = judged
    monkeypatch.setattr(linearizability, "_CHUNK", 1_000)
    assert accepted(history).tolist() == truth.tolist()
