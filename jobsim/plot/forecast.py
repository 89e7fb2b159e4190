"""The chart of a forecast: when a backlog is gone, and how long a new job waits, by workers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from jobsim.plot.parts.axes import axes_for, frame, legend_below, note
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.style import INK, STATUS_COLOURS
from jobsim.plot.parts.time_axis import time_axis

_LINES = (
    ("drained", "backlog gone", STATUS_COLOURS["running"], "o", -0.08),
    ("wait", "wait of a new job", INK, "s", 0.08),
)


class Prediction(Protocol):
    """The part of a `Forecast` that `forecast` reads."""

    @property
    def table(self) -> pd.DataFrame:
        """One row per number of workers, with `drained`, `wait` and their intervals."""

    @property
    def running(self) -> int:
        """How many jobs are being worked on."""

    @property
    def waiting(self) -> int:
        """How many jobs wait."""


def forecast(prediction: Prediction, *, ax: Axes | None = None) -> Axes:
    """Draw when the backlog is gone and how long a new job waits, with 95 % intervals.

    Parameters
    ----------
    prediction
        What `jobsim.forecast` returns.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in workers and seconds.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from types import SimpleNamespace
    >>> row = {"workers": 2, "drained": 9.0, "drained_low": 7.0, "drained_high": 12.0,
    ...        "wait": 5.0, "wait_low": 4.0, "wait_high": 7.0}
    >>> ax = forecast(SimpleNamespace(table=pd.DataFrame([row]), running=2, waiting=7))
    >>> ax.get_xlabel()
    'workers'
    >>> plt.close(ax.figure)
    """
    ax = axes_for(ax)
    table = prediction.table.sort_values("workers")
    inside = f"{prediction.running:,} running and {prediction.waiting:,} waiting now"
    frame(ax, "From now on, by number of workers", f"{inside}; median, 95 % interval", grid="y")
    if table.empty:
        note(ax, "no number of workers was asked about")
    places = np.arange(len(table), dtype=np.float64)
    longest = float(table[["drained_high", "wait_high"]].max().max()) if len(table) else 0.0
    for name, label, colour, marker, aside in _LINES if len(table) else ():
        middle = table[name].to_numpy()
        reach = np.abs(table[[f"{name}_low", f"{name}_high"]].to_numpy().T - middle)
        ax.errorbar(
            places + aside, middle, yerr=reach, fmt=marker, color=colour, capsize=4, label=label
        )
    ax.set_xticks(places, [f"{workers:,}" for workers in table["workers"]])
    ax.set_xlim(-0.5, max(len(table), 1) - 0.5)
    ax.set_xlabel("workers")
    ax.set_ylim(0, longest * 1.08 or 1.0)
    time_axis(ax, longest, "from now on", axis="y")
    if len(table):
        legend_below(ax)
    return fitted(ax)
