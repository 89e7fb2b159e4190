"""The chart of a threaded run beside its virtual twin."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import pandas as pd
from matplotlib.axes import Axes

from jobsim.display.text import format_duration
from jobsim.plot.parts.axes import axes_for, frame, legend_beside, note
from jobsim.plot.parts.ecdf import draw_ecdf, share_axes
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.style import INK, MUTED, STATUS_COLOURS


class Compared(Protocol):
    """The part of a `Comparison` that `compare` reads."""

    @property
    def jobs(self) -> pd.DataFrame:
        """One row per job with `lateness`, `dispatch` and `drift`."""

    @property
    def agree(self) -> bool:
        """Whether both runs did the same to every job."""


_LAGS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "lateness": ("lateness", MUTED, "dotted"),
        "dispatch": ("dispatch delay", STATUS_COLOURS["running"], "solid"),
        "drift": ("raw drift", INK, "dashed"),
    }
)


def compare(comparison: Compared, *, ax: Axes | None = None) -> Axes:
    """Draw how far a threaded run was off its virtual twin (an ECDF of magnitudes).

    Lateness is how late clients created their jobs. Dispatch delay is what remains when the
    virtual engine is given the measured payments and busy times. Raw drift is the whole difference
    after all of this has gone through the queue.

    Parameters
    ----------
    comparison
        What `jobsim.compare` returns.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in scenario seconds and shares.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from types import SimpleNamespace
    >>> off = pd.DataFrame({"lateness": [0.1], "dispatch": [0.2], "drift": [0.3]})
    >>> ax = compare(SimpleNamespace(jobs=off, agree=True))
    >>> ax.get_xlabel()
    'error (ms)'
    >>> plt.close(ax.figure)
    """
    off = comparison.jobs[list(_LAGS)].abs().dropna(axis="columns", how="all")
    verdict = "the same outcome for every job" if comparison.agree else "OUTCOMES DIFFER"
    ax = axes_for(ax)
    frame(
        ax,
        "Threads beside virtual time",
        f"{verdict}; share of jobs within this error",
        grid="both",
    )
    start, end = share_axes(ax, off, "error")
    if off.dropna(how="all").empty:
        note(ax, "no job started in both runs")
        return fitted(ax)
    for name in off:
        what, colour, dashes = _LAGS[str(name)]
        text = f"{what}\nmedian {format_duration(float(off[name].median()))}"
        draw_ecdf(ax, off[name], start, end, color=colour, linestyle=dashes, label=text)
    legend_beside(ax)
    return fitted(ax)
