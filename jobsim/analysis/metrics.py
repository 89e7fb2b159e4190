"""A run in a few numbers, for summaries and for sweeps."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from jobsim.analysis.durations import dwell, percentiles
from jobsim.domain.models import JobStatus

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
_TAIL = ("p50", "p95", "p99")

UNITS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(_COUNTS, "jobs")
    | {"rejected": "calls"}
    | {f"{what}_{stat}": "s" for what in ("wait", "sojourn") for stat in ("mean", *_TAIL)}
    | {"service_mean": "s", "utilisation": "share", "throughput": "jobs/s", "makespan": "s"}
    | {f"lateness_{stat}": "s" for stat in ("p50", "p99", "max")}
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
        - `lateness_p50`, `lateness_p99`, `lateness_max`, created late against the schedule;
          only where the table has the column

        And `throughput`, jobs finished per second of makespan; `utilisation`, the service
        times of finished jobs over `workers` times makespan. What has no data is NaN.
        `UNITS` has the unit of each.

    Raises
    ------
    ValueError
        If `workers` is below 1.

    Examples
    --------
    >>> import pandas as pd
    >>> jobs = pd.DataFrame({"created": [0.0, 0.0], "paid": [0.0, 0.0], "started": [0.0, 3.0],
    ...                      "finished": [3.0, 4.0], "status": ["completed", "failed"],
    ...                      "rejected": [0, 1]})
    >>> found = metrics(jobs, workers=1)
    >>> found["wait_mean"], found["utilisation"], found["throughput"]
    (1.5, 1.0, 0.5)
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers!r}")
    stages = dwell(jobs)
    created = jobs["created"].notna()
    paid = created & jobs["paid"].notna()
    finished = int(jobs["finished"].notna().sum())
    makespan = float(jobs["finished"].max() - jobs["created"].min())
    # All in one instant has no rate.
    elapsed = makespan if makespan > 0 else float("nan")
    found: dict[str, float] = {
        "jobs": len(jobs),
        "created": int(created.sum()),
        "paid": int(paid.sum()),
        "unpaid": int((created & jobs["paid"].isna()).sum()),
        "waiting": int((paid & jobs["started"].isna()).sum()),
        "stuck": int((jobs["status"] == JobStatus.RUNNING.value).sum()),
        "completed": int((jobs["status"] == JobStatus.COMPLETED.value).sum()),
        "failed": int((jobs["status"] == JobStatus.FAILED.value).sum()),
        "rejected": int(jobs["rejected"].sum()),
        **_spread("wait", stages["wait"]),
        **_spread("sojourn", stages["sojourn"]),
        "service_mean": float(stages["service"].mean()),
        "utilisation": float(stages["service"].sum()) / (workers * elapsed),
        "throughput": finished / elapsed,
        "makespan": makespan,
    }
    if "lateness" in jobs:
        late = percentiles(jobs["lateness"], q=(0.5, 0.99, 1.0))
        names = ("lateness_p50", "lateness_p99", "lateness_max")
        found |= dict(zip(names, map(float, late), strict=True))
    return found


def _spread(name: str, seconds: pd.Series) -> dict[str, float]:
    tail = percentiles(seconds, q=(0.5, 0.95, 0.99))
    return {f"{name}_mean": float(seconds.mean())} | {
        f"{name}_{label}": float(tail[label]) for label in _TAIL
    }
