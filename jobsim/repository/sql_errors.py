"""What an error of the database says about the statement that raised it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

SERIALIZATION_FAILURE = "40001"
DEADLOCK_DETECTED = "40P01"
_ROLLED_BACK = frozenset({SERIALIZATION_FAILURE, DEADLOCK_DETECTED})
"""SQLSTATEs after which the server has undone the whole transaction."""

_SQLITE_BUSY = 5
_SQLITE_PRIMARY = 0xFF
"""The lowest byte of an extended error code of SQLite is its primary code."""


def may_be_repeated(exc: BaseException) -> bool:
    """Return whether nothing was done and the same statement may succeed if it is repeated.

    True for a serialization failure, a deadlock and a busy SQLite file. Never for a lost
    connection: the statement may have been committed before its answer was lost.

    Examples
    --------
    >>> may_be_repeated(ConnectionResetError("gone"))
    False
    """
    return any(_state_of(each) in _ROLLED_BACK or _is_busy(each) for each in _with_its_causes(exc))


def not_sent(exc: BaseException) -> None:
    """Mark an error as raised before the statement was sent, for example while connecting.

    Only the code that connects knows this: drivers report a refused connection and a lost answer
    alike.
    """
    marked: Any = exc
    marked.was_not_sent = True


def had_no_effect(exc: BaseException) -> bool:
    """Return whether an error says that its statement was not carried out.

    True if `may_be_repeated` is, and if the statement was never sent. Any other error, above all a
    lost answer, leaves open what happened.

    Examples
    --------
    >>> refused, lost = ConnectionRefusedError(), ConnectionResetError()
    >>> not_sent(refused)
    >>> had_no_effect(refused), had_no_effect(lost)
    (True, False)
    """
    return may_be_repeated(exc) or any(
        getattr(each, "was_not_sent", False) for each in _with_its_causes(exc)
    )


def _with_its_causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes; SQLAlchemy keeps the driver's error in `orig`."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [exc]
    while todo:
        each = todo.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        todo += [each.__cause__, getattr(each, "orig", None)]


def _state_of(exc: BaseException) -> str | None:
    # psycopg 3 and asyncpg have `sqlstate`, psycopg 2 has `pgcode`.
    state = getattr(exc, "sqlstate", None) or getattr(exc, "pgcode", None)
    return state if isinstance(state, str) else None


def _is_busy(exc: BaseException) -> bool:
    code = getattr(exc, "sqlite_errorcode", None)
    return isinstance(code, int) and code & _SQLITE_PRIMARY == _SQLITE_BUSY
