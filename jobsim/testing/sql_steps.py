"""What the examples over a database share: transactions, and an update in two steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, TypeVar

from sqlalchemy import bindparam, create_engine, event, func, select, update
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from jobsim.domain.exceptions import JobNotFoundError
from jobsim.domain.models import Job, JobStatus, validate_transition
from jobsim.repository.sql_connections import database_url
from jobsim.repository.sql_errors import may_be_repeated
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.repository.sql_statements import jobs_table

_R = TypeVar("_R")

PAUSE_S = 0.002
"""How long an update pauses between its read and its write, so that others get in between."""

ATTEMPTS = 200
"""How many attempts an example that retries makes."""

SQLITE_BEGINS = ("DEFERRED", "IMMEDIATE")
"""How a transaction begins on SQLite, in place of isolation levels."""

AUTOCOMMIT = "AUTOCOMMIT"
"""No transaction at all: each statement commits; for both databases."""


class SqlSteps(SqlJobRepository):
    """Creates and reads correctly; subclasses write the update.

    Parameters
    ----------
    url
        Of PostgreSQL, or of a file of SQLite.
    isolation
        An isolation level of PostgreSQL, or one of `SQLITE_BEGINS`; `AUTOCOMMIT` for both.
    pause_s
        Seconds between the read and the write of an update.
    """

    def __init__(
        self, url: str | URL, *, isolation: str | None = None, pause_s: float = PAUSE_S
    ) -> None:
        super().__init__(url)
        self._pause_s = pause_s
        self._engine = _engine(database_url(url), isolation)
        self._table = jobs_table(self._engine.dialect)
        self._on_server = self._engine.dialect.name == "postgresql"

    def close(self) -> None:
        """Close every connection."""
        super().close()
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection

    def _find(self, connection: Connection, job_id: str, *, lock: bool = False) -> Job:
        """Read the job, and pause so that others get in between."""
        query = select(self._table).where(self._table.c.job_id == job_id)
        row = connection.execute(query.with_for_update() if lock else query).first()
        if row is None:
            raise JobNotFoundError(job_id)
        time.sleep(self._pause_s)
        return self._job(row)

    def _save(
        self,
        connection: Connection,
        job_id: str,
        target: JobStatus,
        result: str | None,
        error: str | None,
        *guards: Any,
    ) -> int:
        """Update the row with this id if the guards hold; return how many rows were changed."""
        columns = self._table.c
        if self._on_server:
            later: Any = func.greatest(columns.updated_at, func.clock_timestamp())
        else:
            now = datetime.now(timezone.utc).isoformat(timespec="microseconds")
            later = func.max(columns.updated_at, bindparam("now", now))
        changed = connection.execute(
            update(self._table)
            .where(columns.job_id == job_id, *guards)
            .values(
                status=target.value,
                updated_at=later,
                result=func.coalesce(bindparam("new_result", result), columns.result),
                error=func.coalesce(bindparam("new_error", error), columns.error),
            )
        )
        return int(changed.rowcount)

    def _later(self, moment: Any) -> Any:
        """Return the present time in the table's form, but never one before `moment`."""
        now: Any = datetime.now(timezone.utc)
        return max(moment, now if self._on_server else now.isoformat(timespec="microseconds"))

    def _reread(self, connection: Connection, job_id: str) -> Job:
        query = select(self._table).where(self._table.c.job_id == job_id)
        return self._job(connection.execute(query).one())

    def _read_and_write(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None,
        error: str | None,
        *,
        lock: bool = False,
    ) -> Job:
        """Read, check and write in one transaction, as the textbook has it."""
        with self._transaction() as connection:
            job = self._find(connection, job_id, lock=lock)
            validate_transition(job.status, JobStatus(target))
            self._save(connection, job_id, JobStatus(target), result, error)
            return self._reread(connection, job_id)


def retried(attempt: Callable[[], _R]) -> _R:
    """Return what an attempt returns; repeat it while the database says that nothing was done."""
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except DBAPIError as exc:
            if not may_be_repeated(exc):
                raise
            time.sleep(0.001)
    return attempt()


def _engine(url: URL, isolation: str | None) -> Engine:
    """Make an engine whose transactions begin as specified, and not as the driver would do it."""
    if url.get_backend_name() == "postgresql":
        level: Any = {} if isolation is None else {"isolation_level": isolation}
        return create_engine(url, pool_size=16, **level)
    # An option of ours that the driver does not know.
    url = url.difference_update_query(["synchronous"])
    engine = create_engine(url, pool_size=16)
    begin = None if isolation == AUTOCOMMIT else f"BEGIN {isolation or SQLITE_BEGINS[0]}"

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # Turn the driver's handling of transactions off: only the code below begins and ends them.
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA busy_timeout = 30000")

    # The driver would begin a transaction at the first write, but it has to include the reads.
    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        if begin is not None:
            connection.exec_driver_sql(begin)

    return engine
