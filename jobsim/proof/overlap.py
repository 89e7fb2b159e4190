"""Which calls of a history overlapped, so that a race between them could have shown."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobsim.domain import codes
from jobsim.proof import roles
from jobsim.proof.history import History, IntArray

PAIRS = (
    "create + create",
    "create + count",
    "get + start",
    "get + end",
    "start + start",
    "start + end",
    "end + end",
)
"""The pairs of calls between which a repository can have a race.

A start is an update to RUNNING, an end is one to COMPLETED or FAILED. `get`, start and end are
calls on the same job; creates and counts concern the whole table.
"""

_NAMES = ("create", "count", "get", "start", "end")
_CREATE, _COUNT, _GET, _START, _END, _OTHER = range(6)


def _kind(op: int, target: int) -> int:
    if op == codes.UPDATE:
        ends = target in (codes.COMPLETED, codes.FAILED)
        return _END if ends else _START if target == codes.RUNNING else _OTHER
    return {codes.CREATE: _CREATE, codes.GET: _GET, codes.COUNT: _COUNT}[op]


_NEAR = 12
"""How many of the following calls each call is compared with before all are sorted by job."""

_KIND_OF_CODE = roles.table(lambda op, target, *_: _kind(op, target))


class Overlap(NamedTuple):
    """Which calls overlapped in a history.

    Attributes
    ----------
    any
        Whether two calls were ever under way at once.
    untried
        Those of `PAIRS` that never were.
    """

    any: bool
    untried: tuple[str, ...]


def find(history: History) -> Overlap:
    """Return which pairs of calls overlapped; calls that only touch do not.

    Calls are taken in order of invocation. Two facts make this fast. If each call had returned
    before the next was invoked, no two overlap, so comparing neighbours is enough to find out
    whether any do. And a call overlaps an earlier one if it was invoked before the latest return
    of all earlier ones.
    """
    invoked, returned, job, op, code = _in_order(history)
    if not _neighbours_meet(invoked, returned):
        return Overlap(False, PAIRS)
    creates, counts = (np.flatnonzero(op == which) for which in (codes.CREATE, codes.COUNT))
    tried = {
        "create + create": _neighbours_meet(invoked[creates], returned[creates]),
        "create + count": _meet(
            (invoked[creates], returned[creates]), (invoked[counts], returned[counts])
        ),
    }
    # Few are left: in most runs one thread at a time works on a job.
    places = _on_busy_jobs(history.jobs, invoked, returned, job)
    kind: NDArray[np.int8] = _KIND_OF_CODE[code[places]]
    tried |= _on_one_job(history, invoked[places], returned[places], job[places], kind)
    return Overlap(True, tuple(pair for pair in PAIRS if not tried[pair]))


def _on_busy_jobs(jobs: int, invoked: IntArray, returned: IntArray, job: IntArray) -> IntArray:
    """Return the calls on known jobs with overlapping calls, by job, then by invocation.

    Sorting all calls by job would take most of the time. In most histories a call overlaps only the
    next few: if no call overlaps the one that many places later, none overlaps a later one either.
    """
    busy = np.zeros(jobs + 1, np.bool_)
    for lag in range(1, min(_NEAR, len(job) - 1) + 1):
        meets = invoked[lag:] < returned[:-lag]
        if not meets.any():
            break
        meets &= job[lag:] == job[:-lag]
        busy[job[lag:][meets]] = True
    else:
        places = np.argsort(job, kind="stable")
        by_job = job[places]
        meets = invoked[places][1:] < returned[places][:-1]
        meets &= by_job[1:] == by_job[:-1]
        busy[by_job[1:][meets]] = True
    busy[jobs] = False  # the unknown ones
    places = np.flatnonzero(busy[job]) if busy.any() else np.zeros(0, np.intp)
    ordered: IntArray = places[np.argsort(job[places], kind="stable")]
    return ordered


def _in_order(history: History) -> list[IntArray]:
    """Return invocation, return, job, operation and code of each call, in order of invocation."""
    returned = history.returned
    pending = history.outcome == codes.PENDING
    if pending.any():  # under way until the end
        returned = np.where(pending, history.end, returned)
    columns: list[Any] = [history.invoked, returned, history.job, history.op, history.code]
    if (history.invoked[1:] < history.invoked[:-1]).any():
        order = np.argsort(history.invoked, kind="stable")
        columns = [column[order] for column in columns]
    return columns


def _neighbours_meet(invoked: IntArray, returned: IntArray) -> bool:
    """Return whether any two of the calls, in order of invocation, overlap."""
    return bool((invoked[1:] < returned[:-1]).any())


def _meet(some: tuple[IntArray, IntArray], others: tuple[IntArray, IntArray]) -> bool:
    """Return whether a call of the one kind overlaps a call of the other."""
    (some_invoked, some_returned), (invoked, returned) = some, others
    begun = np.searchsorted(some_invoked, returned, side="left")
    latest = np.maximum.accumulate(some_returned)[begun[begun > 0] - 1]
    return bool((latest > invoked[begun > 0]).any())


def _on_one_job(
    history: History, invoked: IntArray, returned: IntArray, job: IntArray, kind: NDArray[np.int8]
) -> dict[str, bool]:
    """Return for each pair of get, start and end whether two of them overlapped on a job.

    The calls are sorted by job, then by invocation.
    """
    # One running maximum serves all jobs: the times of each job are shifted beyond those of the
    # previous one. If the sum would not fit 64 bits the clock is made coarser; some overlaps may
    # then be missed, but none is invented.
    _, rank = np.unique(job, return_inverse=True)
    span = history.end + 1 - history.start
    coarse = (int(rank.max(initial=0)) + 1) * span // 2**62 + 1
    base = rank.astype(np.int64) * (span // coarse + 1)
    begun = base + (invoked - history.start) // coarse
    over = base + (returned - history.start) // coarse
    met = np.zeros((_OTHER + 1, _OTHER + 1), np.bool_)
    for first in (_GET, _START, _END):
        latest = np.maximum.accumulate(np.where(kind == first, over, base))
        met[first, kind[1:][begun[1:] < latest[:-1]]] = True
    met |= met.T
    return {
        f"{one} + {other}": bool(met[_NAMES.index(one), _NAMES.index(other)])
        for one, other in (pair.split(" + ") for pair in PAIRS[2:])
    }
