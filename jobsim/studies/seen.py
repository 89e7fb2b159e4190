"""What a log had said by a moment, and the times that follow from it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.logs.table import lost
from jobsim.scenario.log import Log
from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.studies.families import Times

Floats = NDArray[np.float64]

FAILED = ("failed", "cancelled_during", "unrecognised")
"""Outcomes of jobs that failed at a worker."""

RAN = ("completed", *FAILED, "unknown")
"""Outcomes of jobs that ran to an end."""

TICK = 1.0 / TICKS_PER_SECOND
"""Seconds; shorter times become 0."""


def seen_part(log: Log, cut: float) -> pd.DataFrame:
    """Return what a log would have said at a moment: what came later had not happened.

    Columns are those of `Log.jobs`; `outcome` is ``unfinished`` and `service` the age for what was
    running, or NaN for what waited; ``unknown`` and NaN for what has lost its end
    (`jobsim.logs.table.lost`).
    """
    every = (
        pd.concat([log.jobs, log.unfinished], ignore_index=True)
        if len(log.unfinished)
        else log.jobs
    )
    seen = every[every["arrival"] <= cut].copy()
    was_open = seen["outcome"].eq("unfinished").to_numpy()
    started = seen["started"].fillna(seen["arrival"])
    if every["started"].notna().any():
        # Where a log tells starts, a job without one that is not over still waits.
        started = started.mask(seen["started"].isna() & was_open, np.inf)
    ended = started + seen["service"]
    running = (started <= cut) & ((ended > cut) | was_open)
    waiting = started > cut
    age = np.minimum(cut - started, seen["service"].fillna(np.inf))
    seen.loc[running, "service"] = age[running]
    seen.loc[waiting, "service"] = np.nan
    seen.loc[running | waiting, "outcome"] = "unfinished"
    seen.loc[running | waiting, "finished"] = np.nan
    seen.loc[seen["paid"] > cut, "paid"] = np.nan
    over = seen.loc[seen["outcome"].isin(RAN), "service"].to_numpy()
    # They arrived, but no worker has them and their end is unknown.
    gone = running & lost(seen["service"].to_numpy(), over)
    seen.loc[gone, "outcome"] = "unknown"
    seen.loc[gone, "service"] = np.nan
    return seen


def lost_of(seen: pd.DataFrame) -> int:
    """Return how many attempts of `seen_part` have lost their end."""
    return int((seen["outcome"].eq("unknown") & seen["service"].isna()).sum())


def service_times(seen: pd.DataFrame) -> Times:
    """Return how long finished jobs ran, and how long unfinished ones had run."""
    ran = seen[seen["outcome"].isin(RAN)]["service"].to_numpy()
    running = seen[seen["outcome"].eq("unfinished")]["service"].dropna().to_numpy()
    known = ran[~np.isnan(ran)]
    least = known[known > 0].min(initial=np.inf)
    # A time of zero is shorter than the resolution of the log.
    floor = 0.5 * least if math.isfinite(least) else TICK
    return Times(np.maximum(known, floor), running[running > 0])


def payment_delays(seen: pd.DataFrame, cut: float) -> tuple[Floats, int]:
    """Return the payment delays of requests that had time to pay, and how many never did."""
    first = seen[seen["attempt"] == 1]
    delay = (first["paid"] - first["arrival"]).to_numpy()
    known = delay[~np.isnan(delay)]
    patience = 1.5 * float(np.quantile(known, 0.995)) if len(known) else 0.0
    # Late requests had no time to be paid late: they would make delays too short.
    old = (first["arrival"] <= cut - patience).to_numpy()
    if old.sum() < 0.5 * len(first):
        old[:] = True
    return delay[old & ~np.isnan(delay)], int((old & np.isnan(delay)).sum())
