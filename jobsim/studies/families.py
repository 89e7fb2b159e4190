"""Families of durations that a scenario can have, fitted by maximum likelihood.

Some durations may be known only to be longer than what was seen (right-censored).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from jobsim.scenario.distributions import Distribution, Exponential, Gamma, LogNormal, Weibull

Floats = NDArray[np.float64]

FAR = 40.0  # beyond it, exp of a parameter overflows or means nothing
_LOG_ROOT = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Times:
    """Durations.

    Attributes
    ----------
    known
        float64 seconds, above 0, of what was over.
    beyond
        float64 seconds that others had lasted when the log ended (right-censored).
    """

    known: Floats
    beyond: Floats

    @property
    def size(self) -> int:
        """How many there are in all."""
        return len(self.known) + len(self.beyond)


@dataclass(frozen=True)
class Family:
    """A family in parameters that may take any value, so that no search meets a bound."""

    name: str
    start: Callable[[Times], Floats]
    log_density: Callable[[Floats, Floats], Floats]
    log_beyond: Callable[[Floats, Floats], Floats]
    moments: Callable[[Floats], tuple[float, float]]
    quantile: Callable[[Floats, float], float]
    make: Callable[[Floats], Distribution]
    sample: Callable[[Floats, np.random.Generator, int], Floats]
    steep: Callable[[Floats, Times], tuple[float, Floats]] | None = None
    """What a search minimises, with its gradient: the loss, and a penalty where it needs one."""

    def loss(self, theta: Floats, times: Times) -> float:
        """Return minus the log-likelihood."""
        theta = np.clip(theta, -FAR, FAR)  # a search may try anything
        with np.errstate(all="ignore"):
            total = -float(np.sum(self.log_density(theta, times.known)))
            if len(times.beyond):
                total -= float(np.sum(self.log_beyond(theta, times.beyond)))
        return total if math.isfinite(total) else 1e300


def _moments(times: Times) -> tuple[float, float]:
    every = np.concatenate([times.known, times.beyond])
    mean = float(every.mean())
    return mean, min(max(float(every.std()) / mean, 1e-3), 20.0)


def _exponential() -> Family:
    """Return the exponential family, whose estimate has a closed form even when censored."""

    def start(times: Times) -> Floats:
        # All time at risk over the number of ends: censored durations add time but no end.
        total = float(times.known.sum() + times.beyond.sum())
        return np.array([math.log(total / max(len(times.known), 1))])

    return Family(
        "exponential",
        start,
        lambda t, x: -t[0] - x * math.exp(-t[0]),
        lambda t, x: -x * math.exp(-t[0]),
        lambda t: (math.exp(t[0]), 1.0),
        lambda t, q: -math.exp(t[0]) * math.log1p(-q),
        lambda t: Exponential(mean=math.exp(t[0])),
        lambda t, rng, n: rng.exponential(math.exp(t[0]), n),
    )


def _lognormal() -> Family:
    """Return the lognormal family, with a closed form unless some times are censored."""

    def start(times: Times) -> Floats:
        logs = np.log(np.concatenate([times.known, times.beyond]))
        guess = np.array([float(logs.mean()), math.log(max(float(logs.std()), 1e-6))])
        return least_loss(family, guess, times) if len(times.beyond) else guess

    family = Family(
        "lognormal",
        start,
        lambda t, x: log_normal(np.log(x), t[0], math.exp(t[1])) - np.log(x),
        lambda t, x: log_above(np.log(x), t[0], math.exp(t[1])),
        lambda t: lognormal_moments(t[0], math.exp(t[1])),
        lambda t, q: math.exp(t[0] + math.exp(t[1]) * float(special.ndtri(q))),
        lambda t: LogNormal(**mean_cv(lognormal_moments(t[0], math.exp(t[1])))),
        lambda t, rng, n: rng.lognormal(t[0], math.exp(t[1]), n),
    )
    return family


def log_normal(x: Floats, mean: float, deviation: float) -> Floats:
    """Return the normal log-density: `scipy.stats` takes ten times as long to check arguments."""
    z = (x - mean) / deviation
    found: Floats = -0.5 * z * z - (math.log(deviation) + _LOG_ROOT)
    return found


def log_above(x: Floats, mean: float, deviation: float) -> Floats:
    """Return the logarithm of the probability that a normal variable exceeds `x`."""
    return np.asarray(special.log_ndtr((mean - x) / deviation))


def lognormal_moments(mu: float, sigma: float) -> tuple[float, float]:
    """Return mean and cv from the mean and the deviation of the logarithm."""
    sigma = min(sigma, 20.0)  # a search may try anything, and a square must not overflow
    return math.exp(mu + 0.5 * sigma**2), math.sqrt(math.expm1(sigma**2))


def _gamma() -> Family:
    """Return the gamma family, in logarithms of shape and scale, which need no bounds."""

    def start(times: Times) -> Floats:
        mean, cv = _moments(times)
        guess = np.array([-2.0 * math.log(cv), math.log(mean * cv**2)])
        return least_loss(family, guess, times)

    family = Family(
        "gamma",
        start,
        lambda t, x: (
            special.xlogy(math.exp(t[0]) - 1.0, x)
            - x * math.exp(-t[1])
            - (special.gammaln(math.exp(t[0])) + t[1] * math.exp(t[0]))
        ),
        lambda t, x: np.log(special.gammaincc(math.exp(t[0]), x * math.exp(-t[1]))),
        lambda t: (math.exp(t[0] + t[1]), math.exp(-0.5 * t[0])),
        lambda t, q: float(special.gammaincinv(math.exp(t[0]), q)) * math.exp(t[1]),
        lambda t: Gamma(mean=math.exp(t[0] + t[1]), cv=math.exp(-0.5 * t[0])),
        lambda t, rng, n: rng.gamma(math.exp(t[0]), math.exp(t[1]), n),
    )
    return family


def _weibull() -> Family:
    """Return the Weibull family, in logarithms of shape and scale, which need no bounds."""

    def start(times: Times) -> Floats:
        mean, cv = _moments(times)
        # A rough start is enough, because the likelihood decides where the search ends.
        shape = cv**-1.086  # within a few percent of the moments' own solution
        guess = np.array([math.log(shape), math.log(mean / float(special.gamma(1 + 1 / shape)))])
        return least_loss(family, guess, times)

    def moments(t: Floats) -> tuple[float, float]:
        one, two = (float(special.gamma(1 + k / math.exp(t[0]))) for k in (1, 2))
        return math.exp(t[1]) * one, math.sqrt(max(two / one**2 - 1.0, 0.0))

    family = Family(
        "weibull",
        start,
        lambda t, x: (
            t[0]
            - np.log(x)
            + math.exp(t[0]) * (np.log(x) - t[1])
            - np.exp(math.exp(t[0]) * (np.log(x) - t[1]))
        ),
        lambda t, x: -np.exp(math.exp(t[0]) * (np.log(x) - t[1])),
        moments,
        lambda t, q: math.exp(t[1]) * (-math.log1p(-q)) ** math.exp(-t[0]),
        lambda t: Weibull(**mean_cv(moments(t))),
        lambda t, rng, n: math.exp(t[1]) * rng.weibull(math.exp(t[0]), n),
    )
    return family


def least_loss(family: Family, guess: Floats, times: Times) -> Floats:
    """Return the parameters of the highest likelihood, searched from a guess."""
    scale = max(times.size, 1)
    steep = family.steep

    def both(theta: Floats) -> tuple[float, Floats]:
        assert steep is not None  # noqa: S101 - or differences are taken
        value, slope = steep(theta, times)
        return value / scale, slope / scale

    minimize: Any = optimize.minimize  # its stubs do not know a plain float64 array
    # Not L-BFGS-B: its LAPACK calls wake the threads of OpenBLAS for a matrix of five, which takes
    # milliseconds per step, more than the likelihood itself.
    found = minimize(
        (lambda theta: family.loss(theta, times) / scale) if steep is None else both,
        np.asarray(guess, dtype=np.float64),
        jac=steep is not None,
        method="BFGS",
        options={"maxiter": 100, "gtol": 1e-6},
    )
    return np.clip(np.asarray(found.x, dtype=np.float64), -FAR, FAR)


def mean_cv(moments: tuple[float, float]) -> dict[str, float]:
    """Return moments by the names that a distribution takes."""
    return {"mean": moments[0], "cv": moments[1]}


def some_of(times: Times, most: int, rng: np.random.Generator) -> Times:
    """Return at most `most` of the durations, with the same share of censored ones."""
    if times.size <= most:
        return times
    share = most / times.size
    known = rng.choice(times.known, max(int(share * len(times.known)), 2), replace=False)
    beyond = rng.choice(times.beyond, int(share * len(times.beyond)), replace=False)
    return Times(known, beyond)


SINGLE = (_exponential(), _lognormal(), _gamma(), _weibull())
