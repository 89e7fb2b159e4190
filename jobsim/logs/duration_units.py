"""The unit of durations that name none, from the instants of the log."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jobsim.logs.cells import LIMIT
from jobsim.logs.clocks import Clocks, Floats, Units, problems_of
from jobsim.logs.durations import Durations
from jobsim.logs.formats import Raw
from jobsim.logs.instants import Instants
from jobsim.logs.roles import DURATIONS
from jobsim.logs.source import TraceError
from jobsim.logs.units import SECONDS, WORDS

WORDS_BY_UNIT: Mapping[str, str] = {short: word for word, short in WORDS.items()}

_ALIKE = 0.05  # how far a ratio may lie from that of two units


def settle_duration(
    raw: Raw,
    clocks: Clocks,
    instants: Mapping[str, Instants],
    units: Units,
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
    clocks.problems[role] = problems_of(
        name, values, unreadable=column.unreadable, negative=column.negative
    )


def _unit_of(
    raw: Raw,
    clocks: Clocks,
    instants: Mapping[str, Instants],
    units: Units,
    role: str,
    column: Durations,
) -> tuple[str, str]:
    """Return the unit of bare numbers: as given, or as the instants show, or seconds."""
    bare = np.where(column.bare, column.seconds, np.nan)
    # The instants are evidence from the log itself, so they go before any default.
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
    """Return the durations that instants give for a role; None where they give none."""
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
    """Return the median ratio of the durations from instants to those of the column."""
    if expected is None:
        return float("nan")
    usable = (expected > 1e-9) & (found > 0)
    # Instants that are cut to whole seconds spoil the ratio of short jobs.
    long = usable & (expected >= 10.0)
    use = long if long.sum() >= 3 else usable
    # The median: a few rows with paused clocks do not move it.
    return float(np.median(expected[use] / found[use])) if use.any() else float("nan")


def _near(ratio: float, size: float) -> bool:
    return abs(ratio / size - 1.0) <= _ALIKE


def settle_relative(
    clocks: Clocks,
    instants: Mapping[str, Instants],
    units: Units,
    durations: Mapping[str, Durations],
) -> None:
    """Give instants from any origin the unit in which they agree with a duration of known unit."""
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
