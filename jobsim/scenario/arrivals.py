"""When jobs are asked for: the arrival processes of an open loop, and all kinds together."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator

from jobsim.display.text import format_number
from jobsim.scenario.arrival_process import ArrivalProcess, Times, before
from jobsim.scenario.closed import Closed
from jobsim.scenario.part import Count, PositiveSeconds, Rate, Seconds
from jobsim.scenario.renewal import Renewal
from jobsim.scenario.ticks import TICKS_PER_SECOND, blocks, to_ticks
from jobsim.scenario.varying import Varying


class Poisson(ArrivalProcess):
    """Independent users: exponential inter-arrival times.

    These are rounded to whole ticks before they are summed, so arrivals are exact. With a mean of
    g ticks that shortens them by 1/(24 g^2): one part in 2,600 at 100,000 arrivals a second.

    Examples
    --------
    >>> times = Poisson(rate=2.0).sample(np.random.default_rng(1), jobs=None, duration=100.0)
    >>> 150 < len(times) < 250
    True
    """

    kind: Literal["poisson"] = "poisson"
    rate: Rate = Field(description="Mean arrivals, jobs per second.")

    @property
    def mean_rate(self) -> float:
        """Arrivals per second."""
        return self.rate

    def sample(self, rng: np.random.Generator, jobs: int | None, duration: float | None) -> Times:
        """Draw the arrival times; see `ArrivalProcess.sample`."""
        if duration is None:
            return self._draw(rng, self._count(jobs, None), 0.0)
        drawn, last = [np.empty(0)], 0.0
        left = math.inf if jobs is None else jobs
        # The draws do not depend on where they are cut, so a longer duration only adds jobs.
        while last < duration and left:
            expected = (duration - last) * self.rate
            count = int(min(left, expected + 5.0 * math.sqrt(expected) + 10.0))
            drawn.append(self._draw(rng, count, last))
            last = float(drawn[-1][-1])
            left -= count
        return before(np.concatenate(drawn), duration)

    def _draw(self, rng: np.random.Generator, count: int, last: float) -> Times:
        """Sum gaps in whole ticks, block by block: exact, and in the processor's cache."""
        times = np.empty(count)
        for block in blocks(times):
            rng.standard_exponential(out=block)
            block *= TICKS_PER_SECOND / self.rate
            # The gaps are rounded, not the sums: a sum of whole ticks is exact below 2^53, so no
            # error builds up.
            np.rint(block, out=block)
            block[0] += last * TICKS_PER_SECOND
            np.cumsum(block, out=block)
            # A power of two, so this changes only the exponent.
            block *= 1.0 / TICKS_PER_SECOND
            last = float(block[-1])
        return times

    def describe(self) -> str:
        """Return what the jobs do, as the rest of a sentence."""
        return f"arrive at random (Poisson), {format_number(self.rate)} per second on average"


class Paced(ArrivalProcess):
    """Evenly spaced arrivals, the first one at 0.

    Examples
    --------
    >>> Paced(rate=4.0).sample(np.random.default_rng(1), jobs=3, duration=None)
    array([0.  , 0.25, 0.5 ])
    """

    kind: Literal["paced"] = "paced"
    rate: Rate = Field(description="Arrivals, jobs per second.")

    @property
    def mean_rate(self) -> float:
        """Arrivals per second."""
        return self.rate

    def sample(
        self,
        rng: np.random.Generator,  # noqa: ARG002 - draws nothing
        jobs: int | None,
        duration: float | None,
    ) -> Times:
        """Return the arrival times; see `ArrivalProcess.sample`. Nothing is drawn."""
        in_time = None if duration is None else math.ceil(duration * self.rate) + 1
        # Each time is rounded by itself: rounding the gap would let the rate drift.
        times = to_ticks(np.arange(self._count(jobs, in_time)) / self.rate)
        return before(times, duration)

    def describe(self) -> str:
        """Return what the jobs do, as the rest of a sentence."""
        return f"arrive evenly spaced, {format_number(self.rate)} per second"


class Bursts(ArrivalProcess):
    """Many jobs at one instant, again and again, the first time at 0.

    Examples
    --------
    >>> Bursts(size=2, every=10.0).sample(np.random.default_rng(1), jobs=5, duration=None)
    array([ 0.,  0., 10., 10., 20.])
    """

    kind: Literal["bursts"] = "bursts"
    size: Count = Field(description="Jobs in one burst, all at the same instant.")
    every: PositiveSeconds = Field(description="Seconds from one burst to the next.")

    @property
    def mean_rate(self) -> float:
        """Arrivals per second, burst and pause together."""
        return self.size / self.every

    def sample(
        self,
        rng: np.random.Generator,  # noqa: ARG002 - draws nothing
        jobs: int | None,
        duration: float | None,
    ) -> Times:
        """Return the arrival times; see `ArrivalProcess.sample`. Nothing is drawn."""
        in_time = None if duration is None else (math.ceil(duration / self.every) + 1) * self.size
        times = (np.arange(self._count(jobs, in_time)) // self.size).astype(np.float64)
        times *= self.every
        return before(to_ticks(times), duration)

    def describe(self) -> str:
        """Return what the jobs do, as the rest of a sentence."""
        return f"arrive in bursts of {self.size:,}, one every {format_number(self.every)} s"


class Stampede(ArrivalProcess):
    """All at once. Only the scenario's `jobs` says how many.

    Examples
    --------
    >>> Stampede().sample(np.random.default_rng(1), jobs=3, duration=None)
    array([0., 0., 0.])
    """

    kind: Literal["stampede"] = "stampede"
    at: Seconds = Field(default=0.0, description="The moment, in seconds.")

    def sample(
        self,
        rng: np.random.Generator,  # noqa: ARG002 - draws nothing
        jobs: int | None,
        duration: float | None,
    ) -> Times:
        """Return the arrival times; see `ArrivalProcess.sample`. Nothing is drawn."""
        if jobs is None:
            raise ValueError("A stampede is over at once: say how many by jobs, not by duration")
        return before(to_ticks(np.full(jobs, self.at)), duration)

    def describe(self) -> str:
        """Return what the jobs do, as the rest of a sentence."""
        return f"arrive all at once, at {format_number(self.at)} s"


class Schedule(ArrivalProcess):
    """Given times, put into order. It ends by itself; `jobs` and `duration` may cut it short.

    Examples
    --------
    >>> Schedule(times=[3.0, 0.5]).sample(np.random.default_rng(1), jobs=None, duration=None)
    array([0.5, 3. ])
    """

    kind: Literal["schedule"] = "schedule"
    times: Annotated[tuple[Seconds, ...], Field(min_length=1)] = Field(
        description="Arrival times in seconds, in any order."
    )

    @field_validator("times")
    @classmethod
    def _in_order(cls, times: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(sorted(times))

    def sample(
        self,
        rng: np.random.Generator,  # noqa: ARG002 - draws nothing
        jobs: int | None,
        duration: float | None,
    ) -> Times:
        """Return the arrival times; see `ArrivalProcess.sample`. Nothing is drawn."""
        return before(to_ticks(np.array(self.times[:jobs])), duration)

    def describe(self) -> str:
        """Return what the jobs do, as the rest of a sentence."""
        first, last = format_number(self.times[0]), format_number(self.times[-1])
        return f"arrive at given times between {first} and {last} s"


Arrivals = Annotated[
    Poisson | Renewal | Paced | Bursts | Stampede | Schedule | Varying | Closed,
    Field(discriminator="kind"),
]
"""Any kind of arrivals, told apart by `kind`."""
