"""How long things took: the stages of a job, stays in a status, repository calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import pandas as pd

from jobsim.figures.recovery import lost_worker

STAGES: Mapping[str, str] = MappingProxyType(
    {
        "unpaid": "awaiting payment",
        "wait": "waiting for a worker",
        "service": "being worked on",
        "lost": "RUNNING without a worker",
    }
)
"""The stages of a job in words, by their columns in `dwell`."""

Table = TypeVar("Table", pd.Series, pd.DataFrame)


def dwell(jobs: pd.DataFrame) -> pd.DataFrame:
    """Measure how long each job spent in each stage of its life.

    Parameters
    ----------
    jobs
        The `jobs` table of a run.

    Returns
    -------
    DataFrame
        float64 seconds, one row per job: `unpaid` (created to paid), `wait` (paid to started),
        `service` (started until the job is finished or has lost its worker), `lost` (from then
        until it is finished, 0 where no worker was lost) and `sojourn` (created to finished).
        The first two add up to the time in AWAITING_PAYMENT, the next two to that in RUNNING.
        NaN where the stage did not end.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> jobs = jobs_of(paid=[2.0], started=2.5, released=4.0, crashed=True, finished=6.0)
    >>> dwell(jobs).loc[0].to_dict()
    {'unpaid': 2.0, 'wait': 0.5, 'service': 1.5, 'lost': 2.0, 'sojourn': 6.0}
    """
    finished = jobs["finished"]
    worked_until = jobs["released"].where(lost_worker(jobs), finished)
    return pd.DataFrame(
        {
            "unpaid": jobs["paid"] - jobs["created"],
            "wait": jobs["started"] - jobs["paid"],
            "service": worked_until - jobs["started"],
            "lost": finished - worked_until,
            "sojourn": finished - jobs["created"],
        }
    )


def holding_times(transitions: pd.DataFrame) -> pd.Series:
    """Measure how long each job had been in the status that a transition ended.

    Parameters
    ----------
    transitions
        The `transitions` table of a run.

    Returns
    -------
    Series
        float64 seconds, `holding`, one value per row of `transitions`, with its index. NaN
        for the first transition of a job.

    Examples
    --------
    >>> import pandas as pd
    >>> holding_times(pd.DataFrame({"time": [0.0, 1.0, 4.0], "job": [0, 1, 0]})).tolist()
    [nan, nan, 4.0]
    """
    job = transitions["job"].to_numpy()
    # By job, then by time; stable, so steps at the same instant keep the order of the table.
    order = np.lexsort((transitions["time"].to_numpy(), job))
    time, job = transitions["time"].to_numpy()[order], job[order]
    held = np.full(len(time), np.nan)
    held[order[1:]] = np.where(job[1:] == job[:-1], time[1:] - time[:-1], np.nan)
    return pd.Series(held, index=transitions.index, name="holding")


def latencies(calls: pd.DataFrame) -> pd.DataFrame:
    """Measure how long each repository call took that returned.

    Parameters
    ----------
    calls
        The `calls` table of a threaded run.

    Returns
    -------
    DataFrame
        `op`, and `latency` in microseconds (float64) from invocation to return, with the index
        of `calls`. Refused calls and calls that raised are included, pending ones are not.

    Examples
    --------
    >>> import pandas as pd
    >>> calls = pd.DataFrame({"op": ["get", "get"], "outcome": ["ok", "pending"],
    ...                       "invoked_ns": [1000, 2000], "returned_ns": [3500, -1]})
    >>> latencies(calls)["latency"].tolist()
    [2.5]
    """
    returned = calls[calls["outcome"] != "pending"]
    elapsed = (returned["returned_ns"] - returned["invoked_ns"]) / 1e3
    return pd.DataFrame({"op": returned["op"], "latency": elapsed})


def percentiles(values: Table, q: Sequence[float] = (0.5, 0.9, 0.95, 0.99)) -> Table:
    """Return percentiles of a column, or of each column of a table.

    Linear between the closest ranks (method 7 of Hyndman and Fan 1996), as in numpy and
    pandas. NaN is left out; a column without values gives NaN.

    Parameters
    ----------
    values
        A numeric Series or DataFrame.
    q
        The percentiles, as shares between 0 and 1.

    Returns
    -------
    Series or DataFrame
        As `values`, with one row per percentile: ``p50``, ``p99.9``.

    Raises
    ------
    ValueError
        If a share lies outside 0 to 1.

    Examples
    --------
    >>> import pandas as pd
    >>> percentiles(pd.Series([1.0, 2.0, float("nan"), 3.0]), q=(0.5, 0.75)).to_dict()
    {'p50': 2.0, 'p75': 2.5}
    """
    wrong = [share for share in q if not 0 <= share <= 1]
    if wrong:
        raise ValueError(f"a percentile is a share between 0 and 1, not {wrong[0]!r}")
    # Ten digits, because 100 * 0.57 is 56.99999999999999.
    found = values.quantile(list(q))
    found.index = pd.Index([f"p{100 * share:.10g}" for share in q])
    return found
