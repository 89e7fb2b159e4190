"""Correct ways to write an update over a database, for comparison with the mistakes.

`SqlJobRepository` is one more, with ``UPDATE ... RETURNING``, and usually the fastest.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session, registry

from jobsim.domain.exceptions import JobNotFoundError
from jobsim.domain.models import Job, JobStatus, validate_transition
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.testing.sql_steps import SqlSteps, retried


class ForUpdate(SqlSteps):
    """SELECT ... FOR UPDATE locks the row from the read to the commit.

    SQLite has no row locks; there the transaction has to begin as IMMEDIATE.
    """

    def __init__(self, url: str | URL, *, isolation: str | None = None, **options: Any) -> None:
        if str(url).startswith("sqlite"):
            isolation = "IMMEDIATE"
        super().__init__(url, isolation=isolation, **options)

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Lock, check, write; above READ COMMITTED start again if the row has changed."""
        return retried(lambda: self._read_and_write(job_id, target, result, error, lock=True))


class SerializableWithRetry(SqlSteps):
    """Reads and writes as in the textbook; errors of the database make it safe, and are handled."""

    def __init__(self, url: str | URL, *, isolation: str | None = None, **options: Any) -> None:
        usual = "DEFERRED" if str(url).startswith("sqlite") else "SERIALIZABLE"
        super().__init__(url, isolation=isolation or usual, **options)

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Read, check, write; start again if that failed."""
        return retried(lambda: self._read_and_write(job_id, target, result, error))


class VersionColumn(SqlSteps):
    """Optimistic locking: the write names the version that was read, and counts its rows.

    The pair of status and `updated_at` is the version here.
    """

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Read, check, and write if nothing has changed; start again otherwise."""
        while True:
            moved = retried(lambda: self._attempt(job_id, JobStatus(target), result, error))
            if moved is not None:
                return moved

    def _attempt(
        self, job_id: str, target: JobStatus, result: str | None, error: str | None
    ) -> Job | None:
        """Try the update once; return None if another caller was faster."""
        # Two transactions: in one, REPEATABLE READ would show the old version for ever.
        with self._transaction() as connection:
            job = self._find(connection, job_id)
        validate_transition(job.status, target)
        # The condition is part of the write, so nothing can change between check and write.
        same = self._table.c.status == job.status.value
        with self._transaction() as connection:
            if self._save(connection, job_id, target, result, error, same):
                return self._reread(connection, job_id)
        return None


class BeginImmediate(SqlSteps):
    """The transaction takes the lock for writing before it reads.

    SQLite's BEGIN IMMEDIATE; on PostgreSQL an advisory lock for the job does the same.
    """

    def __init__(self, url: str | URL, **options: Any) -> None:
        begins = "IMMEDIATE" if str(url).startswith("sqlite") else "READ COMMITTED"
        super().__init__(url, **(options | {"isolation": begins}))

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Lock, read, check, write."""
        with self._transaction() as connection:
            if self._on_server:
                lock = "SELECT pg_advisory_xact_lock(hashtextextended(%(id)s, 0))"
                connection.exec_driver_sql(lock, {"id": job_id})
            job = self._find(connection, job_id)
            validate_transition(job.status, JobStatus(target))
            self._save(connection, job_id, JobStatus(target), result, error)
            return self._reread(connection, job_id)


class UnitOfWork(SqlSteps):
    """One ORM session per call; the row is loaded with a lock and flushed at the commit."""

    def __init__(self, url: str | URL, *, isolation: str | None = None, **options: Any) -> None:
        if str(url).startswith("sqlite"):
            isolation = "IMMEDIATE"
        super().__init__(url, isolation=isolation, **options)
        mapper = registry()

        class Row:
            """One row of the table, tracked by the session."""

        mapper.map_imperatively(Row, self._table)
        self._row: Any = Row

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Load with a lock, check, change the object, commit."""
        return retried(lambda: self._attempt(job_id, JobStatus(target), result, error))

    def _attempt(
        self, job_id: str, target: JobStatus, result: str | None, error: str | None
    ) -> Job:
        """Update under a row lock, where the database has them, held until the commit."""
        with Session(self._engine) as session, session.begin():
            query = select(self._row).where(self._table.c.job_id == job_id)
            row = session.scalars(query.with_for_update()).first()
            if row is None:
                raise JobNotFoundError(job_id)
            validate_transition(JobStatus(row.status), target)
            change = {"result": result, "error": error}
            row.status = target.value
            for name in ("result", "error"):
                if change[name] is not None:
                    setattr(row, name, change[name])
            row.updated_at = self._later(row.updated_at)
            session.flush()
            return self._reread(session.connection(), job_id)


CORRECT_SQL: Mapping[str, type[SqlJobRepository]] = MappingProxyType(
    {
        "update_returning": SqlJobRepository,
        "for_update": ForUpdate,
        "serializable_with_retry": SerializableWithRetry,
        "version_column": VersionColumn,
        "begin_immediate": BeginImmediate,
        "unit_of_work": UnitOfWork,
    }
)
"""All correct techniques by name."""
