"""When jobs of a log arrive: their rate by the hour, and how bursty they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from jobsim.scenario.arrivals import Arrivals, Poisson, Schedule
from jobsim.scenario.renewal import MOST_SPREAD, Renewal
from jobsim.scenario.varying import Varying
from jobsim.studies.burstiness import WINDOWS, Burstiness, long_run, of_counts
from jobsim.studies.fitting import Estimate

Floats = NDArray[np.float64]

DAY, WEEK, HOUR = 86_400.0, 604_800.0, 3600.0
BURSTY = 1.15
"""Variance over mean of counts above which arrivals are called bursty; 1 is Poisson."""

_SURE = 1e-3  # the p-value below which a daily cycle is believed
_LONGEST_SCHEDULE = 100_000


@dataclass(frozen=True)
class ArrivalFit:
    """How jobs arrive.

    Attributes
    ----------
    arrivals
        For a scenario.
    rate
        Jobs per second, with its interval.
    dispersion
        Variance over mean of the counts in windows longer than bursts, beyond what the hours
        explain, with its interval; 1 for independent users.
    p_value
        Of the hypothesis that there is no burstiness.
    period
        Seconds after which the rate repeats; None for a constant one.
    warnings
        Sentences.
    """

    arrivals: Arrivals
    rate: Estimate
    dispersion: Estimate
    p_value: float
    period: float | None
    warnings: tuple[str, ...]


def fit_arrivals(arrival: Floats, end: float, *, phase: float = 0.0) -> ArrivalFit:
    """Learn the arrivals of a log.

    The interval of the rate rests on counts in windows, not on a Poisson process, so it allows for
    bursts that are shorter than a window: Student's t for batch means, as for waits.

    Parameters
    ----------
    arrival
        float64 seconds in order, from 0.
    end
        Seconds until which arrivals were observed.
    phase
        The time of the week at 0, in seconds since Monday 00:00; it does not matter for a log
        without dates.

    Examples
    --------
    >>> times = np.cumsum(np.random.default_rng(1).exponential(2.0, 5000))
    >>> fit = fit_arrivals(times, float(times[-1]))
    >>> fit.rate.covers(0.5), fit.arrivals.kind
    (True, 'poisson')
    """
    count = len(arrival)
    period = _cycle(arrival, end)
    profile = None if period is None else _profile(arrival, end, phase, period)
    edges = np.linspace(0.0, end, WINDOWS + 1)
    counts = np.histogram(arrival, edges)[0].astype(np.float64)
    expected = np.full(WINDOWS, count / WINDOWS)
    if period is not None and profile is not None:
        expected = np.diff(_expected(edges, profile, phase, period))
        expected *= count / expected.sum()
    # The rates by the hour were fitted to the same counts, as far as windows resolve hours.
    fitted = 0 if profile is None else min(len(profile), WINDOWS // 2)
    freedom = WINDOWS - 1 - fitted
    coarse = of_counts(counts, expected, freedom)
    deviation = math.sqrt(max(coarse.ratio.value, 1e-12) * count)
    reach = float(stats.t.ppf(0.975, freedom)) * deviation / end
    rate = Estimate(count / end, max(count / end - reach, 0.0), count / end + reach)
    settled = long_run(arrival, end) if profile is None else None
    bursts = settled or coarse
    warnings: list[str] = []
    arrivals: Arrivals = Poisson(rate=count / end)
    if period is not None and profile is not None:
        arrivals = _varying(profile, phase, period)
        warnings.append(_said(profile, period))
    if bursts.above(BURSTY) or bursts.below:
        arrivals, text = _not_poisson(arrival, arrivals, bursts, settled is not None)
        warnings.append(text)
    return ArrivalFit(arrivals, rate, bursts.ratio, bursts.p_value, period, tuple(warnings))


def _not_poisson(
    arrival: Floats, poisson: Arrivals, bursts: Burstiness, settled: bool
) -> tuple[Arrivals, str]:
    """Return arrivals that are as bursty, or as even, as those of a log, and the sentence."""
    ratio = bursts.ratio.value
    how = f"{ratio:.2g} times as bursty as" if ratio > 1.0 else "more even than"
    text = f"arrivals are {how} independent users (Poisson)"
    if settled and ratio > 1.0 and poisson.mean_rate is not None:
        cv = float(np.clip(math.sqrt(ratio), *MOST_SPREAD))
        # Measured on traffic that is on and off in turn, 20,000 and 100,000 jobs: the median p95 at
        # 0.96 to 1.04 of the truth at a load of 0.7, 0.81 to 1.01 at 0.85. Gaps that depend on each
        # other make longer queues than their cv tells.
        text += "; if they come and cease for long, jobs wait longer than the scenario says"
        return Renewal(rate=poisson.mean_rate, cv=cv), text
    if len(arrival) <= _LONGEST_SCHEDULE:
        text += ": the scenario repeats the log's own arrivals"
        return Schedule(times=tuple(arrival.tolist())), text
    return poisson, text + (": waits of the scenario are too short" if ratio > 1.0 else "")


def _cycle(arrival: Floats, end: float) -> float | None:
    """Return the period that the rate clearly has: a week, a day, or none.

    Counts by hour are compared with those of whole days (or weeks) among each other, so that
    bursts are not taken for a cycle.
    """
    for period, size in ((WEEK, DAY), (DAY, HOUR)):
        turns = int(end // period)
        if turns < 2:
            continue
        bins = round(period / size)
        within = arrival[arrival < turns * period]
        table = np.histogram(within, np.arange(turns * bins + 1) * size)[0].reshape(turns, bins)
        if table.sum() < 20 * bins or not table.any():
            continue
        means = table.mean(axis=0)
        between = turns * np.sum((means - table.mean()) ** 2) / (bins - 1)
        inside = np.sum((table - means) ** 2) / (bins * (turns - 1))
        inside = max(float(inside), float(table.mean()))
        p_value = float(stats.f.sf(between / inside, bins - 1, bins * (turns - 1)))
        if p_value < _SURE:
            return period
    return None


def _profile(arrival: Floats, end: float, phase: float, period: float) -> Floats:
    """Return the rate in each hour of the period, in jobs per second."""
    bins = round(period / HOUR)
    hour = np.mod(arrival + phase, period) // HOUR
    counts = np.bincount(hour.astype(np.intp), minlength=bins).astype(np.float64)
    # How long each hour was observed: whole periods, and a part of the last one.
    edges = np.arange(bins + 1, dtype=np.float64) * HOUR
    watched = np.diff(_watched(edges, phase, end, period))
    return np.divide(counts, watched, out=np.zeros(bins), where=watched > 0)


def _watched(edges: Floats, phase: float, end: float, period: float) -> Floats:
    """Return how long the time of the period lay before each edge, from 0 to the end."""
    start = math.fmod(phase, period)
    whole, rest = divmod(end, period)
    last = start + rest
    part = np.clip(edges, start, last) - start
    part += np.clip(edges + period, start, last) - np.clip(np.float64(period), start, last)
    return whole * edges + part


def _expected(edges: Floats, profile: Floats, phase: float, period: float) -> Floats:
    """Return how many arrivals the rate gives up to each time."""
    cumulated = np.concatenate([[0.0], np.cumsum(profile * HOUR)])
    turns, inside = np.divmod(edges + math.fmod(phase, period), period)
    knots = np.arange(len(profile) + 1) * HOUR
    found: Floats = turns * cumulated[-1] + np.interp(inside, knots, cumulated)
    return found


def _varying(profile: Floats, phase: float, period: float) -> Varying:
    """Return the rate by the hour, as steps that begin at the log's first arrival."""
    start = math.fmod(phase, period)
    knots = np.arange(len(profile) + 1) * HOUR
    points: list[tuple[float, float]] = []
    order = [*range(int(start // HOUR), len(profile)), *range(int(start // HOUR) + 1)]
    for turn, hour in enumerate(order):
        base = 0.0 if turn < len(profile) - int(start // HOUR) else period
        begin = max(float(knots[hour]) + base - start, 0.0)
        finish = min(float(knots[hour + 1]) + base - start, period)
        if finish > begin:
            points += [(begin, float(profile[hour])), (finish, float(profile[hour]))]
    return Varying(points=tuple(points), period=period)


def _said(profile: Floats, period: float) -> str:
    if period == DAY:
        hour = int(np.argmax(profile))
        times = profile.max() / max(profile.mean(), 1e-12)
        return f"the rate depends on the hour: {times:.2g} times the mean at hour {hour} of the day"
    days = profile.reshape(7, 24).mean(axis=1)
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    return f"the rate depends on hour and weekday: most on {names[int(np.argmax(days))]}"
