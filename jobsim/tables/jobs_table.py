"""The table of jobs of a run in virtual time, from plain columns."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from jobsim.domain.marks import WORKER, actor_name
from jobsim.tables.schema import STATUS


def jobs_table(columns: dict[str, NDArray[Any]], workers: int) -> pd.DataFrame:
    """Return the columns as a table that shares their memory and cannot be written to.

    Parameters
    ----------
    columns
        As in `jobsim.tables.schema.JOBS`, in that order; `status` and `worker` are numbers,
        -1 where a job has no worker.
    workers
        How many workers there are.

    Examples
    --------
    >>> import numpy as np
    >>> jobs_table({"status": np.int8([2]), "worker": np.int32([0])}, 1).loc[0].tolist()
    ['completed', 'worker-0']
    """
    dtypes = {"status": STATUS, "worker": _names(workers)}
    for column in columns.values():
        column.flags.writeable = False
    made = {
        name: pd.Categorical.from_codes(column, dtype=dtypes[name], validate=False)
        if name in dtypes
        else column
        for name, column in columns.items()
    }
    rows = len(columns["status"])
    return pd.DataFrame(made, index=pd.RangeIndex(rows, name="job"), copy=False)


@lru_cache(maxsize=256)
def _names(workers: int) -> pd.CategoricalDtype:
    """Return the workers' names; made once, for a sweep has many short runs."""
    return pd.CategoricalDtype(
        pd.Index([actor_name(WORKER, k) for k in range(workers)], dtype="str")
    )
