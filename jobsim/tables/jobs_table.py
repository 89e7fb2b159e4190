"""The table of jobs, made from plain columns, with one schema for every kind of run.

Columns with one value for every job, and columns that equal another one, share memory: a run of
ten million jobs should fit into a laptop, and most runs have no crash and no retry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from jobsim.domain.codes import AWAITING, COMPLETED, FAILED, NO_STATUS, RUNNING
from jobsim.domain.marks import WORKER, actor_name
from jobsim.tables.schema import JOBS, STATUS, require_columns

Column: TypeAlias = NDArray[Any]

# The defaults of missing columns, in this order: later ones may use earlier ones.
_DEFAULTS: Mapping[str, Callable[[dict[str, Column], int], Column]] = {
    "request": lambda _, rows: np.arange(rows, dtype=np.int32),
    "attempt": lambda _, rows: constant(np.int8(1), rows),
    "created": lambda _, rows: constant(np.float64(0.0), rows),
    "arrival": lambda made, _: made["created"],
    "paid": lambda made, _: made["created"],
    "started": lambda _, rows: constant(np.float64(np.nan), rows),
    "finished": lambda _, rows: constant(np.float64(np.nan), rows),
    "status": lambda made, _: _status_by_times(made),
    "worker": lambda _, rows: constant(np.int8(-1), rows),
    "rejected": lambda _, rows: constant(np.int32(0), rows),
    "lateness": lambda _, rows: constant(np.float32(0.0), rows),
    "released": lambda made, _: made["finished"],
    "crashed": lambda _, rows: constant(np.False_, rows),
    "reaped": lambda _, rows: constant(np.False_, rows),
    "left": lambda made, _: _left_by_failure(made),
}

# The columns that saved runs have always had with today's dtypes; `attempt` once was wider.
_ALWAYS = (
    "request", "arrival", "created", "paid", "started", "finished", "status", "worker", "rejected",
)  # fmt: skip

# Columns that often have one value for all jobs of a run, and columns that often equal another.
_CONSTANT = frozenset({"attempt", "rejected", "lateness", "crashed", "reaped", "left"})
_EQUAL: Mapping[str, str] = {"arrival": "created", "paid": "created", "released": "finished"}


def jobs_table(columns: Mapping[str, Column], workers: int) -> pd.DataFrame:
    """Return columns as a read-only table of jobs that shares their memory.

    Parameters
    ----------
    columns
        At least one, named as in `jobsim.tables.schema.JOBS`, of one length, with the dtypes
        there; `status` and `worker` are numbers, -1 where a job has none. A missing column
        takes its usual value: each job is the first attempt of a request of its own, which
        arrives when it is created, is paid at once, and is released when it is finished; nobody
        is late, crashes or is reaped; its status is what the times say; and its client leaves
        when its last attempt fails.
    workers
        How many workers there are.

    Returns
    -------
    DataFrame
        All columns of `JOBS`, in that order.

    Examples
    --------
    >>> import numpy as np
    >>> table = jobs_table({"finished": np.array([2.5]), "worker": np.int32([0])}, 1)
    >>> table[["status", "worker", "released"]].values.tolist()
    [['completed', 'worker-0', 2.5]]
    """
    made = completed(columns)
    rows = len(made["request"])
    wrapped: dict[str, Any] = made | {
        "status": pd.Categorical.from_codes(made["status"], dtype=STATUS, validate=False),
        "worker": pd.Categorical.from_codes(made["worker"], dtype=_names(workers), validate=False),
        "job_id": no_text(rows),
    }
    index = pd.RangeIndex(rows, name="job")
    return pd.DataFrame({name: wrapped[name] for name in JOBS}, index=index, copy=False)


def completed(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Return the columns with the missing ones at their usual values, all of them read-only.

    What `jobs_table` does before it builds the table, for callers that only need figures. `job_id`
    is left out.

    Examples
    --------
    >>> completed({"finished": np.array([2.5])})["released"].tolist()
    [2.5]
    """
    rows = len(next(iter(columns.values())))
    made = dict(columns)
    for name, default in _DEFAULTS.items():
        if name not in made:
            made[name] = default(made, rows)
    # Columns share memory, so a write to one of them could change another.
    for column in made.values():
        column.flags.writeable = False
    return made


def jobs_of(**columns: Any) -> pd.DataFrame:
    """Return a table of jobs from lists, for figures of jobs that come from no run; a copy.

    Parameters
    ----------
    **columns
        As for `jobs_table`; anything that numpy takes, also a single value for all jobs. `status`
        and `worker` are names. They are converted to the dtypes of `JOBS`.

    Examples
    --------
    >>> jobs_of(created=[0.0, 1.0], started=[0.0, 2.5], finished=[3.0, float("nan")],
    ...         worker="worker-0")[["paid", "status", "worker"]].values.tolist()
    [[0.0, 'completed', 'worker-0'], [1.0, 'running', 'worker-0']]
    """
    return to_schema(pd.DataFrame(columns)).copy()


def to_schema(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of jobs with every column of `JOBS`, in that order and with those dtypes.

    For tables that were saved before all runs had the same columns, or that are made by hand. A
    missing column takes its usual value, see `jobs_table`; a column of another name is dropped.

    Raises
    ------
    ValueError, TypeError
        If a column cannot be converted to its dtype.

    Examples
    --------
    >>> old = pd.DataFrame({"created": [0.0], "finished": [4.0], "status": ["failed"]})
    >>> list(to_schema(old)) == list(JOBS), to_schema(old)["released"].tolist()
    (True, [4.0])
    """
    rows = len(table)
    known = {name: table[name] for name in table if name in JOBS}
    plain = {
        name: np.asarray(column).astype(str(JOBS[name]))
        for name, column in known.items()
        if name not in {"status", "worker", "job_id"}
    }
    if "status" in known:
        status = pd.Categorical(known["status"], dtype=STATUS)
        plain["status"] = status.codes.astype(np.int8)
    if "attempt" not in plain and "request" in plain:
        attempt = pd.Series(plain["request"]).groupby(plain["request"]).cumcount() + 1
        plain["attempt"] = attempt.to_numpy(dtype=np.int8)
    found = jobs_table(plain or {"request": np.arange(rows, dtype=np.int32)}, 0)
    texts: dict[str, Any] = {}
    if "worker" in known:
        texts["worker"] = _as_names(known["worker"])
    if "job_id" in known:
        texts["job_id"] = known["job_id"].astype("str").array
    return found.assign(**texts)


def from_before(table: pd.DataFrame) -> pd.DataFrame:
    """Return the jobs of a run that was saved before all runs had the same columns.

    Raises
    ------
    ValueError
        If a column is missing that every such run had, or one has values of another kind.
    """
    require_columns("jobs.parquet", table, {name: JOBS[name] for name in _ALWAYS})
    if "attempt" not in table:
        raise ValueError("jobs.parquet: the column 'attempt' is missing")
    return to_schema(table)


def status_codes(jobs: pd.DataFrame) -> NDArray[np.int8]:
    """Return the number of each job's status, see `jobsim.domain.codes`; -1 for none."""
    status = jobs["status"].array
    if not (isinstance(status, pd.Categorical) and status.dtype is STATUS):
        status = pd.Categorical(status, dtype=STATUS)
    codes: NDArray[np.int8] = status.codes
    return codes


def constant(value: np.generic, rows: int) -> Column:
    """Return a column with one value for all rows, which takes the memory of that value."""
    return np.broadcast_to(value, rows)


@lru_cache(maxsize=8)
def no_text(rows: int) -> pd.api.extensions.ExtensionArray:
    """Return a column of missing texts; cached, since a sweep has many runs of one length."""
    # All chunks are the same one, so a long column takes no more memory than a short one.
    chunk = pa.nulls(min(rows, 1 << 16), pa.large_string())
    chunks = [chunk] * (rows // max(len(chunk), 1))
    rest = rows - len(chunk) * len(chunks)
    values = pa.chunked_array([*chunks, chunk.slice(0, rest)], pa.large_string())
    texts: pd.api.extensions.ExtensionArray = pd.array(values, dtype="str")
    return texts


def shared(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Return the columns with shared memory for equal ones, and a single value for constant ones.

    Comparing columns takes time. That is worth it in the event loop and in threads, where running a
    job takes longer than reading its row.

    Examples
    --------
    >>> one = np.array([1.0, 2.0])
    >>> found = shared({"finished": one, "released": one.copy(), "left": np.full(2, np.nan)})
    >>> found["released"] is found["finished"], found["left"].strides
    (True, (0,))
    """
    found = dict(columns)
    for name, column in columns.items():
        if name in _CONSTANT and len(column) and _equal(column[1:], column[:-1]):
            found[name] = constant(column[0], len(column))
    for name, other in _EQUAL.items():
        if name in found and _equal(found[name], found[other]):
            found[name] = found[other]
    return found


def _equal(first: Column, second: Column) -> bool:
    """Return whether columns are equal, NaN included."""
    return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def _status_by_times(made: dict[str, Column]) -> Column:
    """Return the status that the times of each job imply; a job that ended counts as completed."""
    status = np.full(len(made["created"]), NO_STATUS, dtype=np.int8)
    stages = (("created", AWAITING), ("started", RUNNING), ("finished", COMPLETED))
    for name, code in stages:
        status[~np.isnan(made[name])] = code
    return status


def _left_by_failure(made: dict[str, Column]) -> Column:
    """Return when each client gave up: when its last attempt had failed."""
    status, request = made["status"], made["request"]
    failed = status == FAILED
    if not failed.any():
        return constant(np.float64(np.nan), len(status))
    # Attempts of a request stand next to each other; only the last one's failure is final.
    failed[:-1] &= request[1:] != request[:-1]
    return np.where(failed, made["finished"], np.nan)


def _as_names(column: pd.Series) -> pd.Series:
    """Return a column of names as a category of texts."""
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.categories.dtype == "str":
        return column
    codes, names = pd.factorize(column.astype("object"), sort=True)
    categories = pd.Index(names, dtype="str")
    return pd.Series(pd.Categorical.from_codes(codes, categories=categories), index=column.index)


@lru_cache(maxsize=256)
def _names(workers: int) -> pd.CategoricalDtype:
    """Return the workers' names as a category; cached, since a sweep has many short runs."""
    return pd.CategoricalDtype(
        pd.Index([actor_name(WORKER, k) for k in range(workers)], dtype="str")
    )
