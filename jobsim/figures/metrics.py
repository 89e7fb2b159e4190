"""A run in a few numbers, for summaries and for sweeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.domain.models import JobStatus
from jobsim.figures.attempts import LEFT, SERVED, settle, useful
from jobsim.figures.recovery import lost_worker
from jobsim.tables.schema import STATUS

_COUNTS = (
    "jobs",
    "created",
    "paid",
    "unpaid",
    "waiting",
    "stuck",
    "completed",
    "failed",
    "rejected",
)
_REQUESTS = ("requests", "served", "left")
_CUT_OFF = ("crashed", "reaped", "false_kills")
_TAIL = ("p50", "p95", "p99")

UNITS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(_COUNTS, "jobs")
    | {"rejected": "calls"}
    | {f"{what}_{stat}": "s" for what in ("wait", "sojourn") for stat in ("mean", *_TAIL)}
    | {"service_mean": "s", "utilisation": "share", "throughput": "jobs/s", "makespan": "s"}
    | {f"lateness_{stat}": "s" for stat in ("p50", "p99", "max")}
    | {f"response_{stat}": "s" for stat in ("mean", *_TAIL)}
    | dict.fromkeys(_REQUESTS, "requests")
    | {"amplification": "jobs/request", "goodput": "jobs/s"}
    | dict.fromkeys(_CUT_OFF, "jobs")
    | {"recovery_mean": "s", "recovery_max": "s"}
)
"""The unit of each number that `metrics` returns."""


def metrics(jobs: pd.DataFrame, *, workers: int) -> dict[str, float]:
    """Return the run's key figures, one flat dictionary.

    Parameters
    ----------
    jobs
        The `jobs` table of a run.
    workers
        How many workers served it, at least 1.

    Returns
    -------
    dict
        Counts of jobs:

        - `jobs`, asked for; `created`, of those; `paid`, created and with a confirmation;
          `unpaid`, created and never paid
        - `waiting`, paid and never started; `stuck`, RUNNING at the end; `completed`;
          `failed`
        - `rejected`, calls that were refused

        Seconds, over the jobs that got so far:

        - `wait_mean`, `wait_p50`, `wait_p95`, `wait_p99`, from paid to started
        - `sojourn_mean`, `sojourn_p50`, ..., from created to finished
        - `service_mean`, from started to finished
        - `makespan`, from the first creation to the last finish
        - `lateness_p50`, `lateness_p99`, `lateness_max`, created late against the schedule
        - `response_mean`, `response_p50`, ..., from the intended start of a request to its
          useful result, of the requests that were served, see `jobsim.figures.attempts`: it
          has the lateness and all retries in it

        And `throughput`, jobs finished per second of makespan; `utilisation`, all work, wasted
        or not, over `workers` times makespan. What has no data is NaN. `UNITS` has the unit of
        each.

        Requests, and what cut jobs off:

        - `requests`, made; `served`, of those; `left`, whose client left with nothing
        - `amplification`, jobs created per request
        - `goodput`, requests served per second of makespan; never more than `throughput`
        - `crashed`, jobs whose worker died or went; `reaped`, failed by the reaper;
          `false_kills`, reaped while the worker was still at it
        - `recovery_mean`, `recovery_max`, seconds from the loss of a job's worker until the
          reaper failed the job

        `service_mean` leaves out reaped jobs, and `utilisation` has all work in it, also that
        on jobs whose worker was lost, and on those that the reaper had failed already.

    Raises
    ------
    ValueError
        If `workers` is below 1.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> jobs = jobs_of(started=[0.0, 3.0], finished=[3.0, 4.0], status=["completed", "failed"])
    >>> found = metrics(jobs, workers=1)
    >>> found["wait_mean"], found["utilisation"], found["throughput"]
    (1.5, 1.0, 0.5)
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers!r}")
    # Plain arrays: a sweep computes this thousands of times, and pandas would be most of it.
    created, paid, started, finished = (
        jobs[name].to_numpy(dtype=np.float64) for name in ("created", "paid", "started", "finished")
    )
    is_created = ~np.isnan(created)
    is_paid = is_created & ~np.isnan(paid)
    ended = int(np.count_nonzero(~np.isnan(finished)))
    status = _status_counts(jobs["status"])
    makespan = float(
        np.fmax.reduce(finished, initial=np.nan) - np.fmin.reduce(created, initial=np.nan)
    )
    # All in one instant has no rate.
    elapsed = makespan if makespan > 0 else math.nan
    found: dict[str, float] = {
        "jobs": len(jobs),
        "created": int(np.count_nonzero(is_created)),
        "paid": int(np.count_nonzero(is_paid)),
        "unpaid": int(np.count_nonzero(is_created & np.isnan(paid))),
        "waiting": int(np.count_nonzero(is_paid & np.isnan(started))),
        "stuck": status[JobStatus.RUNNING],
        "completed": status[JobStatus.COMPLETED],
        "failed": status[JobStatus.FAILED],
        "rejected": int(jobs["rejected"].to_numpy().sum()),
        **_spread("wait", _known(started - paid)),
        **_spread("sojourn", _known(finished - created)),
        "throughput": ended / elapsed,
        "makespan": makespan,
        **_of_requests(jobs, workers, elapsed),
    }
    late = _quantiles(_known(jobs["lateness"].to_numpy(dtype=np.float64)), (50, 99, 100))
    names = ("lateness_p50", "lateness_p99", "lateness_max")
    found |= dict(zip(names, late, strict=True))
    return {name: found[name] for name in UNITS}


def has_retries_or_losses(figures: Mapping[str, float]) -> bool:
    """Return whether requests tell another story than jobs do.

    They do where clients ask again, or leave although no job of theirs failed, or where jobs
    lose their worker or are reaped.
    """
    return (
        figures["requests"] != figures["jobs"]
        or figures["left"] != figures["failed"]
        or figures["crashed"] + figures["reaped"] > 0
    )


def _of_requests(jobs: pd.DataFrame, workers: int, elapsed: float) -> dict[str, float]:
    """Return the figures of requests, and of the work on their jobs, wasted or not."""
    crashed, reaped = jobs["crashed"].to_numpy(), jobs["reaped"].to_numpy()
    started, released, finished = (
        jobs[name].to_numpy(dtype=np.float64) for name in ("started", "released", "finished")
    )
    of_use = useful(jobs)
    found = settle(jobs, of_use)
    served = found.outcome == SERVED
    lost = lost_worker(jobs)
    recovery = _known((finished - released)[lost & reaped])
    requests = len(found.first)
    created = int(np.count_nonzero(~np.isnan(jobs["created"].to_numpy(dtype=np.float64))))
    return {
        "service_mean": _mean(_known((finished - started)[~reaped])),
        "utilisation": float(_known(released - started).sum()) / (workers * elapsed),
        **_spread("response", _known((found.settled - found.asked)[served])),
        "requests": requests,
        "served": int(np.count_nonzero(served)),
        "left": int(np.count_nonzero(found.outcome == LEFT)),
        "amplification": created / requests if requests else math.nan,
        "goodput": int(np.count_nonzero(of_use)) / elapsed,
        "crashed": int(np.count_nonzero(crashed)),
        "reaped": int(np.count_nonzero(reaped)),
        "false_kills": int(np.count_nonzero(reaped & ~lost)),
        "recovery_mean": _mean(recovery),
        "recovery_max": float(recovery.max()) if len(recovery) else math.nan,
    }


def _status_counts(status: pd.Series) -> dict[JobStatus, int]:
    codes = pd.Categorical(status, dtype=STATUS).codes
    counts = np.bincount(codes[codes >= 0], minlength=len(JobStatus)).tolist()
    return dict(zip(JobStatus, counts, strict=True))


def _known(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(seconds)
    return seconds if known.all() else seconds[known]


def _mean(seconds: NDArray[np.float64]) -> float:
    return float(seconds.mean()) if len(seconds) else math.nan


def _quantiles(seconds: NDArray[np.float64], percent: tuple[int, ...]) -> list[float]:
    """Return percentiles, linear between the closest ranks as in `durations.percentiles`."""
    if not len(seconds):
        return [math.nan] * len(percent)
    return [float(value) for value in np.percentile(seconds, percent)]


def _spread(name: str, seconds: NDArray[np.float64]) -> dict[str, float]:
    tail = zip(_TAIL, _quantiles(seconds, (50, 95, 99)), strict=True)
    return {f"{name}_mean": _mean(seconds)} | {f"{name}_{label}": value for label, value in tail}
