"""Axes of time: the unit and the ticks that suit a span."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from jobsim.display.text import time_unit


def time_axis(
    ax: Axes,
    span: float,
    label: str = "time since the start",
    *,
    axis: Literal["x", "y"] = "x",
) -> None:
    """Make x or y an axis of time: data in seconds, ticks in the unit that suits `span`.

    A logarithmic axis keeps its own ticks.
    """
    name, size = time_unit(span)
    side = ax.xaxis if axis == "x" else ax.yaxis
    if side.get_scale() == "linear":
        side.set_major_locator(_UnitLocator(size))
    side.set_major_formatter(FuncFormatter(lambda x, _: f"{x / size:,.10g}"))
    side.set_label_text(f"{label} ({name})")


def log_time_axis(ax: Axes, label: str, *, unit: str = "s", size: float = 1.0) -> None:
    """Make x a logarithmic axis of time: ticks in `unit`, which is `size` of the data's units."""

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
