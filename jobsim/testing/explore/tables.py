"""The history of a small program as the tables of a run, for the check of whole runs."""

from __future__ import annotations

import pandas as pd

from jobsim.domain.codes import ILLEGAL, OUTCOMES, STATUSES
from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.verdict_value import Verdict
from jobsim.tables.schema import CALLS
from jobsim.testing.explore.judge import State
from jobsim.testing.explore.play import BACKDATED, FOREIGN, Entry, thread_name


def calls_of(history: list[Entry], start: State) -> pd.DataFrame:
    """Return a history as `jobsim.tables.schema.CALLS`; the creation of its jobs comes first.

    Snapshots and final reads of new jobs are left out.
    """
    rows: list[dict[str, object]] = []
    for job, (status, _) in enumerate(start[0]):
        rows.append(_row("before", "create", job, None, 0, 0, "ok", STATUSES[0].value))
        if status:
            rows.append(_row("before", "update_status", job, status, 0, 0, "ok", STATUSES[1].value))
    created = len(start[0])
    for invoked, returned, (name, job, thread), answer in sorted(history):
        if name == "created" or (name == "snapshot" and len(answer) > 3):
            continue
        number = job
        if name == "create":
            number, created = created, created + 1
        rows.append(_told(name, number, thread_name(thread), invoked + 1, returned + 1, answer))
    return pd.DataFrame(rows).astype(dict(CALLS))  # type: ignore[arg-type] # as pandas documents


def _told(
    name: str, job: int, actor: str, invoked: int, returned: int, answer: tuple[int, ...]
) -> dict[str, object]:
    """Translate a packed answer into a row of `calls`, as the proof expects it."""
    outcome = OUTCOMES[answer[0]]
    op = name if name in ("create", "get", "count") else "update_status"
    target = name if op == "update_status" else STATUSES[0].value if op == "create" else None
    observed = None
    if name != "count" and answer[0] in (0, ILLEGAL) and answer[1] >= 0:
        observed = STATUSES[answer[1]].value
    row = _row(
        actor, op, -1 if name == "count" else job, target, invoked, returned, outcome, observed
    )
    if name == "count" and answer[0] == 0:
        row["count"] = answer[1]
    elif len(answer) > 2:
        row["changed"], row["backdated"] = answer[2] == FOREIGN, answer[2] == BACKDATED
    return row


def _row(
    actor: str,
    op: str,
    job: int,
    target: object,
    invoked: int,
    returned: int,
    outcome: str,
    observed: str | None,
) -> dict[str, object]:
    """Return a row with every column, so that no caller forgets one."""
    if isinstance(target, int):
        target = STATUSES[target].value
    return {
        "actor": actor, "op": op, "job": job, "target": target, "invoked_ns": invoked,
        "returned_ns": returned, "outcome": outcome, "observed": observed, "count": -1,
        "changed": False, "backdated": False, "error": None,
    }  # fmt: skip


def judged(history: list[Entry], start: State) -> Verdict:
    """Return what the check of whole runs says of a history."""
    count_before = start[1] - len(start[0])
    return check_history(calls_of(history, start), count_before=count_before)
