"""The rows of a log in JSON: an array, lines, or the one table inside other objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jobsim.logs.source import TraceError

Row = dict[str, Any]

_DEEPEST = 4  # levels of objects in which a table is looked for


def records(path: str, data: bytes, table: str | None = None) -> list[Row]:
    """Return one object per row.

    Parameters
    ----------
    path
        For messages.
    data
        The text.
    table
        The key of the table, where the text holds several.

    Raises
    ------
    TraceError
        If it is not JSON, holds no table, or holds several and none is named.
    """
    try:
        found = _parsed(data)
        rows = found if isinstance(found, list) else _table_in(path, found, table)
    except RecursionError as error:
        raise TraceError(path, "its JSON is nested too deeply for a log") from error
    except ValueError as error:
        raise TraceError(path, f"neither JSON nor JSON lines: {error}") from error
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise TraceError(path, "its JSON holds no list of objects, one per job")
    if any(isinstance(value, dict) for row in rows for value in row.values()):
        rows = [_flat(row) for row in rows]
    return rows


def _parsed(data: bytes) -> Any:
    """Return the parsed text; several documents become one list, as JSON lines do."""
    try:
        return json.loads(data)
    except ValueError:
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) < 2 and not data.lstrip().startswith(b"{"):
            raise
        documents = [json.loads(line) for line in lines]
        # Some clients write one array per page.
        pages = all(isinstance(document, list) for document in documents)
        return [row for page in documents for row in page] if pages else documents


def _table_in(path: str, found: Any, table: str | None) -> list[Any]:
    """Return the rows of the table nearest to the top; a single object is one row."""
    level = [("", found)]
    for _ in range(_DEEPEST):
        tables = dict(_tables(level))
        if table is not None and table in tables:
            return tables[table]
        if tables and table is None:
            if len(tables) > 1:
                names = ", ".join(repr(name) for name in tables)
                first = next(iter(tables))
                problem = f"its JSON holds several lists, {names}: say which, table={first!r}"
                raise TraceError(path, problem)
            return next(iter(tables.values()))
        level = [pair for _, value in level if isinstance(value, dict) for pair in value.items()]
    if table is not None:
        raise TraceError(path, f"its JSON holds no list {table!r}")
    return [found]


def _tables(level: list[tuple[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
    for name, value in level:
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            yield name, value
        elif isinstance(value, dict) and _by_key(value):
            # Some tools write an object keyed by the job's identifier instead of an array.
            named = any("id" in row for row in value.values())
            yield name, [row if named else {"id": key, **row} for key, row in value.items()]


def _by_key(found: Row) -> bool:
    """Tell whether an object's values are rows: objects that have most of their fields in common.

    The parts of one record, such as its metadata and its status, are objects too.
    """
    rows = list(found.values())
    if len(rows) < 2 or not all(isinstance(row, dict) and row for row in rows):
        return False
    common = set(rows[0]).intersection(*rows[1:])
    return 2 * len(common) > min(map(len, rows))


def _flat(row: Row) -> Row:
    """Return an object's fields with those of the objects in it, one level deep."""
    flat: Row = {}
    for key, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": item for inner, item in value.items()}
            flat |= _conditions(f"{key}.conditions", value.get("conditions"))
        else:
            flat[key] = value
    return flat


def _conditions(name: str, found: Any) -> Row:
    """Return when each condition of a Kubernetes object became true: a failure has no other end."""
    listed = found if isinstance(found, list) else []
    return {
        f"{name}.{one['type']} at": one["lastTransitionTime"]
        for one in listed
        if isinstance(one, dict)
        and one.get("status") == "True"
        and {"type", "lastTransitionTime"} <= set(one)
    }
