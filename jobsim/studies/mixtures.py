"""Two lognormals at once, for a log of two kinds of work."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import optimize, special

from jobsim.scenario.distributions import Distribution, LogNormal, Mixture
from jobsim.studies.families import (
    FAR,
    Family,
    Floats,
    Times,
    least_loss,
    log_above,
    log_normal,
    lognormal_moments,
    mean_cv,
    some_of,
)

_START = 5_000  # rows on which a mixture begins
_NARROW, _WIDE = 1e-6, 10.0  # log deviations of a part; beyond, its moments mean nothing


def _parts(t: Floats) -> tuple[float, tuple[float, float], tuple[float, float]]:
    t = np.clip(t, -FAR, FAR)  # what a search tries, or a draw gives, must not overflow
    weight = float(special.expit(t[0]))
    one, two = (min(max(math.exp(t[place]), _NARROW), _WIDE) for place in (2, 4))
    return weight, (t[1], one), (t[3], two)


def _steep(t: Floats, times: Times) -> tuple[float, Floats]:
    """Return loss and gradient: five differences a step would take most of a calibration.

    The likelihood of a mixture has no maximum: a part may shrink onto one value. The penalty
    of Chen, Tan and Zhang, Inference for normal mixtures in mean and variance, Statistica
    Sinica 18 (2008), of weight 1/n, keeps it from that and is nothing to a part of many.
    """
    weight, one, two = _parts(t)
    slope = np.zeros(5)
    for seconds, log_of, over in (
        (times.known, log_normal, True),
        (times.beyond, log_above, False),
    ):
        logs = np.log(seconds)
        first = math.log(max(weight, 1e-300)) + log_of(logs, *one)
        second = math.log(max(1.0 - weight, 1e-300)) + log_of(logs, *two)
        share = special.expit(first - second)  # of the first part, given this time
        slope[0] -= float(np.sum(share - weight))
        for place, (mean, deviation), mine in ((1, one, share), (3, two, 1.0 - share)):
            z = (logs - mean) / deviation
            # The density falls by z from its mean; the share beyond falls by the hazard.
            fall = z if over else math.sqrt(2 / math.pi) / special.erfcx(z / math.sqrt(2))
            slope[place] -= float(np.dot(mine, fall)) / deviation
            slope[place + 1] -= float(np.dot(mine, fall * z - over))
    spread, penalty = float(np.log(times.known).var()), 0.0
    for place, (_, deviation) in ((2, one), (4, two)):
        narrow = spread / deviation**2
        penalty += (narrow + 2.0 * math.log(deviation)) / times.size
        slope[place] += 2.0 * (1.0 - narrow) / times.size
    return MIXED.loss(t, times) + penalty, np.nan_to_num(slope)


def _mixture() -> Family:
    """Two lognormals: logit of the first one's weight, then mean and log deviation of each."""

    def both(t: Floats, logs: Floats, log_of: Any) -> Floats:
        weight, one, two = _parts(t)
        first = math.log(max(weight, 1e-300)) + log_of(logs, *one)
        second = math.log(max(1.0 - weight, 1e-300)) + log_of(logs, *two)
        return np.asarray(np.logaddexp(first, second))

    def start(times: Times) -> Floats:
        """Try three splits on a sample, because the likelihood of a mixture has local maxima."""
        rng = np.random.default_rng(0)
        # A sample of fixed seed: the start need not be exact, but the fit must be repeatable.
        few = some_of(times, _START, rng)
        logs = np.sort(np.log(few.known))
        found = []
        for share in (0.3, 0.7, 0.92):
            # By rank, not by value: where many are equal, none may lie above.
            low, high = np.split(logs, [max(int(share * len(logs)), 1)])
            spread = [math.log(max(float(half.std()), 0.05)) for half in (low, high)]
            guess = np.array([special.logit(share), low.mean(), spread[0], high.mean(), spread[1]])
            found.append(least_loss(family, guess, few))
        best = min(found, key=lambda theta: _steep(theta, few)[0])
        return best if few.size == times.size else least_loss(family, best, times)

    def moments(t: Floats) -> tuple[float, float]:
        weight, one, two = _parts(t)
        (m1, c1), (m2, c2) = lognormal_moments(*one), lognormal_moments(*two)
        mean = weight * m1 + (1 - weight) * m2
        square = weight * m1**2 * (1 + c1**2) + (1 - weight) * m2**2 * (1 + c2**2)
        return mean, math.sqrt(max(square / mean**2 - 1.0, 0.0))

    def quantile(t: Floats, q: float) -> float:
        """Find the quantile between those of the parts, where it must lie."""
        weight, one, two = _parts(t)
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
        weight, one, two = _parts(t)
        kinds = [LogNormal(**mean_cv(lognormal_moments(*part))) for part in (one, two)]
        return Mixture(parts=kinds, weights=[weight, 1.0 - weight])

    def sample(t: Floats, rng: np.random.Generator, n: int) -> Floats:
        weight, one, two = _parts(t)
        first = rng.random(n) < weight
        return np.where(first, rng.lognormal(*one, n), rng.lognormal(*two, n))

    family = Family(
        "mixture",
        start,
        lambda t, x: both(t, np.log(x), log_normal) - np.log(x),
        lambda t, x: both(t, np.log(x), log_above),
        moments,
        quantile,
        make,
        sample,
        _steep,
    )
    return family


MIXED = _mixture()
