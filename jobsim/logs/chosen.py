"""The chosen columns, and the logs whose writer is known by the header."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from jobsim.logs.formats import Raw
from jobsim.logs.units import words_of

_JMETER = frozenset({"timeStamp", "elapsed", "label", "responseCode"})
_GITLAB = frozenset(
    {"created_at", "started_at", "finished_at", "duration", "queued_duration", "status"}
)
_RUN = frozenset(
    {"request", "attempt", "arrival", "created", "paid", "started", "finished", "status"}
)


@dataclass
class Chosen:
    """The columns that were chosen.

    Attributes
    ----------
    place
        Role to the place of its column; a role that was not found is absent.
    reason
        Role to the reason for its column.
    more_status
        Places of further columns that tell an outcome, best first.
    units
        Roles whose unit the producer of the log fixes.
    frame
        The candidates' cells, by place, as `plain` gives them.
    notes
        What a user should know.
    """

    place: dict[str, int] = field(default_factory=dict)
    reason: dict[str, str] = field(default_factory=dict)
    more_status: list[tuple[str, int]] = field(default_factory=list)
    units: dict[str, tuple[str, str]] = field(default_factory=dict)
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: list[str] = field(default_factory=list)


def known_producer(raw: Raw, where: Mapping[Hashable, int]) -> Chosen | None:
    """Return the columns of logs whose writer is known by its whole header."""
    names = frozenset(str(header) for header in raw.headers)
    if names >= _JMETER:
        roles = {"arrival": "timeStamp", "sojourn": "elapsed"}
        if "success" in names:
            roles["success"] = "success"
        else:
            roles["http_status"] = "responseCode"
        found = Chosen({role: where[column] for role, column in roles.items()})
        found.units["sojourn"] = ("ms", "JMeter writes milliseconds")
        found.notes.append("known by its header as a JMeter log")
        return found
    if names >= _GITLAB:
        roles = {"wait": "queued_duration", "service": "duration", "started": "started_at"}
        roles |= {"finished": "finished_at", "status": "status", "created": "created_at"}
        roles |= {"job": "id"} if "id" in names else {}
        found = Chosen({role: where[column] for role, column in roles.items()})
        found.units = dict.fromkeys(("wait", "service"), ("s", "GitLab writes seconds"))
        found.notes.append(
            "known by its header as GitLab's jobs: they arrive queued_duration before they start, "
            "for from created_at on they may wait for other stages; those that never started "
            "arrive at created_at"
        )
        return found
    if names >= _RUN:
        roles = {"job": "request", **{name: name for name in _RUN - {"request", "created"}}}
        found = Chosen({role: where[column] for role, column in roles.items()})
        found.notes.append("known by its header as the jobs of a run")
        return found
    return _nextflow(names, where) or _github(names, where)


def _nextflow(names: frozenset[str], where: Mapping[Hashable, int]) -> Chosen | None:
    """Nextflow's `duration` begins with the submission, its `realtime` with the work."""
    if not names >= {"native_id", "submit", "duration", "realtime"}:
        return None
    roles = {"arrival": "submit", "sojourn": "duration", "service": "realtime"}
    roles |= {"status": "status", "job": "task_id", "started": "start", "finished": "complete"}
    found = Chosen({role: where[column] for role, column in roles.items() if column in names})
    # Bare numbers are of a trace that was written raw.
    found.units = dict.fromkeys(("service", "sojourn"), ("ms", "Nextflow writes milliseconds"))
    found.notes.append("known by its header as Nextflow's trace: duration counts from submit on")
    return found


def _github(names: frozenset[str], where: Mapping[Hashable, int]) -> Chosen | None:
    """GitHub tells no end of a workflow's run, only when it was last touched."""
    plain = {" ".join(words_of(name)): name for name in names}
    if not {"created at", "updated at", "status", "conclusion"} <= set(plain):
        return None
    if {"completed at", "finished at", "ended at"} & set(plain):
        return None
    roles = {"arrival": "created at", "finished": "updated at", "status": "conclusion"}
    start = next((name for name in ("started at", "run started at") if name in plain), None)
    roles |= {"started": start} if start else {}
    job = next((name for name in ("database id", "id") if name in plain), None)
    roles |= {"job": job} if job else {}
    found = Chosen({role: where[plain[name]] for role, name in roles.items()})
    found.more_status.append(("status", where[plain["status"]]))
    found.notes.append(
        f"known by its header as GitHub's runs: {plain['updated at']} is taken for the end, and a "
        "wait for a runner is part of a run; its jobs tell more"
    )
    return found


def named(raw: Raw, place: int) -> str:
    """Return a column's name as messages show it."""
    header = raw.headers[place]
    return f"column {header}" if isinstance(header, int) else re.sub(r"\s+", " ", str(header))
