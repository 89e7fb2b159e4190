"""The job, its four states, and the three legal steps between them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict

from jobsim.domain.exceptions import InvalidStateTransitionError


class JobStatus(str, Enum):  # noqa: UP042 - part of the published contract: str first, then Enum
    """Where a job stands. Members compare equal to their string values."""

    AWAITING_PAYMENT = "awaiting_payment"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Job(BaseModel):
    """One job at one moment; frozen, so every change is a new instance.

    Attributes
    ----------
    job_id
        Unique id, a UUID4 in the repositories that jobsim ships.
    status
        Where the job stands.
    input_hash
        Digest of what the client asked for, see `jobsim.hash_inputs`.
    blockchain_identifier
        The reference of the payment.
    created_at, updated_at
        Aware UTC datetimes; `updated_at` is never earlier than `created_at`.
    result
        What the work produced, if it completed.
    error
        Why it failed, if it failed.

    Examples
    --------
    >>> from datetime import datetime, timezone
    >>> now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    >>> job = Job(job_id="j1", status="awaiting_payment", input_hash="ab",
    ...           blockchain_identifier="mock_bc_j1", created_at=now, updated_at=now)
    >>> job.status is JobStatus.AWAITING_PAYMENT
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: str
    status: JobStatus
    input_hash: str
    blockchain_identifier: str
    created_at: datetime
    updated_at: datetime
    result: str | None = None
    error: str | None = None


LEGAL_TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = MappingProxyType(
    {
        JobStatus.AWAITING_PAYMENT: frozenset({JobStatus.RUNNING}),
        JobStatus.RUNNING: frozenset({JobStatus.COMPLETED, JobStatus.FAILED}),
        JobStatus.COMPLETED: frozenset(),
        JobStatus.FAILED: frozenset(),
    }
)
"""Each state with the states that may follow it. An unpaid job can only start running."""


def validate_transition(current: JobStatus, target: JobStatus) -> None:
    """Return if `target` may follow `current`, raise if not.

    Raises
    ------
    InvalidStateTransitionError
        For every pair of states that `LEGAL_TRANSITIONS` does not list.

    Examples
    --------
    >>> validate_transition(JobStatus.RUNNING, JobStatus.COMPLETED)
    >>> validate_transition(JobStatus.COMPLETED, JobStatus.RUNNING)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    jobsim...InvalidStateTransitionError: Cannot transition from 'completed' to 'running'
    """
    if target not in LEGAL_TRANSITIONS[current]:
        raise InvalidStateTransitionError(current, target)
