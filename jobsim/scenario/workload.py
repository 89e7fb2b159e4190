"""A workload: every random choice of a scenario, drawn up front."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from jobsim.scenario.scenario import Scenario

TICKS_PER_SECOND = 2**20
"""Every time is a whole number of ticks: sums are exact, so engines agree to the last bit."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Workload:
    """The jobs that both engines run, as plain arrays with one entry a job.

    All arrays are read-only and of one length. Times are seconds in whole ticks of 2^-20 s.
    Immutable, so it may be shared between threads.

    Attributes
    ----------
    scenario
        Where workers, clients and pollers come from.
    arrival
        float64, when each job is asked for, not decreasing.
    delay
        float64, from the arrival until the payment is confirmed; NaN where it never is.
    lag
        float64, from the confirmation to its duplicate; NaN where there is none.
    service
        float64, how long the work takes.
    fails
        bool, whether the work ends in FAILED.
    logged_wait
        float64 or None: the waits that a trace logged, for comparison, never an input; NaN
        where the log has none.
    """

    scenario: Scenario
    arrival: NDArray[np.float64]
    delay: NDArray[np.float64]
    lag: NDArray[np.float64]
    service: NDArray[np.float64]
    fails: NDArray[np.bool_]
    logged_wait: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.arrival)


def to_ticks(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round times to whole ticks, half to even; NaN stays NaN."""
    return np.rint(seconds * TICKS_PER_SECOND) / TICKS_PER_SECOND


