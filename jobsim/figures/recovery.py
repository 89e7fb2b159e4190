"""Jobs that were cut off, and how a service recovers: crashes, the reaper, outages."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.tables.job_arrays import Jobs, arrays_of

CUT_OFF = pd.CategoricalDtype(["recovered", "stuck", "false kill"])
"""What became of a job that was cut off: see `cut_off`."""

PHASES = ("before", "during", "after")
"""The rows of `around`."""

Seconds = NDArray[np.float64]


def cut_off(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return the jobs that their worker could not finish.

    Parameters
    ----------
    jobs
        The `jobs` table of a run.

    Returns
    -------
    DataFrame
        One row per job, indexed by `job`: `started`, `released` and `finished` (s, NaN for never),
        `running` (s), how long it was RUNNING, `recovery` (s), how long it had been without a
        worker when the reaper failed it, and `kind`, a category:

        - ``recovered``: its worker died or went away, and the reaper failed it
        - ``stuck``: its worker died or went away, and it stays RUNNING for ever
        - ``false kill``: the reaper failed it while its worker was still at it

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> jobs = jobs_of(started=[1.0, 2.0, 3.0], finished=[9.0, float("nan"), 9.0],
    ...                released=[4.0, 5.0, 12.0],
    ...                crashed=[True, True, False], reaped=[True, False, True])
    >>> cut_off(jobs)["kind"].tolist()
    ['recovered', 'stuck', 'false kill']
    """
    cut = (jobs["crashed"] | jobs["reaped"]).to_numpy()
    found: pd.DataFrame = jobs.loc[cut, ["started", "released", "finished"]]
    ended = found["finished"].notna().to_numpy()
    # A job that was reaped while its worker was still at it is neither recovered nor stuck.
    kind = np.where(lost_worker(jobs)[cut], np.where(ended, 0, 1), 2)
    found["running"] = found["finished"] - found["started"]
    found["recovery"] = (found["finished"] - found["released"]).where(kind == 0)
    found["kind"] = pd.Categorical.from_codes(kind, dtype=CUT_OFF)
    return found


def lost_worker(jobs: Jobs) -> NDArray[np.bool_]:
    """Tell which jobs were without a worker while RUNNING.

    A slow worker that was lost only after the reaper had failed its job does not count.
    """
    jobs = arrays_of(jobs)
    # Contiguous: most runs have one value for all rows, and operations on that are slow.
    crashed: NDArray[np.bool_] = np.ascontiguousarray(jobs["crashed"])
    if not crashed.any():
        return crashed
    too_late = jobs["released"] > jobs["finished"]
    lost: NDArray[np.bool_] = crashed & ~too_late
    return lost


def running_age(jobs: pd.DataFrame, *, instants: int = 400) -> pd.DataFrame:
    """Measure how long the jobs that are RUNNING have been so, over time.

    Parameters
    ----------
    jobs
        The `jobs` table of a run.
    instants
        Number of evenly spaced instants. As many ends of jobs are added, those of the jobs that
        were RUNNING longest: these are the visible peaks of the oldest age.

    Returns
    -------
    DataFrame
        Indexed by `time` (s), each instant twice, just before and just after what happens at it:
        `running` (int64), how many jobs are RUNNING; `oldest` and `median` (float64, s), their
        ages, NaN where no job is.

    Examples
    --------
    >>> jobs = pd.DataFrame({"created": [0.0, 0.0], "started": [0.0, 2.0],
    ...                      "finished": [4.0, float("nan")]})
    >>> running_age(jobs, instants=3).loc[4.0, "oldest"].tolist()
    [4.0, 2.0]
    """
    started, finished = jobs["started"].to_numpy(), jobs["finished"].to_numpy()
    begun = np.flatnonzero(~np.isnan(started))
    begun = begun[np.argsort(started[begun], kind="stable")]
    starts, ends = started[begun], np.nan_to_num(finished[begun], nan=np.inf)
    over = np.isfinite(ends)
    # Negative durations, so that a stable ascending sort has the longest first.
    longest = np.argsort((starts - ends)[over], kind="stable")[:instants]
    even = np.linspace(0.0, last_moment(jobs), instants)
    times = np.unique(np.concatenate([even, ends[over][longest]]))
    # `starts` is sorted, so each instant only adds a slice to those that ran at the last one.
    upto = np.searchsorted(starts, times, side="right").tolist()
    running = np.empty(0, dtype=np.intp)  # places in `starts`, so oldest first
    rows = []
    for time, seen, until in zip(times.tolist(), [0, *upto[:-1]], upto, strict=True):
        running = np.concatenate([running, np.arange(seen, until)])
        rows.append(
            _ages(time, starts[running[(starts[running] < time) & (ends[running] >= time)]])
        )
        running = running[ends[running] > time]
        rows.append(_ages(time, starts[running]))
    index = pd.Index(np.repeat(times, 2), name="time")
    return pd.DataFrame(rows, columns=["running", "oldest", "median"], index=index)


def backlog(jobs: pd.DataFrame) -> pd.DataFrame:
    """Count the jobs that are paid and wait for a worker, over time.

    Parameters
    ----------
    jobs
        The `jobs` table of a run.

    Returns
    -------
    DataFrame
        int32, the column `waiting`; one row per instant at which a job was paid or started,
        indexed by `time` (s). The count holds from that instant until the next row.

    Examples
    --------
    >>> jobs = pd.DataFrame({"paid": [0.0, 1.0], "started": [0.0, 3.0]})
    >>> backlog(jobs)["waiting"].to_dict()
    {0.0: 0, 1.0: 1, 3.0: 0}
    """
    paid, started = (np.sort(_known(jobs[name])) for name in ("paid", "started"))
    # Sorted payments and sorted starts suffice: a count does not ask which job it was.
    time = np.unique(np.concatenate([paid, started]))
    came, went = (np.searchsorted(at, time, side="right") for at in (paid, started))
    return pd.DataFrame(
        {"waiting": (came - went).astype(np.int32)}, index=pd.Index(time, name="time")
    )


def around(jobs: pd.DataFrame, start: float, end: float) -> pd.DataFrame:
    """Compare waits and backlog before, during and after an outage or a spike.

    Parameters
    ----------
    jobs
        The `jobs` table of a run.
    start, end
        When it began and ended, in seconds.

    Returns
    -------
    DataFrame
        One row per phase, `PHASES`; each holds its start and not its end, and the last one goes to
        the end of the run:

        - `seconds`, how long it lasted; 0 where the run had ended by then
        - `paid`, int64, jobs whose payment was confirmed in it
        - `wait_mean`, `wait_p50`, `wait_p95`, in seconds, of those jobs, even if they waited
          into a later phase; NaN where none of them was started
        - `backlog_mean`, over time, and `backlog_max`, jobs that were paid and waited; NaN for
          a phase of no length

    Raises
    ------
    ValueError
        If `end` lies before `start`.

    Examples
    --------
    >>> jobs = pd.DataFrame({"created": 0.0, "paid": [0.0, 4.0], "started": [0.0, 6.0],
    ...                      "finished": [1.0, 8.0]})
    >>> around(jobs, 3.0, 5.0)["backlog_mean"].tolist()
    [0.0, 0.5, 0.3333333333333333]
    """
    if end < start:
        raise ValueError(f"end = {end} lies before start = {start}; swap them")
    stop = last_moment(jobs)
    # An outage may begin or end after the run did; such a phase has no length.
    bounds = np.minimum([0.0, start, end, stop], stop)
    paid = jobs["paid"].to_numpy()
    waits = jobs["started"].to_numpy() - paid
    steps = backlog(jobs)
    rows = []
    for phase, (since, until) in enumerate(itertools.pairwise(bounds.tolist())):
        # A payment may be due at the very end, or after it.
        inside = (paid >= since) & ((paid < until) | (phase == len(PHASES) - 1))
        known = waits[inside & ~np.isnan(waits)]
        middle, high = np.percentile(known, (50, 95)) if len(known) else (np.nan, np.nan)
        mean, most = _in_force(steps, since, until)
        rows.append(
            {
                "seconds": until - since,
                "paid": int(inside.sum()),
                "wait_mean": known.mean() if len(known) else np.nan,
                "wait_p50": middle,
                "wait_p95": high,
                "backlog_mean": mean,
                "backlog_max": most,
            }
        )
    return pd.DataFrame(rows, index=pd.Index(PHASES, name="phase"))


def time_to_drain(jobs: pd.DataFrame, start: float, end: float) -> float:
    """Return how long after an outage the backlog was back at its level before it.

    Parameters
    ----------
    jobs
        The `jobs` table of a run.
    start, end
        When the outage began and ended, in seconds.

    Returns
    -------
    float
        Seconds from `end` to the first moment at which no more jobs wait than the most that
        waited before `start`; NaN if there is no such moment.

    Examples
    --------
    >>> jobs = pd.DataFrame({"paid": [0.0, 4.0], "started": [0.0, 6.0]})
    >>> time_to_drain(jobs, 3.0, 5.0)
    1.0
    """
    steps = backlog(jobs)
    time, waiting = steps.index.to_numpy(), steps["waiting"].to_numpy()
    before = int(waiting[time < start].max(initial=0))
    # The count in force at `end` was set by the last step at or before it.
    now = np.searchsorted(time, end, side="right") - 1
    later = np.concatenate([waiting[now : now + 1] if now >= 0 else [0], waiting[time > end]])
    moments = np.concatenate([[end], time[time > end]])
    calm = np.flatnonzero(later <= before)
    return float(moments[calm[0]] - end) if len(calm) else float("nan")


def last_moment(jobs: pd.DataFrame) -> float:
    """Return when the last job was created, started or finished, in seconds; 0 without any.

    Examples
    --------
    >>> last_moment(pd.DataFrame({"created": [1.0], "started": [2.0], "finished": [float("nan")]}))
    2.0
    """
    stages = (_known(jobs[name]) for name in ("created", "started", "finished"))
    return max(float(stage.max(initial=0.0)) for stage in stages)


def _ages(now: float, starts: Seconds) -> tuple[int, float, float]:
    """Return the number of jobs, the oldest age and the median age; `starts` is sorted."""
    count = len(starts)
    if not count:
        return 0, np.nan, np.nan
    # The median of sorted values without numpy's overhead: this runs at every instant.
    middle = 0.5 * (starts[(count - 1) // 2] + starts[count // 2])
    return count, now - float(starts[0]), now - float(middle)


def _in_force(steps: pd.DataFrame, since: float, until: float) -> tuple[float, float]:
    """Return the mean over time and the maximum of a count of jobs in a span."""
    if not until > since:
        return np.nan, np.nan
    time, counts = steps.index.to_numpy(), steps["waiting"].to_numpy()
    inside = (time > since) & (time < until)
    # The count that was in force when the span began applies from there on.
    at_first = counts[time <= since][-1:] if (time <= since).any() else np.zeros(1, np.int32)
    values = np.concatenate([at_first, counts[inside]])
    widths = np.diff(np.concatenate([[since], time[inside], [until]]))
    return float((values * widths).sum() / (until - since)), float(values.max())


def _known(column: pd.Series) -> Seconds:
    seconds: Seconds = column.to_numpy(dtype=np.float64)
    return seconds[~np.isnan(seconds)]
