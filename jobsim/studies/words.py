"""Figures and their intervals in words."""

from __future__ import annotations

import math

from jobsim.display.text import format_duration, format_number, format_percent
from jobsim.figures.names import unit_of
from jobsim.studies.statistics import Interval


def interval_in_words(found: Interval, metric: str) -> str:
    """Return an interval in words, with its unit and its problem.

    Examples
    --------
    >>> interval_in_words(Interval(0.25, 0.05, 0.95, 20), "wait_mean")
    '250 ms ± 50 ms'
    """
    if found.never:
        known = math.isfinite(found.half_width)
        bound = f"at most {in_words(found.half_width, metric)}" if known else "upper bound unknown"
        return f"{in_words(found.mean, metric)}, {bound}: no event in {found.n:,} replications"
    words = f"{in_words(found.mean, metric)} ± {in_words(found.half_width, metric)}"
    return f"{words} ({found.problem})" if found.problem else words


def in_words(value: float, metric: str) -> str:
    """Return a metric's value in words, with its unit.

    Examples
    --------
    >>> in_words(0.25, "wait_mean"), in_words(0.8, "utilisation"), in_words(6.4, "throughput")
    ('250 ms', '80 %', '6.4 jobs/s')
    """
    unit = unit_of(metric)
    if unit == "s":
        return format_duration(value)
    if unit == "share":
        return format_percent(value)
    return f"{format_number(value)} {unit}"
