"""The names of figures, read in one place: ``wait_p95``, ``wait_within_20s``, ``goodput``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, NamedTuple

from jobsim.domain.exceptions import JobsimError

QUANTITIES = ("wait", "sojourn", "response", "service", "lateness", "recovery")
"""Durations that have a mean, a maximum, any percentile and any service level."""

_COUNTS = (
    "jobs", "created", "paid", "unpaid", "waiting", "in_progress", "stuck", "completed", "failed",
)  # fmt: skip
_TAIL = ("p50", "p95", "p99")

UNITS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(_COUNTS, "jobs")
    | {"rejected": "calls"}
    | {f"{what}_{stat}": "s" for what in ("wait", "sojourn") for stat in ("mean", *_TAIL)}
    | {"service_mean": "s", "utilisation": "share", "throughput": "jobs/s", "makespan": "s"}
    | {f"lateness_{stat}": "s" for stat in ("p50", "p99", "max")}
    | {f"response_{stat}": "s" for stat in ("mean", *_TAIL)}
    | dict.fromkeys(("requests", "served", "left"), "requests")
    | {"amplification": "jobs/request", "goodput": "jobs/s"}
    | dict.fromkeys(("crashed", "reaped", "false_kills"), "jobs")
    | {"recovery_mean": "s", "recovery_max": "s"}
)
"""The figures that are always computed, each with its unit."""

OF_THREADS: Mapping[str, str] = MappingProxyType({"lost_answers": "calls", "work_stretch": "times"})
"""Further figures that the summary of a run has, for runs on threads."""

AT_LEAST = frozenset({"throughput", "goodput", "served", "completed"})
"""Of these figures more is better; of all others that can be a target, less is."""

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_NUMBER = r"\d+(?:[._]\d+)?"
_SPREAD = re.compile(
    rf"(?P<what>{'|'.join(QUANTITIES)})_"
    rf"(?:(?P<plain>mean|max)|p(?P<percent>{_NUMBER})|within_(?P<time>{_NUMBER})(?P<unit>[a-z]+))"
)

Statistic = Literal["value", "mean", "max", "quantile", "within"]


class Figure(NamedTuple):
    """What a name means.

    Attributes
    ----------
    name
        As a Python name: ``response_p99_9``.
    quantity
        One of `QUANTITIES`, or the name itself for a figure that is not a duration's.
    statistic
        ``value`` for such a figure, otherwise ``mean``, ``max``, ``quantile`` or ``within``.
    value
        The quantile as a share, or the seconds of ``within``; otherwise 0.
    unit
        ``s``, ``share``, ``jobs``, ...
    at_least
        Whether more of it is better.
    """

    name: str
    quantity: str
    statistic: Statistic
    value: float
    unit: str
    at_least: bool


class UnknownFigureError(JobsimError, ValueError):
    """There is no such figure; use one that the text names, or a percentile or service level."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name, problem)
        self.name, self.problem = name, problem

    def __str__(self) -> str:
        return f"there is no figure {self.name!r}; {self.problem}"


@lru_cache(maxsize=1024)  # a sweep asks for the same names at every run
def parse_figure(name: str) -> Figure:
    """Return what the name of a figure means.

    Besides those in `UNITS`: ``<quantity>_p<percent>`` for any percentile, and
    ``<quantity>_within_<time><unit>`` for the share of jobs within that time (``us``, ``ms``,
    ``s``, ``min``, ``h`` or ``d``). A point in a number may be written as an underscore.

    Raises
    ------
    UnknownFigureError
        If no figure has that name.

    Examples
    --------
    >>> parse_figure("wait_p99.9")[:3]
    ('wait_p99_9', 'wait', 'quantile')
    >>> parse_figure("wait_within_20s")[1:]
    ('wait', 'within', 20.0, 'share', True)
    """
    match = _SPREAD.fullmatch(name)
    if match is None:
        known_units = {**UNITS, **OF_THREADS}
        if name in known_units:
            return Figure(name, name, "value", 0.0, known_units[name], name in AT_LEAST)
        close = difflib.get_close_matches(name, UNITS, n=1)
        known = f"choose from {', '.join(UNITS)}, any percentile (wait_p90) or level "
        hint = f"did you mean {close[0]!r}?" if close else f"{known}(wait_within_20s)"
        raise UnknownFigureError(name, hint)
    what, plain = match["what"], match["plain"]
    proper = name.replace(".", "_")
    if plain is not None:
        return Figure(proper, what, "mean" if plain == "mean" else "max", 0.0, "s", False)
    if match["percent"] is not None:
        percent = _number(match["percent"])
        if percent > 100:
            raise UnknownFigureError(name, "a percentile lies between 0 and 100")
        return Figure(proper, what, "quantile", percent / 100, "s", False)
    if match["unit"] not in _SECONDS:
        raise UnknownFigureError(name, f"write the time in {', '.join(_SECONDS)}")
    seconds = _number(match["time"]) * _SECONDS[match["unit"]]
    return Figure(proper, what, "within", seconds, "share", True)


def in_words(name: str) -> str:
    """Return the name of a figure in words; any other name with spaces.

    Examples
    --------
    >>> in_words("wait_p95"), in_words("sojourn_p50"), in_words("wait_within_20s")
    ('95th-percentile wait', 'median sojourn', 'share with a wait of 20 s or less')
    >>> in_words("wait_p93"), in_words("wait_p99.9")
    ('93rd-percentile wait', '99.9th-percentile wait')
    >>> in_words("false_kills")
    'false kills'
    """
    match = _SPREAD.fullmatch(name)
    if match is None:
        return name.replace("_", " ")
    if match["plain"] is not None:
        return f"{'mean' if match['plain'] == 'mean' else 'longest'} {match['what']}"
    if match["percent"] is not None:
        percent = f"{_number(match['percent']):g}"
        which = "median" if percent == "50" else f"{percent}{_ordinal(percent)}-percentile"
        return f"{which} {match['what']}"
    return (
        f"share with a {match['what']} of {match['time'].replace('_', '.')} {match['unit']} or less"
    )


def unit_of(name: str) -> str:
    """Return the unit of a figure.

    Raises
    ------
    UnknownFigureError
        If no figure has that name.

    Examples
    --------
    >>> unit_of("sojourn_p90"), unit_of("wait_within_2min"), unit_of("goodput")
    ('s', 'share', 'jobs/s')
    """
    return UNITS[name] if name in UNITS else parse_figure(name).unit


def _ordinal(number: str) -> str:
    """Return the ending that makes a number ordinal; decimals have "th", as in 99.9th."""
    if "." in number or number[-2:] in {"11", "12", "13"}:
        return "th"
    return {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")


def _number(text: str) -> float:
    return float(text.replace("_", "."))
