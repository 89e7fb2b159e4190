"""Durations in every common form, as seconds.

Forms are recognised by our own patterns before pandas sees a cell, because `to_timedelta`
takes `1-02:00:00` for minus 367,200 s and `90` for 90 ns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.logs.cells import is_text, matches, missing, numbers
from jobsim.logs.units import NAMES, SECONDS

_FRACTION = r"(?P<f>[.,]\d+)?"
_CLOCK = (
    rf"^(?P<sign>-)?(?:(?P<d>\d+)(?:-| days?,? ?))?(?P<h>\d+):(?P<m>\d\d):(?P<s>\d\d){_FRACTION}$"
)
_SHORT = rf"^(?P<a>\d+):(?P<b>\d\d){_FRACTION}$"
_ISO = (
    r"^(?P<sign>-)?P(?:(?P<w>\d+(?:[.,]\d+)?)W)?(?:(?P<d>\d+(?:[.,]\d+)?)D)?"
    r"(?:T(?:(?P<h>\d+(?:[.,]\d+)?)H)?(?:(?P<m>\d+(?:[.,]\d+)?)M)?(?:(?P<s>\d+(?:[.,]\d+)?)S)?)?$"
)
_UNITS = r"^(?:\d+(?:[.,]\d+)?\s*[a-zµμ]+(?:\(s\))?[\s,]*(?:and\s+)?)+$"
_ONE_UNIT = re.compile(r"(\d+(?:[.,]\d+)?)\s*([A-Za-zµμ]+)")


@dataclass(frozen=True, eq=False)
class Durations:
    """A column of durations.

    Attributes
    ----------
    name
        The column's name in the log.
    seconds
        float64; NaN where there is none. Bare numbers are in their own unit until `in_unit`
        converts them.
    bare
        bool, where a cell is a number without a unit.
    unreadable, negative
        bool, why a cell has no duration although it is not empty.
    short
        bool, where a cell is a clock of two numbers, such as ``05:30``, in a column that does not
        show their units.
    absent
        bool, where a cell is empty.
    """

    name: str
    seconds: NDArray[np.float64]
    bare: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]
    negative: NDArray[np.bool_]
    short: NDArray[np.bool_]
    absent: NDArray[np.bool_]

    def in_unit(self, unit: str) -> Durations:
        """Return the same with the bare numbers taken in this unit."""
        seconds = np.where(self.bare, self.seconds * SECONDS[unit], self.seconds)
        return self._with(seconds)

    def short_as(self, unit: str) -> Durations:
        """Return the same with ``a:b`` read as `a` of `unit` and `b` 60ths of it."""
        return self._with(np.where(self.short, self.seconds * SECONDS[unit] / 60.0, self.seconds))

    def _with(self, seconds: NDArray[np.float64]) -> Durations:
        parts = (self.bare, self.unreadable, self.negative, self.short, self.absent)
        return Durations(self.name, seconds, *parts)

    @property
    def values(self) -> NDArray[np.float64]:
        """Seconds where they are usable."""
        usable = ~self.negative & (np.abs(self.seconds) < np.inf)
        return np.where(usable, self.seconds, np.nan)


def read_durations(name: str, column: pd.Series) -> Durations:
    """Read a column of durations; each cell may have another form.

    Examples
    --------
    >>> cells = ["1-02:00:00", "0:00:05,250", "PT1M30S", "1 day, 6:00:00", "4m 21s", "90", "x"]
    >>> read_durations("took", pd.Series(cells)).seconds.tolist()
    [93600.0, 5.25, 90.0, 108000.0, 261.0, 90.0, nan]
    """
    size = len(column)
    absent = missing(column)
    none = np.zeros(size, dtype=np.bool_)
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        seconds = column.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)
        return Durations(name, seconds, none, none, seconds < 0, none, absent)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return Durations(name, np.full(size, np.nan), none, ~absent, none, none, absent)
    seconds = numbers(column)
    bare = ~np.isnan(seconds)
    short = none
    if is_text(column) and not (bare | absent).all():
        rest = np.flatnonzero(~bare & ~absent)
        seconds = seconds.copy()
        seconds[rest], is_short, is_bare = _read_text(column.iloc[rest])
        short, bare = none.copy(), bare.copy()
        short[rest], bare[rest] = is_short, is_bare
    # -1 stands for nothing in many logs, whatever the unit.
    absent = absent | (bare & (seconds == -1))
    seconds = np.where(absent, np.nan, seconds)
    unreadable = np.isnan(seconds) & ~absent
    return Durations(name, seconds, bare & ~absent, unreadable, seconds < 0, short, absent)


def _read_text(
    cells: pd.Series,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return seconds, and which are ``a:b`` clocks or numbers with a decimal comma."""
    text = cells.reset_index(drop=True)
    found = np.full(len(text), np.nan)
    clock = _extract(text, _CLOCK, "dhmsf")
    whole = ~np.isnan(clock["h"])
    days = np.nan_to_num(clock["d"])
    found[whole] = (
        days * 86_400 + clock["h"] * 3600 + clock["m"] * 60 + clock["s"] + np.nan_to_num(clock["f"])
    )[whole]
    pair = _extract(text, _SHORT, "abf")
    short = ~np.isnan(pair["a"]) & ~whole
    # As `MM:SS`, which longer clocks or fractions in the column confirm; see `with_parts`.
    found[short] = (pair["a"] * 60 + pair["b"] + np.nan_to_num(pair["f"]))[short]
    with_parts = whole.any() or bool((~np.isnan(pair["f"])).any())
    iso = _extract(text, _ISO, "wdhms")
    of_iso = ~np.isnan(np.stack(list(iso.values()))).all(axis=0)
    weights = (604_800.0, 86_400.0, 3600.0, 60.0, 1.0)
    total = sum(
        np.nan_to_num(part) * size for part, size in zip(iso.values(), weights, strict=True)
    )
    found[of_iso] = np.asarray(total)[of_iso]
    negative = text.str.startswith("-").to_numpy(dtype=np.bool_) & ~np.isnan(found)
    found[negative] *= -1.0
    left = np.isnan(found)
    if left.any():
        named = text[left & matches(text, "(?i)" + _UNITS)]
        sums = {cell: _sum_of_units(cell) for cell in named.unique()}
        found[named.index] = named.map(sums).to_numpy(dtype=np.float64)
    comma = matches(text, r"-?\d+,\d+")
    if comma.any() and not _thousands(text[comma]):
        found[comma] = text[comma].str.replace(",", ".").astype("float64")
    else:
        comma = np.zeros(len(text), dtype=np.bool_)
    return found, short & (not with_parts), comma


def _thousands(text: pd.Series) -> bool:
    """Tell whether commas could separate thousands: then ``1,250`` is ambiguous."""
    return bool(matches(text, r"-?\d{1,3},\d{3}").all())


def _extract(text: pd.Series, pattern: str, names: str) -> dict[str, NDArray[np.float64]]:
    found = text.str.extract(pattern)
    return {
        name: pd.to_numeric(found[name].str.replace(",", "."), errors="coerce").to_numpy(
            dtype=np.float64, na_value=np.nan
        )
        for name in names
    }


def _sum_of_units(cell: str) -> float:
    """Add up the parts of `4m 21s`; NaN for an unknown unit."""
    total = 0.0
    for amount, word in _ONE_UNIT.findall(cell):
        unit = NAMES.get(word) or NAMES.get(word.lower())
        if unit == "week":
            size = 604_800.0
        elif unit in SECONDS:
            size = SECONDS[str(unit)]
        else:
            # One unknown unit spoils the sum: leaving it out would give a number that is too small.
            return np.nan
        total += float(amount.replace(",", ".")) * size
    return total
