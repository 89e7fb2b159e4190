"""Arrivals that are more bursty, or more even, than those of independent users."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from jobsim.display.text import format_number
from jobsim.scenario.arrival_process import ArrivalProcess, Times, before
from jobsim.scenario.part import Rate
from jobsim.scenario.ticks import BLOCK, round_in_place

MOST_SPREAD = (0.01, 100.0)
"""The least and the greatest cv of the gaps."""

Spread = Annotated[float, Field(strict=True, ge=MOST_SPREAD[0], le=MOST_SPREAD[1])]


class Renewal(ArrivalProcess):
    """Gaps that are independent and gamma distributed, of any spread.

    With a cv of 1 they are those of independent users (`Poisson`), below it more even, above it
    bursty: many short gaps and a few long ones. Over long times the variance of the number of
    arrivals is cv squared times its mean; that ratio measures the burstiness of a log, and waits
    under load depend on it (Whitt, Approximating a point process by a renewal process, Operations
    Research 30(1), 1982).

    The first arrival ends a gap that began before time 0, so that the rate is the same from the
    start: it lies uniformly in a gap that is drawn in proportion to its length (Cox, Renewal
    Theory, 1962, section 5.4).

    Examples
    --------
    >>> times = Renewal(rate=2.0, cv=3.0).sample(np.random.default_rng(1), None, 10_000.0)
    >>> gaps = np.diff(times)
    >>> bool(0.45 < gaps.mean() < 0.55), bool(2.8 < gaps.std() / gaps.mean() < 3.2)
    (True, True)
    """

    kind: Literal["renewal"] = "renewal"
    rate: Rate = Field(description="Mean arrivals, jobs per second.")
    cv: Spread = Field(
        description="Standard deviation of the time between jobs over its mean; 1 is Poisson."
    )

    @property
    def mean_rate(self) -> float:
        """Arrivals per second."""
        return self.rate

    def sample(self, rng: np.random.Generator, jobs: int | None, duration: float | None) -> Times:
        """Draw the arrival times; see `ArrivalProcess.sample`."""
        left: float = math.inf if jobs is None else jobs
        if duration is None:
            left = self._count(jobs, None)
        end = math.inf if duration is None else duration
        shape = self.cv**-2.0
        scale = 1.0 / (shape * self.rate)
        # In proportion to its length, a gamma variable has a shape greater by one.
        last = float(rng.random() * rng.standard_gamma(shape + 1.0)) * scale
        drawn = [np.array([last])]
        left -= 1
        # Always whole blocks, so that more jobs or a longer duration only add arrivals.
        while left > 0 and last < end:
            times = rng.standard_gamma(shape, BLOCK)
            times *= scale
            times[0] += last
            np.cumsum(times, out=times)
            last = float(times[-1])
            drawn.append(times[: int(min(left, BLOCK))])
            left -= BLOCK
        # The sums are rounded, not the gaps: those of a burst are shorter than a tick.
        return before(round_in_place(np.concatenate(drawn)), duration)

    def describe(self) -> str:
        """Return what the jobs do, as the rest of a sentence."""
        how = "in bursts" if self.cv > 1.0 else "more evenly than at random"
        return (
            f"arrive {'at random' if self.cv == 1.0 else how} (gaps with a cv of "
            f"{format_number(self.cv)}), {format_number(self.rate)} per second on average"
        )
