"""Distributions with a shape and a scale, given by two figures that people know.

Formulas: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, volume 1, 2nd ed.,
1994: chapters 14 (lognormal), 17 (gamma) and 21 (Weibull).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from jobsim.display.text import format_number
from jobsim.scenario.part import Part, PositiveSeconds
from jobsim.scenario.ticks import blocks

Times = NDArray[np.float64]

_PAIRS = ({"mean", "cv"}, {"median", "p95"})
_NORMAL_P95 = 1.6448536269514722


class Shaped(Part):
    """Base of the distributions that take a mean and a cv, or a median and a 95th percentile.

    All four can be read, whichever pair was given; `model_fields_set` and files keep the given
    pair. A cv of 0, or a p95 equal to the median, makes every time the same.

    Attributes
    ----------
    mean
        Mean, in seconds.
    cv
        Coefficient of variation: standard deviation over mean.
    median
        Median, in seconds.
    p95
        95th percentile, in seconds.
    """

    mean: PositiveSeconds = Field(default=math.nan, description="Mean, in seconds; goes with cv.")
    cv: Annotated[float, Field(strict=True, ge=0)] = Field(
        default=math.nan, description="Standard deviation over mean; goes with mean."
    )
    median: PositiveSeconds = Field(
        default=math.nan, description="Median, in seconds; goes with p95."
    )
    p95: PositiveSeconds = Field(
        default=math.nan, description="95th percentile, in seconds; goes with median."
    )

    _shape: float = PrivateAttr(default=0.0)
    _scale: float = PrivateAttr(default=0.0)

    _shapes: ClassVar[tuple[float, float]]
    """Shapes within which the four figures are accurate floats."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Solve for the figures that were not given, so that all four can be read."""
        # Asked of what was given, not of what is set: this sets both pairs.
        given = self.model_fields_set - {"kind"}
        if given not in _PAIRS:
            got = " and ".join(sorted(given)) or "neither"
            raise ValueError(f"give either mean and cv, or median and p95 (got {got})")
        if given == {"median", "p95"} and self.p95 < self.median:
            raise ValueError(f"p95 = {self.p95} lies below median = {self.median}")
        # Without any spread it is a constant, which no shape below describes.
        if self.cv == 0.0 or self.p95 == self.median:
            value = self.mean if self.cv == 0.0 else self.median
            self.__dict__.update(mean=value, cv=0.0, median=value, p95=value)
            return self
        if given == {"mean", "cv"}:
            shape = self._shape_from_cv(self.cv)
            scale = self.mean / self._unit_mean(shape)
        else:
            shape = self._shape_from_ratio(self.p95 / self.median)
            scale = self.median / self._unit_quantile(shape, 0.5)
        self._shape, self._scale = shape, scale
        filled = {
            "mean": scale * self._unit_mean(shape),
            "cv": self._cv(shape),
            "median": scale * self._unit_quantile(shape, 0.5),
            "p95": scale * self._unit_quantile(shape, 0.95),
        }
        if not all(0.0 < value < math.inf for value in filled.values()):
            raise ValueError(f"too wide for floating point: {filled}")
        # Past pydantic, because the model is frozen; the given figures keep every bit.
        self.__dict__.update({name: filled[name] for name in filled.keys() - given})
        return self

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = handler(self)
        kept = ["kind", *(name for name in fields if name in self.model_fields_set - {"kind"})]
        return {name: fields[name] for name in kept if name in fields}

    @property
    def variance(self) -> float:
        """Variance, in seconds squared."""
        return (self.cv * self.mean) ** 2

    def sample(self, rng: np.random.Generator, n: int) -> Times:
        """Draw `n` times as float64 seconds."""
        if self.cv == 0.0:
            return np.full(n, self.mean)
        times = np.empty(n)
        for block in blocks(times):
            self._fill(rng, block)
            block *= self._scale
        return times

    def describe(self) -> str:
        """Return the distribution in a few words."""
        return (
            f"{format_number(self.mean)} s on average "
            f"({type(self).__name__}, cv {format_number(self.cv)}, "
            f"median {format_number(self.median)} s, p95 {format_number(self.p95)} s)"
        )

    # What each family says about its distribution of scale 1.

    @abstractmethod
    def _unit_mean(self, shape: float) -> float:
        """Return the mean."""

    @abstractmethod
    def _unit_quantile(self, shape: float, p: float) -> float:
        """Return the quantile at `p`, which is 0.5 or 0.95."""

    @abstractmethod
    def _fill(self, rng: np.random.Generator, block: Times) -> None:
        """Fill an array with draws."""

    @abstractmethod
    def _cv(self, shape: float) -> float:
        """Return the coefficient of variation."""

    def _ratio(self, shape: float) -> float:
        return self._unit_quantile(shape, 0.95) / self._unit_quantile(shape, 0.5)

    def _shape_from_cv(self, cv: float) -> float:
        return self._solve("cv", cv, self._cv)

    def _shape_from_ratio(self, ratio: float) -> float:
        return self._solve("p95 / median", ratio, self._ratio)

    def _solve(self, name: str, value: float, function: Callable[[float], float]) -> float:
        """Return the shape at which a monotone function of it has this value."""
        self._check(name, value, function)
        from scipy.optimize import brentq

        # In logarithms the function is smooth over all magnitudes between the limits.
        first, last = (math.log(shape) for shape in self._shapes)
        target = math.log(value)
        root = brentq(lambda x: math.log(function(math.exp(x))) - target, first, last, xtol=1e-14)
        return math.exp(root)

    def _check(self, name: str, value: float, function: Callable[[float], float]) -> None:
        low, high = sorted(function(shape) for shape in self._shapes)
        if not low <= value <= high:
            raise ValueError(
                f"{name} = {value:g} is out of reach of a {type(self).__name__} distribution: "
                f"choose between {low:.6g} and {high:.6g}"
            )


class LogNormal(Shaped):
    """Times whose logarithm is normal: common for service times of people and of programs.

    Examples
    --------
    >>> service = LogNormal(median=1.0, p95=4.0)
    >>> round(service.mean, 3), round(service.cv, 3)
    (1.426, 1.017)
    """

    kind: Literal["lognormal"] = "lognormal"

    # The shape is sigma, the scale exp(mu), which is the median.
    _shapes: ClassVar[tuple[float, float]] = (1e-8, 20.0)

    def _unit_mean(self, shape: float) -> float:
        return math.exp(0.5 * shape**2)

    def _unit_quantile(self, shape: float, p: float) -> float:
        return 1.0 if p == 0.5 else math.exp(_NORMAL_P95 * shape)

    def _fill(self, rng: np.random.Generator, block: Times) -> None:
        rng.standard_normal(out=block)
        block *= self._shape
        np.exp(block, out=block)

    def _cv(self, shape: float) -> float:
        return math.sqrt(math.expm1(shape**2))

    def _shape_from_cv(self, cv: float) -> float:
        self._check("cv", cv, self._cv)
        return math.sqrt(math.log1p(cv**2))

    def _shape_from_ratio(self, ratio: float) -> float:
        self._check("p95 / median", ratio, self._ratio)
        return math.log(ratio) / _NORMAL_P95


class Gamma(Shaped):
    """Sums of exponential stages: with a cv below 1 less variable than exponential, above 1 more.

    Examples
    --------
    >>> Gamma(mean=2.0, cv=0.5).variance
    1.0
    """

    kind: Literal["gamma"] = "gamma"

    _shapes: ClassVar[tuple[float, float]] = (1e-3, 1e8)

    def _unit_mean(self, shape: float) -> float:
        return shape

    def _unit_quantile(self, shape: float, p: float) -> float:
        from scipy.special import gammaincinv

        return float(gammaincinv(shape, p))

    def _fill(self, rng: np.random.Generator, block: Times) -> None:
        rng.standard_gamma(self._shape, out=block)

    def _cv(self, shape: float) -> float:
        return 1.0 / math.sqrt(shape)

    def _shape_from_cv(self, cv: float) -> float:
        self._check("cv", cv, self._cv)
        return 1.0 / cv**2


class Weibull(Shaped):
    """Times to failure: a cv above 1 means that what has lasted long will last longer.

    Examples
    --------
    >>> round(Weibull(mean=2.0, cv=1.0).p95, 6) == round(2.0 * math.log(20.0), 6)
    True
    """

    kind: Literal["weibull"] = "weibull"

    _shapes: ClassVar[tuple[float, float]] = (0.02, 1e4)

    def _unit_mean(self, shape: float) -> float:
        return math.gamma(1.0 + 1.0 / shape)

    def _unit_quantile(self, shape: float, p: float) -> float:
        return math.pow(-math.log1p(-p), 1.0 / shape)

    def _fill(self, rng: np.random.Generator, block: Times) -> None:
        rng.standard_exponential(out=block)
        np.power(block, 1.0 / self._shape, out=block)

    def _cv(self, shape: float) -> float:
        return math.sqrt(
            math.expm1(math.lgamma(1.0 + 2.0 / shape) - 2.0 * math.lgamma(1.0 + 1.0 / shape))
        )

    def _shape_from_ratio(self, ratio: float) -> float:
        self._check("p95 / median", ratio, self._ratio)
        return math.log(math.log(20.0) / math.log(2.0)) / math.log(ratio)
