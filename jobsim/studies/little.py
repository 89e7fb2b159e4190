"""Little's law, L = lambda W, as a check on the tables of a run."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from jobsim.domain.models import JobStatus


@dataclass(frozen=True)
class LittlesLaw:
    """Both sides of L = lambda W, each counted from another table.

    Attributes
    ----------
    number_mean
        L: jobs in the system, averaged over time, from `transitions`.
    rate
        lambda: jobs created per second, from `jobs`.
    time_mean
        W: mean seconds a job spent in the system, from `jobs`.
    """

    number_mean: float
    rate: float
    time_mean: float

    @property
    def error(self) -> float:
        """How far apart L and lambda W are, relative to the larger; 0 except for rounding."""
        number = self.rate * self.time_mean
        gap = abs(self.number_mean - number)
        return gap / max(abs(self.number_mean), abs(number)) if gap else 0.0


def littles_law(jobs: pd.DataFrame, transitions: pd.DataFrame) -> LittlesLaw:
    """Return both sides of Little's law over a whole run.

    From the first transition to the last the law is an identity, at any load and without a
    steady state: it fails only if the two tables disagree. Jobs that never finish stay until the
    end of the run.

    Parameters
    ----------
    jobs, transitions
        The tables of a run, of either engine.

    Raises
    ------
    ValueError
        If the run took no time, and so has no rates.

    References
    ----------
    Little (1961), A proof for the queuing formula L = lambda W, Operations Research 9.

    Examples
    --------
    >>> jobs = pd.DataFrame({"created": [0.0, 1.0], "finished": [2.0, 4.0]})
    >>> transitions = pd.DataFrame({"time": [0.0, 1.0, 2.0, 4.0],
    ...     "target": ["awaiting_payment", "awaiting_payment", "completed", "failed"]})
    >>> littles_law(jobs, transitions)
    LittlesLaw(number_mean=1.25, rate=0.5, time_mean=2.5)
    """
    moves = transitions.sort_values("time", kind="stable")
    times = moves["time"].to_numpy()
    span = float(times[-1] - times[0]) if len(times) else 0.0
    if span <= 0:
        raise ValueError("the run took no time, so there are no rates to compare")
    ends = [JobStatus.COMPLETED.value, JobStatus.FAILED.value]
    enters = (moves["target"] == JobStatus.AWAITING_PAYMENT.value).to_numpy()
    leaves = moves["target"].isin(ends).to_numpy()
    inside = enters.astype("int64").cumsum() - leaves.astype("int64").cumsum()
    area = float((inside[:-1] * (times[1:] - times[:-1])).sum())

    created = jobs["created"].dropna()
    stay = jobs["finished"].loc[created.index].fillna(float(times[-1])) - created
    return LittlesLaw(area / span, len(created) / span, float(stay.mean()))
