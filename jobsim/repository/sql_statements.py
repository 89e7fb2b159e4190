"""The table of jobs and its statements, written once for every database.

The statements are SQLAlchemy Core and are compiled to text once per repository: building one for
each call would cost more than SQLite needs to run it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    ClauseElement,
    Column,
    ColumnElement,
    DateTime,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

from jobsim.domain.models import LEGAL_TRANSITIONS, Job, JobStatus

SOURCES: Mapping[JobStatus, tuple[JobStatus, ...]] = {
    target: tuple(source for source in JobStatus if target in LEGAL_TRANSITIONS[source])
    for target in JobStatus
}
"""Each status with the statuses that may precede it."""

FIELDS = tuple(Job.model_fields)
"""The columns of a row, in the order in which `sql_repo` reads them."""


def jobs_table(dialect: Dialect) -> Table:
    """Return the table; where the database has no type for UTC times they are text of one width."""
    moment = DateTime(timezone=True) if dialect.name == "postgresql" else String(32)
    return Table(
        "jobs",
        MetaData(),
        Column("job_id", String(64), primary_key=True),
        Column("status", String(16), nullable=False),
        Column("input_hash", Text, nullable=False),
        Column("blockchain_identifier", Text, nullable=False),
        Column("created_at", moment, nullable=False),
        Column("updated_at", moment, nullable=False),
        Column("result", Text),
        Column("error", Text),
    )


@dataclass(frozen=True)
class Statement:
    """One statement as the driver takes it: its text, and the order of its arguments.

    `order` is empty for a driver that takes arguments by name.
    """

    text: str
    order: tuple[str, ...]

    def arguments(self, values: dict[str, object]) -> Any:
        """Return the arguments in the form that the driver takes."""
        return tuple([values[name] for name in self.order]) if self.order else values


class Statements:
    """All statements of a repository, compiled for one dialect.

    PostgreSQL uses the clock of the server, SQLite that of the caller. A job's `updated_at` is
    never set back, whatever the clock does. It is `clock_timestamp()` and not `now()`: `now()` is
    when the transaction began, and a transaction that waited for a lock may have begun before the
    holder of the lock wrote.
    """

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self._dialect = dialect
        server = dialect.name == "postgresql"
        columns = [table.c[name] for name in FIELDS]
        # The same expression twice, and within one statement it has one value: both are equal.
        born = func.statement_timestamp() if server else bindparam("now")
        row: dict[str, Any] = {name: bindparam(name) for name in FIELDS[:4]}
        new = insert(table).values(**row, created_at=born, updated_at=born)
        self.create = self._compiled(new.returning(*columns))
        known = table.c.job_id == bindparam("id")
        self.get = self._compiled(select(*columns).where(known))
        self.status = self._compiled(select(table.c.status).where(known))
        self.count = self._compiled(select(func.count()).select_from(table))
        self.count_by_status = self._compiled(
            select(table.c.status, func.count()).group_by(table.c.status)
        )
        self.snapshot = self._compiled(
            select(*columns).order_by(table.c.created_at, table.c.job_id)
        )
        updated = table.c.updated_at
        later: ColumnElement[Any] = (
            func.greatest(updated, func.clock_timestamp())
            if server
            else func.max(updated, bindparam("now"))
        )
        # The guard: the statement checks that the step is legal and takes it at one instant.
        self.move = {
            target: self._compiled(
                update(table)
                .where(known, table.c.status.in_([_constant(source) for source in sources]))
                .values(
                    status=_constant(target),
                    updated_at=later,
                    result=func.coalesce(bindparam("new_result"), table.c.result),
                    error=func.coalesce(bindparam("new_error"), table.c.error),
                )
                .returning(*columns)
            )
            for target, sources in SOURCES.items()
            if sources
        }

    def _compiled(self, statement: ClauseElement) -> Statement:
        compiled = cast("SQLCompiler", statement.compile(dialect=self._dialect))
        return Statement(str(compiled), tuple(compiled.positiontup or ()))


def _constant(status: JobStatus) -> ColumnElement[str]:
    """Return a status as a literal of the statement's text, not as an argument."""
    return literal_column(f"'{status.value}'", String)
