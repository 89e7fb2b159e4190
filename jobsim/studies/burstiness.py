"""How much more, or less, the number of arrivals varies than that of independent users."""

from __future__ import annotations

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
_GROWTH = 0.02  # by which windows of two and four times the length may vary more, beyond chance
_CHANCE = 1.5  # standard errors of their ratio that count as chance
_SURE = 1e-3  # the p-value below which arrivals are believed to differ from independent users


@dataclass(frozen=True)
class Burstiness:
    """Variance over mean of the counts in equal windows.

    Attributes
    ----------
    ratio
        With its interval; 1 for independent users.
    p_value
        Of the hypothesis of independent users.
    windows
        How many windows there were.
    """

    ratio: Estimate
    p_value: float
    windows: int

    def above(self, least: float) -> bool:
        """Return whether arrivals are bursty beyond doubt, with a ratio above `least`."""
        return self.p_value < _SURE and self.ratio.low > 1.0 and self.ratio.value > least

    @property
    def below(self) -> bool:
        """Whether they are more even than independent users beyond doubt."""
        return self.p_value < _SURE and self.ratio.high < 1.0


def of_counts(counts: Floats, expected: Floats, freedom: int) -> Burstiness:
    """Return the burstiness beyond what is expected in each window, by Pearson's statistic."""
    chi = float(np.sum((counts - expected) ** 2 / np.maximum(expected, 1e-12)))
    ratio = chi / freedom
    low, high = (freedom * ratio / float(stats.chi2.ppf(q, freedom)) for q in (0.975, 0.025))
    p_value = float(2 * min(stats.chi2.sf(chi, freedom), stats.chi2.cdf(chi, freedom)))
    return Burstiness(Estimate(ratio, low, high), p_value, len(counts))


def long_run(arrival: Floats, end: float) -> Burstiness | None:
    """Return the burstiness over windows that are longer than the bursts; None if none are.

    It grows with the windows until they hold whole bursts; waits depend on its value from there on
    (the index of dispersion for counts: Cox and Lewis, The Statistical Analysis of Series of
    Events, 1966). The shortest such windows are used, because there are most of them.

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
    for place in range(min(len(levels) - 1, max(len(levels) - 2, 1))):
        longer = zip(levels[place + 1 : place + 3], ratios[place + 1 : place + 3], strict=True)
        # The variance of n counts is known to about sqrt(2 / n).
        if all(
            found <= ratios[place] * (1.0 + _GROWTH + _CHANCE * math.sqrt(2.0 / len(level)))
            for level, found in longer
        ):
            return _judged(levels[place], ratios[place])
    return None


def _judged(counts: Floats, ratio: float) -> Burstiness:
    """Give a ratio its interval, on the log scale; bursts make counts heavier than normal."""
    size = len(counts)
    plain = of_counts(counts, np.full(size, counts.mean()), size - 1)
    kurtosis = float(stats.kurtosis(counts, fisher=False))
    reach = math.exp(1.96 * math.sqrt(max(kurtosis - 1.0, 0.0) / size))
    return Burstiness(Estimate(ratio, ratio / reach, ratio * reach), plain.p_value, size)
