"""The columns and dtypes of every table, in one place.

Small dtypes throughout: categories for names, int32 for job numbers, float64 for seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from jobsim.domain.codes import FAULT_KINDS, OPERATIONS, OUTCOMES, STATUSES

STATUS = pd.CategoricalDtype([status.value for status in STATUSES], ordered=True)
"""The four statuses, in lifecycle order."""

OP = pd.CategoricalDtype([*OPERATIONS])
"""The four calls of a repository."""

OUTCOME = pd.CategoricalDtype([*OUTCOMES])
"""How a call ended, see `jobsim.domain.codes.OUTCOMES`."""

JOBS = {
    "request": "int32",
    "attempt": "int8",
    "arrival": "float64",
    "created": "float64",
    "paid": "float64",
    "started": "float64",
    "finished": "float64",
    "status": STATUS,
    "worker": "category",
    "rejected": "int32",
    "job_id": "str",
    "lateness": "float32",
    "released": "float64",
    "crashed": "bool",
    "reaped": "bool",
    "left": "float64",
}
"""One row per job that was asked for; the row number is the job. Every run has all columns.

Times are seconds, NaN for what never happened. `request` and `attempt` say which jobs belong
together: a client that retries makes a further attempt of its request. `arrival` is when the client
meant to ask; in a paced closed loop that may be before it could. `job_id` is the repository's id,
missing in virtual time. `lateness` is how late the engine created the job: 0 in virtual time, NaN
if the run ignored the schedule. `released` is when its worker became free of it, by submitting a
result, accepted or refused, or by being lost; NaN if that never happened. `crashed` says that the
worker died or went away during the job, `reaped` that the reaper failed it. `left` is when the
client gave up for good without a result, on its last attempt.

A column with one value, or equal to another column, takes no memory of its own. Besides `request`,
`attempt` and `arrival`, a run needs at most 61 bytes per job and the text of `job_id`.
"""

TRANSITIONS = {
    "time": "float64",
    "job": "int32",
    "source": STATUS,
    "target": STATUS,
    "actor": "category",
}
"""One row per accepted transition, in time order; `source` is empty for a creation."""

CALLS = {
    "actor": "category",
    "op": OP,
    "job": "int32",
    "target": STATUS,
    "invoked_ns": "int64",
    "returned_ns": "int64",
    "outcome": OUTCOME,
    "observed": STATUS,
    "count": "int64",
    "changed": "bool",
    "backdated": "bool",
    "error": "category",
}
"""One row per repository call, in order of invocation.

`job` is -1 if it is unknown, `returned_ns` is -1 while pending, `count` is -1 except for the answer
of a `count`. `changed` says that the identifiers of the answered job differ from those of its
create or, in the answer of a create, that the input hash is not the one that was given; if no
create is known, that the answered id is not the one that was asked for. `backdated` says that the
answer's `updated_at` is before one that was known at the invocation or, in a `get` and in
unexpected answers, before its `created_at`.
"""

FINAL = {
    "job": "int32",
    "outcome": OUTCOME,
    "status": STATUS,
    "changed": "bool",
    "input_hash": "str",
    "blockchain_identifier": "str",
    "created_at": "datetime64[us, UTC]",
    "updated_at": "datetime64[us, UTC]",
    "result": "str",
    "error": "str",
}
"""One `get` per created job after the last thread was joined; `changed` as in `CALLS`."""

FAULTS = {
    "kind": pd.CategoricalDtype([*FAULT_KINDS]),
    "request": "int64",
    "begun_ns": "int64",
    "ended_ns": "int64",
}
"""One row per injected fault, in the order in which they began; times are on the clock of `calls`.

`request` is the number of the request to the database that it struck. `ended_ns` is when the
connection was closed, the delay was over or the server was back; -1 if that never happened.
"""


def require_columns(name: str, table: pd.DataFrame, columns: Mapping[str, object]) -> None:
    """Raise a ValueError unless a table has these columns, with these dtypes.

    Where the schema says ``"category"``, any categories will do.

    Examples
    --------
    >>> require_columns("jobs", pd.DataFrame({"created": ["x"]}), {"created": "float64"})
    Traceback (most recent call last):
        ...
    ValueError: jobs: the column 'created' is str, not float64
    """
    for column, dtype in columns.items():
        if column not in table:
            raise ValueError(f"{name}: the column {column!r} is missing")
        # A column without any value may have lost its dtype when it was saved.
        if table[column].dtype != dtype and not table[column].isna().all():
            raise ValueError(f"{name}: the column {column!r} is {table[column].dtype}, not {dtype}")


def with_lost_dtypes(table: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table with the dtypes restored of columns that have no value at all.

    A file does not keep the categories of such a column.

    Examples
    --------
    >>> lost = pd.DataFrame({"outcome": pd.Categorical([])})
    >>> with_lost_dtypes(lost, {"outcome": OUTCOME})["outcome"].dtype == OUTCOME
    True
    """
    lost = [name for name in columns if name in table and table[name].isna().all()]
    return table.astype({name: columns[name] for name in lost})
