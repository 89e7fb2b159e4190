"""The chosen columns in seconds: units, zones and forms settled, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jobsim.logs.chosen import Chosen, named
from jobsim.logs.clocks import Clocks, Units, problems_of
from jobsim.logs.duration_units import settle_duration, settle_relative
from jobsim.logs.durations import read_durations
from jobsim.logs.formats import Raw
from jobsim.logs.instants import AmbiguousInstants, Instants, read_instants
from jobsim.logs.roles import DURATIONS, INSTANTS
from jobsim.logs.source import TraceError


def read_clocks(
    raw: Raw,
    chosen: Chosen,
    *,
    unit: str | Mapping[str, str] | None,
    timezone: str | None,
    dayfirst: bool | None,
) -> Clocks:
    """Read every chosen column of instants or durations.

    Raises
    ------
    TraceError
        If a unit, a zone, or the order of day and month cannot be told.
    """
    clocks = Clocks()
    units = Units(raw, chosen, unit)
    instants: dict[str, Instants] = {}
    for role in (*INSTANTS, "time", "created"):
        if role in chosen.place:
            instants[role] = _instants(raw, chosen, role, units, timezone, dayfirst)
    _one_zone(raw, instants, timezone)
    for role, found in instants.items():
        clocks.seconds[role] = found.seconds
        clocks.names[role] = found.name
        clocks.how[role] = found.form if found.zone is None else f"{found.form}, {found.zone}"
        clocks.problems[role] = problems_of(
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
        settle_duration(raw, clocks, instants, units, role, column)
    settle_relative(clocks, instants, units, durations)
    clocks.resolution = _resolution(clocks)
    return clocks


def _instants(
    raw: Raw,
    chosen: Chosen,
    role: str,
    units: Units,
    timezone: str | None,
    dayfirst: bool | None,
) -> Instants:
    """Read a column of instants; every failure names the file."""
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
            "that are not Unix times: leave one out by naming the columns, columns={...}",
            raw.line,
        )


def _resolution(clocks: Clocks) -> float:
    """Return the rounding of instants: 1 s if all are whole seconds, otherwise 0.1 s."""
    found = [s[~np.isnan(s)] for role, s in clocks.seconds.items() if role in INSTANTS]
    whole = all(bool((values == np.rint(values)).all()) for values in found)
    return 1.0 if found and whole else 0.1
