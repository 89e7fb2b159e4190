"""What a chart says in words."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def line_named(ax: Axes, start: str) -> Line2D:
    (found,) = [line for line in ax.lines if str(line.get_label()).startswith(start)]
    return found
