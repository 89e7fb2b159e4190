"""Small `calls` and `final` tables, written by hand in tests."""

from __future__ import annotations

from typing import Any

import pandas as pd

from jobsim.tables.schema import CALLS, FINAL

CALL = {
    "actor": "client-0",
    "op": "get",
    "job": 0,
    "target": None,
    "invoked_ns": 0,
    "returned_ns": 0,
    "outcome": "ok",
    "observed": None,
    "count": -1,
    "changed": False,
    "backdated": False,
    "error": None,
}


def call(op: str, invoked: int, returned: int, **more: Any) -> dict[str, Any]:
    """Return one call; an ok one answers its target, or what a create answers."""
    if op == "update_status" and more.get("outcome", "ok") == "ok":
        more.setdefault("observed", more["target"])
    if op == "create" and more.get("outcome", "ok") == "ok":
        more.setdefault("observed", "awaiting_payment")
    return CALL | {"op": op, "invoked_ns": invoked, "returned_ns": returned} | more


def life(job: int, *, at: int = 0, worker: str = "worker-0", end: str = "completed") -> list[dict]:
    """Return the three calls of a job that was created, run and ended within 60 ns of `at`."""
    update = "update_status"
    return [
        call("create", at, at + 10, job=job),
        call(update, at + 20, at + 30, job=job, actor=worker, target="running"),
        call(update, at + 40, at + 50, job=job, actor=worker, target=end),
    ]


def calls_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows as a `calls` table."""
    return pd.DataFrame(rows, columns=list(CALL)).astype(CALLS)


def read(job: int, status: str | None = "completed", **more: Any) -> dict[str, Any]:
    """Return a final read as the threaded engine expects it."""
    now = pd.Timestamp("2026-01-01", tz="UTC")
    return {
        "job": job,
        "outcome": "ok",
        "status": status,
        "changed": False,
        "input_hash": format(job, "064x"),
        "blockchain_identifier": f"mock_bc_{job}",
        "created_at": now,
        "updated_at": now,
        "result": "done by worker-0" if status == "completed" else None,
        "error": "failed by worker-0" if status == "failed" else None,
    } | more


def final_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows as a `final` table."""
    return pd.DataFrame(rows, columns=list(read(0))).astype(FINAL)
