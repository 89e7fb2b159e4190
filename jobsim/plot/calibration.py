"""The chart of a calibration: what a log says of a duration, and what was fitted to it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from jobsim.display.text import format_duration, time_unit
from jobsim.plot.parts.axes import axes_for, frame, legend_below, note
from jobsim.plot.parts.ecdf import log_start
from jobsim.plot.parts.room import fitted as fitted_axes
from jobsim.plot.parts.style import INK, STATUS_COLOURS
from jobsim.plot.parts.time_axis import log_time_axis, time_axis


class Calibrated(Protocol):
    """The part of a `Calibration` that `calibration` reads."""

    @property
    def curves(self) -> pd.DataFrame:
        """Quantiles: columns `quantity`, `share`, `logged`, `fitted`."""


def calibration(
    calibrated: Calibrated, *, quantity: str = "service", ax: Axes | None = None
) -> Axes:
    """Draw the distribution of a duration as logged, and as fitted.

    Parameters
    ----------
    calibrated
        What `jobsim.calibrate` returns.
    quantity
        ``"service"`` or ``"payment delay"``.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds and shares.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from types import SimpleNamespace
    >>> curves = pd.DataFrame({"quantity": "service", "share": [0.25, 0.75],
    ...                        "logged": [1.0, 2.0], "fitted": [1.1, 2.1]})
    >>> ax = calibration(SimpleNamespace(curves=curves))
    >>> [line.get_label() for line in ax.lines]
    ['logged', 'fitted']
    >>> plt.close(ax.figure)
    """
    curves = calibrated.curves
    curves = curves[curves["quantity"] == quantity]
    ax = axes_for(ax)
    if curves.empty:
        frame(ax, f"{quantity.capitalize()}: the log and what was fitted", "", grid="both")
        ax.set_ylabel("share of jobs")
        time_axis(ax, 1.0, quantity)
        note(ax, f"no {quantity} in the log")
        return fitted_axes(ax)
    middle = int(np.argmin(np.abs(curves["share"].to_numpy() - 0.95)))
    p95 = [format_duration(float(curves[name].iloc[middle])) for name in ("logged", "fitted")]
    frame(
        ax,
        f"{quantity.capitalize()}: the log and what was fitted",
        f"share of jobs within this time; p95 {p95[0]} logged, {p95[1]} fitted",
        grid="both",
    )
    styles = (("logged", INK, "solid", 2.5), ("fitted", STATUS_COLOURS["running"], "dashed", 2.0))
    for name, colour, dashes, width in styles:
        ax.plot(
            curves[name],
            curves["share"],
            color=colour,
            linestyle=dashes,
            linewidth=width,
            label=name,
        )
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("share of jobs")
    times = curves[["logged", "fitted"]]
    left = log_start(times)
    longest = float(times.max().max())
    if left is None:
        ax.set_xlim(0, longest * 1.02 or 1.0)
        time_axis(ax, longest, quantity)
    else:
        unit, size = time_unit(float(times.median().max()))
        log_time_axis(ax, quantity, unit=unit, size=size)
        ax.set_xlim(left, longest * 1.1)
    legend_below(ax)
    return fitted_axes(ax)
