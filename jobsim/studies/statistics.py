"""Confidence intervals that know that waits depend on each other, and warm-up deletion.

One job's wait depends on the last one's, so an interval over the waits of one run claims far
too much. Independent are only replications, and nearly so the means of long batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jobsim.display.text import format_given_share
from jobsim.figures.intervals import half_width


@dataclass(frozen=True, repr=False)
class Interval:
    """A confidence interval for a mean, or for a quantile.

    Attributes
    ----------
    mean
        The estimate.
    half_width
        What the interval reaches to either side. Of an event that was never seen, what it
        may be at most: see `never`.
    level
        How often such intervals cover the truth, such as 0.95.
    n
        How many independent samples it rests on: replications, pairs, or batches.
    problem
        Why the level is not to be relied on, such as runs that are too short for this figure;
        empty if nothing was found.
    never
        Whether the figure was 0 in every sample. The interval then goes from 0 to an upper
        bound, infinite for a duration that nothing is known of.

    Examples
    --------
    >>> Interval(mean=2.0, half_width=0.5, level=0.95, n=20)
    2 ± 0.5 (95 %, n = 20)
    >>> Interval(mean=0.0, half_width=0.15, level=0.95, n=20, never=True)
    0, at most 0.15 (95 %, n = 20, no event)
    """

    mean: float
    half_width: float
    level: float
    n: int
    problem: str = ""
    never: bool = False

    @property
    def low(self) -> float:
        """Lower end."""
        return 0.0 if self.never else self.mean - self.half_width

    @property
    def high(self) -> float:
        """Upper end."""
        return self.mean + self.half_width

    def covers(self, value: float) -> bool:
        """Return whether the value lies in the interval, ends included."""
        return self.low <= value <= self.high

    def __repr__(self) -> str:
        level = f"{format_given_share(self.level)}, n = {self.n:,}"
        if self.never:
            known = math.isfinite(self.half_width)
            bound = f"at most {self.half_width:.3g}" if known else "upper bound unknown"
            return f"{self.mean:.6g}, {bound} ({level}, no event)"
        note = f"; {self.problem}" if self.problem else ""
        return f"{self.mean:.6g} ± {self.half_width:.3g} ({level}){note}"


def mean_interval(samples: ArrayLike, *, level: float = 0.95) -> Interval:
    """Return Student's t interval for the mean of independent samples.

    Parameters
    ----------
    samples
        One number a replication, shape (n,), n at least 2: a mean wait, or a percentile of
        the waits, or any metric of a run.
    level
        Confidence level, between 0 and 1.

    Raises
    ------
    ValueError
        If there are fewer than 2 samples, any is not finite, or the level is out of range.

    References
    ----------
    Student (1908), The probable error of a mean, Biometrika 6.

    Examples
    --------
    >>> mean_interval([1.0, 2.0, 3.0, 4.0])
    2.5 ± 2.05 (95 %, n = 4)
    """
    values = _series(samples, least=2, what="an interval")
    n = len(values)
    return Interval(
        mean=float(values.mean()),
        half_width=half_width(float(values.std(ddof=1)), n, level),
        level=level,
        n=n,
    )


def paired_interval(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Interval:
    """Return the interval for the mean of ``second - first``, sample by sample.

    With common random numbers pairs go up and down together, so the difference is known better
    than either side.

    Parameters
    ----------
    first, second
        One number a replication each, in the same order, shape (n,), n at least 2.
    level
        Confidence level, between 0 and 1.

    Raises
    ------
    ValueError
        If the lengths differ, or as for `mean_interval`.

    References
    ----------
    Law (2015), Simulation Modeling and Analysis, 5th ed., section 10.2.

    Examples
    --------
    >>> paired_interval([5.0, 9.0, 7.0], [4.0, 8.0, 6.0])
    -1 ± 0 (95 %, n = 3)
    """
    left, right = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"pairs need one length, got shapes {left.shape} and {right.shape}")
    return mean_interval(right - left, level=level)


def skewed_half_width(samples: ArrayLike, *, level: float = 0.95) -> float:
    """Return a half-width for the mean of independent samples that are not symmetric.

    Waits of a busy queue have a long upper tail, and so have the means of a few batches of them.
    Student's interval then covers too little, since samples that happen to have no large value show
    both a low mean and a small spread. Willink's interval reaches further on the side of the longer
    tail, and less far on the other. This is the longer of its two sides, so that the interval stays
    symmetric. Symmetric samples give Student's half-width.

    Parameters
    ----------
    samples
        Shape (n,), n at least 3.
    level
        Confidence level, between 0 and 1.

    Raises
    ------
    ValueError
        If there are fewer than 3 samples, or as for `mean_interval`.

    References
    ----------
    Willink (2005), A confidence interval and test for the mean of an asymmetric distribution,
    Communications in Statistics - Theory and Methods 34(4). Tafazzoli, Wilson, Lada and Steiger
    (2011), Performance of Skart: a skewness- and autoregression-adjusted batch means procedure for
    simulation analysis, INFORMS Journal on Computing 23(2), apply it to batches.

    Examples
    --------
    >>> samples = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 15.0]
    >>> round(mean_interval(samples).half_width, 2), round(skewed_half_width(samples), 2)
    (2.92, 4.71)
    """
    values = _series(samples, least=3, what="a skewness")
    n = len(values)
    deviation = float(values.std(ddof=1))
    student = half_width(deviation, n, level)
    if deviation == 0.0:
        return student
    unit = deviation / math.sqrt(n)
    skewness = float(((values - values.mean()) ** 3).mean()) / deviation**3
    bias = skewness * n**2 / ((n - 1) * (n - 2)) / (6.0 * math.sqrt(n))
    # The side of the longer tail, where the formula is well defined; for a bias of 0 it is 0 / 0.
    bias, t = abs(bias), student / unit
    if bias < 1e-6:
        return student
    return float((1.0 - np.cbrt(1.0 - 6.0 * bias * (t + bias))) / (2.0 * bias)) * unit


def batch_means(series: ArrayLike, *, batches: int = 25, level: float = 0.95) -> Interval:
    """Return the interval for the mean of one long run, cut into equal batches.

    The first few entries are left out where the length is no multiple of `batches`. Delete the
    warm-up before, see `mser5` and `fixed_fraction`. From three batches on, the half-width allows
    for their skewness, see `skewed_half_width`.

    Parameters
    ----------
    series
        Waits in the order of the jobs, or any output in its order, shape (n,). Batches have to
        be long against the memory of the queue, or the interval is too narrow.
    batches
        How many, at least 2.
    level
        Confidence level, between 0 and 1.

    Raises
    ------
    ValueError
        If the series is shorter than `batches`, or as for `mean_interval`.

    References
    ----------
    Law (2015), Simulation Modeling and Analysis, 5th ed., section 9.5.3.

    Examples
    --------
    >>> batch_means([9.0, 1.0, 2.0, 3.0, 4.0], batches=2)
    2.5 ± 12.7 (95 %, n = 2)
    """
    means = batch_series(series, batches).mean(axis=1)
    found = mean_interval(means, level=level)
    if batches > 2:
        found = replace(found, half_width=skewed_half_width(means, level=level))
    if correlated(means):
        return replace(found, problem="too short: the batches depend on each other")
    return found


def batch_series(series: ArrayLike, batches: int) -> NDArray[np.float64]:
    """Return a series cut into equal batches, shape (batches, length); see `batch_means`.

    Examples
    --------
    >>> batch_series([9.0, 1.0, 2.0, 3.0, 4.0], 2).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    if batches < 2:
        raise ValueError(f"batches is {batches}; an interval needs at least 2")
    values = _series(series, least=batches, what=f"{batches} batches")
    length = len(values) // batches
    return values[len(values) - length * batches :].reshape(batches, length)


def correlated(means: ArrayLike, *, risk: float = 0.01) -> bool:
    """Return whether the means of neighbouring batches are alike: von Neumann's test.

    The mean squared difference of neighbours over the variance is near 2 where they are
    independent, and smaller where they are positively correlated.

    Parameters
    ----------
    means
        In the order of the batches, shape (n,); with fewer than 8 nothing is found.
    risk
        How often independent batches are taken for correlated ones.

    References
    ----------
    von Neumann (1941), Distribution of the ratio of the mean square successive difference to the
    variance, Annals of Mathematical Statistics 12(4). Fishman (1978), Grouping observations in
    digital simulation, Management Science 24(5), applies it to batches.

    Examples
    --------
    >>> correlated([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    True
    """
    from scipy.special import ndtri

    values = np.asarray(means, dtype=np.float64)
    n = len(values)
    square = float(((values - values.mean()) ** 2).sum())
    if n < 8 or square == 0.0:
        return False
    alike = 1.0 - float((np.diff(values) ** 2).sum()) / (2.0 * square)
    return alike > float(ndtri(1.0 - risk)) * float(np.sqrt((n - 2) / (n**2 - 1)))


def mser5(series: ArrayLike) -> int:
    """Return how many first entries to delete as warm-up, by the rule MSER-5.

    It cuts where the standard error of what remains, over batches of five, is smallest. A cut
    beyond half of the series is not considered; a result at the half says that the run is too
    short to tell.

    Parameters
    ----------
    series
        Output in its order, such as waits by job, shape (n,), n at least 10.

    Returns
    -------
    int
        A multiple of 5, at most half of the length.

    Raises
    ------
    ValueError
        If there are fewer than 10 entries, or any is not finite.

    References
    ----------
    White (1997), An effective truncation heuristic for bias reduction in simulation output,
    Simulation 69(6); White, Cobb and Spratt (2000), A comparison of five steady-state
    truncation heuristics for simulation, Winter Simulation Conference.

    Examples
    --------
    >>> mser5([0.0] * 10 + [5.0, 6.0] * 50)
    10
    """
    values = _series(series, least=10, what="MSER-5")
    groups = values[: len(values) // 5 * 5].reshape(-1, 5).mean(axis=1)
    groups -= groups.mean()  # the sums below then lose no digits to a large mean
    left = np.arange(len(groups), 0, -1)
    sums = np.cumsum(groups[::-1])[::-1]
    squares = np.cumsum(groups[::-1] ** 2)[::-1]
    error = (squares - sums**2 / left) / left**2
    return 5 * int(np.argmin(error[: len(groups) // 2 + 1]))


def fixed_fraction(series: ArrayLike, fraction: float = 0.1) -> int:
    """Return how many first entries to delete as warm-up: a fixed part of the series.

    Parameters
    ----------
    series
        Output in its order, shape (n,).
    fraction
        From 0 to below 1.

    Raises
    ------
    ValueError
        If the fraction is out of range.

    Examples
    --------
    >>> fixed_fraction([3.0] * 25, 0.1)
    2
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"fraction is {fraction}; the part to delete is from 0 to below 1")
    return int(len(np.asarray(series)) * fraction)


def _series(samples: ArrayLike, *, least: int, what: str) -> NDArray[np.float64]:
    """Check samples once for all estimators: a NaN would pass through each unseen."""
    # One dtype for all: integers would overflow in squares.
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"samples have shape {values.shape}; give one row of numbers")
    if len(values) < least:
        raise ValueError(
            f"{what} cannot be computed from {len(values)} samples; give at least {least}"
        )
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ValueError(
            f"{len(bad)} of {len(values)} samples are not finite, the first is number {bad[0]} "
            f"({values[bad[0]]}); leave out what has no value and say so"
        )
    return values
