"""Injected faults, and their effect as the clients saw it."""

from __future__ import annotations

import math

import pandas as pd

from jobsim.display.text import Rows, count_of, format_duration
from jobsim.domain.codes import KILLS

_TOLD = {
    "cut_before": "lost request",
    "cut_after": "lost answer",
    "delay": "delay",
    "stall": "stall",
    "kill_backend": "killed backend",
    "kill_server": "killed server",
}
"""What prose calls each kind of fault."""


def unanswered(calls: pd.DataFrame) -> int:
    """Return how many calls ended in an exception other than a refusal.

    Parameters
    ----------
    calls
        As in `jobsim.tables.schema.CALLS`.
    """
    return int(calls["outcome"].isin(["error", "no_effect"]).sum())


def unknown_jobs(calls: pd.DataFrame) -> int:
    """Return how many jobs have a write whose client cannot know whether it took effect."""
    writes = calls["op"].isin(["create", "update_status"])
    failed = calls["outcome"].isin(["error", "pending"])
    return int(calls["job"][writes & failed].nunique())


def recovery_s(faults: pd.DataFrame) -> float:
    """Return the longest time in seconds from a kill until the server answered again.

    Kills after which it never answered are left out; NaN if no kill remains.

    Parameters
    ----------
    faults
        As in `jobsim.tables.schema.FAULTS`.
    """
    back = faults["kind"].isin(KILLS) & (faults["ended_ns"] >= 0)
    spans = (faults["ended_ns"] - faults["begun_ns"])[back]
    return float(spans.max()) * 1e-9 if len(spans) else math.nan


def fault_sentence(calls: pd.DataFrame, faults: pd.DataFrame) -> str:
    """Return what was injected and what clients saw of it, in prose; empty without a fault.

    Parameters
    ----------
    calls, faults
        As in `jobsim.tables.schema`.
    """
    if faults.empty:
        return ""
    struck = faults["kind"].astype("str").map(_TOLD).value_counts()
    told = [count_of(int(number), str(kind)) for kind, number in struck.items()]
    injected = ", ".join(told[:-1]) + (" and " if told[:-1] else "") + told[-1]
    jobs = count_of(unknown_jobs(calls), "job")
    seen = f"{_ended_in_errors(calls)}, and the client cannot know the state of {jobs}"
    back = recovery_s(faults)
    lost = int((faults["kind"].isin(KILLS) & (faults["ended_ns"] < 0)).sum())
    if math.isnan(back):
        after = "; the server did not come back" if lost else ""
    else:
        after = f"; after a kill the server answered again within {format_duration(back)}"
        if lost:
            after += f", after {count_of(lost, 'other kill')} not at all"
    return f"Injected into the database: {injected}. {seen}{after}."


def fault_rows(calls: pd.DataFrame, faults: pd.DataFrame) -> Rows:
    """Return what a display says about the faults of a run: labels and texts."""
    kinds = faults["kind"].value_counts()
    told = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number)
    rows: Rows = [
        ("faults", told or "none"),
        ("no answer", _ended_in_errors(calls)),
        ("unknown", f"{count_of(unknown_jobs(calls), 'job')} whose client cannot know"),
    ]
    if not math.isnan(back := recovery_s(faults)):
        rows.append(("recovery", f"{format_duration(back)} at most after a kill"))
    return rows


def _ended_in_errors(calls: pd.DataFrame) -> str:
    told = f"{count_of(unanswered(calls), 'call')} ended in an error"
    without = int((calls["outcome"] == "no_effect").sum())
    return f"{told} ({without:,} without effect)" if without else told
