"""Whether threads kept to the times of the load, so that the waits of a run are the load's.

Threads wake late and work longer than they were asked to, by a fraction of a millisecond of wall
time. At a high speed-up, or on a busy machine, that is much of a job's service time; queues
multiply it, and then a run measures the machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobsim.display.text import format_duration
from jobsim.figures.quantiles import quantile, without_nan
from jobsim.scenario.workload import Workload

STRETCHED = 1.1
"""Work may take this many times as long as asked: at a load of 80 % that adds half to a wait."""

LATE = 0.25
"""Jobs may be late by this share of a service time, or of the time between requests."""

RAN_LATE = "the threads ran late, so the waits are not those of this load"
"""The first words about a run that did not keep time."""

NO_SCHEDULE = "not the waits of this load: the run ignored the schedule"
"""The note beside the waits of a run at an infinite speed-up."""

NOT_THE_LOADS = "not the waits of this load: the threads ran late"
"""The note beside the waits of a run that did not keep time."""


@dataclass(frozen=True)
class Timekeeping:
    """How well the threads of a run kept time; seconds of the scenario, NaN where unknown.

    Attributes
    ----------
    worked, asked
        Mean time of a worker at a job, and the mean that it was asked to take.
    late
        99th percentile of how late jobs were created.
    gap
        Mean time between two requests.
    """

    worked: float
    asked: float
    late: float
    gap: float

    @property
    def stretch(self) -> float:
        """How many times as long as asked for the work took."""
        # Work without any length has no ratio.
        return self.worked / self.asked if self.asked > 0 else math.nan

    @property
    def allowed(self) -> float:
        """How late a job may be created."""
        return LATE * float(np.fmax(self.asked, self.gap))

    @property
    def kept(self) -> bool:
        """Whether waits are those of the load, as far as lateness and work tell."""
        # Negated, so that NaN, which means that nothing was timed, counts as kept.
        return not (self.stretch > STRETCHED or self.late > self.allowed)

    def __str__(self) -> str:
        parts = []
        if not math.isnan(self.stretch):
            parts.append(f"work took {self.stretch:.3g} times what was asked for")
        if not math.isnan(self.late):
            every = f", a request every {format_duration(self.gap)}" if self.gap > 0 else ""
            parts.append(
                f"1 job in 100 was {format_duration(self.late)} late or more (service "
                f"{format_duration(self.asked)}{every})"
            )
        return "; ".join(parts) or "nothing was timed"


def timekeeping(jobs: pd.DataFrame, workload: Workload) -> Timekeeping:
    """Measure how well a run kept time.

    Parameters
    ----------
    jobs
        The `jobs` table of the run.
    workload
        What was run.

    Examples
    --------
    >>> from jobsim.scenario.scenario import Scenario
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> second = {"service": {"kind": "constant", "value": 1.0}}
    >>> workload = Workload.sample(Scenario(jobs=2, work=second))
    >>> found = timekeeping(jobs_of(started=[0.0, 0.0], finished=[2.0, 2.5]), workload)
    >>> found.stretch, found.kept
    (2.25, False)
    """
    request = jobs["request"].to_numpy().astype(np.int64)
    rows = request * workload.attempts + jobs["attempt"].to_numpy() - 1
    worked = jobs["released"].to_numpy() - jobs["started"].to_numpy()
    # A worker that died, and one that was told to stop, worked less than it was asked to.
    whole = ~np.isnan(worked) & ~jobs["crashed"].to_numpy()
    lateness = jobs["lateness"].to_numpy()
    late = quantile(without_nan(lateness), 0.99)
    arrival = workload.arrival[:: workload.attempts]
    return Timekeeping(
        worked=_mean(worked[whole]),
        asked=_mean(workload.service[rows][whole]),
        late=late,
        gap=float(arrival[-1] - arrival[0]) / (len(arrival) - 1) if len(arrival) > 1 else math.nan,
    )


def _mean(seconds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(seconds.mean()) if len(seconds) else math.nan
