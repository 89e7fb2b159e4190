"""Jobs that nobody has paid for: their number over time, and the memory that they take.

The lifecycle has no way out for an unpaid job, so the store keeps all of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

JOB_BYTES = 1100
"""Memory of one `Job`, in bytes: measured on CPython, with ids and a hash of the usual lengths,
without the index of a repository."""


def unpaid_stock(jobs: pd.DataFrame) -> pd.DataFrame:
    """Count the created jobs without a confirmed payment over time.

    Parameters
    ----------
    jobs
        The `jobs` table of a run.

    Returns
    -------
    DataFrame
        One row per instant at which a job was created or its confirmation fell due, indexed by
        `time` (s, increasing); the values hold from that instant until the next row. `unpaid`
        (int32) are the jobs created and not confirmed; `never` (int32) are those of them that
        never will be: nobody pays, or the confirmation is lost for ever; `bytes` (int64) is
        the memory of all unpaid jobs, `JOB_BYTES` each.

    Examples
    --------
    >>> jobs = pd.DataFrame({"created": [0.0, 1.0, 1.0], "paid": [2.5, float("nan"), 1.0]})
    >>> unpaid_stock(jobs).to_dict("list")
    {'unpaid': [1, 2, 1], 'never': [0, 1, 1], 'bytes': [1100, 2200, 1100]}
    """
    created, paid = jobs["created"].to_numpy(), jobs["paid"].to_numpy()
    exists, ends = ~np.isnan(created), ~np.isnan(paid)
    came, left, stay = created[exists], paid[exists & ends], created[exists & ~ends]
    time = np.unique(np.concatenate([came, left]))
    # Counts of moments up to each instant; int32 holds any number of jobs that fits into memory.
    in_all, out, for_ever = (
        np.searchsorted(np.sort(moments), time, side="right").astype(np.int32)
        for moments in (came, left, stay)
    )
    unpaid = in_all - out
    return pd.DataFrame(
        {"unpaid": unpaid, "never": for_ever, "bytes": unpaid.astype(np.int64) * JOB_BYTES},
        index=pd.Index(time, name="time"),
    )
