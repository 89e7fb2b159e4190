"""Rules of a history with feedback: attempts come in order, no result after the reaper."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.domain import codes
from jobsim.domain.marks import REAPER
from jobsim.figures.attempts import by_request, useful
from jobsim.proof import roles
from jobsim.proof.history import Finding, History, IntArray
from jobsim.proof.verdict_value import Violation

CHECKS = ("attempts", "late_results", "goodput")

_NEVER = np.iinfo(np.int64).max
_NO_ROW = -1

Rows = NDArray[np.intp]


def applies(jobs: pd.DataFrame) -> bool:
    """Return whether a client asked again or gave up, or a reaper failed a job."""
    gave_up = jobs["left"].notna() & (jobs["status"] != codes.STATUSES[codes.FAILED].value)
    return bool(((jobs["attempt"] > 1) | jobs["reaped"] | gave_up).any())


def find(history: History, jobs: pd.DataFrame) -> list[Finding]:
    """Return the jobs that break the rules of attempts and reapers; linear in calls and jobs.

    `jobs` is the table of the run; the row number is the job.
    """
    return [*attempts(history, jobs), *late_results(history), *goodput(history, jobs)]


def attempts(history: History, jobs: pd.DataFrame) -> list[Finding]:
    """Return the jobs that were not created as the next attempt of an open request.

    The attempts of a request are numbered from 1. Each create is invoked after the previous one
    returned, and none after a success that its client could know about. A client may read an
    earlier attempt before it asks again. It could then know about a success that had returned
    before that last read was invoked, or that the read saw; without a read, about one that had
    returned before the create was invoked. A client whose read had no answer, or that had been
    told that the attempt failed, breaks no rule.
    """
    return [
        _out_of_order(history, jobs),
        _too_early(history, jobs),
        _after_success(history, jobs),
    ]


def late_results(history: History) -> list[Finding]:
    """Return the jobs whose worker's result was accepted after the reaper had failed them."""
    ends = np.sort(
        np.concatenate([history.rows(roles.WRITES, s) for s in (codes.COMPLETED, codes.FAILED)])
    )
    names = history.calls["actor"].cat.categories
    by_reaper = np.isin(history.actor[ends], np.flatnonzero(names == REAPER))
    reaped = np.full(history.jobs, _NEVER)
    reaps = ends[by_reaper]
    # The earliest return: from then on the job had certainly been reaped.
    np.minimum.at(reaped, history.job[reaps], history.returned[reaps])
    others = ends[~by_reaper]
    # Strictly after: calls that overlap may have taken effect in either order.
    late = others[history.invoked[others] > reaped[history.job[others]]]
    which, place = np.unique(history.job[late], return_index=True)

    def explain(position: int) -> Violation:
        job, result = int(which[position]), history.call(int(late[place[position]]))
        rows = reaps[history.job[reaps] == job]
        reap = history.call(int(rows[history.returned[rows].argmin()]))
        sentence = (
            f"job {job}: {reap.name} had succeeded by {history.at(reap.returned_ns or 0)}; "
            f"{result.name}, invoked at {history.at(result.invoked_ns)}, succeeded as well: the "
            "late result of a job that was reaped must be refused"
        )
        return Violation(job, "late_results", sentence, (reap, result))

    return [Finding("late_results", which.astype(np.int64), explain)]


def goodput(history: History, jobs: pd.DataFrame) -> list[Finding]:
    """Return the jobs that the table counts as useful although no call can have completed them.

    If there is none, the useful jobs are among those that ended, so goodput is at most throughput.
    """
    completed = np.zeros(history.jobs, np.bool_)
    for table in (roles.WRITES, roles.MAY_WRITE):
        completed[history.job[history.rows(table, codes.COMPLETED)]] = True
    # Calls that may have written count too: only what no call can explain is wrong.
    wrong = np.flatnonzero(useful(jobs) & ~completed[: len(jobs)])

    def explain(position: int) -> Violation:
        job = int(wrong[position])
        sentence = f"job {job}: counts as goodput, but no call can have written completed"
        calls = tuple(history.call(row) for row in history.rows_of(job))
        return Violation(job, "goodput", sentence, calls)

    return [Finding("goodput", wrong, explain)]


def _out_of_order(history: History, jobs: pd.DataFrame) -> Finding:
    """Return the jobs whose row is not that of the next attempt of a request."""
    request, attempt = (jobs[name].to_numpy().astype(np.int64) for name in ("request", "attempt"))
    # The table is in order of (request, attempt).
    step = np.diff(request, prepend=-1)
    expected = np.where(step == 0, np.concatenate([[0], attempt[:-1]]) + 1, 1)
    wrong = np.flatnonzero((attempt != expected) | (step < 0))

    def explain(position: int) -> Violation:
        job = int(wrong[position])
        sentence = f"job {job}: is attempt {attempt[job]} of request {request[job]}, " + (
            f"but stands after request {request[job - 1]}"
            if step[job] < 0
            else f"not attempt {expected[job]}"
        )
        creates = [row for row in history.rows_of(job) if history.op[row] == codes.CREATE]
        return Violation(job, "attempts", sentence, tuple(map(history.call, creates)))

    return Finding("attempts", wrong, explain)


def _too_early(history: History, jobs: pd.DataFrame) -> Finding:
    """Return the attempts whose create was invoked before the previous create had returned."""
    request = jobs["request"].to_numpy()
    create = _creates(history)[: len(jobs)]
    again = 1 + np.flatnonzero(request[1:] == request[:-1])
    again = again[(create[again] != _NO_ROW) & (create[again - 1] != _NO_ROW)]
    before = create[again - 1]
    # Nothing may follow a create that never returned. Calls of one actor do not overlap, even
    # where they were widened because its clock is uncertain.
    one = history.actor[before] == history.actor[create[again]]
    back = np.where(one, history.invoked[before], history.returned[before])
    back[history.outcome[before] == codes.PENDING] = _NEVER
    early = again[history.invoked[create[again]] < back]

    def explain(position: int) -> Violation:
        job = int(early[position])
        first, second = (history.call(int(create[at])) for at in (job - 1, job))
        when = "never returned" if first.returned_ns is None else "had not returned by then"
        sentence = (
            f"job {job}: {second.name}, the next attempt of request {request[job]}, was invoked "
            f"at {history.at(second.invoked_ns)}, but {first.name} of job {job - 1} {when}"
        )
        return Violation(job, "attempts", sentence, (first, second))

    return Finding("attempts", early, explain)


class _Pairs(NamedTuple):
    """Pairs of a success and a later attempt of the same request, as rows of `calls`."""

    success: Rows
    create: Rows


def _after_success(history: History, jobs: pd.DataFrame) -> Finding:
    """Return the attempts that a client asked for although it could know about a success."""
    pairs = _successes_and_later_creates(history, jobs)
    look = _last_looks(history, pairs)
    looked = look != _NO_ROW
    answered = looked & (history.outcome[look] == codes.OK)
    saw = answered & (history.observed[look] == codes.COMPLETED)
    # What the client could know is settled when it reads, not when it asks again.
    limit = history.invoked[np.where(looked, look, pairs.create)]
    wrong = saw | ((answered | ~looked) & (history.returned[pairs.success] < limit))
    job = history.job[pairs.create]
    # Of several reasons against one job, the first is enough.
    which, place = np.unique(job[wrong], return_index=True)
    at = np.flatnonzero(wrong)[place]

    def explain(position: int) -> Violation:
        """Return one violation in full; slow, so called only for those that are kept."""
        pair = int(at[position])
        success, create = (history.call(int(rows[pair])) for rows in pairs)
        proof = [success, create]
        seen = ""
        if looked[pair]:
            view = history.call(int(look[pair]))
            proof.insert(1, view)
            seen = f"{view.name}, invoked at {history.at(view.invoked_ns)}, {view.answer}; "
        sentence = (
            f"job {create.job}: {success.name} of job {success.job}, an earlier attempt, had "
            f"succeeded by {history.at(success.returned_ns or 0)}; {seen}{create.name}, invoked at "
            f"{history.at(create.invoked_ns)}, asked again after the success"
        )
        return Violation(create.job, "attempts", sentence, tuple(proof))

    return Finding("attempts", which.astype(np.int64), explain)


def _successes_and_later_creates(history: History, jobs: pd.DataFrame) -> _Pairs:
    """Return each success with each later attempt that no failure told to its client explains."""
    create = _creates(history)[: len(jobs)]
    # Jobs of a request are consecutive rows, so its later attempts are a range of numbers.
    first, group = by_request(jobs)
    end = np.append(first[1:], len(jobs))[group]  # one after the request's last job
    success = history.rows(roles.WRITES, codes.COMPLETED)
    success = success[history.job[success] < len(jobs)]
    later = end[history.job[success]] - history.job[success] - 1
    # One entry per success and later attempt of its request.
    which = np.repeat(np.arange(len(success)), later)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(later) - later, later)
    made = create[history.job[success[which]] + 1 + nth]
    pairs = _Pairs(success[which], made)
    # A client that was told that the attempt failed has no reason to read it.
    told = np.full(history.jobs, _NEVER)
    failures = history.rows(roles.WRITES, codes.FAILED)
    np.minimum.at(told, history.job[failures], history.returned[failures])
    fair = (made != _NO_ROW) & (
        told[history.job[pairs.success]] > history.invoked[np.maximum(made, 0)]
    )
    return _Pairs(pairs.success[fair], made[fair])


def _last_looks(history: History, pairs: _Pairs) -> Rows:
    """Return the row of the client's last `get` of the earlier attempt, `_NO_ROW` without one.

    Sorts the pairs and the relevant reads together. A client makes one call at a time, so a read
    precedes a create if it was invoked before it.
    """
    earlier, client = history.job[pairs.success], history.actor[pairs.create]
    matters = np.zeros(history.jobs + 1, np.bool_)
    matters[earlier] = True
    looks = np.flatnonzero((history.op == codes.GET) & matters[history.job])
    job = np.concatenate([history.job[looks], earlier])
    actor = np.concatenate([history.actor[looks], client])
    moment = np.concatenate([history.invoked[looks], history.invoked[pairs.create]])
    is_pair = np.arange(len(job)) >= len(looks)
    # At equal times reads come before pairs, so that a read at that very moment counts.
    order = np.lexsort((is_pair, moment, actor, job))
    place = np.where(is_pair[order], -1, np.arange(len(order)))
    # The running maximum carries each read forward to the pairs after it.
    latest = np.maximum.accumulate(place) if len(place) else place
    source = order[np.maximum(latest, 0)]
    same = (latest >= 0) & (job[source] == job[order]) & (actor[source] == actor[order])
    found = np.full(len(order), _NO_ROW)
    found[order[same]] = source[same]
    chosen = found[len(looks) :]
    has = chosen != _NO_ROW
    rows = np.full(len(chosen), _NO_ROW)
    rows[has] = looks[chosen[has]]
    return rows


def _creates(history: History) -> IntArray:
    """Return the row of each job's create, `_NO_ROW` where there is none."""
    rows = np.flatnonzero((history.op == codes.CREATE) & (history.job < history.jobs))
    create = np.full(history.jobs, _NO_ROW)
    create[history.job[rows]] = rows
    return create
