"""What recorders know about created jobs, and how they check answers against it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jobsim.domain.codes import NUMBER_OF, OK, number_of
from jobsim.domain.models import Job
from jobsim.repository.call_rows import BACKDATED, CHANGED, encode

Known = list[Any]
"""What is known about a created job: its number, the last `updated_at`, its three identifiers.

A list, since one is made per job and an object of a class takes twice the time. The identifiers
never change. Accepted updates write `updated_at`, and it needs no lock: any value that a reader
finds is from a call that had returned before, so it bounds every later call of that reader.
"""

UPDATED_AT = 1
IDENTIFIERS = slice(2, None)
"""Positions in `Known`."""

NOBODY: Known = [-1, None, None, None, None]
"""Stands for a job that this recorder has not seen created."""


def identifiers_of(job: Job) -> list[str]:
    """Return the attributes of a job that never change, in the order of `Known`."""
    return [job.job_id, job.input_hash, job.blockchain_identifier]


def code_of_answer(
    op: int, target: str | None, job: Job, identifiers: list[str], floor: datetime | None
) -> int:
    """Return the code of a call that answered `job`, whatever it holds; the slow path.

    Without a floor the recorder has not seen the job created, and can only compare the id that was
    asked for.
    """
    faults = 0
    if identifiers_of(job)[: len(identifiers)] != identifiers:
        faults = CHANGED
    if job.updated_at < job.created_at or (floor is not None and job.updated_at < floor):
        faults |= BACKDATED
    return encode(op, number_of(target), OK, NUMBER_OF[job.status], faults)
