"""The instants and durations of a log in seconds, and what says in which unit each was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jobsim.logs.cells import LIMIT
from jobsim.logs.chosen import Chosen
from jobsim.logs.formats import Raw
from jobsim.logs.roles import SPELLINGS
from jobsim.logs.source import TraceError
from jobsim.logs.units import SECONDS, ForeignUnit, unit_in

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


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
        The zone in which they were read; None for a clock without one.
    resolution
        Seconds to which instants are rounded.
    notes
        What a user should know.
    """

    seconds: dict[str, Floats] = field(default_factory=dict)
    problems: dict[str, list[tuple[str, Flags]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)
    unix: bool = False
    zone: str | None = None
    resolution: float = 0.0
    notes: list[str] = field(default_factory=list)


class Units:
    """The unit of each role: from the caller, from the header, or from the log's producer."""

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
        """Return the unit that the caller gave for this role or its column."""
        header = str(self._raw.headers[self._chosen.place[role]])
        return self._each.get(header) or self._each.get(role)

    def of(self, role: str) -> tuple[str, str] | None:
        """Return a unit and its origin; None if nothing names one."""
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


def problems_of(
    name: str, seconds: Floats, *, unreadable: Flags, negative: Flags
) -> list[tuple[str, Flags]]:
    """Return why rows cannot be used for a column, each reason with the rows for which it holds."""
    return [
        (f"unreadable {name}", unreadable),
        (f"missing {name}", np.isnan(seconds)),
        (f"negative {name}", negative),
        (f"{name} of {LIMIT:.0f} s or more", seconds >= LIMIT),
    ]
