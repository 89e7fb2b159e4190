"""Arrivals at a rate that varies: a day with its busy hours, ramps, spikes."""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from jobsim.display.text import format_number
from jobsim.scenario.arrival_process import ArrivalProcess, Times, before
from jobsim.scenario.part import PositiveSeconds, Seconds
from jobsim.scenario.ticks import BLOCK, round_in_place, to_ticks

RateOrZero = Annotated[float, Field(strict=True, ge=0)]


class Varying(ArrivalProcess):
    """Independent users whose number varies: a Poisson process whose rate changes over time.

    The rate is a straight line from point to point. Two points at the same time make a step, so
    ramps, spikes and constant rates are all possible. Before the first point and after the last
    one the rate stays constant; a last rate of 0 without a period ends the arrivals, and neither
    `jobs` nor `duration` is then needed.

    Drawn by thinning (Lewis and Shedler 1979, theorem 1): candidates arrive at the higher rate
    of the two points around them, and each is kept with probability rate / higher rate. More jobs
    or a longer duration only add arrivals.

    References
    ----------
    Lewis and Shedler (1979), Simulation of nonhomogeneous Poisson processes by thinning, Naval
    Research Logistics Quarterly 26 (3).

    Examples
    --------
    >>> spike = Varying(points=[(0, 1.0), (60, 1.0), (60, 9.0), (70, 9.0), (70, 0.0)])
    >>> times = spike.sample(np.random.default_rng(1), jobs=None, duration=None)
    >>> bool(50 < (times < 60).sum() < 70), bool(80 < (times >= 60).sum() < 100)
    (True, True)
    """

    kind: Literal["varying"] = "varying"
    points: Annotated[tuple[tuple[Seconds, RateOrZero], ...], Field(min_length=2)] = Field(
        description="Pairs of a time in seconds and the rate then, in jobs per second."
    )
    period: PositiveSeconds | None = Field(
        default=None, description="Seconds after which the points repeat; none: they do not."
    )

    @model_validator(mode="after")
    def _makes_a_rate(self) -> Self:
        """Refuse points that define no rate, before anything is drawn from them."""
        times = [time for time, _ in self.points]
        for earlier, later in itertools.pairwise(times):
            # Equal times are a jump of the rate, and allowed.
            if later < earlier:
                raise ValueError(f"points go back in time: {later} s comes after {earlier} s")
        if self.period is not None and times[-1] > self.period:
            raise ValueError(
                f"the last point, at {times[-1]} s, lies beyond the period of {self.period} s"
            )
        if not self._pieces().total > 0.0:
            raise ValueError("nobody ever arrives: make some rate higher than 0 for some time")
        return self

    @property
    def mean_rate(self) -> float | None:
        """Arrivals per second, on average over a period; None without a period."""
        if self.period is None:
            return None
        pieces = self._pieces()
        middle = pieces.rate + 0.5 * pieces.slope * pieces.width
        return float(np.dot(middle, pieces.width) / pieces.width.sum())

    @property
    def peak_rate(self) -> float:
        """The highest rate, in jobs per second."""
        return max(rate for _, rate in self.points)

    def sample(self, rng: np.random.Generator, jobs: int | None, duration: float | None) -> Times:
        """Draw the arrival times; see `ArrivalProcess.sample`."""
        pieces = self._pieces()
        if duration is None and (self.period is not None or pieces.total == math.inf):
            self._count(jobs, None)
        gaps, marks = rng.spawn(2)
        drawn: list[Times] = [np.empty(0)]
        passed, last = 0.0, 0.0
        left = math.inf if jobs is None else jobs
        end = math.inf if duration is None else duration
        while left and passed < pieces.total_ever and last < end:
            # In units in which one candidate arrives on average; exact sums, as in Poisson.
            unit = round_in_place(gaps.standard_exponential(BLOCK))
            unit[0] += passed
            np.cumsum(unit, out=unit)
            passed = float(unit[-1])
            times, share = pieces.candidates(unit)
            last = float(times[-1]) if len(times) else last
            kept = times[marks.random(BLOCK)[: len(times)] < share]
            drawn.append(kept[: int(min(left, BLOCK))])
            left -= len(drawn[-1])
        return before(np.concatenate(drawn), duration)

    def describe(self) -> str:
        """Return what the jobs do, as the rest of a sentence."""
        lowest = min(rate for _, rate in self.points)
        when = next(time for time, rate in self.points if rate == self.peak_rate)
        again = "" if self.period is None else f", again every {format_number(self.period)} s"
        return (
            f"arrive at random (Poisson), {format_number(lowest)} to "
            f"{format_number(self.peak_rate)} per second with the peak at "
            f"{format_number(when)} s{again}"
        )

    def _pieces(self) -> _Pieces:
        """Return the rate as straight pieces that begin at 0 and end with the period, or never."""
        end = math.inf if self.period is None else self.period
        (_, first), (_, last) = self.points[0], self.points[-1]
        # On whole ticks, so that any number of periods is an exact sum.
        knots = to_ticks(np.array([0.0, *(time for time, _ in self.points), end]))
        rates = np.array([first, *(rate for _, rate in self.points), last])
        width, high = np.diff(knots), np.maximum(rates[:-1], rates[1:])
        slope = np.divide(np.diff(rates), width, out=np.zeros_like(width), where=width > 0.0)
        passes = np.multiply(high, width, out=np.zeros_like(width), where=high > 0.0)
        passed = np.concatenate([[0.0], np.cumsum(passes)])
        period = None if self.period is None else float(knots[-1])
        return _Pieces(knots[:-1], width, rates[:-1], slope, high, passed, period)


class _Pieces(NamedTuple):
    """Pieces on which the rate is a straight line; arrays with one entry per piece.

    `passed` is how many candidates arrive on average before each piece, with one more entry
    for all of them.
    """

    start: NDArray[np.float64]
    width: NDArray[np.float64]
    rate: NDArray[np.float64]
    slope: NDArray[np.float64]
    high: NDArray[np.float64]
    passed: NDArray[np.float64]
    period: float | None

    @property
    def total(self) -> float:
        """Mean number of candidates, in one period if there is one."""
        return float(self.passed[-1])

    @property
    def total_ever(self) -> float:
        """The same, in all periods."""
        return self.total if self.period is None else math.inf

    def candidates(self, unit: NDArray[np.float64]) -> tuple[Times, NDArray[np.float64]]:
        """Return when candidates arrive, and the probability to keep each; both float64.

        `unit` is the expected number of candidates before each one. Candidates after the end of
        all arrivals are left out.
        """
        if self.period is None:
            unit = unit[unit < self.total]
            begun = np.zeros(len(unit))
        else:
            begun, unit = np.divmod(unit, self.total)
            begun *= self.period
        # A piece without candidates begins at the same value as the next one: it is never found.
        piece = np.searchsorted(self.passed[:-1], unit, side="right") - 1
        into = (unit - self.passed[piece]) / self.high[piece]
        share = (self.rate[piece] + self.slope[piece] * into) / self.high[piece]
        return round_in_place(begun + self.start[piece] + into), share
