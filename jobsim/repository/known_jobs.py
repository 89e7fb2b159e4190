"""What a recorder knows of the jobs it has seen created, and how an answer is held against it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jobsim.domain.codes import NUMBER_OF, OK, number_of
from jobsim.domain.models import Job
from jobsim.repository.call_rows import BACKDATED, CHANGED, encode

Known = list[Any]
"""What is known of a created job: its number, the last `updated_at`, its three identifiers.

A list, for one is made per job: an object of a class takes twice the time. The identifiers never
change. `updated_at` is written by accepted updates and needs no lock: whatever value a reader
finds was answered by a call that had returned before, so it bounds every call that the reader
makes afterwards.
"""

UPDATED_AT = 1
IDENTIFIERS = slice(2, None)
"""Where these stand in what is known of a job."""

NOBODY: Known = [-1, None, None, None, None]
"""Stands for a job that this recorder has not seen created."""


def identifiers_of(job: Job) -> list[str]:
    """Return what never changes of a job, in the order in which it is known."""
    return [job.job_id, job.input_hash, job.blockchain_identifier]


def code_of_answer(
    op: int, target: str | None, job: Job, identifiers: list[str], floor: datetime | None
) -> int:
    """Return the code of a call that answered `job`, whatever it holds; the slow way.

    Without a floor the job is not one that this recorder has seen created, and only the id
    that was asked for can be compared.
    """
    faults = 0
    if identifiers_of(job)[: len(identifiers)] != identifiers:
        faults = CHANGED
    if job.updated_at < job.created_at or (floor is not None and job.updated_at < floor):
        faults |= BACKDATED
    return encode(op, number_of(target), OK, NUMBER_OF[job.status], faults)
