"""Durations as people read them: the unit, the ticks, the text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

_UNITS = (  # (name, its seconds, shown from)
    ("d", 86_400.0, 259_200.0),
    ("h", 3600.0, 10_800.0),
    ("min", 60.0, 600.0),
    ("s", 1.0, 1.0),
    ("ms", 1e-3, 1e-3),
    ("µs", 1e-6, 0.0),
)


def time_unit(seconds: float) -> tuple[str, float]:
    """Return the unit that suits a duration, and how many seconds it has.

    Examples
    --------
    >>> time_unit(0.25), time_unit(90.0), time_unit(7200.0)
    (('ms', 0.001), ('s', 1.0), ('min', 60.0))
    """
    if not seconds > 0:
        return "s", 1.0
    return next((name, size) for name, size, shown_from in _UNITS if seconds >= shown_from)


def format_duration(seconds: float) -> str:
    """Return a duration with three significant digits and its unit.

    Examples
    --------
    >>> format_duration(0.01234), format_duration(1234.0), format_duration(float("nan"))
    ('12.3 ms', '20.6 min', 'none')
    """
    if math.isnan(seconds):
        return "none"
    name, size = time_unit(seconds)
    return f"{format_number(seconds / size)} {name}"


def format_number(value: float) -> str:
    """Return a number with three significant digits, and no fewer for larger ones.

    Examples
    --------
    >>> format_number(0.51234), format_number(1234.5)
    ('0.512', '1,234')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def time_axis(
    ax: Axes,
    span: float,
    label: str = "time since the start",
    *,
    axis: Literal["x", "y"] = "x",
) -> None:
    """Make x or y an axis of time: data in seconds, ticks in the unit that suits `span`.

    A logarithmic axis keeps its places for ticks.
    """
    name, size = time_unit(span)
    side = ax.xaxis if axis == "x" else ax.yaxis
    if side.get_scale() == "linear":
        side.set_major_locator(_UnitLocator(size))
    side.set_major_formatter(FuncFormatter(lambda x, _: f"{x / size:,.10g}"))
    side.set_label_text(f"{label} ({name})")


def log_time_axis(ax: Axes, label: str, *, unit: str = "s", size: float = 1.0) -> None:
    """Make x a logarithmic axis of time: ticks in a `unit` of `size` in the data's own."""

    def label_minor(x: float, _: int | None) -> str:
        # Powers of ten are enough, unless the axis is too short to hold two of them.
        low, high = ax.get_xlim()
        short = high < 20 * low
        return f"{x / size:,.10g}" if short and f"{x / size:.0e}"[0] in "25" else ""

    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / size:,.10g}"))
    ax.xaxis.set_minor_formatter(FuncFormatter(label_minor))
    ax.set_xlabel(f"{label} ({unit}, log scale)")


class _UnitLocator(MaxNLocator):
    """Ticks at round numbers of a unit; minutes and hours go by 1, 2, 3, 6, not by 5."""

    def __init__(self, size: float) -> None:
        clock = size in (60.0, 3600.0)
        super().__init__(nbins=7, steps=[1, 2, 3, 6, 10] if clock else [1, 2, 5, 10])
        self._size = size

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Return the ticks between two moments, all in seconds."""
        ticks = super().tick_values(vmin / self._size, vmax / self._size)
        return [tick * self._size for tick in ticks]
