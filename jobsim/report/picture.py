"""A chart as a picture in the page: vector graphics, for light and for dark pages."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from jobsim.display.palette import DARK
from jobsim.plot.parts.style import INK, MUTED

_ON_FILL = "#222223"
"""Looks like `INK`, and stays dark on a dark page: text on a coloured shape."""

_COLOUR = re.compile(r"(?<=: )#[0-9a-f]{6}\b")
_PATH = re.compile(r' d="([^"]*)"')
_STEP = re.compile(r"([ML]) (\S+) (\S+)|z")
_STYLE: dict[str, Any] = {
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "figure.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "jobsim",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def own_style() -> Iterator[None]:
    """Draw with matplotlib's defaults and the report's colours, whatever the user has set."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(cast("Any", _STYLE))
        yield


WIDTH = 5.4
"""Inches; narrower than in a notebook, so that the text can be read on a phone."""


def new_axes(height: float) -> Axes:
    """Return the axes of a new figure of `WIDTH` by `height` inches.

    It is unknown to pyplot, so a report that is made in a notebook or beside a window neither
    opens nor closes a figure there.
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure.subplots()


def picture(ax: Axes) -> str:
    """Return the chart, drawn on `new_axes`, as an SVG in a data URI.

    The picture follows the page: its colours are looked up in `DARK` where the reader's
    system is set to dark.
    """
    figure = ax.figure
    assert isinstance(figure, Figure)  # noqa: S101 - a chart of its own, tells mypy so
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
        figure.set_layout_engine("none")  # once is enough
    _keep_text_on_fills(ax)
    file = io.StringIO()
    # Straight to the file: savefig would draw everything once more before.
    canvas: Any = figure.canvas
    canvas.print_svg(file, metadata={"Date": None, "Creator": None})
    data = base64.b64encode(themed(file.getvalue()).encode()).decode()
    return f"data:image/svg+xml;base64,{data}"


def themed(svg: str) -> str:
    """Return matplotlib's SVG with variables in place of colours, and shorter paths.

    Examples
    --------
    >>> svg = themed('<svg><defs><path style="fill: #222222" d="M 1.23456 2"/></defs></svg>')
    >>> svg.partition("</style>")[2]
    '<defs><path style="fill: var(--c222222)" d="M1.2 2"/></defs></svg>'
    """
    colours = {colour.lower(): dark for colour, dark in DARK.items()}

    def variable(found: re.Match[str]) -> str:
        colour = found.group()
        return f"var(--c{colour[1:]})" if colour in colours else colour

    body = _PATH.sub(lambda path: f' d="{_shorter(path[1])}"', _COLOUR.sub(variable, svg))
    light = ";".join(f"--c{colour[1:]}:{colour}" for colour in colours)
    dark = ";".join(f"--c{colour[1:]}:{other}" for colour, other in colours.items())
    style = (
        f"<style>svg{{{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    )
    return body.replace("<defs>", f"{style}<defs>", 1)


def _shorter(path: str) -> str:
    """Return a path that draws the same to a tenth of a point, in half the text or less.

    The lines of a chart of steps move along one axis at a time: ``H`` and ``V`` need only one
    number. A path with curves, such as a letter, stays as it is.
    """
    if "C" in path or "Q" in path:
        return path.replace(" \n", "")
    out: list[str] = []
    last_x = last_y = ""
    for step in _STEP.finditer(path):
        command = step[1]
        if command is None:
            out.append("z")
            continue
        x, y = (f"{float(text):.1f}".removesuffix(".0") for text in (step[2], step[3]))
        if command == "M":
            out.append(f"M{x} {y}")
        elif x == last_x and y == last_y:
            continue
        elif x == last_x:
            out.append(f"V{y}")
        elif y == last_y:
            out.append(f"H{x}")
        else:
            out.append(f"L{x} {y}")
        last_x, last_y = x, y
    return "".join(out)


def _keep_text_on_fills(ax: Axes) -> None:
    """Keep dark text dark on a coloured shape, whose colour stays light on a dark page too."""
    for text in ax.texts:
        if to_hex(text.get_color()) != INK:
            continue
        box = text.get_window_extent()
        middle = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        # An arrow is a line, whatever area its curve encloses.
        shapes = (patch for patch in ax.patches if not isinstance(patch, FancyArrowPatch))
        if any(shape.get_fill() and shape.contains_point(middle) for shape in shapes):
            text.set_color(_ON_FILL)
