"""Units of time: their names, and those that a header ends in."""

from __future__ import annotations

import re
from collections.abc import Mapping

SECONDS: Mapping[str, float] = {
    "ns": 1e-9,
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
}
"""How many seconds each unit has."""

WORDS: Mapping[str, str] = {
    "nanoseconds": "ns", "microseconds": "us", "milliseconds": "ms", "seconds": "s",
    "minutes": "min", "hours": "h", "days": "d",
}  # fmt: skip

NAMES: Mapping[str, str] = {
    **{unit: unit for unit in SECONDS},
    **dict.fromkeys(("nsec", "nsecs", "nano", "nanos", "nanosecond", "nanoseconds"), "ns"),
    **dict.fromkeys(("usec", "usecs", "micro", "micros", "microsecond", "microseconds"), "us"),
    **dict.fromkeys(("µs", "μs", "µsec", "μsec"), "us"),
    **dict.fromkeys(("msec", "msecs", "milli", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("millisekunden",), "ms"),
    **dict.fromkeys(("sec", "secs", "second", "seconds", "sek", "sekunden"), "s"),
    **dict.fromkeys(("m", "mins", "minute", "minutes", "minuten"), "min"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours", "std", "stunden"), "h"),
    **dict.fromkeys(("day", "days", "tage"), "d"),
    **dict.fromkeys(("w", "week", "weeks"), "week"),
}
"""Every spelling of a unit, and the unit."""

FOREIGN = frozenset({"ticks", "tick", "jiffies", "cycles", "frames", "week", "weeks", "months"})
BRACKETS = re.compile(r"[\(\[\{]\s*([^\)\]\}]*?)\s*[\)\]\}]\s*$")


class ForeignUnit(ValueError):  # noqa: N818 - says what was found
    """The header names a unit that is not one of ours."""

    def __init__(self, unit: str) -> None:
        super().__init__(unit)
        self.unit = unit


def words_of(header: str) -> list[str]:
    """Return the words of a header in lower case.

    Examples
    --------
    >>> words_of("queueingDurationMillis"), words_of("JobID"), words_of("Elapsed (min)")
    (['queueing', 'duration', 'millis'], ['job', 'id'], ['elapsed', 'min'])
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", header)
    return [word for word in re.split(r"[\W_]+", apart.lower()) if word]


def unit_in(header: str) -> str | None:
    """Return the unit that a header ends in; None if it names none.

    Raises
    ------
    ForeignUnit
        If it names a unit that is not known, such as ticks.

    Examples
    --------
    >>> unit_in("duration_ms"), unit_in("Elapsed (min)"), unit_in("runtime"), unit_in("wait [s]")
    ('ms', 'min', None, 's')
    """
    inside = BRACKETS.search(header)
    if inside is not None:
        word = inside[1].lower().strip(" .").removeprefix("in ")
        if word in NAMES and NAMES[word] in SECONDS:
            return NAMES[word]
        if word in {"utc", "gmt", "local", "iso", "unix", "epoch", ""}:
            return None
        raise ForeignUnit(inside[1])
    words = words_of(header)
    if len(words) > 1:
        # "m" at the end is as often metres or a month as minutes; brackets say it clearly.
        if words[-1] in FOREIGN:
            raise ForeignUnit(words[-1])
        if words[-1] in NAMES and words[-1] not in {"m", "w", "week", "weeks"}:
            return NAMES[words[-1]]
    return None
