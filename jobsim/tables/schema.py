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
"""One row per job that was asked for, the row number is the job; every run has all columns.

Seconds, NaN where it never happened. `request` and `attempt` tell which jobs belong together: a
client that asks again for what it did not get makes a further attempt at its request. `arrival`
is when the client meant to ask: in a paced closed loop that may be before it could. `job_id` is
the repository's id, missing in virtual time. `lateness` is how late the engine created the job;
0 in virtual time, NaN where the run ignored the schedule. `released` is when its worker let go of
it: with its result, accepted or refused, or because it was lost; NaN where none began, or none
came to an end. `crashed` says that the job's worker died or went away in the middle of it,
`reaped` that the reaper failed it, and `left` when the client left for good with nothing, on its
last attempt.

What is the same for all jobs, or the same as another column, takes no memory of its own. What a
run knows beside what was asked for (`request`, `attempt` and `arrival`) is at most 61 bytes per job
and the text of `job_id`.
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

`job` is -1 where it is unknown, `returned_ns` -1 while pending, `count` -1 but for the answer
of a `count`. `changed` says that the answered job's identifiers differ from those it was
created with, in the answer of a create from what was asked for; where no create is known, that
the answered id is not the one that was asked for. `backdated` says that the answer's
`updated_at` lies before one that was known at the invocation or, in a `get` and in answers that
are not as expected, before its `created_at`.
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
"""One row per fault that was injected, in order of its beginning; of the clock of `calls`.

`request` is the number of the request to the database that it struck. `ended_ns` is when the
connection was closed, the delay over or the server back; -1 if it never was.
"""


def require_columns(name: str, table: pd.DataFrame, columns: Mapping[str, object]) -> None:
    """Raise a ValueError unless a table has these columns, with these dtypes.

    Categories may be of any values where the schema says ``"category"``.

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
        # One that is all empty may have lost its dtype on the way to the disk and back.
        if table[column].dtype != dtype and not table[column].isna().all():
            raise ValueError(f"{name}: the column {column!r} is {table[column].dtype}, not {dtype}")


def with_lost_dtypes(table: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table with the dtypes of columns that have not a single value.

    A file does not keep the categories of such a column.

    Examples
    --------
    >>> lost = pd.DataFrame({"outcome": pd.Categorical([])})
    >>> with_lost_dtypes(lost, {"outcome": OUTCOME})["outcome"].dtype == OUTCOME
    True
    """
    lost = [name for name in columns if name in table and table[name].isna().all()]
    return table.astype({name: columns[name] for name in lost})
