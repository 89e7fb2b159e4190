"""Distributions fitted to durations, some of which may be known only to be longer.

Families are those that a scenario can have. scipy fits them by maximum likelihood; intervals come
from the curvature of the likelihood and hold for a true family (Lehmann and Casella, Theory of
Point Estimation, 2nd ed., 1998, section 6.3), on the log scale, because durations are positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from jobsim.display.text import format_percent
from jobsim.scenario.distributions import Constant, Distribution, Empirical
from jobsim.studies.families import SINGLE, Family, Floats, Times
from jobsim.studies.goodness import (
    SHARES,
    bic,
    figures_of_log,
    kaplan_meier,
    p_value_of,
    resampled,
    worst_error,
)
from jobsim.studies.mixtures import MIXED

LARGE = 20_000
"""Rows above which any family is rejected by a test though its quantiles are right."""

WRONG = 0.05
"""The worst relative error above which a family does not fit."""

_CLOSE = 0.01
_FEW = 100
_BETTER = 10.0  # by how much a mixture's criterion must be lower, because it can fit anything
_DOUBT = 0.01  # below this p-value a family is doubted
_UNSEEN = 0.02  # the largest share beyond the longest known with which a sample is used
_ABSURD = 10.0  # times the longest duration seen, above which no mean is believed
_KEPT = 2_000  # values of a sample that becomes a distribution itself


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95 % interval.

    Attributes
    ----------
    value, low, high
        The estimate and the ends of its interval.
    """

    value: float
    low: float
    high: float

    def covers(self, truth: float) -> bool:
        """Return whether a value lies in the interval, ends included."""
        return self.low <= truth <= self.high


@dataclass(frozen=True)
class Fit:
    """A distribution that was fitted.

    Attributes
    ----------
    family
        Its kind in a scenario.
    distribution
        The distribution, for a scenario.
    mean, cv, p95
        With their intervals.
    error
        The worst relative error of mean, p50, p90, p95 and p99.
    p_value
        Of a Kolmogorov-Smirnov test on some of the rows, bootstrapped because parameters were
        fitted; where more than 1 % were cut off, of the quantiles against Kaplan and Meier's, NaN
        if these tell none.
    fits
        Whether the family holds: see `LARGE` and `WRONG`.
    tried
        What was tried and its worst error, best first.
    """

    family: str
    distribution: Distribution
    mean: Estimate
    cv: Estimate
    p95: Estimate
    error: float
    p_value: float
    fits: bool
    tried: tuple[str, ...] = ()
    draw: Callable[[np.random.Generator], Distribution] | None = field(default=None, repr=False)


def fit_times(times: Times, *, rng: np.random.Generator | None = None) -> Fit:
    """Fit the family that suits, a mixture of two where none does, or keep the sample.

    Parameters
    ----------
    times
        At least two durations that are over.
    rng
        For bootstraps; seed 0 if None, so that a log always gives the same fit.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> times = rng.lognormal(0.0, 1.0, 2000)
    >>> fit = fit_times(Times(times, np.empty(0)))
    >>> fit.family, fit.fits, fit.p95.covers(float(np.exp(1.6449)))
    ('lognormal', True, True)
    """
    rng = np.random.default_rng(0) if rng is None else rng
    spread = float(times.known.max() - times.known.min())
    if spread <= 1e-9 * float(times.known.max()):
        return _constant(float(times.known[0]))
    truth = figures_of_log(times)
    ranked = sorted(
        ((family, theta, bic(family, theta, times)) for family, theta in _fitted(SINGLE, times)),
        key=lambda found: found[2],
    )
    tried = [(family.name, worst_error(family, theta, truth)) for family, theta, _ in ranked]
    family, theta, _ = ranked[0]
    fit = _judged(family, theta, times, truth, rng)
    # A family that is a little wrong has quantiles that are nearly right, and intervals around
    # them that are not: two kinds of work are tried as soon as one is doubted at all.
    doubted = fit.p_value < 0.05 or (math.isnan(fit.p_value) and not fit.error <= WRONG)
    if len(times.known) >= _FEW and doubted:
        mixed = MIXED.start(times)
        tried.append(("mixture", worst_error(MIXED, mixed, truth)))
        if bic(MIXED, mixed, times) < ranked[0][2] - _BETTER:
            fit = _judged(MIXED, mixed, times, truth, rng)
    longest = float(np.max(np.concatenate([times.known, times.beyond])))
    absurd = not fit.mean.value <= _ABSURD * longest
    # Where the longest were all cut off, only a family says how long they would have been; one
    # whose mean lies far beyond everything that was seen says nothing.
    if absurd or (not fit.fits and kaplan_meier(times)[2] <= _UNSEEN):
        fit = _sample_itself(times, truth, fit, rng)
    words = tuple(f"{name} {format_percent(error)}" for name, error in tried)
    return Fit(**{**fit.__dict__, "tried": words})


def _fitted(families: Sequence[Family], times: Times) -> list[tuple[Family, Floats]]:
    return [(family, family.start(times)) for family in families]


def _judged(
    family: Family, theta: Floats, times: Times, truth: Floats, rng: np.random.Generator
) -> Fit:
    """Return a fit with its intervals, and whether it holds."""
    covariance = _covariance(family, theta, times)
    error = worst_error(family, theta, truth)
    p_value = p_value_of(family, theta, times, rng)
    within = WRONG if times.size > LARGE else _CLOSE
    # Where nothing can be tested, only the error tells.
    within = WRONG if math.isnan(p_value) else within
    fits = error <= within or (p_value >= _DOUBT and times.size <= LARGE)

    def draw(generator: np.random.Generator) -> Distribution:
        return family.make(
            generator.multivariate_normal(theta, covariance, method="eigh", check_valid="ignore")
        )

    return Fit(
        family=family.name,
        distribution=family.make(theta),
        mean=_interval(lambda t: family.moments(t)[0], theta, covariance),
        cv=_interval(lambda t: family.moments(t)[1], theta, covariance),
        p95=_interval(lambda t: family.quantile(t, 0.95), theta, covariance),
        error=error,
        p_value=p_value,
        fits=fits,
        draw=draw,
    )


def _covariance(family: Family, theta: Floats, times: Times) -> Floats:
    """Return the inverse of the likelihood's curvature, by central differences."""
    size = len(theta)
    step = np.maximum(1e-4, 1e-4 * np.abs(theta))
    curvature = np.empty((size, size))
    steps = np.diag(step)

    def loss(t: Floats) -> float:
        return family.loss(t, times)

    middle = loss(theta)
    for i in range(size):
        for j in range(i + 1):
            if i == j:
                value = (loss(theta + steps[i]) - 2 * middle + loss(theta - steps[i])) / step[
                    i
                ] ** 2
            else:
                up, across = steps[i] + steps[j], steps[i] - steps[j]
                value = (
                    loss(theta + up)
                    - loss(theta + across)
                    - loss(theta - across)
                    + loss(theta - up)
                ) / (4 * step[i] * step[j])
            curvature[i, j] = curvature[j, i] = value
    values, vectors = np.linalg.eigh(curvature)
    # A flat direction has no interval; it must not spoil the others, nor may a direction in which
    # the differences give a curvature below 0.
    told = values > 1e-12 * max(float(values[-1]), 1e-300)
    return np.asarray((vectors[:, told] / values[told]) @ vectors[:, told].T)


def _interval(
    figure: Callable[[Floats], float], theta: Floats, covariance: Floats, level: float = 0.95
) -> Estimate:
    """Return a figure with its interval by the delta method, on the log scale."""
    value = figure(theta)
    if not value > 0:
        return Estimate(value, value, value)
    slope = np.empty(len(theta))
    for i in range(len(theta)):
        step = np.zeros(len(theta))
        step[i] = 1e-4
        ends = figure(theta + step), figure(theta - step)
        slope[i] = (math.log(max(ends[0], 1e-300)) - math.log(max(ends[1], 1e-300))) / 2e-4
    deviation = math.sqrt(max(float(slope @ covariance @ slope), 0.0))
    reach = math.exp(float(special.ndtri(0.5 + level / 2)) * deviation)
    return Estimate(value, value / reach, value * reach)


def _constant(value: float) -> Fit:
    exact = Estimate(value, value, value)
    return Fit(
        "constant", Constant(value=value), exact, Estimate(0.0, 0.0, 0.0), exact, 0.0, math.nan,
        fits=True,
    )  # fmt: skip


def _sample_itself(times: Times, truth: Floats, best: Fit, rng: np.random.Generator) -> Fit:
    """Return the sample as its own distribution, with bootstrapped intervals."""
    size = min(len(times.known), _KEPT)
    kept = _quantiles(times, (np.arange(size) + 0.5) / size)
    values = _plain_figures(times)
    kept *= values[0] / kept.mean()
    figures = np.array([_plain_figures(resampled(times, rng)) for _ in range(200)])
    low, high = np.quantile(figures, [0.025, 0.975], axis=0)
    mean, cv, p95 = (Estimate(*row) for row in zip(values, low, high, strict=True))
    made = Empirical(values=tuple(kept.tolist()))
    ends = np.array([kept.mean(), *np.quantile(kept, SHARES)])
    error = float(np.nanmax(np.abs(ends / truth - 1.0)))
    return Fit("empirical", made, mean, cv, p95, error, best.p_value, fits=True)


def _quantiles(times: Times, shares: Floats) -> Floats:
    """Return quantiles; those beyond the longest known are taken to be that long."""
    if not len(times.beyond):
        return np.asarray(np.quantile(times.known, shares))
    values, weight, _ = kaplan_meier(times)
    place = np.searchsorted(np.cumsum(weight), shares)
    return np.asarray(values[np.minimum(place, len(values) - 1)])


def _plain_figures(times: Times) -> tuple[float, float, float]:
    """Return mean, cv and p95."""
    p95 = float(_quantiles(times, np.array([0.95]))[0])
    if not len(times.beyond):
        mean = float(times.known.mean())
        return mean, float(times.known.std()) / mean, p95
    values, weight, left = kaplan_meier(times)
    mean = float(np.dot(values, weight)) + left * float(values[-1])
    square = float(np.dot(values**2, weight)) + left * float(values[-1]) ** 2
    return mean, math.sqrt(max(square / mean**2 - 1.0, 0.0)), p95
