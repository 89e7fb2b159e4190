"""Connections to a database, kept open between calls."""

from __future__ import annotations

import math
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, PoolProxiedConnection

from jobsim.domain.text import without_password
from jobsim.repository.sql_errors import may_be_repeated, not_sent
from jobsim.repository.sql_statements import Statement

DRIVERS = {"postgresql": "psycopg", "sqlite": "pysqlite"}
"""The driver for each database, by its name in SQLAlchemy."""

DIALECTS = tuple(DRIVERS)
"""The supported databases; both have UPDATE ... RETURNING."""

ISOLATION = {
    "postgresql": ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"),
    "sqlite": ("SERIALIZABLE",),
}
"""The isolation levels of each database; SQLite has only its default."""

MOST_CONNECTIONS = 16
"""How many connections are open at once; further calls wait for one of them."""

ATTEMPTS = 50
"""How often a statement is tried in all, if the database says that nothing was done."""

CONNECT_TIMEOUT_S = 10
"""How long to wait for PostgreSQL to connect, unless the address has a ``connect_timeout``."""

BUSY_TIMEOUT_S = 30.0
"""How long SQLite waits for a lock, unless the address has a ``timeout``."""

_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.1


class Connections:
    """Executes each statement in a transaction of its own, on a connection no other thread uses.

    Thread-safe. This class keeps the connections instead of SQLAlchemy's pool, and statements go
    straight to the driver's cursor: checking a connection out and describing the result cost more
    than SQLite needs for a statement. The connection that was returned last is used next.

    Parameters
    ----------
    url
        As in `SqlJobRepository`.
    isolation
        One of `ISOLATION`, None for the database's default.

    Raises
    ------
    ValueError
        If the address, one of its options or the isolation level cannot be used.
    """

    def __init__(self, url: str | URL, isolation: str | None) -> None:
        made = database_url(url)
        name = made.get_backend_name()
        levels = ISOLATION[name]
        if isolation is not None and isolation.upper() not in levels:
            raise ValueError(f"{isolation!r} is not an isolation level of {name}; it has {levels}")
        if name == "sqlite":
            self.engine, most = _sqlite_engine(made)
        else:
            self.engine, most = _postgres_engine(made, isolation), MOST_CONNECTIONS
        dialect: Any = self.engine.dialect
        self._errors: type[Exception] = dialect.loaded_dbapi.Error
        self._is_gone: Callable[..., bool] = dialect.is_disconnect
        # Each use is one atomic operation. The semaphore bounds how many are in use, and a
        # connection is opened only when none is idle, so it bounds how many are open as well.
        self._idle: deque[PoolProxiedConnection] = deque()
        self._free = threading.Semaphore(most)
        self._closed = False  # written by `close` only, once

    def run(self, statement: Statement, **values: object) -> list[Any]:
        """Execute a statement in a transaction of its own and return its rows.

        A statement that the database rolled back is tried again after growing pauses, `ATTEMPTS`
        times in all. After a lost connection it is never tried again: it may have been committed.
        """
        pause, arguments = _PAUSE_S, statement.arguments(values)
        for _ in range(ATTEMPTS - 1):
            try:
                return self._once(statement.text, arguments)
            except self._errors as exc:
                if not may_be_repeated(exc):
                    raise
            # Random, since statements that collided would collide again after equal pauses.
            time.sleep(random.uniform(0.0, pause))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        return self._once(statement.text, arguments)

    def prepare(self, function: Callable[[Connection], None]) -> None:
        """Call a function with one connection, and keep that; for the first use of a database."""
        with self._free:
            raw = self.engine.raw_connection()
            try:
                function(Connection(self.engine, connection=raw))
            except BaseException:
                raw.close()
                raise
            self._give_back(raw)

    def close(self) -> None:
        """Close every connection; one that is in use is closed when its call ends."""
        self._closed = True
        self._drop_idle()
        self.engine.dispose()

    def _once(self, text: str, arguments: Any) -> list[Any]:
        """Run a statement on an idle or new connection, and give it back or close it on failure."""
        with self._free:
            if self._closed:
                raise RuntimeError("this repository is closed; make a new one")
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect()
            try:
                rows = _fetched(connection, text, arguments)
            except self._errors as exc:
                if self._is_gone(exc, connection.dbapi_connection, None):
                    # The server is gone, so the idle connections are dead too. Without them, one
                    # call is lost per incident and not one per connection.
                    connection.close()
                    self._drop_idle()
                else:
                    self._give_back(connection)
                raise
            except BaseException:
                connection.invalidate()  # interrupted: its next answer may be to this statement
                raise
            self._give_back(connection)
            return rows

    def _connect(self) -> PoolProxiedConnection:
        try:
            return self.engine.raw_connection()
        except self._errors as exc:
            not_sent(exc)
            raise

    def _give_back(self, connection: PoolProxiedConnection) -> None:
        self._idle.append(connection)
        if self._closed:  # `close` may have emptied the deque before this append
            self._drop_idle()

    def _drop_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


def database_url(url: str | URL) -> URL:
    """Return an address with the driver that jobsim uses for its database.

    Raises
    ------
    ValueError
        If it is not an address, or names another database or driver.

    Examples
    --------
    >>> database_url("postgresql://host/jobs").drivername
    'postgresql+psycopg'
    """
    shown = without_password(str(url))
    try:
        made = make_url(url)
    except (ArgumentError, ValueError) as exc:
        raise ValueError(
            f"{shown!r} is not an address, such as sqlite:///jobs.db or "
            f"postgresql+psycopg://user@host/database: {without_password(str(exc))}"
        ) from exc
    name, _, driver = made.drivername.partition("+")
    if name not in DIALECTS:
        raise ValueError(f"{name!r} is not one of {', '.join(DIALECTS)}; use one of these")
    if driver not in ("", DRIVERS[name]):
        raise ValueError(
            f"{driver!r} is not a driver that works here; write {name}+{DRIVERS[name]}"
        )
    return made.set(drivername=f"{name}+{DRIVERS[name]}")


def _fetched(connection: PoolProxiedConnection, text: str, arguments: Any) -> list[Any]:
    cursor = connection.cursor()
    try:
        cursor.execute(text, arguments)
        # All rows at once: SQLite commits a statement when its last row has been taken.
        return list(cursor.fetchall())
    finally:
        cursor.close()


def _postgres_engine(url: URL, isolation: str | None) -> Engine:
    """Return an engine whose connections commit each statement, at an isolation level.

    The isolation level and the time zone are session options sent when connecting: a statement
    needs no BEGIN and COMMIT around it, and a new connection no further round trip.
    """
    settings = [str(url.query.get("options", "")), "-ctimezone=UTC"]
    if isolation is not None:
        level = isolation.lower().replace(" ", "\\ ")
        settings.append(f"-cdefault_transaction_isolation={level}")
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT_S)})
    return create_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,  # no transaction is ever open
        connect_args={"options": " ".join(filter(None, settings))},
    )


def _sqlite_engine(url: URL) -> tuple[Engine, int]:
    """Return an engine for a file in WAL mode, or for one connection to a database in memory."""
    in_memory = url.database in (None, "", ":memory:")
    synchronous = str(url.query.get("synchronous", "FULL")).upper()
    if synchronous not in ("OFF", "NORMAL", "FULL", "EXTRA"):
        raise ValueError(f"synchronous={synchronous} is not one of OFF, NORMAL, FULL and EXTRA")
    url = url.difference_update_query(["synchronous"])
    unknown = sorted(set(url.query) - {"timeout"}) if "uri" not in url.query else []
    if unknown:
        raise ValueError(f"{unknown[0]} is not an option; there are synchronous, timeout and uri")
    timeout = str(url.query.get("timeout", BUSY_TIMEOUT_S))
    try:
        usable = 0 <= float(timeout) < math.inf
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"timeout={timeout} is not a number of seconds")
    url = url.update_query_dict({"timeout": timeout})
    engine = create_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        if not in_memory:
            _enter_wal(connection)
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"PRAGMA synchronous = {synchronous}")

    # A database in memory belongs to its connection: all threads take turns with that one.
    return engine, 1 if in_memory else MOST_CONNECTIONS


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging, unless it has been switched.

    The switch needs exclusive access, and SQLite does not wait for it: when several connections
    open a new file at once, all but one get "busy".
    """
    for attempt in range(ATTEMPTS):
        try:
            with closing(connection.cursor()) as cursor:
                cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            if attempt == ATTEMPTS - 1 or not may_be_repeated(exc):
                raise
            time.sleep(random.uniform(0.0, _LONGEST_PAUSE_S))  # noqa: S311 - no secret
        else:
            return
