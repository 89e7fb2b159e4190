"""How many jobs are in the system over time, by what they are doing there."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

WORKED_ON, LOST_WORKER, PAID, UNPAID = "worked_on", "lost_worker", "paid", "unpaid"

PARTS = (WORKED_ON, LOST_WORKER, PAID, UNPAID)
"""The columns of `in_system`: what a job in the system is doing there."""

Seconds = NDArray[np.float64]


def in_system(jobs: pd.DataFrame) -> pd.DataFrame:
    """Count the jobs that are created and not finished, over time.

    Parameters
    ----------
    jobs
        The `jobs` table of a run.

    Returns
    -------
    DataFrame
        int64, one row per instant at which something changed, indexed by `time` (s, increasing);
        the counts hold from that instant until the next row. The columns, whose sum is the number
        of jobs in the system:

        - `worked_on`, RUNNING, with a worker at it
        - `lost_worker`, RUNNING; its worker died or went away, and nothing has failed it yet
        - `paid`, paid and waiting for a worker
        - `unpaid`, created and not paid (or not yet)

    Examples
    --------
    >>> jobs = pd.DataFrame({"created": [0.0, 0.0], "paid": [0.0, 1.0], "started": [0.0, 3.0],
    ...                      "finished": [3.0, 9.0], "released": [3.0, 5.0],
    ...                      "crashed": [False, True]})
    >>> in_system(jobs).loc[5.0].to_dict()
    {'worked_on': 0, 'lost_worker': 1, 'paid': 0, 'unpaid': 0}
    """
    created, paid, started, finished, released = (
        jobs[name].to_numpy(dtype=np.float64)
        for name in ("created", "paid", "started", "finished", "released")
    )
    # A slow worker that was lost after the reaper had failed its job left no job behind.
    lost = jobs["crashed"].to_numpy() & (released < np.nan_to_num(finished, nan=np.inf))
    # A job moves through these in order; where one did not happen, the stay before it goes on.
    moments = {
        UNPAID: (created, np.fmin(paid, finished)),
        PAID: (np.where(np.isnan(created), np.nan, paid), np.fmin(started, finished)),
        WORKED_ON: (started, np.where(lost, released, finished)),
        LOST_WORKER: (np.where(lost, released, np.nan), np.where(lost, finished, np.nan)),
    }
    times = np.unique(np.concatenate([part for pair in moments.values() for part in pair]))
    times = times[~np.isnan(times)]
    counts = {part: _present(*moments[part], times) for part in PARTS}
    return pd.DataFrame(counts, index=pd.Index(times, name="time"))


def _present(begun: Seconds, ended: Seconds, times: Seconds) -> NDArray[np.int64]:
    """Return how many stays have begun and not ended at each time; NaN means never."""
    begins, ends = (np.sort(stay[~np.isnan(stay)]) for stay in (begun, ended))
    counts: NDArray[np.int64] = np.searchsorted(begins, times, side="right") - np.searchsorted(
        ends, times, side="right"
    )
    return counts
