"""Distributions fitted to durations, of which some may be known only to be longer.

Families are those that a scenario can have. scipy fits them by maximum likelihood; intervals come
from the curvature of the likelihood and hold for a true family (Lehmann and Casella, Theory of
Point Estimation, 2nd ed., 1998, section 6.3), on the log scale, for durations are positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from jobsim.scenario.distributions import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    LogNormal,
    Mixture,
    Weibull,
)

Floats = NDArray[np.float64]

SHARES = (0.5, 0.9, 0.95, 0.99)
"""The quantiles by which a fit is judged, besides the mean."""

LARGE = 20_000
"""Rows above which any family is rejected by a test though its quantiles are right."""

WRONG = 0.05
"""The worst relative error from which a family does not fit."""

_FAR = 40.0
_LOG_ROOT = 0.5 * math.log(2.0 * math.pi)
_CLOSE = 0.01
_FEW = 100
_BETTER = 10.0  # by how much a mixture's criterion must be lower: it can look like anything
_DOUBT = 0.01  # below this p-value a family is doubted
_BOOTSTRAPS = 99
_TESTED = 2_000  # rows on which a p-value is bootstrapped
_KEPT = 2_000  # values of a sample that becomes a distribution itself
_START = 5_000  # rows on which a mixture begins


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
        fitted; NaN where more than 1 % were cut off.
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
class _Family:
    """A family in parameters that may take any value, so that no search meets a bound."""

    name: str
    start: Callable[[Times], Floats]
    log_density: Callable[[Floats, Floats], Floats]
    log_beyond: Callable[[Floats, Floats], Floats]
    moments: Callable[[Floats], tuple[float, float]]
    quantile: Callable[[Floats, float], float]
    make: Callable[[Floats], Distribution]
    sample: Callable[[Floats, np.random.Generator, int], Floats]

    def loss(self, theta: Floats, times: Times) -> float:
        """Return minus the log-likelihood."""
        theta = np.clip(theta, -_FAR, _FAR)  # a search may try anything
        with np.errstate(all="ignore"):
            total = -float(np.sum(self.log_density(theta, times.known)))
            if len(times.beyond):
                total -= float(np.sum(self.log_beyond(theta, times.beyond)))
        return total if math.isfinite(total) else 1e300


def _moments(times: Times) -> tuple[float, float]:
    every = np.concatenate([times.known, times.beyond])
    mean = float(every.mean())
    return mean, min(max(float(every.std()) / mean, 1e-3), 20.0)


def _exponential() -> _Family:
    """Return the exponential family, whose estimate has a closed form also when censored."""

    def start(times: Times) -> Floats:
        # All time at risk over the number of ends: what is censored adds time and no end.
        total = float(times.known.sum() + times.beyond.sum())
        return np.array([math.log(total / max(len(times.known), 1))])

    return _Family(
        "exponential",
        start,
        lambda t, x: -t[0] - x * math.exp(-t[0]),
        lambda t, x: -x * math.exp(-t[0]),
        lambda t: (math.exp(t[0]), 1.0),
        lambda t, q: -math.exp(t[0]) * math.log1p(-q),
        lambda t: Exponential(mean=math.exp(t[0])),
        lambda t, rng, n: rng.exponential(math.exp(t[0]), n),
    )


def _lognormal() -> _Family:
    """Return the lognormal family, closed-form too unless some times are censored."""

    def start(times: Times) -> Floats:
        logs = np.log(np.concatenate([times.known, times.beyond]))
        guess = np.array([float(logs.mean()), math.log(max(float(logs.std()), 1e-6))])
        return _least(family, guess, times) if len(times.beyond) else guess

    family = _Family(
        "lognormal",
        start,
        lambda t, x: _log_normal(np.log(x), t[0], math.exp(t[1])) - np.log(x),
        lambda t, x: _log_above(np.log(x), t[0], math.exp(t[1])),
        lambda t: _lognormal_moments(t[0], math.exp(t[1])),
        lambda t, q: math.exp(t[0] + math.exp(t[1]) * float(special.ndtri(q))),
        lambda t: LogNormal(**_mean_cv(_lognormal_moments(t[0], math.exp(t[1])))),
        lambda t, rng, n: rng.lognormal(t[0], math.exp(t[1]), n),
    )
    return family


def _log_normal(x: Floats, mean: float, deviation: float) -> Floats:
    """Return the normal log-density: `scipy.stats` takes ten times as long to check arguments."""
    z = (x - mean) / deviation
    found: Floats = -0.5 * z * z - (math.log(deviation) + _LOG_ROOT)
    return found


def _log_above(x: Floats, mean: float, deviation: float) -> Floats:
    return np.asarray(special.log_ndtr((mean - x) / deviation))


def _lognormal_moments(mu: float, sigma: float) -> tuple[float, float]:
    return math.exp(mu + 0.5 * sigma**2), math.sqrt(math.expm1(sigma**2))


def _gamma() -> _Family:
    """Return the gamma family, in logarithms of shape and scale, which need no bounds."""

    def start(times: Times) -> Floats:
        mean, cv = _moments(times)
        guess = np.array([-2.0 * math.log(cv), math.log(mean * cv**2)])
        return _least(family, guess, times)

    family = _Family(
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


def _weibull() -> _Family:
    """Return the Weibull family, in logarithms of shape and scale, which need no bounds."""

    def start(times: Times) -> Floats:
        mean, cv = _moments(times)
        # A start is enough, for the likelihood decides where it ends.
        shape = cv**-1.086  # within a few percent of the moments' own solution
        guess = np.array([math.log(shape), math.log(mean / float(special.gamma(1 + 1 / shape)))])
        return _least(family, guess, times)

    def moments(t: Floats) -> tuple[float, float]:
        one, two = (float(special.gamma(1 + k / math.exp(t[0]))) for k in (1, 2))
        return math.exp(t[1]) * one, math.sqrt(max(two / one**2 - 1.0, 0.0))

    family = _Family(
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
        lambda t: Weibull(**_mean_cv(moments(t))),
        lambda t, rng, n: math.exp(t[1]) * rng.weibull(math.exp(t[0]), n),
    )
    return family


def _mixture() -> _Family:
    """Two lognormals: logit of the first one's weight, then mean and log deviation of each."""

    def parts(t: Floats) -> tuple[float, tuple[float, float], tuple[float, float]]:
        weight = float(special.expit(t[0]))
        return weight, (t[1], math.exp(t[2])), (t[3], math.exp(t[4]))

    def both(t: Floats, logs: Floats, log_of: Any) -> Floats:
        weight, one, two = parts(t)
        first = math.log(max(weight, 1e-300)) + log_of(logs, *one)
        second = math.log(max(1.0 - weight, 1e-300)) + log_of(logs, *two)
        return np.asarray(np.logaddexp(first, second))

    def start(times: Times) -> Floats:
        """Try three splits on a sample, for the likelihood of a mixture has local maxima."""
        rng = np.random.default_rng(0)
        # A sample of fixed seed: the start need not be exact, but the fit must be repeatable.
        few = _some(times, _START, rng)
        logs = np.log(few.known)
        found = []
        for share in (0.3, 0.7, 0.92):
            cut = np.quantile(logs, share)
            low, high = logs[logs <= cut], logs[logs > cut]
            spread = [math.log(max(float(half.std()), 0.05)) for half in (low, high)]
            guess = np.array([special.logit(share), low.mean(), spread[0], high.mean(), spread[1]])
            found.append(_least(family, guess, few))
        best = min(found, key=lambda theta: family.loss(theta, few))
        return best if few.size == times.size else _least(family, best, times)

    def moments(t: Floats) -> tuple[float, float]:
        weight, one, two = parts(t)
        (m1, c1), (m2, c2) = _lognormal_moments(*one), _lognormal_moments(*two)
        mean = weight * m1 + (1 - weight) * m2
        square = weight * m1**2 * (1 + c1**2) + (1 - weight) * m2**2 * (1 + c2**2)
        return mean, math.sqrt(max(square / mean**2 - 1.0, 0.0))

    def quantile(t: Floats, q: float) -> float:
        """Find the quantile between those of the parts, where it must lie."""
        weight, one, two = parts(t)
        z = float(special.ndtri(q))
        ends = sorted(m + s * z for m, s in (one, two))
        # Both parts agree on this quantile, and a bracket of no width has no root.
        if ends[0] == ends[1]:
            return math.exp(ends[0])
        root = optimize.brentq(
            lambda y: (
                weight * special.ndtr((y - one[0]) / one[1])
                + (1 - weight) * special.ndtr((y - two[0]) / two[1])
                - q
            ),
            ends[0] - 1e-9,
            ends[1] + 1e-9,
        )
        return math.exp(float(root))

    def make(t: Floats) -> Distribution:
        weight, one, two = parts(t)
        kinds = [LogNormal(**_mean_cv(_lognormal_moments(*part))) for part in (one, two)]
        return Mixture(parts=kinds, weights=[weight, 1.0 - weight])

    def sample(t: Floats, rng: np.random.Generator, n: int) -> Floats:
        weight, one, two = parts(t)
        first = rng.random(n) < weight
        return np.where(first, rng.lognormal(*one, n), rng.lognormal(*two, n))

    family = _Family(
        "mixture",
        start,
        lambda t, x: both(t, np.log(x), _log_normal) - np.log(x),
        lambda t, x: both(t, np.log(x), _log_above),
        moments,
        quantile,
        make,
        sample,
    )
    return family


def _least(family: _Family, guess: Floats, times: Times) -> Floats:
    scale = max(times.size, 1)
    minimize: Any = optimize.minimize  # its stubs do not know a plain float64 array
    found = minimize(
        lambda theta: family.loss(theta, times) / scale,
        np.asarray(guess, dtype=np.float64),
        method="L-BFGS-B",
        options={"maxiter": 100, "ftol": 1e-9},
    )
    return np.asarray(found.x, dtype=np.float64)


def _mean_cv(moments: tuple[float, float]) -> dict[str, float]:
    return {"mean": moments[0], "cv": moments[1]}


SINGLE = (_exponential(), _lognormal(), _gamma(), _weibull())
MIXED = _mixture()


def fit_times(times: Times, *, rng: np.random.Generator | None = None) -> Fit:
    """Fit the family that suits, a mixture of two where none does, else keep the sample.

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
    truth = _figures_of(times)
    ranked = sorted(
        ((family, theta, _bic(family, theta, times)) for family, theta in _fitted(SINGLE, times)),
        key=lambda found: found[2],
    )
    tried = [(family.name, _error(family, theta, truth)) for family, theta, _ in ranked]
    family, theta, _ = ranked[0]
    fit = _judged(family, theta, times, truth, rng)
    # A family that is a little wrong has quantiles that are nearly right, and intervals around
    # them that are not: two kinds of work are tried as soon as one is doubted at all.
    doubted = fit.p_value < 0.05 or (math.isnan(fit.p_value) and not fit.error <= WRONG)
    if len(times.known) >= _FEW and doubted:
        mixed = MIXED.start(times)
        tried.append(("mixture", _error(MIXED, mixed, truth)))
        if _bic(MIXED, mixed, times) < ranked[0][2] - _BETTER:
            fit = _judged(MIXED, mixed, times, truth, rng)
    if not fit.fits and len(times.beyond) <= 0.01 * times.size:
        fit = _sample_itself(times, truth, fit, rng)
    words = tuple(f"{name} {error:.1%}" for name, error in tried)
    return Fit(**{**fit.__dict__, "tried": words})


def _fitted(families: Sequence[_Family], times: Times) -> list[tuple[_Family, Floats]]:
    return [(family, family.start(times)) for family in families]


def _bic(family: _Family, theta: Floats, times: Times) -> float:
    """Return Schwarz's criterion (1978): Akaike's prefers a larger family far too often."""
    return len(theta) * math.log(times.size) + 2.0 * family.loss(theta, times)


def _figures_of(times: Times) -> Floats:
    """Return mean and quantiles of the log itself, by Kaplan and Meier's estimate."""
    if not len(times.beyond):
        return np.array([times.known.mean(), *np.quantile(times.known, SHARES)])
    # Each known duration carries its own weight and that of what was cut off before it.
    every = np.concatenate([times.known, times.beyond])
    over = np.concatenate([np.ones(len(times.known)), np.zeros(len(times.beyond))])
    order = np.lexsort((-over, every))
    at_risk = np.arange(len(every), 0, -1)
    survival = np.cumprod(1.0 - over[order] / at_risk)
    values, weight = every[order], -np.diff(np.concatenate([[1.0], survival]))
    left = max(1.0 - float(weight.sum()), 0.0)
    mean = float(np.dot(values, weight) + left * values[-1])
    reached = np.searchsorted(np.cumsum(weight), SHARES)
    found = [float(values[place]) if place < len(values) else math.nan for place in reached]
    return np.array([mean if left < 1e-3 else math.nan, *found])


def _error(family: _Family, theta: Floats, truth: Floats) -> float:
    fitted = np.array([family.moments(theta)[0], *(family.quantile(theta, q) for q in SHARES)])
    errors = np.abs(fitted / truth - 1.0)
    return float(np.nanmax(errors)) if not np.isnan(errors).all() else math.nan


def _judged(
    family: _Family, theta: Floats, times: Times, truth: Floats, rng: np.random.Generator
) -> Fit:
    """Return a fit with its intervals, and whether it holds."""
    covariance = _covariance(family, theta, times)
    error = _error(family, theta, truth)
    p_value = _p_value(family, times, rng)
    within = WRONG if times.size > LARGE else _CLOSE
    # Where many were cut off nothing can be tested, and only the error tells.
    within = WRONG if math.isnan(p_value) else within
    fits = error <= within or (p_value >= _DOUBT and times.size <= LARGE)

    def draw(generator: np.random.Generator) -> Distribution:
        return family.make(generator.multivariate_normal(theta, covariance, method="eigh"))

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


def _covariance(family: _Family, theta: Floats, times: Times) -> Floats:
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
    # A flat direction has no interval of its own; it must not spoil the others.
    return np.asarray(np.linalg.pinv(curvature, hermitian=True))


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


def _p_value(family: _Family, times: Times, rng: np.random.Generator) -> float:
    """Return how often samples of the fitted family lie as far from their own fit.

    Two kinds of work take too long to be fitted so often: they are fitted to one half and compared
    with the other.
    """
    if len(times.beyond) > 0.01 * times.size:
        return math.nan  # what was cut off would have been long: the others are no sample
    few = _some(Times(times.known, np.empty(0)), _TESTED, rng)
    if family.name == "mixture":
        mixed = rng.permutation(few.known)
        half = len(mixed) // 2
        own = family.start(Times(mixed[:half], np.empty(0)))
        others = mixed[half:]
        distance = _distance(family, own, others)
        return float(stats.kstwo.sf(distance, len(others)))
    own = family.start(few)
    distance = _distance(family, own, few.known)
    rounds = _BOOTSTRAPS if family.name in {"exponential", "lognormal"} else _BOOTSTRAPS // 3
    further = 0
    for _ in range(rounds):
        drawn = Times(np.maximum(family.sample(own, rng, len(few.known)), 1e-300), np.empty(0))
        further += _distance(family, family.start(drawn), drawn.known) >= distance
    return (further + 1.0) / (rounds + 1.0)


def _distance(family: _Family, theta: Floats, known: Floats) -> float:
    ordered = np.sort(known)
    below = -np.expm1(np.minimum(family.log_beyond(theta, ordered), 0.0))
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return float(max((steps[1:] - below).max(), (below - steps[:-1]).max()))


def _some(times: Times, most: int, rng: np.random.Generator) -> Times:
    if times.size <= most:
        return times
    share = most / times.size
    known = rng.choice(times.known, max(int(share * len(times.known)), 2), replace=False)
    beyond = rng.choice(times.beyond, int(share * len(times.beyond)), replace=False)
    return Times(known, beyond)


def _constant(value: float) -> Fit:
    exact = Estimate(value, value, value)
    return Fit(
        "constant", Constant(value=value), exact, Estimate(0.0, 0.0, 0.0), exact, 0.0, math.nan,
        fits=True,
    )  # fmt: skip


def _sample_itself(times: Times, truth: Floats, best: Fit, rng: np.random.Generator) -> Fit:
    """Return the sample as its own distribution, with bootstrapped intervals."""
    known = times.known
    shares = (np.arange(min(len(known), _KEPT)) + 0.5) / min(len(known), _KEPT)
    kept = np.quantile(known, shares)
    kept *= known.mean() / kept.mean()
    figures = np.array([_plain_figures(rng.choice(known, len(known))) for _ in range(200)])
    low, high = np.quantile(figures, [0.025, 0.975], axis=0)
    values = _plain_figures(known)
    mean, cv, p95 = (Estimate(*row) for row in zip(values, low, high, strict=True))
    made = Empirical(values=tuple(kept.tolist()))
    ends = np.array([kept.mean(), *np.quantile(kept, SHARES)])
    error = float(np.nanmax(np.abs(ends / truth - 1.0)))
    return Fit("empirical", made, mean, cv, p95, error, best.p_value, fits=True)


def _plain_figures(known: Floats) -> tuple[float, float, float]:
    mean = float(known.mean())
    return mean, float(known.std()) / mean, float(np.quantile(known, 0.95))
