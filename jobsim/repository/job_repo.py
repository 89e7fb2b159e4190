"""The locked in-memory repository."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from datetime import datetime, timezone

from jobsim.domain.exceptions import JobNotFoundError
from jobsim.domain.models import Job, JobStatus, validate_transition
from jobsim.repository.arguments import as_status, not_text


class InMemoryJobRepository:
    """Jobs in a dictionary, every access to it under one lock.

    Thread-safe: all methods may be called from any thread, and each takes effect at one
    instant between its call and its return (it is linearizable). Nothing but the table is
    touched under the lock: no callback, no I/O, no logging. A call that raises changes
    nothing and holds no lock.

    Examples
    --------
    >>> repository = InMemoryJobRepository()
    >>> job = repository.create(input_hash="a" * 64)
    >>> repository.update_status(job.job_id, JobStatus.RUNNING).status.value
    'running'
    >>> repository.count()
    1
    """

    def __init__(self) -> None:
        self._store: dict[str, Job] = {}  # guarded by _lock
        self._lock = threading.Lock()

    def create(self, input_hash: str) -> Job:
        """Store a new job that awaits payment, and return it.

        Raises
        ------
        TypeError
            If `input_hash` is not a string.
        """
        if not isinstance(input_hash, str):
            raise not_text("input_hash", input_hash)
        job_id = str(uuid.uuid4())
        now = datetime.now(timezone.utc)
        job = Job(
            job_id=job_id,
            status=JobStatus.AWAITING_PAYMENT,
            input_hash=input_hash,
            blockchain_identifier="mock_bc_" + job_id[:8],
            created_at=now,
            updated_at=now,
        )
        with self._lock:
            self._store[job_id] = job
        return job

    def get(self, job_id: str) -> Job:
        """Return the job itself; it is frozen, so no copy is needed.

        Raises
        ------
        JobNotFoundError
            If no job has this id.
        """
        try:
            with self._lock:
                return self._store[job_id]
        except KeyError:
            raise JobNotFoundError(job_id) from None

    def update_status(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None = None,
        error: str | None = None,
    ) -> Job:
        """Move a job along its lifecycle and return its new, frozen instance.

        Parameters
        ----------
        job_id
            Which job.
        target
            Where to. The status's string value (``"running"``) works too.
        result, error
            Text to store with the job; None leaves what is stored.

        Raises
        ------
        JobNotFoundError
            If no job has this id.
        InvalidStateTransitionError
            If `target` may not follow the job's status.
        ValueError
            If `target` is none of the four statuses.
        TypeError
            If `result` or `error` is neither a string nor None.
        """
        if type(target) is not JobStatus:
            target = as_status(target)
        if result is not None and not isinstance(result, str):
            raise not_text("result", result)
        if error is not None and not isinstance(error, str):
            raise not_text("error", error)
        # One acquisition from the look-up to the store: no other thread can act on the
        # state that was validated here.
        with self._lock:
            job = self._store.get(job_id)
            if job is None:
                raise JobNotFoundError(job_id)
            validate_transition(job.status, target)
            # The wall clock may be set back; a job's time never is.
            now = datetime.now(timezone.utc)
            if now < job.updated_at:
                now = job.updated_at
            # The constructor, not model_copy: copying does not validate.
            updated = Job(
                job_id=job_id,
                status=target,
                input_hash=job.input_hash,
                blockchain_identifier=job.blockchain_identifier,
                created_at=job.created_at,
                updated_at=now,
                result=job.result if result is None else result,
                error=job.error if error is None else error,
            )
            self._store[job_id] = updated
        return updated

    def count(self) -> int:
        """Return how many jobs are stored."""
        with self._lock:
            return len(self._store)

    def snapshot(self) -> list[Job]:
        """Return every job as it stands at one instant, in order of creation."""
        with self._lock:
            return list(self._store.values())

    def count_by_status(self) -> dict[JobStatus, int]:
        """Return how many jobs stand in each of the four statuses at one instant."""
        counts = Counter(job.status for job in self.snapshot())
        return {status: counts[status] for status in JobStatus}
