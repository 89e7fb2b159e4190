"""The columns that were chosen as seconds: units, zones and forms settled, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jobsim.logs.cells import LIMIT
from jobsim.logs.chosen import Chosen, named
from jobsim.logs.durations import Durations, read_durations
from jobsim.logs.formats import Raw
from jobsim.logs.instants import AmbiguousInstants, Instants, read_instants
from jobsim.logs.roles import DURATIONS, INSTANTS, SPELLINGS
from jobsim.logs.source import TraceError
from jobsim.logs.units import SECONDS, WORDS, ForeignUnit, unit_in

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WORDS_BY_UNIT: Mapping[str, str] = {short: word for word, short in WORDS.items()}

_ALIKE = 0.05  # how far a ratio may lie from that of two units


@dataclass
class Clocks:
    """Instants and durations of a log.

    Attributes
    ----------
    seconds
        Role to float64 seconds, NaN where there is none.
    problems
        Role to pairs of a reason and where it holds; the first that holds counts.
    names
        Role to the column's name.
    how
        Role to unit or form, in words, and why.
    unix
        Whether instants count from 1970.
    zone
        The zone that they were taken in; None for a clock without one.
    resolution
        What instants are rounded to, in seconds.
    notes
        What a person should know.
    """

    seconds: dict[str, Floats] = field(default_factory=dict)
    problems: dict[str, list[tuple[str, Flags]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)
    unix: bool = False
    zone: str | None = None
    resolution: float = 0.0
    notes: list[str] = field(default_factory=list)


def read_clocks(
    raw: Raw,
    chosen: Chosen,
    *,
    unit: str | Mapping[str, str] | None,
    timezone: str | None,
    dayfirst: bool | None,
) -> Clocks:
    """Read every instant and duration that was chosen.

    Raises
    ------
    TraceError
        Where a unit, a zone, or day and month cannot be told.
    """
    clocks = Clocks()
    units = _Units(raw, chosen, unit)
    instants: dict[str, Instants] = {}
    for role in (*INSTANTS, "time"):
        if role in chosen.place:
            instants[role] = _instants(raw, chosen, role, units, timezone, dayfirst)
    _one_zone(raw, instants, timezone)
    for role, found in instants.items():
        clocks.seconds[role] = found.seconds
        clocks.names[role] = found.name
        clocks.how[role] = found.form if found.zone is None else f"{found.form}, {found.zone}"
        clocks.problems[role] = _problems(
            found.name,
            found.seconds,
            unreadable=found.unreadable,
            negative=found.seconds < 0,
        )
        # Instants are read first, because they show the unit of durations that name none.
        clocks.unix |= found.unix
        clocks.zone = clocks.zone or found.zone
    if clocks.unix and clocks.zone is None:
        clocks.notes.append("dates have no zone: taken as they stand")
    durations = {
        role: read_durations(named(raw, chosen.place[role]), chosen.frame[chosen.place[role]])
        for role in DURATIONS
        if role in chosen.place
    }
    for role, column in durations.items():
        _duration(raw, clocks, instants, units, role, column)
    _relative_units(clocks, instants, units, durations)
    clocks.resolution = _resolution(clocks)
    return clocks


class _Units:
    """The unit of each role: said by the caller, by the header, or by the log's producer."""

    def __init__(self, raw: Raw, chosen: Chosen, given: str | Mapping[str, str] | None) -> None:
        self._raw, self._chosen = raw, chosen
        self._all = given if isinstance(given, str) else None
        self._each: dict[str, str] = {}
        headers = {str(header) for header in raw.headers}
        for name, unit in (given or {}).items() if isinstance(given, Mapping) else ():
            role = SPELLINGS.get(name, name)
            if name not in headers and role not in chosen.place:
                problem = (
                    f"unit names {name!r}, which is neither a column nor a role that was found"
                )
                raise TraceError(raw.path, problem, raw.line)
            self._each[name if name in headers else role] = unit
        for unit in [*self._each.values(), *([self._all] if self._all else [])]:
            if unit not in {*SECONDS, "m:s", "h:m"}:
                problem = f"unit is {unit!r}; choose from {', '.join(SECONDS)}"
                raise TraceError(raw.path, problem)

    def said(self, role: str) -> str | None:
        """Return what the caller says of this role alone."""
        header = str(self._raw.headers[self._chosen.place[role]])
        return self._each.get(header) or self._each.get(role)

    def of(self, role: str) -> tuple[str, str] | None:
        """Return a unit and where it comes from; None if nothing names one."""
        header = str(self._raw.headers[self._chosen.place[role]])
        said = self.said(role)
        if said is not None and said in SECONDS:
            return said, "you said so"
        if role in self._chosen.units:
            return self._chosen.units[role]
        try:
            found = unit_in(header)
        except ForeignUnit as error:
            raise TraceError(
                self._raw.path,
                f"the unit {error.unit!r} of column {header!r} is not known: say which it is, "
                f"unit={{{header!r}: 's'}}, one of {', '.join(SECONDS)}",
                self._raw.line,
            ) from error
        if found is not None:
            return found, "by its header"
        if self._all is not None and self._all in SECONDS:
            return self._all, "you said so"
        return None


def _instants(
    raw: Raw,
    chosen: Chosen,
    role: str,
    units: _Units,
    timezone: str | None,
    dayfirst: bool | None,
) -> Instants:
    """Read a column of instants; every way in which that fails names the file and the line."""
    place = chosen.place[role]
    unit = units.of(role)
    try:
        return read_instants(
            named(raw, place),
            chosen.frame[place],
            unit=None if unit is None else unit[0],
            timezone=timezone,
            dayfirst=dayfirst,
        )
    except AmbiguousInstants as error:
        raise TraceError(raw.path, str(error), raw.line) from error
    except (ValueError, KeyError) as error:
        if timezone is None:
            raise
        raise TraceError(raw.path, f"timezone {timezone!r}: {error}") from error


def _one_zone(raw: Raw, instants: Mapping[str, Instants], timezone: str | None) -> None:
    """Refuse clocks that cannot be compared: with a zone and without, or dates and counts."""
    dated = {r: i for r, i in instants.items() if i.unix and not np.isnan(i.seconds).all()}
    zones = {found.zone for found in dated.values()}
    if len(zones) > 1 and None in zones and timezone is None:
        without = next(found.name for found in dated.values() if found.zone is None)
        raise TraceError(
            raw.path,
            f"the dates of {without!r} have no zone, those of other columns have: say theirs, "
            "timezone='UTC' for instance",
            raw.line,
        )
    counted = [i for i in instants.values() if not i.unix and not np.isnan(i.seconds).all()]
    if dated and counted:
        raise TraceError(
            raw.path,
            f"{next(iter(dated.values())).name!r} holds dates and {counted[0].name!r} numbers "
            "that are no Unix times: leave one out by naming the columns, columns={...}",
            raw.line,
        )


def _problems(
    name: str, seconds: Floats, *, unreadable: Flags, negative: Flags
) -> list[tuple[str, Flags]]:
    """Return why rows cannot be used for a column, each reason with the rows for which it holds."""
    return [
        (f"unreadable {name}", unreadable),
        (f"missing {name}", np.isnan(seconds)),
        (f"negative {name}", negative),
        (f"{name} of {LIMIT:.0f} s or more", seconds >= LIMIT),
    ]


def _duration(
    raw: Raw,
    clocks: Clocks,
    instants: Mapping[str, Instants],
    units: _Units,
    role: str,
    column: Durations,
) -> None:
    """Settle the unit of one column of durations, and put it into `clocks`."""
    if column.short.any():
        said = units.said(role)
        expected = _between(clocks, role)
        if said not in {"m:s", "h:m"}:
            ratio = _ratio(expected, np.where(column.short, column.seconds, np.nan))
            said = "m:s" if _near(ratio, 1.0) else "h:m" if _near(ratio, 60.0) else None
        if said is None:
            cell = f"{column.name!r} has times such as 5:30"
            raise TraceError(
                raw.path,
                f"{cell} that can be minutes and seconds or hours and minutes: say which, "
                f"unit={{{column.name!r}: 'm:s'}} or 'h:m'",
                raw.line,
            )
        column = column.short_as("min" if said == "m:s" else "h")
        clocks.how[role] = said
    if column.bare.any():
        unit, why = _unit_of(raw, clocks, instants, units, role, column)
        column = column.in_unit(unit)
        clocks.how[role] = f"{WORDS_BY_UNIT[unit]}, {why}"
    clocks.how.setdefault(role, "empty" if column.absent.all() else "each with its unit")
    values, name = column.seconds, column.name
    clocks.seconds[role] = np.where(values < LIMIT, column.values, np.nan)
    clocks.names[role] = name
    clocks.problems[role] = _problems(
        name, values, unreadable=column.unreadable, negative=column.negative
    )


def _unit_of(
    raw: Raw,
    clocks: Clocks,
    instants: Mapping[str, Instants],
    units: _Units,
    role: str,
    column: Durations,
) -> tuple[str, str]:
    """Return the unit of bare numbers: as said, else as the instants show, else seconds."""
    bare = np.where(column.bare, column.seconds, np.nan)
    # What the instants say is evidence from the log itself, so it goes before any default.
    ratio = _ratio(_between(clocks, role), bare)
    # Instants that count from any origin have no unit of their own to compare with.
    fits = next((u for u, size in SECONDS.items() if _near(ratio, size)), None)
    known = units.of(role)
    if known is not None:
        # A header that contradicts the log's own instants is asked about: either may be wrong.
        if known[1] == "by its header" and clocks.unix and fits not in {None, known[0]}:
            raise TraceError(
                raw.path,
                f"{column.name!r} says {WORDS_BY_UNIT[known[0]]}, but its instants say "
                f"{WORDS_BY_UNIT[str(fits)]}: say which, unit={{{column.name!r}: {fits!r}}}",
                raw.line,
            )
        return known
    if fits is not None:
        return fits, "as its instants show"
    settled = [clocks.how[other] for other in DURATIONS if other in clocks.how and other != role]
    shown = [how for how in settled if how.endswith("as its instants show")]
    if shown:
        word = shown[0].split(",")[0]
        return WORDS[word], "as the other durations"
    fine = {found.form for found in instants.values() if "seconds, by its size" in found.form}
    fine -= {"Unix time in seconds, by its size"}
    # Instants in ms make seconds a bad guess for durations, and a factor of 1000 a bad error.
    if fine:
        unit = WORDS[fine.pop().removeprefix("Unix time in ").split(",")[0]]
        raise TraceError(
            raw.path,
            f"{column.name!r} names no unit, and the instants are in {WORDS_BY_UNIT[unit]}: say "
            f"which it is, unit={{{column.name!r}: {unit!r}}} or 's'",
            raw.line,
        )
    return "s", "as nothing says otherwise"


def _between(clocks: Clocks, role: str) -> Floats | None:
    """Return the durations that instants give for a role, where they do."""
    ends = {
        "service": ("started", "finished"),
        "sojourn": ("arrival", "finished"),
        "wait": ("arrival", "started"),
        "delay": ("arrival", "paid"),
    }[role]
    if not set(ends) <= set(clocks.seconds):
        return None
    first, last = (clocks.seconds[end] for end in ends)
    return last - first


def _ratio(expected: Floats | None, found: Floats) -> float:
    """Return how many times larger what the instants say is, over the rows that say enough."""
    if expected is None:
        return float("nan")
    # The ratio to nothing says nothing.
    usable = (expected > 1e-9) & (found > 0)
    # A whole second that was cut off spoils short jobs.
    long = usable & (expected >= 10.0)
    use = long if long.sum() >= 3 else usable
    # The median: a few rows with paused clocks do not move it.
    return float(np.median(expected[use] / found[use])) if use.any() else float("nan")


def _near(ratio: float, size: float) -> bool:
    return abs(ratio / size - 1.0) <= _ALIKE


def _relative_units(
    clocks: Clocks,
    instants: Mapping[str, Instants],
    units: _Units,
    durations: Mapping[str, Durations],
) -> None:
    """Give instants from any origin the unit in which they agree with a duration that has one."""
    loose = [r for r, found in instants.items() if not found.unix and units.of(r) is None]
    if not loose or len(loose) < len(instants):
        return
    for role in durations:
        if units.of(role) is None:
            continue
        ratio = _ratio(_between(clocks, role), clocks.seconds[role])
        fits = next((u for u, size in SECONDS.items() if _near(ratio, 1.0 / size)), None)
        if fits is not None and fits != "s":
            for name in loose:
                clocks.seconds[name] = clocks.seconds[name] * SECONDS[fits]
                clocks.how[name] = f"{WORDS_BY_UNIT[fits]} from any origin, as its durations show"
            return


def _resolution(clocks: Clocks) -> float:
    """Return what instants are rounded to: seconds, or something finer."""
    found = [s[~np.isnan(s)] for role, s in clocks.seconds.items() if role in INSTANTS]
    whole = all(bool((values == np.rint(values)).all()) for values in found)
    return 1.0 if found and whole else 0.1
