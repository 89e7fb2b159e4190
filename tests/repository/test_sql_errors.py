from __future__ import annotations

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from jobsim.repository.sql_errors import had_no_effect, may_be_repeated, not_sent


def busy(code):
    exc = sqlite3.OperationalError("database is locked")
    exc.sqlite_errorcode = code
    return exc


def caused(exc):
    outer = RuntimeError("somebody's own")
    outer.__cause__ = exc
    return outer


SERIALIZATION = psycopg.errors.SerializationFailure("x")
LOST = psycopg.OperationalError("consuming input failed: server closed the connection")
REFUSED = psycopg.OperationalError("connection failed: connection to server refused")
not_sent(REFUSED)


@pytest.mark.parametrize(
    ("exc", "repeatable", "without_effect"),
    [
        (SERIALIZATION, True, True),
        (psycopg.errors.DeadlockDetected("x"), True, True),
        (OperationalError("UPDATE", {}, SERIALIZATION), True, True),
        (caused(SERIALIZATION), True, True),
        (busy(sqlite3.SQLITE_BUSY), True, True),
        (busy(517), True, True),  # SQLITE_BUSY_SNAPSHOT
        (busy(sqlite3.SQLITE_FULL), False, False),
        (REFUSED, False, True),
        (OperationalError(None, None, REFUSED), False, True),
        (ConnectionRefusedError(), False, False),  # of what, it does not say
        (LOST, False, False),
        (OperationalError("UPDATE", {}, LOST), False, False),
        (psycopg.errors.AdminShutdown("terminating"), False, False),
        (psycopg.errors.QueryCanceled("statement timeout"), False, False),
        (ConnectionResetError(), False, False),
        (ValueError("connection failed"), False, False),
    ],
)
def test_what_an_error_says(exc, repeatable, without_effect):
    assert may_be_repeated(exc) is repeatable
    assert had_no_effect(exc) is without_effect


def test_an_error_that_is_its_own_cause_ends():
    exc = RuntimeError("x")
    exc.__cause__ = exc
    assert not had_no_effect(exc)
