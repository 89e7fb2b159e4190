"""Requests and their attempts: which were served, after how many, and how long that took.

A request is what a client wants; each attempt at it is a job. In a run without retries each
request has one job.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.domain.codes import COMPLETED
from jobsim.figures import flow
from jobsim.tables.job_arrays import JobArrays, Jobs, arrays_of

REQUEST_OUTCOME = pd.CategoricalDtype(["served", "left", "open"])
"""How a request ended: with a useful result, with a client that gave up, or not at all."""

SERVED, LEFT, OPEN = range(3)

Seconds = NDArray[np.float64]


def useful(jobs: Jobs) -> NDArray[np.bool_]:
    """Tell which jobs were useful to their client: these are the goodput.

    Useful is the first job of each request to be COMPLETED, unless its client had left by then.
    All others are wasted: failures, second results, and results that nobody waits for.

    Parameters
    ----------
    jobs
        The `jobs` table of a run, in its own order, or its arrays.

    Returns
    -------
    ndarray
        bool, one entry per job.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> jobs = jobs_of(request=[0, 0, 1], finished=[9.0, 7.0, 8.0],
    ...                left=[float("nan"), float("nan"), 5.0])
    >>> useful(jobs).tolist()
    [False, True, False]
    """
    jobs = arrays_of(jobs)
    completed: NDArray[np.bool_] = jobs.codes == COMPLETED
    finished = jobs["finished"]
    if jobs.one_each:
        if not jobs.has("left").any():
            return completed
        too_late: NDArray[np.bool_] = finished > jobs["left"]
        return completed & ~too_late
    first, group = jobs.first, jobs.group
    # Attempts of one request stand next to each other, so one `reduceat` replaces a groupby.
    ends = np.where(completed, finished, np.inf)
    earliest = np.minimum.reduceat(ends, first)
    left = np.nan_to_num(_left(jobs), nan=np.inf)
    rows = np.flatnonzero(completed & (ends == earliest[group]) & (ends <= left[group]))
    # Of two that were completed at the same instant, the earlier attempt counts.
    rows = rows[np.diff(group[rows], prepend=-1) != 0]
    found = np.zeros(len(jobs), dtype=np.bool_)
    found[rows] = True
    return found


def by_request(jobs: Jobs) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the row of each request's first attempt, and each job's place among the requests."""
    jobs = arrays_of(jobs)
    return jobs.first, jobs.group


class Settled(NamedTuple):
    """What came of each request: arrays with one entry per request, in order.

    Attributes
    ----------
    asked
        float64 seconds, its intended start; NaN where the run ignored the schedule.
    settled
        float64 seconds, when its client had a result or left; NaN while it waits.
    outcome
        int8, `SERVED`, `LEFT` or `OPEN`.
    """

    asked: Seconds
    settled: Seconds
    outcome: NDArray[np.int8]


def settle(jobs: Jobs, of_use: NDArray[np.bool_] | None = None) -> Settled:
    """Return what came of each request, as plain arrays; see `requests` for a table.

    Parameters
    ----------
    jobs
        The `jobs` table of a run, in its own order.
    of_use
        What `useful` returns for it, if that is known already.
    """
    jobs = arrays_of(jobs)
    of_use = useful(jobs) if of_use is None else of_use
    finished, left = jobs["finished"], _left(jobs)
    if jobs.one_each:
        served, asked = of_use, intended_start(jobs)
        # Where all were served the column itself will do: it shows that a response is a sojourn.
        settled = finished if served.all() else np.where(served, finished, left)
    else:
        served = np.zeros(len(jobs.first), dtype=np.bool_)
        served[jobs.group[of_use]] = True
        # A result that came in time settled the request.
        settled = left.copy()
        settled[jobs.group[of_use]] = finished[of_use]
        asked = intended_start(jobs)[jobs.first]
    if served.all():
        return Settled(asked, settled, np.full(len(served), SERVED, dtype=np.int8))
    outcome = np.where(np.isnan(left), np.int8(OPEN), np.int8(LEFT))
    outcome[served] = SERVED
    return Settled(asked, settled, outcome)


def intended_start(jobs: Jobs) -> Seconds:
    """Return when each job was meant to be asked for, in seconds since the start of the run.

    That is `arrival`; NaN for every job of a run that ignored the schedule.
    """
    jobs = arrays_of(jobs)
    arrival: Seconds = jobs["arrival"]
    if not jobs.has("lateness").any():
        return np.full(len(jobs), np.nan)
    return arrival


def requests(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per request: its attempts, what came of it, and how long its client waited.

    Where a client asks late, because it still waits for its last answer or because the
    repository is slow, the latency from the actual start leaves out this delay. That is
    coordinated omission; the latency from the intended start includes the delay.

    Parameters
    ----------
    jobs
        The `jobs` table of a run, in its own order.

    Returns
    -------
    DataFrame
        Indexed by `request`:

        - `attempts`, int64, how many were made
        - `asked`, seconds, the intended start: the `arrival` of the first attempt. NaN where
          the run ignored the schedule
        - `settled`, seconds, when its first useful job finished or its client left; NaN if
          neither
        - `outcome`, category: ``served``, ``left`` without a result, or ``open`` at the end
        - `response`, seconds, `settled` less `asked`: latency from the intended start
        - `response_from_created`, seconds, `settled` less the creation of the first attempt:
          latency from the actual start

    References
    ----------
    Tene (2013), How NOT to measure latency (talk), which names coordinated omission.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> jobs = jobs_of(request=[0, 0], arrival=[1.0, 5.0], created=[2.0, 5.0],
    ...                finished=[4.0, 9.0], status=["failed", "completed"])
    >>> requests(jobs)[["response", "response_from_created"]].to_dict("list")
    {'response': [8.0], 'response_from_created': [7.0]}
    """
    arrays = arrays_of(jobs)
    found = settle(arrays)
    return pd.DataFrame(
        {
            "attempts": arrays.attempts.astype(np.int64),
            "asked": found.asked,
            "settled": found.settled,
            "outcome": pd.Categorical.from_codes(found.outcome, dtype=REQUEST_OUTCOME),
            "response": found.settled - found.asked,
            "response_from_created": found.settled - arrays["created"][arrays.first],
        },
        index=pd.Index(arrays["request"][arrays.first], name="request"),
    )


def attempts_per_request(jobs: pd.DataFrame) -> pd.DataFrame:
    """Count the requests by their number of attempts and by what came of them.

    Parameters
    ----------
    jobs
        The `jobs` table of a run, in its own order.

    Returns
    -------
    DataFrame
        int64, one row per number of `attempts` from 1 to the most that were made, columns `served`,
        `left` and `open` as in `requests`.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> jobs = jobs_of(request=[0, 1, 1], finished=[1.0, 1.0, 2.0],
    ...                status=["completed", "failed", "completed"])
    >>> attempts_per_request(jobs)["served"].to_dict()
    {1: 1, 2: 1}
    """
    arrays = arrays_of(jobs)
    most = int(arrays.attempts.max(initial=0))
    kinds = len(REQUEST_OUTCOME.categories)
    # Both axes as one number, so that one pass counts all pairs.
    cell = (arrays.attempts - 1) * kinds + settle(arrays).outcome
    counts = np.bincount(cell, minlength=most * kinds).reshape(most, kinds)
    return pd.DataFrame(
        counts,
        index=pd.RangeIndex(1, most + 1, name="attempts"),
        columns=pd.Index(REQUEST_OUTCOME.categories, name="outcome"),
    )


def goodput(jobs: pd.DataFrame, *, window: float | None = None) -> pd.DataFrame:
    """Count per second the jobs that were asked for, that ended, and that were useful.

    Parameters
    ----------
    jobs
        The `jobs` table of a run, in its own order.
    window
        Width of a window in seconds; None takes a round one that makes 24 to 60 of them.

    Returns
    -------
    DataFrame
        float64, per second, indexed by the `start` of the window (s) as in
        `jobsim.figures.flow.throughput`: `requests`, first attempts that were created;
        `asked`, all attempts; `throughput`, all jobs that ended; `goodput`, those of them that
        were `useful`.

    Raises
    ------
    ValueError
        If `window` is not a positive number of seconds.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> jobs = jobs_of(request=[0, 0], created=[0.0, 2.0], finished=[1.0, 3.0],
    ...                status=["failed", "completed"])
    >>> goodput(jobs, window=4.0).loc[0.0].tolist()
    [0.25, 0.5, 0.5, 0.25]
    """
    created = jobs["created"].to_numpy(dtype=np.float64)
    finished = jobs["finished"].to_numpy(dtype=np.float64)
    first, _ = by_request(jobs)
    moments = {
        "requests": created[first],
        "asked": created,
        "throughput": finished,
        "goodput": finished[useful(jobs)],
    }
    known = {name: times[~np.isnan(times)] for name, times in moments.items()}
    return flow.rates(known, window=window)


def _left(jobs: JobArrays) -> Seconds:
    """Return when the client of each request left for good, NaN if it did not."""
    left: Seconds = jobs["left"]
    # One attempt each is the usual case, and this is ten times as fast.
    return left if jobs.one_each else np.fmin.reduceat(left, jobs.first)
