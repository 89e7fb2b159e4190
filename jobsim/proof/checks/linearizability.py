"""Whether a history is linearizable: grouped minima and maxima, no search.

The theorem. The lifecycle has no cycle, so a job is created at one moment p0, turns RUNNING
at p1 and ends at p2, each at most once. A call on it is right if it took effect at a moment
between its invocation and its return; so it only bounds those moments. Let L_k be the largest
lower bound of p_k: the invocation of its writer and of every call that still saw the state
before. Let U_k be its smallest upper bound: the return of its writer and of every call
that saw what it wrote. Moments p0 <= p1 <= p2 within their bounds exist if and only if
max(L_0 .. L_k) <= U_k for every state k that was written: if they do, p_k = max(L_0 .. L_k)
are such moments; if they do not, some L_j > U_k with j <= k, and the two calls behind these
two bounds prove it.

Intervals are closed. A linearization must respect "a returned before b was invoked", strictly;
if it exists, the largest invocation up to each call in its order is a moment within that
call's closed interval, and conversely calls that share a moment can be put in the order
write, reads, next write, for none of them had returned before another was invoked.

A call that is pending or ended in an unknown error may take effect at any moment from its
invocation on, or never. It bounds nothing, unless a state that is needed has no
definite writer: then the smallest such invocation is a lower bound, and the best choice.

A refusal may not name the state that it saw. A refused RUNNING saw a job that was RUNNING or
further: p1 <= its return. A refused COMPLETED or FAILED needs ``invoked <= p1 or p2 <= returned``,
and p0 <= its return. Take p2 as early as p1 allows, max(p1, L_2). If L_2 <= returned, any p1 will
do: either p1 <= returned and so is p2, or invoked <= returned < p1. If not, p2 <= returned is
impossible, and ``invoked <= p1`` is one more lower bound. So nothing has to be guessed.

The theorem follows M. Herlihy and J. Wing, "Linearizability: a correctness condition for
concurrent objects", ACM TOPLAS 12 (1990); jobs are judged one by one by its locality (Theorem 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobsim.domain import codes
from jobsim.proof import roles
from jobsim.proof.history import Finding, History, IntArray, span
from jobsim.proof.verdict_value import Call, Violation

RULES = (
    "wrong_answer",
    "spurious_rejection",
    "written_twice",
    "two_endings",
    "unwritten",
    "real_time",
)
"""A job breaks at most one: the first of these that applies, which has the simplest proof."""

NEVER = np.iinfo(np.int64).max
ALWAYS = np.iinfo(np.int64).min

_CHUNK = 1 << 20

# As wide as the keys that are made of them.
_LOWER, _UPPER, _WRITES, _MAY_WRITE = (
    table.astype(np.int64) for table in (roles.LOWER, roles.UPPER, roles.WRITES, roles.MAY_WRITE)
)


@dataclass(frozen=True, eq=False)
class Bounds:
    """The bounds that calls set to the steps of each job; nanoseconds.

    Attributes
    ----------
    lower
        (3, jobs), L_k. `ALWAYS` if nothing bounds it, `NEVER` if a needed state has no writer.
    upper
        (4, jobs), smallest return that proves each status; `NEVER` if none does.
    writers
        (4, jobs), how many definite writers each status has.
    maybe
        (4, jobs), smallest invocation of a possible writer; `NEVER` if there is none.
    """

    lower: IntArray
    upper: IntArray
    writers: IntArray
    maybe: IntArray

    def reached(self, step: int) -> IntArray:
        """(jobs,), U_k."""
        upper: IntArray = self.upper[step]
        return upper if step < 2 else np.minimum(upper, self.upper[3])


def find(history: History) -> list[Finding]:
    """Return the jobs whose calls no linearizable repository can have answered, by rule.

    Linear in the calls and the jobs; calls on unknown jobs are left out. Needs a few dozen bytes
    per job, and memory for one chunk of calls.

    Examples
    --------
    >>> import pandas as pd
    >>> from jobsim.tables.schema import CALLS
    >>> row = {"actor": "a", "op": "get", "job": 0, "target": None, "invoked_ns": 0,
    ...        "returned_ns": 5, "outcome": "ok", "observed": "running", "count": -1,
    ...        "changed": False, "backdated": False, "error": None}
    >>> [finding.rule for finding in find(History(pd.DataFrame([row]).astype(CALLS)))]
    ['unwritten']
    """
    bounds = bound(history)
    rule = judge(history, bounds)
    return [
        _finding(history, bounds, name, np.flatnonzero(rule == number))
        for number, name in enumerate(RULES)
        if (rule == number).any()
    ]


def judge(history: History, bounds: Bounds) -> NDArray[np.int8]:
    """Return each job's broken rule, as its position in `RULES`; -1 for a job that breaks none."""
    latest = np.full(history.jobs, ALWAYS)
    late = np.zeros(history.jobs, np.bool_)
    for step in range(3):
        np.maximum(latest, bounds.lower[step], out=latest)
        late |= latest > bounds.reached(step)  # a state that was not reached has U_k = NEVER
    broken = {
        "two_endings": (bounds.upper[2] < NEVER) & (bounds.upper[3] < NEVER),
        "written_twice": (bounds.writers > 1).any(axis=0),
        "unwritten": (bounds.lower == NEVER).any(axis=0),
        "real_time": late,
    }
    for name, fault in (
        ("wrong_answer", roles.WRONG_ANSWER),
        ("spurious_rejection", roles.SPURIOUS),
    ):
        broken[name] = np.zeros(history.jobs, np.bool_)
        broken[name][history.job[history.rows(roles.FAULT, fault)]] = True
    rule = np.full(history.jobs, -1, np.int8)
    # Backwards, so that the first of several broken rules is written last.
    for number in reversed(range(len(RULES))):
        rule[broken[RULES[number]]] = number
    return rule


def bound(history: History) -> Bounds:
    """Return what the calls and the final reads say about each job's steps."""
    # An extra row takes the calls that say nothing, an extra column those on unknown jobs: every
    # call can be entered without a mask.
    width = history.jobs + 1
    lower = np.full((4, width), ALWAYS)
    upper = np.full((5, width), NEVER)
    maybe = np.full((5, width), NEVER)
    writers = np.zeros((5, width), np.int64)
    uncertain = any(len(history.sees(roles.MAY_WRITE, state)) for state in range(4))
    for first in range(0, len(history.code), _CHUNK):
        part = slice(first, first + _CHUNK)
        job = history.job[part]
        code = history.code[part].astype(np.intp)
        invoked = history.invoked[part]
        np.maximum.at(lower.reshape(-1), _LOWER[code] * width + job, invoked)
        np.minimum.at(upper.reshape(-1), _UPPER[code] * width + job, history.returned[part])
        np.add.at(writers.reshape(-1), _WRITES[code] * width + job, 1)
        if uncertain:
            np.minimum.at(maybe.reshape(-1), _MAY_WRITE[code] * width + job, invoked)
    _read_final(history, lower, upper)
    bounds = Bounds(lower[:3, :-1], upper[:4, :-1], writers[:4, :-1], maybe[:4, :-1])
    _choose_writers(bounds)
    _place_hidden(history, bounds)
    return bounds


def _read_final(history: History, lower: IntArray, upper: IntArray) -> None:
    read = history.final_read
    for status in range(4):
        job = read["job"][(read["outcome"] == codes.OK) & (read["status"] == status)]
        upper[status, job] = np.minimum(upper[status, job], history.end)
        if status < codes.COMPLETED:
            lower[status + 1, job] = history.end


def _choose_writers(bounds: Bounds) -> None:
    """Bound each needed step without a definite writer by its first possible one."""
    needed = np.zeros(bounds.lower.shape[1], np.bool_)
    # From the last step to the first: a step that was reached needs all steps before it.
    for step in reversed(range(3)):
        needed |= bounds.reached(step) < NEVER
        written = bounds.writers[step] > 0
        if step == 2:
            written |= bounds.writers[codes.FAILED] > 0
        job = np.flatnonzero(needed & ~written)
        failed = (bounds.upper[codes.FAILED, job] < NEVER) & (step == 2)
        first = bounds.maybe[step + failed, job]
        bounds.lower[step, job] = np.maximum(bounds.lower[step, job], first)


def _place_hidden(history: History, bounds: Bounds) -> None:
    """Bound p1 by refusals that name no state and returned too early to have seen an end."""
    rows = history.rows(roles.HIDES, 1)
    rows = rows[history.returned[rows] < _earliest_end(bounds, history.job[rows])]
    np.maximum.at(bounds.lower[1], history.job[rows], history.invoked[rows])


def _earliest_end(bounds: Bounds, job: NDArray[np.int32]) -> IntArray:
    lower: IntArray = bounds.lower[2, job]
    # An end that no call saw may still have happened, if a call may have written it.
    possible = bounds.maybe[2:, job].min(axis=0)
    ended = (bounds.upper[2:, job] < NEVER).any(axis=0)
    return np.where(ended, lower, np.maximum(lower, possible))


def _finding(history: History, bounds: Bounds, rule: str, jobs: IntArray) -> Finding:
    """Return the finding of one rule; proofs are worked out only for the jobs that are shown."""
    tellers = {
        "wrong_answer": _tell_wrong_answer,
        "spurious_rejection": _tell_spurious,
        "written_twice": _tell_twice,
        "two_endings": _tell_two_endings,
        "unwritten": _tell_unwritten,
        "real_time": _tell_real_time,
    }

    def explain(position: int) -> Violation:
        job = int(jobs[position])
        sentence, calls = tellers[rule](history, bounds, job)
        return Violation(job, rule, f"job {job}: {sentence}", calls)

    return Finding(rule, jobs, explain)


_Proof = tuple[str, tuple[Call, ...]]


def _first_fault(history: History, job: int, fault: int) -> Call:
    rows = history.rows_of(job)
    return history.call(next(row for row in rows if roles.FAULT[history.code[row]] == fault))


def _tell_wrong_answer(history: History, _bounds: Bounds, job: int) -> _Proof:
    call = _first_fault(history, job, roles.WRONG_ANSWER)
    when = history.at(call.invoked_ns)
    return f"{call.name}, invoked at {when}, {call.answer}, which no state explains", (call,)


def _tell_spurious(history: History, _bounds: Bounds, job: int) -> _Proof:
    call = _first_fault(history, job, roles.SPURIOUS)
    when = history.at(call.invoked_ns)
    sentence = f"{call.name}, invoked at {when}, {call.answer}, from where that step is legal"
    return sentence, (call,)


def _tell_twice(history: History, bounds: Bounds, job: int) -> _Proof:
    state = int(np.flatnonzero(bounds.writers[:, job] > 1)[0])
    rows = [row for row in history.rows_of(job) if roles.WRITES[history.code[row]] == state]
    first, second = history.call(rows[0]), history.call(rows[1])
    sentence = f"{first.name} and {second.name} both succeeded; a state is written once"
    return sentence, (first, second)


def _tell_two_endings(history: History, bounds: Bounds, job: int) -> _Proof:
    proofs = [_prover(history, bounds, job, state) for state in (codes.COMPLETED, codes.FAILED)]
    first, second = sorted(proofs, key=lambda call: (call.returned_ns or 0, call.row))
    sentence = f"{first.name} {first.answer}, {second.name} {second.answer}; a job ends once"
    return sentence, (first, second)


def _tell_unwritten(history: History, bounds: Bounds, job: int) -> _Proof:
    step = int(np.argmax(bounds.lower[:, job] == NEVER))
    proof = next(k for k in range(step, 3) if bounds.reached(k)[job] < NEVER)
    call = _prover(history, bounds, job, _state(bounds, job, proof))
    missing = codes.STATUSES[_state(bounds, job, step)].value
    return f"{call.name} {call.answer}, but no call can have written {missing}", (call,)


def _tell_real_time(history: History, bounds: Bounds, job: int) -> _Proof:
    """Explain the pair of bounds that are furthest apart, the clearest of several proofs."""
    lower = [int(bounds.lower[step, job]) for step in range(3)]
    upper = [int(bounds.reached(step)[job]) for step in range(3)]
    pairs = [(j, k) for k in range(3) for j in range(k + 1) if lower[j] > upper[k]]
    j, k = max(pairs, key=lambda pair: lower[pair[0]] - upper[pair[1]])
    state = _state(bounds, job, k)
    before = _prover(history, bounds, job, state)
    after, *besides = _later(history, bounds, job, j)
    gap = span(lower[j] - upper[k])
    sentence = (
        f"{before.name} {before.answer} at {history.at(upper[k])}; "
        f"{after.name}, invoked {gap} later, {after.answer}{_conclusion(after, state)}"
    )
    return sentence, (before, after, *besides)


def _conclusion(after: Call, state: int) -> str:
    reached = codes.STATUSES[state].value
    if after.outcome == "illegal" and after.observed is None:
        return " without saying from where, though the job can only have been running"
    if after.outcome in ("illegal", "not_found") or after.op == "get":
        return f": the job had reached {reached}, and went back"
    written = after.target or codes.STATUSES[codes.AWAITING].value
    return f": it was {reached} before any call can have written {written}"


def _state(bounds: Bounds, job: int, step: int) -> int:
    return step if step < 2 or bounds.upper[2, job] < NEVER else codes.FAILED


def _prover(history: History, bounds: Bounds, job: int, state: int) -> Call:
    """Return the first call to return with proof that the job had been written `state`."""
    limit = int(bounds.upper[state, job])
    for row in history.rows_of(job):
        if roles.UPPER[history.code[row]] == state and history.returned[row] == limit:
            return history.call(row)
    return history.final_call(job)


def _later(history: History, bounds: Bounds, job: int, step: int) -> list[Call]:
    """Return the call that bounds a step from below, and a second one if the first needs it."""
    limit = int(bounds.lower[step, job])
    plain = _not_before(history, bounds, job, step, limit)
    if plain is not None:
        return [plain]
    # What remains is a refusal that names no state and is too early to have seen the end.
    end = int(_earliest_end(bounds, np.array([job], np.int32))[0])
    hidden = next(
        row
        for row in history.rows_of(job)
        if roles.HIDES[history.code[row]]
        and history.invoked[row] == limit
        and history.returned[row] < end
    )
    ending = _not_before(history, bounds, job, 2, end)
    return [history.call(hidden), *([ending] if ending is not None else [])]


def _not_before(history: History, bounds: Bounds, job: int, step: int, limit: int) -> Call | None:
    rows = [row for row in history.rows_of(job) if history.invoked[row] == limit]
    for row in rows:
        if roles.LOWER[history.code[row]] == step:
            return history.call(row)
    writable = _open_states(bounds, job, step)
    for row in rows:
        if roles.MAY_WRITE[history.code[row]] in writable:
            return history.call(row)
    return history.final_call(job) if limit == history.end else None


def _open_states(bounds: Bounds, job: int, step: int) -> set[int]:
    """Return the states of a step whose possible writers count; none if a writer is definite."""
    states = {step} if step < 2 else {codes.COMPLETED, codes.FAILED}
    if any(bounds.writers[state, job] for state in states):
        return set()
    return {state for state in states if bounds.upper[state, job] < NEVER} or states
