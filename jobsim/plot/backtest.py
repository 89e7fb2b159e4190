"""The chart of a backtest: logged waits beside those of the same jobs served again."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from jobsim.display.text import count_of, format_duration
from jobsim.plot.parts.axes import axes_for, frame, legend_below, note
from jobsim.plot.parts.ecdf import draw_ecdf, share_axes
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.style import INK, STATUS_COLOURS
from jobsim.plot.parts.time_axis import time_axis

_STYLES = (
    ("logged", INK, "solid"),
    ("replayed", STATUS_COLOURS["running"], "dashed"),
)

_PARTS = 40


class Backtested(Protocol):
    """The part of a `Backtest` that `backtest` reads."""

    @property
    def waits(self) -> pd.DataFrame:
        """One row per job: `arrival`, `logged`, `replayed`, in seconds."""

    @property
    def workers(self) -> int:
        """How many workers served the jobs again."""


def backtest(found: Backtested, *, over_time: bool = False, ax: Axes | None = None) -> Axes:
    """Draw logged and replayed waits, as distributions or over time.

    Parameters
    ----------
    found
        What `jobsim.backtest` returns.
    over_time
        Whether to draw mean waits over time instead of the distributions (ECDFs).
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds and shares, or in seconds.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from types import SimpleNamespace
    >>> waits = pd.DataFrame({"arrival": [0.0, 1.0], "logged": [0.0, 3.0], "replayed": [0.0, 2.0]})
    >>> ax = backtest(SimpleNamespace(waits=waits, workers=1))
    >>> ax.get_ylabel()
    'share of jobs'
    >>> plt.close(ax.figure)
    """
    ax = axes_for(ax)
    served = f"served again by {count_of(found.workers, 'worker')}, first come first served"
    told = found.waits[["arrival", "logged", "replayed"]].dropna()
    if over_time:
        frame(ax, "Mean wait over the log", f"as logged, and {served}", grid="both")
        _over_time(ax, told)
    else:
        p95 = [format_duration(float(told[name].quantile(0.95))) for name, *_ in _STYLES]
        what = f"{count_of(found.workers, 'worker')}; p95 {p95[0]} logged, {p95[1]} replayed"
        frame(ax, "Waits: the log and its jobs served again", what, grid="both")
        _shares(ax, told[["logged", "replayed"]])
    if told.empty:
        note(ax, "no waits in the log")
    else:
        legend_below(ax)
    return fitted(ax)


def _shares(ax: Axes, told: pd.DataFrame) -> None:
    """Draw both distributions on one axis, which is logarithmic where no wait is zero."""
    start, end = share_axes(ax, told, "wait")
    for name, colour, dashes in _STYLES if len(told) else ():
        draw_ecdf(ax, told[name], start, end, color=colour, linestyle=dashes, label=name)


def _over_time(ax: Axes, told: pd.DataFrame) -> None:
    """Draw mean waits in equal parts of the log, each at its middle."""
    last = float(told["arrival"].max()) if len(told) else 0.0
    width = last / _PARTS or 1.0
    part = np.minimum(told["arrival"] // width, _PARTS - 1)
    means = told.groupby(part)[["logged", "replayed"]].mean()
    longest = float(means.max().max()) if len(means) else 0.0
    ax.set_xlim(0, last or 1.0)
    ax.set_ylim(0, longest * 1.05 or 1.0)
    time_axis(ax, last or 1.0, "time since the first arrival")
    time_axis(ax, longest, "mean wait", axis="y")
    for name, colour, dashes in _STYLES if len(told) else ():
        places = (means.index.to_numpy() + 0.5) * width
        ax.plot(places, means[name], color=colour, linestyle=dashes, linewidth=2, label=name)
