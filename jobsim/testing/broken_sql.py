"""Repositories over a database with one textbook mistake each. Never use one.

Each docstring gives the reasoning behind the mistake. Most are correct for one caller at a time;
`jobsim.testing.techniques` shows which isolation level makes which of them safe.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import Job, JobStatus, validate_transition
from jobsim.repository.sql_statements import SOURCES
from jobsim.testing.sql_steps import AUTOCOMMIT, SqlSteps


class SelectThenUpdate(SqlSteps):
    """A transaction makes the read and the write atomic, so nothing can come in between."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Read, check and write, while others do the same."""
        return self._read_and_write(job_id, target, result, error)


class MissingRowcount(SqlSteps):
    """The UPDATE has a guard, so it cannot go wrong; whether it found a row is not checked."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Answer the job as it is, whoever moved it there."""
        with self._transaction() as connection:
            job = self._find(connection, job_id)
            validate_transition(job.status, target := JobStatus(target))
            guard = self._table.c.status.in_([source.value for source in SOURCES[target]])
            self._save(connection, job_id, target, result, error, guard)
            return self._reread(connection, job_id)


class ForUpdateInAutocommit(SqlSteps):
    """The row is locked by SELECT FOR UPDATE; but in autocommit the lock is released at once."""

    def __init__(self, url: str | URL, **options: Any) -> None:
        super().__init__(url, **(options | {"isolation": AUTOCOMMIT}))

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Lock, release, check and write."""
        return self._read_and_write(job_id, target, result, error, lock=True)


class NoRetry(SqlSteps):
    """The isolation level prevents lost updates, but by errors that nobody handles."""

    def __init__(
        self, url: str | URL, *, isolation: str | None = "REPEATABLE READ", **options: Any
    ) -> None:
        if str(url).startswith("sqlite"):
            isolation = "DEFERRED"
        super().__init__(url, isolation=isolation, **options)

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Pass the serialization failure on to the caller."""
        return self._read_and_write(job_id, target, result, error)


class StaleIdentityMap(SqlSteps):
    """Each thread keeps the objects that it has loaded, as a session of an ORM does."""

    def __init__(self, url: str | URL, **options: Any) -> None:
        super().__init__(url, **options)
        self._session = threading.local()

    def get(self, job_id: str) -> Job:
        """Answer the object that this thread has loaded, however old."""
        mine: dict[str, Job] = self._session.__dict__
        if job_id not in mine:
            mine[job_id] = super().get(job_id)
        return mine[job_id]

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Write to the database and to this thread's object."""
        moved = super().update_status(job_id, target, result, error)
        self._session.__dict__[job_id] = moved
        return moved


class ReadReplica(SqlSteps):
    """Reads go to a replica, to spare the primary; it is a little behind."""

    def __init__(self, url: str | URL, **options: Any) -> None:
        super().__init__(url, **options)
        self._lock = threading.Lock()
        self._replica: dict[str, Job] = {}  # guarded by _lock
        self._reads = 0  # guarded by _lock

    def get(self, job_id: str) -> Job:
        """Answer from a copy that every tenth read brings up to date."""
        with self._lock:
            if self._reads % 10 == 0 or job_id not in self._replica:
                self._replica = {job.job_id: job for job in self.snapshot()}
            self._reads += 1
            try:
                return self._replica[job_id]
            except KeyError:
                raise JobNotFoundError(job_id) from None


class LockInTheProcess(SqlSteps):
    """One lock around the read and the write is enough, for as long as there is one process."""

    def __init__(self, url: str | URL, **options: Any) -> None:
        super().__init__(url, **options)
        self._lock = threading.Lock()

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Keep out the threads of this instance, and no others."""
        with self._lock:
            return self._read_and_write(job_id, target, result, error)


class IdFromTimestamp(SqlSteps):
    """Ids that sort by time are practical; two creates in one second get the same id."""

    def create(self, input_hash: str) -> Job:
        """Take the second as the id, and overwrite the row that already has it."""
        now: Any = datetime.now(timezone.utc)
        job_id = f"job-{now:%Y%m%dT%H%M%S}"
        if not self._on_server:
            now = now.isoformat(timespec="microseconds")
        row = {
            "job_id": job_id,
            "status": JobStatus.AWAITING_PAYMENT.value,
            "input_hash": input_hash,
            "blockchain_identifier": f"mock_bc_{job_id}",
            "created_at": now,
            "updated_at": now,
        }
        upsert: Any = (postgresql if self._on_server else sqlite).insert(self._table).values(**row)
        with self._transaction() as connection:
            connection.execute(upsert.on_conflict_do_update(index_elements=["job_id"], set_=row))
            return self._reread(connection, job_id)


class BlindRetry(SqlSteps):
    """Networks fail, so a failed call is repeated; but it may have been carried out."""

    def create(self, input_hash: str) -> Job:
        """Create a second job where the answer to the first was lost."""
        return self._again(lambda: super(BlindRetry, self).create(input_hash))

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Be refused because of its own first attempt."""
        move = super().update_status
        return self._again(lambda: move(job_id, target, result, error))

    def _again(self, call: Callable[[], Job]) -> Job:
        for _ in range(20):
            try:
                return call()
            except (JobNotFoundError, InvalidStateTransitionError, ValueError, TypeError):
                raise
            except Exception:  # noqa: BLE001 - the mistake
                time.sleep(0.005)
        return call()


class AcknowledgeBeforeCommit(SqlSteps):
    """The commit takes longest, so it is left to a background thread."""

    def __init__(self, url: str | URL, **options: Any) -> None:
        super().__init__(url, **options)
        self._background = ThreadPoolExecutor(max_workers=1)

    def close(self) -> None:
        """Write what is left, and close every connection."""
        self._background.shutdown()
        super().close()

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Answer what will be stored."""
        job = self.get(job_id)
        validate_transition(job.status, target := JobStatus(target))
        write = super().update_status
        self._background.submit(self._later, write, job_id, target, result, error)
        change = {
            "status": target,
            "updated_at": max(job.updated_at, datetime.now(timezone.utc)),
            "result": job.result if result is None else result,
            "error": job.error if error is None else error,
        }
        return job.model_copy(update=change)

    def _later(self, write: Any, *arguments: Any) -> None:
        time.sleep(self._pause_s)
        with suppress(Exception):  # the mistake: nobody learns about it
            write(*arguments)


class DeleteThenInsert(SqlSteps):
    """A row is deleted and inserted again in two transactions; in between it is gone."""

    def __init__(self, url: str | URL, **options: Any) -> None:
        super().__init__(url, **(options | {"isolation": AUTOCOMMIT}))

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Leave a gap in which there is no such job."""
        with self._transaction() as connection:
            job = self._find(connection, job_id, lock=True)
            validate_transition(job.status, JobStatus(target))
            gone = self._table.c.job_id == job_id
            if not connection.execute(delete(self._table).where(gone)).rowcount:
                raise InvalidStateTransitionError(job.status, target)
        time.sleep(self._pause_s)
        with self._transaction() as connection:
            row = self._row_of(job) | {"status": JobStatus(target).value}
            row |= {"result": result or job.result, "error": error or job.error}
            connection.execute(insert(self._table).values(**row))
            return self._reread(connection, job_id)

    def _row_of(self, job: Job) -> dict[str, Any]:
        row = job.model_dump()
        if not self._on_server:
            for name in ("created_at", "updated_at"):
                row[name] = row[name].isoformat(timespec="microseconds")
        return row


class RefusalFromOldSnapshot(SqlSteps):
    """The status is read first, to save a statement; a refusal then names an outdated status."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Refuse with the status that the job had when the call began."""
        with self._transaction() as connection:
            before = self._find(connection, job_id)
            guard = self._table.c.status.in_(
                [source.value for source in SOURCES[JobStatus(target)]]
            )
            if self._save(connection, job_id, JobStatus(target), result, error, guard):
                return self._reread(connection, job_id)
        raise InvalidStateTransitionError(before.status, target)


class SwallowedError(SqlSteps):
    """Errors of the database are swallowed, and the caller gets the job all the same."""

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Answer the intended job, whether it was written or not."""
        job = self.get(job_id)
        validate_transition(job.status, JobStatus(target))
        try:
            return self._read_and_write(job_id, target, result, error)
        except DBAPIError:
            return job.model_copy(update={"status": JobStatus(target), "result": result})


BROKEN_SQL: Mapping[str, type[SqlSteps]] = MappingProxyType(
    {
        "select_then_update": SelectThenUpdate,
        "missing_rowcount": MissingRowcount,
        "for_update_in_autocommit": ForUpdateInAutocommit,
        "no_retry": NoRetry,
        "stale_identity_map": StaleIdentityMap,
        "read_replica": ReadReplica,
        "lock_in_the_process": LockInTheProcess,
        "id_from_timestamp": IdFromTimestamp,
        "blind_retry": BlindRetry,
        "acknowledge_before_commit": AcknowledgeBeforeCommit,
        "delete_then_insert": DeleteThenInsert,
        "refusal_from_old_snapshot": RefusalFromOldSnapshot,
        "swallowed_error": SwallowedError,
    }
)
"""All broken examples by name."""
