"""How much more, or less, the number of arrivals varies than that of independent users."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from jobsim.studies.fitting import Estimate

Floats = NDArray[np.float64]

WINDOWS = 40
"""The fewest windows of a log over which counts are compared."""

_FEWEST = 20  # arrivals a window: in shorter ones every process looks like Poisson's
_MOST_WINDOWS = WINDOWS * 2**10
_GROWTH = 0.02  # by which longer windows may tell of more, beyond chance
_CHANCE = 1.5  # standard errors of a limit that count as chance
_SETTLING = 1.25  # the most by which doubling windows that hold whole bursts raises the ratio
_SPREAD = 3.0  # a limit's standard error, times the root of the number of windows
_SURE = 1e-3  # the p-value below which arrivals are believed to differ from independent users


@dataclass(frozen=True)
class Burstiness:
    """Variance over mean of the counts in equal windows.

    Attributes
    ----------
    ratio
        With its interval; 1 for independent users. In the limit of long windows, from `long_run`.
    plain
        The same in the windows as they are, which is known better.
    p_value
        Of the hypothesis of independent users.
    windows
        How many windows there were.
    """

    ratio: Estimate
    plain: Estimate
    p_value: float
    windows: int

    def above(self, least: float) -> bool:
        """Return whether arrivals are bursty beyond doubt, with a ratio above `least`."""
        return self.p_value < _SURE and self.plain.low > 1.0 and self.ratio.value > least

    @property
    def below(self) -> bool:
        """Whether they are more even than independent users beyond doubt."""
        return self.p_value < _SURE and self.plain.high < 1.0 and self.ratio.value < 1.0


def of_counts(counts: Floats, expected: Floats, freedom: int) -> Burstiness:
    """Return the burstiness beyond what is expected in each window, by Pearson's statistic."""
    chi = float(np.sum((counts - expected) ** 2 / np.maximum(expected, 1e-12)))
    ratio = chi / freedom
    low, high = (freedom * ratio / float(stats.chi2.ppf(q, freedom)) for q in (0.975, 0.025))
    p_value = float(2 * min(stats.chi2.sf(chi, freedom), stats.chi2.cdf(chi, freedom)))
    found = Estimate(ratio, low, high)
    return Burstiness(found, found, p_value, len(counts))


def long_run(arrival: Floats, end: float) -> Burstiness | None:
    """Return the burstiness in the limit of long windows; None if bursts are too long to tell.

    It grows with the windows, and waits under load depend on its limit (the index of dispersion for
    counts: Cox and Lewis, The Statistical Analysis of Series of Events, 1966). Windows that hold
    whole bursts still lack what crosses their ends: the ratio is the limit less a constant over
    their length, so twice the ratio of windows of double length less that of single ones is the
    limit. Without this, traffic that is on and off in turn was found 5 to 30 % less bursty than it
    is. The shortest windows for which longer ones tell the same are used, because
    there are most of them.

    Parameters
    ----------
    arrival
        float64 seconds in order, from 0, at a rate that has no cycle.
    end
        Seconds until which arrivals were observed.

    Examples
    --------
    >>> times = np.cumsum(np.random.default_rng(1).gamma(0.25, 4.0, 20_000))
    >>> found = long_run(times, float(times[-1]))
    >>> found.ratio.covers(4.0), found.windows
    (True, 640)
    """
    windows = WINDOWS
    while len(arrival) >= 2 * windows * _FEWEST and windows < _MOST_WINDOWS:
        windows *= 2
    counts = np.histogram(arrival, np.linspace(0.0, end, windows + 1))[0].astype(np.float64)
    levels = [counts]
    while len(levels[-1]) > WINDOWS:
        levels.append(levels[-1].reshape(-1, 2).sum(axis=1))
    ratios = [float(level.var(ddof=1) / level.mean()) for level in levels]
    limits = [2.0 * long - short for short, long in itertools.pairwise(ratios)]
    for place in range(len(limits) - 1):
        settling = ratios[place + 1] <= _SETTLING * ratios[place]
        longer = zip(levels[place + 1 : place + 3], limits[place + 1 : place + 3], strict=False)
        if (
            limits[place] > 0
            and settling
            and all(
                found <= limits[place] * (1.0 + _GROWTH + _CHANCE * _SPREAD / math.sqrt(len(level)))
                for level, found in longer
            )
        ):
            return _judged(levels[place], limits[place])
    return None


def _judged(counts: Floats, limit: float) -> Burstiness:
    """Give a limit its interval, on the log scale; bursts make counts heavier than normal.

    The variances of windows of single and double length, 2 / n and 4 / n of their squares for
    normal counts, have a covariance of 2 / n, which makes 10 / n of twice the one less the other;
    windows that are looked at in turn until one will do leave somewhat less.
    """
    size = len(counts)
    plain = of_counts(counts, np.full(size, counts.mean()), size - 1)
    heavy = max(float(stats.kurtosis(counts, fisher=False)) - 1.0, 0.0) / size
    reach, known = math.exp(1.96 * _SPREAD * math.sqrt(heavy / 2.0)), math.exp(1.96 * heavy**0.5)
    ratio = plain.ratio.value
    return Burstiness(
        Estimate(limit, limit / reach, limit * reach),
        Estimate(ratio, ratio / known, ratio * known),
        plain.p_value,
        size,
    )
