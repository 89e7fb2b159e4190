"""What all charts share: the run they read, their axes, titles and labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from matplotlib.transforms import ScaledTranslation

from jobsim.display.text import MAX_TEXT, format_number, printable
from jobsim.plot.parts.room import points, wrapped
from jobsim.plot.parts.style import FAINT, INK, MUTED

_SPIKE = 4.0
"""A spike is cut if it is more than this many times as high as what it would flatten."""

_BELOW_SPIKES = 0.95


class Jobs(Protocol):
    """The part of a `Run` that charts of jobs alone read."""

    @property
    def jobs(self) -> pd.DataFrame:
        """One row per job."""


class RunTables(Protocol):
    """The part of a `Run` that charts read."""

    @property
    def jobs(self) -> pd.DataFrame:
        """One row per job."""

    @property
    def transitions(self) -> pd.DataFrame:
        """One row per accepted transition."""

    @property
    def calls(self) -> pd.DataFrame | None:
        """One row per repository call; None or empty where there was no repository."""


WIDE = 30.0
"""A value of more than this many times the median calls for a logarithmic axis; below it,
differences can still be seen on a linear one."""


def axes_for(ax: Axes | None, *, height: float = 4.8) -> Axes:
    """Return `ax`, or the axes of a new figure of 6.4 by `height` inches."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=(6.4, height), layout="constrained")[1]


def titles(ax: Axes, title: str, subtitle: str = "") -> None:
    """Write the title above the chart, and the subtitle below the title."""
    told = wrapped(ax, subtitle, fontsize="small")
    # Points for the lines of the subtitle, which stands between the axes and the title.
    pad = 22 + 10 * told.count("\n") if told else 8
    subject = wrapped(ax, title, fontsize="large", fontweight="bold")
    ax.set_title(subject, loc="left", fontsize="large", fontweight="bold", color=INK, pad=pad)
    ax.annotate(
        told,
        (0, 1),
        xytext=(0, 7),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize="small",
        color=MUTED,
        linespacing=1.1,
        annotation_clip=False,
    )


def frame(
    ax: Axes, title: str, subtitle: str = "", *, grid: Literal["x", "y", "both"] = "y"
) -> None:
    """Give the axes their titles, light spines and a light grid; `grid` is x, y or both."""
    titles(ax, title, subtitle)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)
    ax.tick_params(colors=MUTED, labelcolor=INK, labelsize="small")
    ax.xaxis.label.set_color(INK)
    ax.yaxis.label.set_color(INK)
    ax.set_axisbelow(True)
    ax.grid(axis=grid, color=FAINT, linewidth=0.6)


def legend_below(ax: Axes) -> None:
    """Put the legend under the label of the x axis, in as few rows as fit."""
    columns = 4
    # The width of a legend is known only once it is laid out, so columns are tried one by one.
    while _legend_below(ax, columns) > ax.get_window_extent().width and columns > 1:
        columns -= 1


def _legend_below(ax: Axes, columns: int) -> float:
    """Put the legend there in this many columns, and return its width in pixels."""
    lowered = ax.transAxes + ScaledTranslation(0, -36 / 72, ax.figure.dpi_scale_trans)
    legend = ax.legend(
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=lowered,
        ncols=columns,
        frameon=False,
        fontsize="small",
        labelcolor=INK,
        handlelength=1.2,
        columnspacing=1.2,
        borderpad=0,
        borderaxespad=0,
    )
    return legend.get_window_extent().width


def legend_beside(ax: Axes) -> None:
    """Put the legend to the right of the axes, with space between labels of several lines."""
    ax.legend(
        loc="upper left",
        bbox_to_anchor=(1, 1),
        frameon=False,
        fontsize="small",
        labelspacing=1.2,
        labelcolor=INK,
    )


def count_axis(ax: Axes, label: str) -> None:
    """Make y an axis of counts from zero: ticks at whole numbers, with commas for thousands."""
    rate_axis(ax, label)
    ax.yaxis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 5, 10], integer=True))


def rate_axis(ax: Axes, label: str) -> None:
    """Make y an axis of numbers from zero, with commas for thousands."""
    ax.set_ylabel(label)
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))


def clip_spike(ax: Axes, rates: pd.Series, *, width: float, at_least: float) -> None:
    """Set the top of an axis of rates; cut a spike that would flatten the rest, and say so.

    Parameters
    ----------
    ax
        Axes of rates over time, their x limits final.
    rates
        The line that may have a spike, by the start of each window.
    width
        Width of a window, seconds.
    at_least
        The highest value of everything else that is drawn.
    """
    high = float(rates.max())
    # A quantile, not the second highest: a spike often fills several windows.
    rest = max(at_least, float(rates.quantile(_BELOW_SPIKES)))
    if not rest or high <= _SPIKE * rest:
        ax.set_ylim(0, max(high, at_least) * 1.1 or 1)
        return
    ax.set_ylim(0, rest * 2)
    at = float(rates.index[int(rates.to_numpy().argmax())])
    # On the side with more space, so that the text stays within the axes.
    left = at > sum(ax.get_xlim()) / 2
    ax.annotate(
        f"↑ {format_number(high)} per second",
        (at if left else at + width, 1),
        xytext=(-6 if left else 6, -6),
        xycoords=ax.get_xaxis_transform(),
        textcoords="offset points",
        ha="right" if left else "left",
        va="top",
        fontsize="small",
        color=INK,
    )


def note(ax: Axes, text: str) -> None:
    """Write in the middle of an empty chart why it is empty."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=MUTED)


def edge_labels(ax: Axes, labels: Iterable[tuple[float, str, str]]) -> None:
    """Write labels at the right edge, moved apart where they would overlap.

    Parameters
    ----------
    ax
        Axes whose limits and scales are final.
    labels
        `(y, text, colour)`: the place in data units that the label names.
    """
    rows = sorted(labels, key=lambda row: row[0])
    # In shares of the height, so that a log scale spreads its labels evenly too.
    to_axes, right = ax.transScale + ax.transLimits, ax.get_xlim()[1]
    wanted = [float(to_axes.transform((right, y))[1]) for y, _, _ in rows]
    places = spread(wanted, gap=_label_gap(ax, [text for _, text, _ in rows]))
    for (_, text, colour), at, y in zip(rows, places, wanted, strict=True):
        ax.annotate(
            text,
            (1, y),
            xytext=(14, at),
            xycoords="axes fraction",
            textcoords=("offset points", "axes fraction"),
            va="center",
            color=INK,
            fontsize="small",
            linespacing=1.1,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 2.2,
                "shrinkA": 1,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )


def _label_gap(ax: Axes, texts: Sequence[str]) -> float:
    """Return how far apart labels must stand, as a share of the height of the axes."""
    lines = max((text.count("\n") + 1 for text in texts), default=1)
    # A layout may still take a fifth of the height; labels that do not fit share what there is.
    needed = (11 * lines + 2) / (0.8 * points(ax)[1])
    return min(needed, 1 / max(len(texts) - 1, 1))


def spread(wanted: Sequence[float], *, gap: float) -> list[float]:
    """Return places at least `gap` apart, in the same order, as near to `wanted` as possible.

    Least squares by pooling neighbours that collide (isotonic regression on `y - rank * gap`).
    The places are kept within 0 and 1 where they fit.

    Examples
    --------
    >>> [round(place, 2) for place in spread([0.5, 0.5, 0.9], gap=0.1)]
    [0.45, 0.55, 0.9]
    """
    blocks: list[tuple[float, int]] = []
    for rank, place in enumerate(wanted):
        mean, size = place - rank * gap, 1
        # Pool adjacent violators: each merge removes a block, so the whole is linear in time.
        while blocks and blocks[-1][0] > mean:
            earlier, count = blocks.pop()
            mean = (earlier * count + mean * size) / (count + size)
            size += count
        blocks.append((mean, size))
    # Clipping pooled means keeps their order, so the labels stay apart.
    free = max(0.0, 1 - gap * (len(wanted) - 1))
    base = [min(max(mean, 0.0), free) for mean, size in blocks for _ in range(size)]
    return [start + rank * gap for rank, start in enumerate(base)]


def thin(table: pd.DataFrame, points: int = 500) -> pd.DataFrame:
    """Return the rows of a step function that a drawing of `points` columns can show.

    Every row that is kept is exact: the rows in force at `points` evenly spaced instants, the last
    row, and the first highest of each column.
    """
    if len(table) <= points:
        return table
    time = table.index.to_numpy()
    instants = np.linspace(time[0], time[-1], points)
    # The row in force at an instant is the last one that does not lie after it.
    rows = np.searchsorted(time, instants, side="right") - 1
    # A peak between two instants would be lost, and people read it off the chart.
    peaks = table.to_numpy().argmax(axis=0)
    return table.iloc[np.unique(np.concatenate([rows, peaks, [len(time) - 1]]))]


def literal(text: str, *, limit: int = MAX_TEXT) -> str:
    r"""Return text that matplotlib draws as it is, not as mathematics.

    Unprintable characters become escapes, and longer text is cut at `limit`.

    Examples
    --------
    >>> print(literal("costs $5"))
    costs \$5
    """
    shown = printable(text, limit).replace("$", r"\$")
    # No font that comes with matplotlib has emoji; it would warn, and draw a box.
    return "".join(ch if ord(ch) < 0x10000 else "\N{REPLACEMENT CHARACTER}" for ch in shown)
