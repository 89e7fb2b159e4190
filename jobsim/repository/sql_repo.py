"""A repository in a database, PostgreSQL or SQLite, through SQLAlchemy."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from sqlalchemy import Table, false, select
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import Job, JobStatus
from jobsim.repository.arguments import as_status, not_text
from jobsim.repository.sql_connections import Connections
from jobsim.repository.sql_errors import had_no_effect
from jobsim.repository.sql_statements import SOURCES, Statement, Statements, jobs_table

_SCHEMA_LOCK = 0x6A6F6273696D
"""The key of the advisory lock under which PostgreSQL creates the table."""


class SqlJobRepository:
    """Jobs in a table of a database; each transition is one guarded UPDATE.

    Thread-safe, and safe for use by many processes and hosts at once: all methods may be called
    from any thread, and each takes effect at one instant between its call and its return. No
    transition reads before it writes: ``UPDATE ... WHERE job_id = ? AND status IN (...)`` checks
    and acts in one statement, while the database locks the row. A refused call changes nothing.

    A call that ends in an error of the database may have been carried out, unless `had_no_effect`
    says otherwise: an answer can be lost after the commit. Such a call is never repeated here.
    After a serialization failure, a deadlock or a busy file nothing was done; then the statement
    is repeated, a limited number of times.

    Parameters
    ----------
    url
        As SQLAlchemy takes it: ``"sqlite:///jobs.db"`` or
        ``"postgresql+psycopg://user@host/database"``. The table ``jobs`` is made if it is missing.
        A SQLite file is put in WAL mode; ``?synchronous=NORMAL`` after its name is faster, but a
        power cut may lose the last transactions. ``"sqlite://"`` is a database in memory that only
        this instance can see; its threads share one connection.
    isolation
        ``"READ COMMITTED"``, ``"REPEATABLE READ"`` or ``"SERIALIZABLE"``; SQLite has only the last.
        None is the database's default. The repository is correct under each of them.

    Raises
    ------
    ValueError
        If the URL cannot be used, the database has no such isolation level, or it has a table
        ``jobs`` with other columns.
    psycopg.OperationalError, sqlite3.OperationalError
        If the database cannot be reached. Errors of the database are the driver's own, here and in
        every method.

    Examples
    --------
    >>> with SqlJobRepository("sqlite://") as repository:
    ...     job = repository.create("a" * 64)
    ...     repository.update_status(job.job_id, JobStatus.RUNNING).status.value
    'running'
    """

    def __init__(self, url: str | URL, *, isolation: str | None = None) -> None:
        self._connections = Connections(url, isolation)
        engine = self._connections.engine
        table = jobs_table(engine.dialect)
        self._statements = Statements(table, engine.dialect)
        self._job = _from_server if engine.dialect.name == "postgresql" else _from_text
        try:
            self._connections.prepare(lambda connection: _make(connection, table))
        except BaseException as exc:
            self.close()
            # SQLAlchemy wraps errors here, and nowhere else: raise the driver's own.
            if isinstance(exc, DBAPIError) and exc.orig is not None:
                raise exc.orig from exc
            raise

    def create(self, input_hash: str) -> Job:
        """Store a new job that awaits payment, and return it.

        Raises
        ------
        TypeError
            If `input_hash` is not a string.
        ValueError
            If it has characters that a database cannot hold.
        """
        _require_text("input_hash", input_hash)
        job_id = str(uuid.uuid4())
        rows = self._connections.run(
            self._statements.create,
            job_id=job_id,
            status=JobStatus.AWAITING_PAYMENT.value,
            input_hash=input_hash,
            blockchain_identifier="mock_bc_" + job_id[:8],
            now=_now(),
        )
        return self._job(rows[0])

    def get(self, job_id: str) -> Job:
        """Return the job as it stands.

        Raises
        ------
        JobNotFoundError
            If no job has this id.
        """
        for row in self._rows_of(self._statements.get, job_id):
            return self._job(row)
        raise JobNotFoundError(job_id)

    def update_status(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None = None,
        error: str | None = None,
    ) -> Job:
        """Move a job along its lifecycle and return it as stored.

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
            If `target` is none of the four statuses, or a text has characters that a database
            cannot hold.
        TypeError
            If `result` or `error` is neither a string nor None.
        """
        target = as_status(target)
        for name, given in (("result", result), ("error", error)):
            if given is not None:
                _require_text(name, given)
        move = self._statements.move.get(target)
        # The loop ends: if the update is refused here and the status below allows it, the job has
        # moved on in between, and the lifecycle has no cycle.
        while True:
            if move is not None and _is_text(job_id):
                moved = self._connections.run(
                    move, id=job_id, new_result=result, new_error=error, now=_now()
                )
                if moved:
                    return self._job(moved[0])
            # A statement of its own, which sees everything committed before it began. A read inside
            # the UPDATE would answer the status from before the wait for the row.
            status = self._status(job_id)
            if status not in SOURCES[target]:
                raise InvalidStateTransitionError(status, target)

    def count(self) -> int:
        """Return how many jobs are stored."""
        count: int = self._connections.run(self._statements.count)[0][0]
        return count

    def snapshot(self) -> list[Job]:
        """Return every job as it stands at one instant, in order of creation."""
        return [self._job(row) for row in self._connections.run(self._statements.snapshot)]

    def count_by_status(self) -> dict[JobStatus, int]:
        """Return how many jobs stand in each of the four statuses at one instant."""
        counts = dict.fromkeys(JobStatus, 0)
        for status, count in self._connections.run(self._statements.count_by_status):
            counts[JobStatus(status)] = count
        return counts

    def had_no_effect(self, exc: BaseException) -> bool:
        """Return whether a call of this repository that raised `exc` certainly changed nothing.

        That is so if no connection could be made, or if the database rolled the call back: each
        call writes in a single transaction. Always False for a subclass with its own `create` or
        `update_status`, since what else these do is not known here.
        """
        kind = type(self)
        if (kind.create, kind.update_status) != (
            SqlJobRepository.create,
            SqlJobRepository.update_status,
        ):
            return False
        return had_no_effect(exc)

    def close(self) -> None:
        """Close every connection; later calls raise RuntimeError."""
        self._connections.close()

    def __enter__(self) -> SqlJobRepository:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _rows_of(self, statement: Statement, job_id: str) -> list[Any]:
        # A text that the database cannot hold is not the id of any job.
        return self._connections.run(statement, id=job_id) if _is_text(job_id) else []

    def _status(self, job_id: str) -> JobStatus:
        for (status,) in self._rows_of(self._statements.status, job_id):
            return JobStatus(status)
        raise JobNotFoundError(job_id)


def _make(connection: Connection, table: Table) -> None:
    """Make the table if it is missing; several processes may do so at once.

    ``CREATE TABLE IF NOT EXISTS`` alone would not do: it checks before it creates, and when several
    run at once it can fail for all but one.
    """
    on_server = connection.dialect.name == "postgresql"
    connection.exec_driver_sql("BEGIN" if on_server else "BEGIN IMMEDIATE")
    if on_server:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
    table.create(connection, checkfirst=True)
    connection.exec_driver_sql("COMMIT")
    try:
        connection.execute(select(*table.c).where(false()))
    except DBAPIError as exc:
        # Checked when the repository is opened: later, every call would fail for no clear reason.
        problem = str(exc.orig).partition("\n")[0]
        raise ValueError(
            f"the database already has a table {table.name!r} with other columns: {problem}; "
            "use another database or schema"
        ) from exc


def _now() -> str:
    """Return the time of the caller's clock as SQLite stores it: text that sorts by time."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


def _from_server(row: Any) -> Job:
    """Make a job of a row whose values the driver has converted to Python types."""
    job_id, status, input_hash, identifier, created_at, updated_at, result, error = row
    return Job(
        job_id=job_id,
        status=status,
        input_hash=input_hash,
        blockchain_identifier=identifier,
        created_at=created_at,
        updated_at=updated_at,
        result=result,
        error=error,
    )


def _from_text(row: Any) -> Job:
    *head, created_at, updated_at, result, error = row
    moments = datetime.fromisoformat(created_at), datetime.fromisoformat(updated_at)
    return _from_server((*head, *moments, result, error))


def _is_text(value: object) -> bool:
    """Return whether both databases can hold a value: PostgreSQL has no NUL in texts."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _require_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise not_text(name, value)
    if not _is_text(value):
        raise ValueError(
            f"{name} contains a NUL or a lone surrogate, which no database text can hold; "
            f"escape it: {value!r:.200}"
        )
