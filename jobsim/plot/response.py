"""The chart of what a load test hides: responses from the intended and from the actual start."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from jobsim.display.text import count_of, format_duration, format_share, time_unit
from jobsim.figures.attempts import requests
from jobsim.plot.parts.axes import Jobs, axes_for, frame, legend_below, note
from jobsim.plot.parts.ecdf import draw_ecdf, log_start
from jobsim.plot.parts.entry import Chart
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.style import INK, STATUS_COLOURS
from jobsim.plot.parts.time_axis import log_time_axis, time_axis
from jobsim.run.run import Run

_STARTS = {
    "response": ("from the intended start", STATUS_COLOURS["running"], "solid"),
    "response_from_created": ("from the actual start", INK, "dashed"),
}

_WORTH = 1.05
"""Below this ratio of the two means the lines coincide and tell nothing."""


def response(run: Jobs, *, ax: Axes | None = None) -> Axes:
    """Draw how long served requests took, from their intended and from their actual start.

    A user who still waits for one answer cannot ask the next question. A measurement from
    the actual start leaves that delay out (coordinated omission): the distance between the two
    lines is what it hides. Requests whose client gave up are in neither line; they are counted in
    the subtitle.

    Parameters
    ----------
    run
        A run; its `jobs` are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds and shares of the served requests.

    References
    ----------
    Tene (2013), How NOT to measure latency (talk).

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_virtual
    >>> users = {"kind": "closed", "users": 3, "paced": True}
    >>> ax = response(run_virtual(Scenario(jobs=20, arrivals=users)))
    >>> ax.get_ylabel()
    'share of served requests'
    >>> plt.close(ax.figure)
    """
    times = served_responses(run.jobs)
    ax = axes_for(ax)
    unserved = run.jobs["request"].nunique() - len(times)
    told = f"{count_of(len(times), 'request')} served"
    frame(ax, "Time to an answer", told + (f", {unserved:,} not" if unserved else ""), grid="both")
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("share of served requests")
    longest = float(times.max().max()) if len(times) else 0.0
    left = log_start(times) if longest else None
    if left is None:
        ax.set_xlim(0, longest * 1.02 or 1)
        time_axis(ax, longest, "time to an answer")
    else:
        unit, size = time_unit(float(times.quantile(0.95).max()) or longest)
        log_time_axis(ax, "time to an answer", unit=unit, size=size)
        ax.set_xlim(left, longest * 1.1)
    if times.empty:
        note(ax, "no request was served")
        return fitted(ax)
    for name, (words, colour, dashes) in _STARTS.items():
        p95 = format_duration(float(np.percentile(times[name], 95)))
        draw_ecdf(
            ax,
            times[name],
            left or 0.0,
            2 * longest,
            color=colour,
            linestyle=dashes,
            label=f"{words}: p95 {p95}",
        )
    legend_below(ax)
    return fitted(ax)


def served_responses(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return what `response` draws: the two times of each request that was served, seconds."""
    table = requests(jobs)
    return table.loc[table["outcome"] == "served", list(_STARTS)].dropna()


def sentence(run: Run) -> str:
    """Say how much longer answers took from the intended start than from the actual one."""
    times = served_responses(run.jobs)
    if times.empty:
        return "No request was served."
    intended, actual = (float(np.percentile(times[name], 95)) for name in _STARTS)
    late = float((times["response"] > times["response_from_created"]).mean())
    return (
        f"{format_share(late)} of the served requests began later than they were meant to. From "
        f"the intended start 95 % of them took {format_duration(intended)} or less, from the "
        f"actual start {format_duration(actual)} or less."
    )


def is_worth_showing(run: Run) -> bool:
    """Tell whether a measurement from the actual start would hide anything."""
    times = served_responses(run.jobs)
    if times.empty:
        return False
    intended, actual = (float(times[name].mean()) for name in _STARTS)
    return intended > _WORTH * actual


CHART = Chart(response, sentence, is_worth_showing)
