"""A brute-force judge of small histories, and small histories for it to judge.

The search is that of Wing and Gong with Lowe's memory of visited configurations: try every
order that respects real time, one call after the other, on the sequential specification. It
shares no code with the checker; it knows the lifecycle from its own table.
"""

from __future__ import annotations

import dataclasses
import math
import random

import pandas as pd

from jobsim.tables.schema import CALLS

WAITS, RUNS, DONE, FAILED = "awaiting_payment", "running", "completed", "failed"
STATUSES = (WAITS, RUNS, DONE, FAILED)
LEGAL = {(WAITS, RUNS), (RUNS, DONE), (RUNS, FAILED)}


@dataclasses.dataclass(frozen=True)
class Op:
    """One call; `returned` is None while pending."""

    op: str
    invoked: int
    returned: int | None
    outcome: str
    target: str | None = None
    observed: str | None = None
    job: int = 0
    count: int = -1

    @property
    def uncertain(self) -> bool:
        return self.outcome in ("error", "pending")

    @property
    def deadline(self) -> float:
        return math.inf if self.uncertain or self.returned is None else self.returned

    @property
    def had_no_effect(self) -> bool:
        return self.outcome == "no_effect"


def after(state: str | None, op: Op) -> tuple[bool, str | None]:
    """Return whether `op` can have this answer in `state` (None: no such job), and what follows."""
    if op.had_no_effect:
        return True, state
    if op.op == "create":
        return state is None and (op.uncertain or (op.outcome, op.observed) == ("ok", WAITS)), WAITS
    if state is None:
        return op.outcome == "not_found", None
    if op.op == "get":
        return op.outcome == "ok" and op.observed == state, state
    legal = (state, op.target) in LEGAL
    if op.uncertain or op.outcome == "ok":
        return legal and (op.uncertain or op.observed == op.target), op.target
    return op.outcome == "illegal" and not legal and op.observed in (None, state), state


def linearizable(ops: list[Op], *, before: int = 0) -> bool:
    """Search for an order of `ops` that a repository, used by one thread, could have answered."""
    jobs = sorted({op.job for op in ops})
    place = {job: n for n, job in enumerate(jobs)}
    # A call that answered nothing need not have done anything.
    required = sum(1 << n for n, op in enumerate(ops) if not op.uncertain)
    everything = (1 << len(ops)) - 1
    stack: list[tuple[int, tuple[str | None, ...]]] = [(everything, (None,) * len(jobs))]
    visited = set(stack)
    while stack:
        left, states = stack.pop()
        if not left & required:
            return True
        remaining = [n for n in range(len(ops)) if left >> n & 1]
        first_return = min(ops[n].deadline for n in remaining)
        for n in remaining:
            op = ops[n]
            if op.invoked > first_return:  # another call had returned: strictly before
                continue
            if op.op == "count":
                there = before + sum(state is not None for state in states)
                unknown = op.uncertain or op.had_no_effect
                possible, following = op.count == there or unknown, states
            else:
                at = place[op.job]
                possible, state = after(states[at], op)
                following = (*states[:at], state, *states[at + 1 :])
            configuration = (left & ~(1 << n), following)
            if possible and configuration not in visited:
                visited.add(configuration)
                stack.append(configuration)
    return False


def small_history(rng: random.Random) -> list[Op]:
    """Return a few calls on one job: right, or right but for some changes, or any at all."""
    size = rng.randint(2, 8)
    if rng.random() < 0.05:
        return [_any(rng) for _ in range(size)]
    ops = right_history(rng, size)
    for _ in range(rng.choice((0, 1, 1, 2))):
        at = rng.randrange(len(ops))
        ops[at] = _changed(rng, ops[at])
    if rng.random() < 0.1:
        ops.append(_changed(rng, ops[rng.randrange(len(ops))]))
    if rng.random() < 0.1 and len(ops) > 1:
        del ops[rng.randrange(len(ops))]
    rng.shuffle(ops)
    return ops


def right_history(rng: random.Random, size: int, job: int = 0) -> list[Op]:
    """Return what a right repository answers when each call acts at a moment of its interval."""
    state: str | None = None
    ops = []
    for moment in sorted(rng.randint(0, 12) for _ in range(size)):
        invoked = moment - rng.randint(0, 4)
        returned = moment + rng.randint(0, 4)
        kind = rng.choice(("get", "update", "update")) if state or rng.random() < 0.1 else "create"
        target = None
        following = state
        if kind == "create":
            outcome, observed, following = "ok", WAITS, WAITS
        elif kind == "get":
            outcome, observed = ("ok", state) if state else ("not_found", None)
        else:
            target = rng.choice((RUNS, RUNS, DONE, FAILED, _next(state), _next(state)))
            if rng.random() < 0.03:
                target = WAITS
            if state is None:
                outcome, observed = "not_found", None
            elif (state, target) in LEGAL:
                outcome, observed, following = "ok", target, target
            else:
                outcome, observed = "illegal", rng.choice((state, None, None))
        if rng.random() < 0.05:  # it is refused before it had any effect
            outcome, observed = "no_effect", None
        elif rng.random() < 0.2:  # the answer is lost, before the effect or after it
            outcome, observed = rng.choice(("error", "pending")), None
            state = rng.choice((state, following))
            returned = invoked + rng.randint(0, 6)
        else:
            state = following
        op = "update_status" if kind == "update" else kind
        answered = None if outcome == "pending" else returned
        ops.append(Op(op, invoked, answered, outcome, target, observed, job))
    return ops


def table(histories: list[list[Op]]) -> pd.DataFrame:
    """Return the histories as `calls`, one after the other; an op's job is as it says."""
    ops = [op for history in histories for op in history]
    return pd.DataFrame(
        {
            "actor": pd.Categorical([f"thread-{n % 3}" for n in range(len(ops))]),
            "op": [op.op for op in ops],
            "job": [op.job for op in ops],
            "target": [op.target for op in ops],
            "invoked_ns": [op.invoked for op in ops],
            "returned_ns": [-1 if op.returned is None else op.returned for op in ops],
            "outcome": [op.outcome for op in ops],
            "observed": [op.observed for op in ops],
            "count": [op.count for op in ops],
            "changed": False,
            "backdated": False,
            "error": pd.Categorical([None] * len(ops)),
        }
    ).astype(CALLS)


def _next(state: str | None) -> str:
    return RUNS if state == WAITS else DONE


def _any(rng: random.Random) -> Op:
    op = rng.choice(("create", "get", "update_status", "update_status"))
    invoked = rng.randint(0, 8)
    outcome = rng.choice(("ok", "ok", "illegal", "not_found", "error", "pending", "no_effect"))
    return Op(
        op,
        invoked,
        None if outcome == "pending" else invoked + rng.randint(0, 5),
        outcome,
        rng.choice(STATUSES) if op == "update_status" else None,
        rng.choice((None, *STATUSES)) if outcome in ("ok", "illegal") else None,
    )


def _changed(rng: random.Random, op: Op) -> Op:
    what = rng.choice(("times",) * 8 + ("observed", "target", "outcome", "op"))
    if what == "op":
        return _any(rng)
    if what == "times":
        invoked = rng.randint(-4, 14)
        returned = None if op.returned is None else invoked + rng.randint(0, 4)
        return dataclasses.replace(op, invoked=invoked, returned=returned)
    if what == "target" and op.op == "update_status":
        return dataclasses.replace(op, target=rng.choice(STATUSES))
    if what == "observed" and op.outcome in ("ok", "illegal"):
        return dataclasses.replace(op, observed=rng.choice((None, *STATUSES)))
    if what == "outcome" and op.returned is not None:
        outcome = rng.choice(("ok", "illegal", "not_found", "error", "no_effect"))
        return dataclasses.replace(op, outcome=outcome)
    return op
