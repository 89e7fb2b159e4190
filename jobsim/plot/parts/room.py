"""The space that a chart has for its text, and how it stays within it beside other charts."""

from __future__ import annotations

import itertools
import textwrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec, SubplotSpec
from matplotlib.text import Text
from matplotlib.transforms import Bbox

_PAD = 4
"""Points between a chart's text and the edge of its cell."""


def points(ax: Axes) -> tuple[float, float]:
    """Return the present width and height of the axes in points.

    Before the layout it is a cautious guess of their size after it.
    """
    box = ax.get_window_extent()
    return box.width * 72 / ax.figure.dpi, box.height * 72 / ax.figure.dpi


def wrapped(ax: Axes, text: str, **font: Any) -> str:
    """Return the text in lines that are no wider than the axes.

    `font` is what `matplotlib.text.Text` takes, such as `fontsize`.
    """
    if not text:
        return text
    measured = Text(text=text, **font)
    measured.set_figure(ax.figure)
    width, room = measured.get_window_extent().width, ax.get_window_extent().width
    if width <= room:
        return text
    at_most = max(int(len(text) * room / width), 12)
    lines = textwrap.wrap(text, at_most)
    # Lines of about the same length, not full ones and a last one of a single word.
    tried = (textwrap.wrap(text, even) for even in range(len(text) // len(lines), at_most))
    return "\n".join(next((even for even in tried if len(even) == len(lines)), lines))


def fitted(ax: Axes) -> Axes:
    """Shrink the axes until all their text lies in their own cell of the figure.

    Only in a figure without a layout engine, such as ``plt.subplots(1, 2)`` makes. Axes outside a
    plain grid stay as they are.
    """
    figure, spec = ax.figure, ax.get_subplotspec()
    if spec is None or figure.get_layout_engine() is not None:
        return ax
    grid = spec.get_gridspec()
    if not isinstance(grid, GridSpec):
        return ax
    tight = ax.get_tightbbox()
    assert tight is not None  # noqa: S101 - the axes are visible, tells mypy so
    text = tight.transformed(figure.transSubfigure.inverted())
    cell, now = _cell(grid, spec), ax.get_position()
    pad_x, pad_y = (
        _PAD / 72 * figure.dpi / size for size in (figure.bbox.width, figure.bbox.height)
    )
    left = max(now.x0, cell.x0 + pad_x + now.x0 - text.x0)
    right = min(now.x1, cell.x1 - pad_x + now.x1 - text.x1)
    bottom = max(now.y0, cell.y0 + pad_y + now.y0 - text.y0)
    top = min(now.y1, cell.y1 - pad_y + now.y1 - text.y1)
    if left < right and bottom < top:
        ax.set_position((left, bottom, right - left, top - bottom))
        ax.set_in_layout(True)  # placing axes by hand takes them out of it
    return ax


def _cell(grid: GridSpec, spec: SubplotSpec) -> Bbox:
    """Return the part of the figure that belongs to the axes, gaps shared out evenly."""
    right = _edges(grid.get_width_ratios())
    down = _edges(grid.get_height_ratios())
    return Bbox.from_extents(
        right[spec.colspan.start],
        1 - down[spec.rowspan.stop],
        right[spec.colspan.stop],
        1 - down[spec.rowspan.start],
    )


def _edges(ratios: Any) -> list[float]:
    total = float(sum(ratios))
    return [0.0, *(share / total for share in itertools.accumulate(ratios))]
