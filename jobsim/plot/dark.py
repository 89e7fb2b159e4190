"""A chart on dark paper, for a notebook or a page with a dark theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgba

from jobsim.display.palette import DARK, INK, MUTED, PAPER

_PROPERTIES = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def dark(ax: Axes) -> Axes:
    """Recolour a chart, and all else in its figure, for dark paper.

    Parameters
    ----------
    ax
        What a chart of `jobsim.plot` returned. For a small chart that shares its figure, all
        charts of the figure are recoloured.

    Returns
    -------
    Axes
        The same axes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, plot, run_virtual
    >>> ax = dark(plot.waits(run_virtual(Scenario(jobs=20, workers=1))))
    >>> to_hex(ax.figure.get_facecolor())
    '#1d2126'
    >>> plt.close(ax.figure)
    """
    known = {to_hex(light): shade for light, shade in DARK.items()}
    figure: Any = ax.figure
    figure.set_facecolor(DARK[PAPER])
    for axes in figure.axes:
        axes.set_facecolor("none")
        # Tick labels are made again for every drawing, from these settings.
        axes.tick_params(colors=DARK[MUTED], labelcolor=DARK[INK])
    for artist in figure.findobj():
        for name in _PROPERTIES:
            _recolour(artist, name, known)
    return ax


def _recolour(artist: Artist, name: str, known: dict[str, str]) -> None:
    """Give one property of an artist its dark colour, if it has a colour of ours."""
    get: Callable[[], Any] | None = getattr(artist, f"get_{name}", None)
    set_: Callable[[Any], None] | None = getattr(artist, f"set_{name}", None)
    if get is None or set_ is None:
        return
    value = get()
    several = getattr(value, "ndim", 1) == 2
    colours = list(value) if several else [value]
    if not colours or any(isinstance(colour, str) and colour == "none" for colour in colours):
        return
    # An alpha of its own stays: only the hue is looked up.
    shades = [known.get(to_hex(colour)) for colour in colours]
    if not any(shades):
        return
    found = [
        (*to_rgba(shade)[:3], to_rgba(colour)[3]) if shade else to_rgba(colour)
        for shade, colour in zip(shades, colours, strict=True)
    ]
    set_(found if several else found[0])
