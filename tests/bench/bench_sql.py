"""`SqlJobRepository` against a loop written by hand, which builds the same Job of each answer.

A connection is kept between calls and statements go to the driver as text; with SQLAlchemy's pool
and a statement built for each call, SQLite would be at about a third.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psycopg
from ratio import report, speed_ratio

from jobsim.domain.models import Job, JobStatus
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.testing.postgres import PostgresServer, PostgresUnavailable

JOBS = 100
HASH = "a" * 64
AT_LEAST = 0.55

NAMES = "job_id, status, input_hash, blockchain_identifier, created_at, updated_at, result, error"
STEPS = (("awaiting_payment", "running", None), ("running", "completed", "done"))


def job_of(row: Any) -> Job:
    """Build the answer from a row, as the repository does."""
    return Job(**dict(zip(Job.model_fields, row, strict=True)))


def lives_ours(repository: SqlJobRepository) -> None:
    """Create jobs and take each through its two updates."""
    for _ in range(JOBS):
        job_id = repository.create(HASH).job_id
        repository.update_status(job_id, JobStatus.RUNNING)
        repository.update_status(job_id, JobStatus.COMPLETED, result="done")


def lives_sqlite(connection: sqlite3.Connection) -> None:
    """Do the same with the statements written out."""
    insert = f"INSERT INTO bare ({NAMES}) VALUES (?, ?, ?, ?, ?, ?, NULL, NULL) RETURNING *"  # noqa: S608
    update = (
        "UPDATE bare SET status = ?, updated_at = max(updated_at, ?), "
        "result = coalesce(?, result) WHERE job_id = ? AND status = ? RETURNING *"
    )

    def ask(text: str, arguments: tuple[object, ...]) -> Job:
        ((*head, created, updated, result, error),) = connection.execute(text, arguments).fetchall()
        moments = datetime.fromisoformat(created), datetime.fromisoformat(updated)
        return job_of((*head, *moments, result, error))

    for _ in range(JOBS):
        job_id = str(uuid.uuid4())
        now = _now()
        ask(insert, (job_id, "awaiting_payment", HASH, "mock_bc_" + job_id[:8], now, now))
        for source, target, result in STEPS:
            ask(update, (target, _now(), result, job_id, source))


def lives_postgres(connection: psycopg.Connection[Any]) -> None:
    """Do the same with the statements written out."""
    insert = (
        f"INSERT INTO bare ({NAMES}) VALUES (%s, %s, %s, %s, statement_timestamp(), "  # noqa: S608
        "statement_timestamp(), NULL, NULL) RETURNING *"
    )
    update = (
        "UPDATE bare SET status = %s, updated_at = greatest(updated_at, clock_timestamp()), "
        "result = coalesce(%s, result) WHERE job_id = %s AND status = %s RETURNING *"
    )
    for _ in range(JOBS):
        job_id = str(uuid.uuid4())
        row = (job_id, "awaiting_payment", HASH, "mock_bc_" + job_id[:8])
        job_of(connection.execute(insert, row).fetchone())
        for source, target, result in STEPS:
            job_of(connection.execute(update, (target, result, job_id, source)).fetchone())


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


def _compared(
    name: str,
    repository: SqlJobRepository,
    bare: Callable[[], None],
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> bool:
    ratio = speed_ratio(lambda: lives_ours(repository), bare, rounds=15, clock=clock)
    return report(name, ratio, at_least=AT_LEAST)


def on_sqlite(folder: Path, synchronous: str) -> bool:
    """Compare on a file of its own."""
    path = folder / f"{synchronous}.db"
    with (
        SqlJobRepository(f"sqlite:///{path}?synchronous={synchronous}") as repository,
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
    ):
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("CREATE TABLE bare AS SELECT * FROM jobs")
        connection.execute("CREATE UNIQUE INDEX bare_key ON bare (job_id)")
        name = f"SQLite, synchronous = {synchronous}"
        return _compared(name, repository, lambda: lives_sqlite(connection))


def on_postgres(settings: dict[str, str]) -> bool:
    """Compare on a server of its own, each statement a transaction."""
    with (
        PostgresServer(settings=settings) as server,
        SqlJobRepository(server.url) as repository,
        psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE bare (LIKE jobs INCLUDING ALL)")
        told = ", ".join(f"{name} = {value}" for name, value in settings.items())
        return _compared(
            f"PostgreSQL, autocommit, {told}", repository, lambda: lives_postgres(connection)
        )


def main() -> bool:
    """Print the ratios of wall time; return whether those that are promised hold."""
    with tempfile.TemporaryDirectory() as folder:
        held = [on_sqlite(Path(folder), level) for level in ("FULL", "NORMAL")]
    try:
        held += [on_postgres({"fsync": value}) for value in ("on", "off")]
    except PostgresUnavailable as exc:
        print(f"PostgreSQL: {exc}")
    return all(held)
