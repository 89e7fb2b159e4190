"""What every kind of arrivals has in common."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from jobsim.scenario.part import Part

Times = NDArray[np.float64]


class ArrivalProcess(Part):
    """What every kind of arrivals offers; a new kind is a subclass that `Arrivals` lists."""

    @property
    def mean_rate(self) -> float | None:
        """Long-run arrivals per second, or None where there is no such number."""
        return None

    @abstractmethod
    def sample(self, rng: np.random.Generator, jobs: int | None, duration: float | None) -> Times:
        """Draw the arrival times.

        Parameters
        ----------
        rng
            The only source of randomness; a kind that draws nothing does not use it.
        jobs
            Maximum number of arrivals, or None.
        duration
            Seconds before which all arrivals lie, or None. With both, whichever ends first.

        Returns
        -------
        numpy.ndarray
            float64, seconds in whole ticks, not decreasing; one entry per arrival.

        Raises
        ------
        ValueError
            If nothing ends the arrivals.
        """

    @abstractmethod
    def describe(self) -> str:
        """Return what the jobs do, as the rest of a sentence that begins with their number."""

    def _count(self, jobs: int | None, before_the_end: int | None) -> int:
        """Return the smaller of the two numbers of arrivals, of which one may be unknown."""
        known = [number for number in (jobs, before_the_end) if number is not None]
        if not known:
            raise ValueError(
                f"{type(self).__name__} arrivals never end: say how many by jobs or duration"
            )
        return min(known)


def before(times: Times, duration: float | None) -> Times:
    """Return the times before `duration`, as a copy, so that the longer array can be freed."""
    return times if duration is None else times[: np.searchsorted(times, duration)].copy()
