"""Moments in every common form, as seconds.

Dates are read by their own pattern. `to_datetime(format="mixed")` is not used: it swaps day and
month within one column and takes ``-1`` for the year -1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.logs.cells import is_text, matches, middle, missing, numbers
from jobsim.logs.units import SECONDS, WORDS

EARLIEST = pd.Timestamp("1990-01-01").timestamp()
LATEST = pd.Timestamp("2100-01-01").timestamp()
"""Instants outside these stand for nothing, such as 1970-01-01 and 9999-12-31."""

_ISO = (
    r"(?:\d{4}-\d\d-\d\d(?:[T _]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?|\d{8}T\d{6}(?:[.,]\d+)?)"
    r"\s*(?:Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?(?:\[[\w/+-]+\])?"
)
_NEVER = r"(?:0\d{3}|1[0-8]\d\d|19[0-8]\d|2[1-9]\d\d|[3-9]\d{3})-\d\d-\d\d.*"
_ZONED = r".*(?:[zZ]|UTC|GMT|\d[+-]\d\d(?::?\d\d)?|\s[+-]\d{4})(?:\[[\w/+-]+\])?$"
_SLASHED = r"(?P<a>\d{1,2})[/.\-](?P<b>\d{1,2})[/.\-](?P<y>\d{4}|\d{2})(?P<rest>\D.*)?"
_OTHERS = (
    (r"\d{4}/\d{1,2}/\d{1,2}.*", None),
    (r"\d{1,2}/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", "%d/%b/%Y:%H:%M:%S %z"),
    (r"[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d \d{4}", "%a %b %d %H:%M:%S %Y"),
    (r"[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d \d{4}", "%b %d %H:%M:%S %Y"),
    (
        r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:[+-]\d{4}|GMT|UTC)",
        "%a, %d %b %Y %H:%M:%S %z",
    ),
    (r"[A-Z][a-z]{2} \d{1,2},? \d{4},? \d{1,2}:\d\d(?::\d\d)?(?: [AP]M)?", None),
    (r"\d{1,2}[ -][A-Z][a-z]{2}[ -]\d{4} \d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: [AP]M)?", None),
)


class AmbiguousInstants(ValueError):  # noqa: N818 - says what was found
    """A column of instants can be read in more than one way; the text says how to decide."""


@dataclass(frozen=True, eq=False)
class Instants:
    """A column of instants.

    Attributes
    ----------
    name
        The column's name in the log.
    seconds
        float64; NaN where there is none.
    unreadable
        bool, where a cell is neither empty nor an instant.
    unix
        Whether the seconds count from 1970.
    zone
        ``"UTC"`` where the log tells a zone, the zone that was given, or None for a clock
        without one.
    form
        What the cells are, in words.
    """

    name: str
    seconds: NDArray[np.float64]
    unreadable: NDArray[np.bool_]
    unix: bool
    zone: str | None
    form: str


def read_instants(
    name: str,
    column: pd.Series,
    *,
    unit: str | None = None,
    timezone: str | None = None,
    dayfirst: bool | None = None,
) -> Instants:
    """Read a column of instants in the form of most of its cells; the others are unreadable.

    Parameters
    ----------
    name, column
        The column, as `jobsim.logs.cells.plain` gives it.
    unit
        Unit of numbers that are not Unix times, or the unit in which those are; None recognises
        Unix times by their size and takes others for seconds.
    timezone
        Zone of dates that have none.
    dayfirst
        Whether ``01/02/2026`` is the first of February.

    Raises
    ------
    AmbiguousInstants
        If only some dates have a zone and none is given, or day and month cannot be told apart.

    Examples
    --------
    >>> found = read_instants("at", pd.Series(["2026-01-31T00:00:00Z", "0", "9999-12-31Z"]))
    >>> found.seconds.tolist(), found.unreadable.tolist()
    ([1769817600.0, nan, nan], [False, False, False])
    >>> read_instants("at", pd.Series([1769817600000])).form
    'Unix time in milliseconds, by its size'
    """
    absent = missing(column)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        zoned = getattr(column.dtype, "tz", None) is not None
        dates = column if zoned or timezone is None else _localise(column, timezone)
        return _ranged(name, _unix(dates), absent, _zone(zoned, timezone), "dates")
    if pd.api.types.is_timedelta64_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        none = np.full(len(column), np.nan)
        return Instants(name, none, ~absent, unix=False, zone=None, form="no instants")
    count = numbers(column)
    numeric = ~np.isnan(count) & ~absent
    # Compact dates such as 20260131 are numbers too; they are not taken for dates.
    if numeric.sum() * 2 >= (~absent).sum() or not is_text(column):
        return _numbers(name, np.where(absent, np.nan, count), absent, numeric, unit)
    absent = absent | matches(column, _NEVER)
    text = column.where(~absent & ~numeric)
    moments, zone = _dates(name, text, timezone, dayfirst)
    if np.isnan(moments).all() and numeric.any():
        return _numbers(name, np.where(absent, np.nan, count), absent, numeric, unit)
    # A number among dates, such as 0 or -1, stands for nothing, as does 9999-12-31.
    return _ranged(name, moments, absent | numeric, zone, "dates")


def _numbers(
    name: str,
    count: NDArray[np.float64],
    absent: NDArray[np.bool_],
    numeric: NDArray[np.bool_],
    unit: str | None,
) -> Instants:
    """Return numbers as Unix time where their size shows it, otherwise as from any origin."""
    usual = middle(count[numeric])
    for size, of in ((SECONDS["s"], "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")):
        if EARLIEST <= usual * size < LATEST and unit in {None, of}:
            how = f"Unix time in {_word(of)}, by its size"
            return _ranged(name, count * size, absent, "UTC", how, numeric)
    seconds = count * SECONDS[unit or "s"]
    seconds[(count == -1)] = np.nan
    unreadable = ~absent & ~numeric
    form = f"{_word(unit or 's')} from any origin"
    return Instants(name, seconds, unreadable, unix=False, zone=None, form=form)


def _word(unit: str) -> str:
    return next(word for word, short in WORDS.items() if short == unit)


def _ranged(
    name: str,
    seconds: NDArray[np.float64],
    absent: NDArray[np.bool_],
    zone: str | None,
    form: str,
    readable: NDArray[np.bool_] | None = None,
) -> Instants:
    """Blank implausible dates, and tell them apart from cells that could not be read."""
    read = ~np.isnan(seconds) if readable is None else readable
    # A date of 1970 is a zero that was written for "none".
    seconds = np.where((seconds >= EARLIEST) & (seconds < LATEST) & ~absent, seconds, np.nan)
    return Instants(name, seconds, ~read & ~absent, unix=True, zone=zone, form=form)


def _zone(zoned: bool, timezone: str | None) -> str | None:
    return "UTC" if zoned else timezone


def _unix(dates: pd.Series) -> NDArray[np.float64]:
    past = dates - pd.Timestamp("1970-01-01", tz=dates.dt.tz)
    return np.asarray(past.dt.total_seconds(), dtype=np.float64)


def _localise(dates: pd.Series, timezone: str) -> pd.Series:
    # The hour that occurs twice counts as the second one; the hour that never was is moved on.
    never = np.zeros(len(dates), dtype=np.bool_)
    zoned: pd.Series = dates.dt.tz_localize(timezone, ambiguous=never, nonexistent="shift_forward")
    return zoned


def _dates(
    name: str, text: pd.Series, timezone: str | None, dayfirst: bool | None
) -> tuple[NDArray[np.float64], str | None]:
    """Return Unix seconds of each cell that is a date, and the zone in which they were read."""
    given = np.flatnonzero(text.notna().to_numpy())
    cells = text.iloc[given].reset_index(drop=True)
    # Logging libraries put a comma before the milliseconds; Java puts the zone's name behind.
    zoned = matches(cells, _ZONED)
    seconds = np.full(len(cells), np.nan)
    for where, dates in _parsed(name, cells, dayfirst):
        naive = where & ~zoned
        if dates.dt.tz is not None:
            seconds[where] = _unix(dates)
        if naive.any():
            wall = dates[~zoned[where]]
            wall = wall.dt.tz_localize(None) if wall.dt.tz is not None else wall
            seconds[naive] = _unix(wall if timezone is None else _localise(wall, timezone))
    read = ~np.isnan(seconds)
    with_zone, without = int((zoned & read).sum()), int((~zoned & read).sum())
    if with_zone and without and timezone is None:
        raise AmbiguousInstants(
            f"{name!r} has {with_zone:,} dates with a zone and {without:,} without: say the "
            "zone of those without, timezone='UTC' for instance"
        )
    found = np.full(len(text), np.nan)
    found[given] = seconds
    return found, _zone(with_zone > 0, timezone)


def _parsed(
    name: str, cells: pd.Series, dayfirst: bool | None
) -> Iterator[tuple[NDArray[np.bool_], pd.Series]]:
    """Yield groups of cells of one form, and their dates; the zone is UTC where there is one."""
    left = np.ones(len(cells), dtype=np.bool_)

    def matching(pattern: str) -> NDArray[np.bool_]:
        hit = matches(cells, pattern) & left
        left[hit] = False
        return hit

    if (hit := matching(_ISO)).any():
        yield hit, _iso(cells[hit])
    if left.any() and (hit := matching(_SLASHED)).any():
        yield hit, _slashed(name, cells[hit], dayfirst)
    for pattern, form in _OTHERS:
        if not left.any():
            return
        if (hit := matching(pattern)).any():
            chosen = cells[hit]
            if form is not None and form.endswith("%z"):
                chosen = chosen.str.replace(r"(?:GMT|UTC)$", "+0000", regex=True)
                yield hit, pd.to_datetime(chosen, format=form, errors="coerce", utc=True)
            elif form is not None:
                chosen = chosen.str.replace(r" +", " ", regex=True)
                yield hit, pd.to_datetime(chosen, format=form, errors="coerce")
            else:
                yield hit, _one_form(chosen)


def _iso(cells: pd.Series) -> pd.Series:
    """Parse ISO 8601 and its common variants; the tidying is slow, so only where one occurs."""
    tidy = cells
    if cells.str.contains(r"[,_\[]|[A-Z]{3}$|\d [+-]\d", regex=True).any():
        tidy = (
            cells.str.replace(r"\[[\w/+-]+\]$", "", regex=True)
            .str.replace(r"\s*(?:UTC|GMT)$", "Z", regex=True)
            .str.replace(r"\s+(?=[+-]\d\d:?\d\d$)", "", regex=True)
            .str.replace("_", "T")
            .str.replace(",", ".")
        )
    # With `utc`, dates without a zone are read as UTC; the caller corrects that.
    return pd.to_datetime(tidy, format="ISO8601", errors="coerce", utc=True)


def _one_form(cells: pd.Series) -> pd.Series:
    """Read dates whose month is a word or whose year comes first: they are not ambiguous."""
    return pd.to_datetime(cells.str.replace(",", ""), format="mixed", errors="coerce")


def _slashed(name: str, cells: pd.Series, dayfirst: bool | None) -> pd.Series:
    """Read ``31/01/2026`` or ``01/31/2026``: one order for the whole column."""
    parts = cells.str.extract(_SLASHED)
    first, second = parts["a"].astype("int64"), parts["b"].astype("int64")
    if dayfirst is None:
        day_first, month_first = bool((first > 12).any()), bool((second > 12).any())
        dotted = bool(cells.str.contains(r"^\d+\.\d+\.", regex=True).all())
        if day_first and month_first:
            raise AmbiguousInstants(
                f"{name!r} has dates that begin with a day above 12 and dates that begin with a "
                "month: say dayfirst=True or False; the others are then unreadable"
            )
        if not day_first and not month_first and not dotted:
            raise AmbiguousInstants(
                f"{name!r} has dates such as {cells.iloc[0]!r} whose day and month cannot be "
                "told apart: say dayfirst=True or dayfirst=False"
            )
        dayfirst = day_first or dotted
    day, month = (first, second) if dayfirst else (second, first)
    year = parts["y"].where(parts["y"].str.len() == 4, "20" + parts["y"])
    two = [part.astype("str").str.zfill(2) for part in (month, day)]
    rest = parts["rest"].fillna("").str.replace(",", "").str.strip()
    iso = year + "-" + two[0] + "-" + two[1]
    halves = rest.str.contains("[AaPp][Mm]$", regex=True)
    joined = (iso + " " + rest).str.strip()
    if halves.any():
        return pd.to_datetime(joined, format="mixed", errors="coerce")
    return pd.to_datetime(joined, format="ISO8601", errors="coerce", utc=True)
