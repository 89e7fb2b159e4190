"""How well a family fits: its errors against the log, a test, and a criterion of choice."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from jobsim.studies.families import Family, Floats, Times, some_of

SHARES = (0.5, 0.9, 0.95, 0.99)
"""The quantiles by which a fit is judged, besides the mean."""

_BOOTSTRAPS = 99
_TESTED = 2_000  # rows on which a p-value is bootstrapped


def figures_of_log(times: Times) -> Floats:
    """Return mean and quantiles of the log itself, by Kaplan and Meier's estimate."""
    if not len(times.beyond):
        return np.array([times.known.mean(), *np.quantile(times.known, SHARES)])
    values, weight, left = kaplan_meier(times)
    mean = float(np.dot(values, weight) + left * values[-1])
    reached = np.searchsorted(np.cumsum(weight), SHARES)
    found = [float(values[place]) if place < len(values) else math.nan for place in reached]
    return np.array([mean if left < 1e-3 else math.nan, *found])


def kaplan_meier(times: Times) -> tuple[Floats, Floats, float]:
    """Return all durations in order, the probability of each, and that of more than the longest.

    Each known duration carries its own weight and that of what was cut off before it (Kaplan and
    Meier, Journal of the American Statistical Association 53, 1958).
    """
    every = np.concatenate([times.known, times.beyond])
    over = np.concatenate([np.ones(len(times.known)), np.zeros(len(times.beyond))])
    order = np.lexsort((-over, every))
    at_risk = np.arange(len(every), 0, -1)
    survival = np.cumprod(1.0 - over[order] / at_risk)
    weight = -np.diff(np.concatenate([[1.0], survival]))
    return every[order], weight, max(1.0 - float(weight.sum()), 0.0)


def worst_error(family: Family, theta: Floats, truth: Floats) -> float:
    """Return the worst relative error of mean and quantiles; NaN where none is known."""
    fitted = np.array([family.moments(theta)[0], *(family.quantile(theta, q) for q in SHARES)])
    errors = np.abs(fitted / truth - 1.0)
    return float(np.nanmax(errors)) if not np.isnan(errors).all() else math.nan


def bic(family: Family, theta: Floats, times: Times) -> float:
    """Return Schwarz's criterion (1978): Akaike's prefers a larger family far too often."""
    return len(theta) * math.log(times.size) + 2.0 * family.loss(theta, times)


def p_value_of(family: Family, theta: Floats, times: Times, rng: np.random.Generator) -> float:
    """Return how often samples of the fitted family lie as far from their own fit.

    Where some times were cut off, quantiles are compared instead: see `_p_value_of_quantiles`. A
    mixture takes too long to be fitted so often: it is fitted to one half and compared with the
    other.
    """
    if len(times.beyond) > 0.01 * times.size:
        # Times that were cut off would have been long, so the others are not a fair sample.
        return _p_value_of_quantiles(family, theta, times, rng)
    few = some_of(Times(times.known, np.empty(0)), _TESTED, rng)
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


def _p_value_of_quantiles(
    family: Family, theta: Floats, times: Times, rng: np.random.Generator
) -> float:
    """Test the quantiles of a fit against Kaplan and Meier's, which assume no family.

    Their difference varies less than Kaplan and Meier's alone, as the fit is efficient where it is
    true (Hausman, Econometrica 46, 1978): so the test errs towards the family. Only quantiles that
    were reached are compared, by Bonferroni; NaN if none was.
    """
    few = some_of(times, _TESTED, rng)
    own = figures_of_log(few)[1:]
    again = np.array([figures_of_log(resampled(few, rng))[1:] for _ in range(_BOOTSTRAPS)])
    reached = ~np.isnan(again).any(axis=0) & ~np.isnan(own)
    if not reached.any():
        return math.nan
    fitted = np.array([family.quantile(theta, q) for q in SHARES])
    spread = np.maximum(np.log(again[:, reached]).std(axis=0), 1e-12)
    off = np.abs(np.log(fitted[reached] / own[reached])) / spread
    return min(float(2.0 * stats.norm.sf(off.max()) * reached.sum()), 1.0)


def resampled(times: Times, rng: np.random.Generator) -> Times:
    """Draw as many durations with replacement, those that were cut off included."""
    known, beyond = times.known, times.beyond
    if not len(beyond):
        return Times(rng.choice(known, len(known)), beyond)
    place = rng.integers(0, times.size, times.size)
    over = place < len(known)
    # At least one must be over; otherwise nothing is known.
    return Times(np.append(known[place[over]], known[:1]), beyond[place[~over] - len(known)])


def _distance(family: Family, theta: Floats, known: Floats) -> float:
    ordered = np.sort(known)
    below = -np.expm1(np.minimum(family.log_beyond(theta, ordered), 0.0))
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return float(max((steps[1:] - below).max(), (below - steps[:-1]).max()))
