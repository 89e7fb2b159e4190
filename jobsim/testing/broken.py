"""Repositories with one mistake each, to show what the checks find. Never use one.

Each docstring gives the reasoning behind the mistake, and `CAUGHT_BY` the checks that find it. Most
need pressure: threads that run freely hardly ever show them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from types import MappingProxyType

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import Job, JobStatus, validate_transition
from jobsim.repository.job_repo import InMemoryJobRepository


class _Steps(InMemoryJobRepository):
    """Reads without a lock, and the two steps of an update for subclasses to get wrong."""

    def get(self, job_id: str) -> Job:
        return self._find(job_id)

    def _find(self, job_id: str) -> Job:
        try:
            return self._store[job_id]
        except KeyError:
            raise JobNotFoundError(job_id) from None

    def _moved(self, job: Job, target: JobStatus, result: str | None, error: str | None) -> Job:
        validate_transition(job.status, target)
        return _with(job, target, result, error)


def _with(job: Job, target: JobStatus, result: str | None, error: str | None) -> Job:
    change = {
        "status": target,
        "updated_at": max(job.updated_at, datetime.now(timezone.utc)),
        "result": job.result if result is None else result,
        "error": job.error if error is None else error,
    }
    return job.model_copy(update=change)


def _new_job(job_id: str, input_hash: str) -> Job:
    now = datetime.now(timezone.utc)
    return Job(
        job_id=job_id,
        status=JobStatus.AWAITING_PAYMENT,
        input_hash=input_hash,
        blockchain_identifier=f"mock_bc_{job_id[:8]}",
        created_at=now,
        updated_at=now,
    )


class NoLock(_Steps):
    """A dictionary is thread-safe, so a repository that is just a dictionary is safe too."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Check and act, with nothing that keeps others from doing the same."""
        moved = self._moved(self._find(job_id), target, result, error)
        self._store[job_id] = moved
        return moved


class NewLockPerCall(_Steps):
    """The lock is made where it is used, so that nobody forgets it; each call has its own."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Hold a lock that nobody else can hold."""
        with threading.Lock():
            moved = self._moved(self._find(job_id), target, result, error)
            self._store[job_id] = moved
        return moved


class CheckAndActApart(_Steps):
    """Both accesses to the table are locked, and the slow validation is kept outside."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Let go of the lock between the check and the act."""
        with self._lock:
            job = self._find(job_id)
        moved = self._moved(job, target, result, error)
        with self._lock:
            self._store[job_id] = moved
        return moved


class LostUpdate(_Steps):
    """Readers need no lock if writers replace the whole table; but two writers lose one update."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Copy the table, change the copy, write it back."""
        table = dict(self._store)
        moved = self._moved(self._find(job_id), target, result, error)
        table[job_id] = moved
        self._store = table
        return moved


class StaleCache(InMemoryJobRepository):
    """Each thread caches what it has read, for speed; it never notices writes of others."""

    def __init__(self) -> None:
        super().__init__()
        self._cache = threading.local()

    def get(self, job_id: str) -> Job:
        """Answer from the thread's own memory if it can."""
        cached: dict[str, Job] = self._cache.__dict__
        if job_id not in cached:
            cached[job_id] = super().get(job_id)
        return cached[job_id]

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Write through the thread's own memory."""
        moved = super().update_status(job_id, target, result, error)
        self._cache.__dict__[job_id] = moved
        return moved


class AcknowledgeBeforeWrite(_Steps):
    """The write is left to a background thread, so that callers get their answer sooner."""

    def __init__(self) -> None:
        super().__init__()
        self._background = ThreadPoolExecutor(max_workers=1)

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Answer what will be stored."""
        moved = self._moved(self._find(job_id), target, result, error)
        self._background.submit(self._store.__setitem__, job_id, moved)
        return moved


class OverwritingCreate(InMemoryJobRepository):
    """Jobs are numbered, which is readable; two that are created at once get the same number."""

    def create(self, input_hash: str) -> Job:
        """Take the next number, and the place of whoever has it already."""
        job = _new_job(f"job-{len(self._store) + 1}", input_hash)
        with self._lock:
            self._store[job.job_id] = job
        return job


class TwoLocksForOneJob(_Steps):
    """One lock per job lets jobs move in parallel; the first two threads on a job make one each."""

    def __init__(self) -> None:
        super().__init__()
        self._locks: dict[str, threading.Lock] = {}

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Make the job's lock when it is first needed."""
        if job_id not in self._locks:
            self._locks[job_id] = threading.Lock()
        with self._locks[job_id]:
            moved = self._moved(self._find(job_id), target, result, error)
            self._store[job_id] = moved
        return moved


class DirtyRead(_Steps):
    """Write first, then validate and roll back, as databases do; but readers see the write."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Show a state that may be taken back."""
        with self._lock:
            before = self._find(job_id)
            self._store[job_id] = _with(before, target, result, error)
            try:
                validate_transition(before.status, target)
            except InvalidStateTransitionError:
                self._store[job_id] = before
                raise
            return self._store[job_id]


class DeleteThenInsert(_Steps):
    """The table has no update, so a row is deleted and inserted; in between it is gone."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Leave a gap in which there is no such job."""
        with self._lock:
            moved = self._moved(self._find(job_id), target, result, error)
            del self._store[job_id]
            self._store[job_id] = moved
        return moved


class DropWhenBusy(_Steps):
    """No caller may wait, so a write that finds the lock taken is silently dropped."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Answer as if it had been written."""
        moved = self._moved(self._find(job_id), target, result, error)
        if self._lock.acquire(blocking=False):
            try:
                moved = self._moved(self._find(job_id), target, result, error)
                self._store[job_id] = moved
            finally:
                self._lock.release()
        return moved


class SpuriousRejection(_Steps):
    """If the lock is taken, someone else must be moving the job, so the call is refused."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Refuse what is legal, because another job is being written."""
        if not self._lock.acquire(blocking=False):
            raise InvalidStateTransitionError(self._find(job_id).status, target)
        try:
            moved = self._moved(self._find(job_id), target, result, error)
            self._store[job_id] = moved
        finally:
            self._lock.release()
        return moved


class NoValidation(InMemoryJobRepository):
    """The service layer validates already, so the repository just stores what it is given."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Store any state after any other."""
        with self._lock:
            if job_id not in self._store:
                raise JobNotFoundError(job_id)
            self._store[job_id] = _with(self._store[job_id], target, result, error)
            return self._store[job_id]


class TornSnapshot(InMemoryJobRepository):
    """Each job is read under the lock, so all of them are consistent; but not at one instant."""

    def snapshot(self) -> list[Job]:
        """Read one job after the other while others write."""
        return [self.get(job_id) for job_id in list(self._store)]


GALLERY: Mapping[str, type[InMemoryJobRepository]] = MappingProxyType(
    {
        "no_lock": NoLock,
        "new_lock_per_call": NewLockPerCall,
        "check_and_act_apart": CheckAndActApart,
        "lost_update": LostUpdate,
        "stale_cache": StaleCache,
        "acknowledge_before_write": AcknowledgeBeforeWrite,
        "overwriting_create": OverwritingCreate,
        "two_locks_for_one_job": TwoLocksForOneJob,
        "dirty_read": DirtyRead,
        "delete_then_insert": DeleteThenInsert,
        "drop_when_busy": DropWhenBusy,
        "spurious_rejection": SpuriousRejection,
        "no_validation": NoValidation,
        "torn_snapshot": TornSnapshot,
    }
)
"""All broken examples by name."""

CAUGHT_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "no_lock": ("one_start_wins", "one_end_wins"),
        "new_lock_per_call": ("one_start_wins", "one_end_wins"),
        "check_and_act_apart": ("one_start_wins", "one_end_wins"),
        "lost_update": ("writes_to_different_jobs", "one_start_wins"),
        "stale_cache": ("writes_reach_other_threads", "reads_during_writes"),
        "acknowledge_before_write": ("one_start_wins", "writes_to_different_jobs"),
        "overwriting_create": ("concurrent_creates", "counts_during_creates"),
        "two_locks_for_one_job": ("one_start_wins",),
        "dirty_read": ("reads_during_writes",),
        "delete_then_insert": ("reads_during_writes",),
        "drop_when_busy": ("writes_to_different_jobs", "one_start_wins"),
        "spurious_rejection": ("writes_to_different_jobs", "one_start_wins"),
        "no_validation": ("sixteen_transitions", "refusal_changes_nothing"),
        "torn_snapshot": ("snapshot_is_one_instant",),
    }
)
"""The checks that find each example best; others may fail too. A test measures this."""
