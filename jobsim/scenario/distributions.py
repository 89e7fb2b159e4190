"""How long things take: distributions of non-negative times, in seconds.

A change of scale alone keeps the underlying draws, so scenarios that differ in a mean are
compared on common random numbers.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from jobsim.display.text import format_number, format_percent
from jobsim.scenario.part import Part, Seconds
from jobsim.scenario.shaped import Gamma, LogNormal, Weibull
from jobsim.scenario.ticks import blocks

Times = NDArray[np.float64]


class Constant(Part):
    """Always the same time.

    Examples
    --------
    >>> Constant(value=2.0).mean, Constant(value=2.0).variance
    (2.0, 0.0)
    """

    kind: Literal["constant"] = "constant"
    value: Seconds = Field(description="The time, in seconds.")

    @property
    def mean(self) -> float:
        """Mean, in seconds."""
        return self.value

    @property
    def variance(self) -> float:
        """Variance, in seconds squared."""
        return 0.0

    def sample(self, rng: np.random.Generator, n: int) -> Times:  # noqa: ARG002 - draws nothing
        """Return `n` times as float64 seconds. Nothing is drawn."""
        return np.full(n, self.value)

    def describe(self) -> str:
        """Return the distribution in a few words, such as ``2 s``."""
        return f"{format_number(self.value)} s"


class Uniform(Part):
    """Every time between two bounds is as likely as any other.

    Examples
    --------
    >>> Uniform(low=1.0, high=3.0).mean
    2.0
    """

    kind: Literal["uniform"] = "uniform"
    low: Seconds = Field(description="Shortest time, in seconds.")
    high: Seconds = Field(description="Longest time, in seconds.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low = {self.low} lies above high = {self.high}")
        return self

    @property
    def mean(self) -> float:
        """Mean, in seconds."""
        return self.low + 0.5 * (self.high - self.low)

    @property
    def variance(self) -> float:
        """Variance, in seconds squared."""
        return (self.high - self.low) ** 2 / 12.0

    def sample(self, rng: np.random.Generator, n: int) -> Times:
        """Draw `n` times as float64 seconds."""
        times = np.empty(n)
        for block in blocks(times):
            rng.random(out=block)
            block *= self.high - self.low
            block += self.low
        return times

    def describe(self) -> str:
        """Return the distribution in a few words."""
        return f"{format_number(self.low)} to {format_number(self.high)} s, uniformly"


class Exponential(Part):
    """Memoryless times: the M of an M/M/c queue.

    Examples
    --------
    >>> Exponential(mean=2.0).variance
    4.0
    """

    kind: Literal["exponential"] = "exponential"
    mean: Seconds = Field(description="Mean, in seconds.")

    @property
    def variance(self) -> float:
        """Variance, in seconds squared."""
        return self.mean**2

    def sample(self, rng: np.random.Generator, n: int) -> Times:
        """Draw `n` times as float64 seconds."""
        times = np.empty(n)
        for block in blocks(times):
            rng.standard_exponential(out=block)
            block *= self.mean
        return times

    def describe(self) -> str:
        """Return the distribution in a few words."""
        return f"{format_number(self.mean)} s on average, exponentially distributed"


class Empirical(Part):
    """Times out of a sample, drawn with replacement.

    Examples
    --------
    >>> Empirical(values=[1.0, 2.0, 6.0]).mean
    3.0
    """

    kind: Literal["empirical"] = "empirical"
    values: Annotated[tuple[Seconds, ...], Field(min_length=1)] = Field(
        description="The sample, in seconds; each value is as likely as any other."
    )

    @property
    def mean(self) -> float:
        """Mean of the sample, in seconds."""
        return math.fsum(self.values) / len(self.values)

    @property
    def variance(self) -> float:
        """Variance of a draw from the sample (divided by n), in seconds squared."""
        mean = self.mean
        return math.fsum((value - mean) ** 2 for value in self.values) / len(self.values)

    def sample(self, rng: np.random.Generator, n: int) -> Times:
        """Draw `n` times as float64 seconds."""
        times, values = np.empty(n), np.array(self.values)
        for block in blocks(times):
            places = rng.random(len(block))
            places *= len(values)
            np.take(values, places.astype(np.intp), out=block)
        return times

    def describe(self) -> str:
        """Return the distribution in a few words."""
        return f"{format_number(self.mean)} s on average, from a sample of {len(self.values):,}"


Single = Annotated[
    Constant | Uniform | Exponential | LogNormal | Gamma | Weibull | Empirical,
    Field(discriminator="kind"),
]
"""Any distribution that is neither a sum nor a mixture."""


class Sum(Part):
    """Independent stages, one after the other, such as those of a payment.

    Examples
    --------
    >>> payment = Sum(parts=[Exponential(mean=20.0), Uniform(low=0.0, high=12.0)])
    >>> payment.mean, payment.variance
    (26.0, 412.0)
    """

    kind: Literal["sum"] = "sum"
    parts: Annotated[tuple[Single, ...], Field(min_length=1)] = Field(
        description="The stages, each a distribution that is neither a sum nor a mixture."
    )

    @property
    def mean(self) -> float:
        """Mean, in seconds."""
        return math.fsum(part.mean for part in self.parts)

    @property
    def variance(self) -> float:
        """Variance, in seconds squared."""
        return math.fsum(part.variance for part in self.parts)

    def sample(self, rng: np.random.Generator, n: int) -> Times:
        """Draw `n` times as float64 seconds."""
        times = np.zeros(n)
        # One generator per part, so that a longer sample begins with the same times.
        for part, own in zip(self.parts, rng.spawn(len(self.parts)), strict=True):
            times += part.sample(own, n)
        return times

    def describe(self) -> str:
        """Return the distribution in a few words."""
        stages = "; plus ".join(part.describe() for part in self.parts)
        return f"{format_number(self.mean)} s on average ({stages})"


class Mixture(Part):
    """One of several kinds of work, each with its share: quick jobs and slow ones.

    Examples
    --------
    >>> quick, slow = Exponential(mean=1.0), Exponential(mean=21.0)
    >>> mixed = Mixture(parts=[quick, slow], weights=[0.9, 0.1])
    >>> mixed.mean, round(mixed.variance)
    (3.0, 81)
    """

    kind: Literal["mixture"] = "mixture"
    parts: Annotated[tuple[Single, ...], Field(min_length=1)] = Field(
        description="The kinds of work, each a distribution of its own."
    )
    weights: tuple[Annotated[float, Field(strict=True, ge=0)], ...] = Field(
        description="The share of each part; they are divided by their sum."
    )

    @model_validator(mode="after")
    def _one_weight_each(self) -> Self:
        if len(self.weights) != len(self.parts):
            raise ValueError(f"{len(self.parts)} parts have {len(self.weights)} weights")
        if not sum(self.weights) > 0:
            raise ValueError("all weights are 0")
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """The weights as shares of 1."""
        total = math.fsum(self.weights)
        return tuple(weight / total for weight in self.weights)

    @property
    def mean(self) -> float:
        """Mean, in seconds."""
        pairs = zip(self.shares, self.parts, strict=True)
        return math.fsum(share * part.mean for share, part in pairs)

    @property
    def variance(self) -> float:
        """Variance, in seconds squared."""
        pairs = zip(self.shares, self.parts, strict=True)
        mean = self.mean
        # The law of total variance; mean square less squared mean could be below 0 by rounding.
        return math.fsum(share * (part.variance + (part.mean - mean) ** 2) for share, part in pairs)

    def sample(self, rng: np.random.Generator, n: int) -> Times:
        """Draw `n` times as float64 seconds."""
        choice, *own = rng.spawn(1 + len(self.parts))
        ends = np.cumsum(self.shares)
        # Without the last end, which rounding may put below 1: every draw then belongs to a part.
        kinds = np.searchsorted(ends[:-1], choice.random(n), side="right")
        times = np.empty(n)
        for number, (part, generator) in enumerate(zip(self.parts, own, strict=True)):
            mine = kinds == number
            times[mine] = part.sample(generator, int(mine.sum()))
        return times

    def describe(self) -> str:
        """Return the distribution in a few words."""
        pairs = zip(self.shares, self.parts, strict=True)
        kinds = "; ".join(
            f"{format_percent(share)} of them {part.describe()}" for share, part in pairs
        )
        return f"{format_number(self.mean)} s on average ({kinds})"


Distribution = Annotated[
    Constant | Uniform | Exponential | LogNormal | Gamma | Weibull | Empirical | Sum | Mixture,
    Field(discriminator="kind"),
]
"""Any distribution of times, told apart by `kind`."""

__all__ = [
    "Constant",
    "Distribution",
    "Empirical",
    "Exponential",
    "Gamma",
    "LogNormal",
    "Mixture",
    "Single",
    "Sum",
    "Uniform",
    "Weibull",
]
