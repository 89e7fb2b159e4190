"""The chart of how long the calls of a repository took."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from jobsim.display.text import count_of, format_duration, format_number
from jobsim.figures.durations import latencies, percentiles
from jobsim.plot.parts.axes import RunTables, axes_for, frame, literal, note
from jobsim.plot.parts.entry import Chart
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.spans import shade_durations
from jobsim.plot.parts.style import INK, MUTED, NEUTRAL
from jobsim.plot.parts.time_axis import log_time_axis
from jobsim.run.run import Run

Array = NDArray[np.float64]


def latency(run: RunTables, *, ax: Axes | None = None) -> Axes:
    """Draw how long the repository's calls took, one row per operation.

    A histogram of the times on a logarithmic axis, with marks at the median and the 99th
    percentile. Pending calls are left out. The durations of injected delays, stalls and restarts of
    the database are shaded.

    Parameters
    ----------
    run
        A threaded run; its `calls` are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in microseconds.

    Raises
    ------
    ValueError
        If the run has no calls, as virtual runs do not.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_threads
    >>> run = run_threads(Scenario(jobs=20, workers=1), speedup=float("inf"))
    >>> ax = latency(run)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['count', 'update_status', 'create']
    >>> plt.close(ax.figure)
    """
    if run.calls is None or run.calls.empty:
        raise ValueError("this run has no repository calls; only threaded runs have calls")
    table = latencies(run.calls)
    counts = table["op"].value_counts(sort=False)
    operations = [str(op) for op in counts.index[counts > 0]]
    ax = axes_for(ax, height=_height_of(len(operations)))
    frame(ax, "Time of a repository call", "line: median, dotted line: p99", grid="x")
    log_time_axis(ax, "time from invocation to return", unit="µs")
    ax.set_ylim(-0.15, max(len(operations), 1))
    ax.set_yticks(np.arange(len(operations)) + 0.3, [literal(op) for op in reversed(operations)])
    if not operations:
        ax.set_xlim(0.1, 100)
        note(ax, "no call returned")
        return fitted(ax)
    edges = _log_edges(table["latency"])
    for base, op in enumerate(reversed(operations)):
        _histogram(ax, table.loc[table["op"] == op, "latency"], edges, base)
    ax.set_xlim(edges[0], edges[-1])
    shade_durations(ax, getattr(run, "faults", None))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return fitted(ax)


def _log_edges(microseconds: pd.Series, bins: int = 80) -> Array:
    """Return bin edges of equal ratio; a call too short for the clock counts as 1 ns."""
    low = max(float(microseconds.min()), 1e-3)
    high = max(float(microseconds.max()), low)
    return np.geomspace(low / 1.25, high * 1.25, bins + 1)


def _histogram(ax: Axes, microseconds: pd.Series, edges: Array, base: int) -> None:
    """Draw one operation's row, scaled by its own peak: rare operations stay visible."""
    # A call may take 0 ns by the clock, which a logarithmic axis cannot show.
    counts, _ = np.histogram(np.maximum(microseconds, 1e-3), edges)
    ax.stairs(base + 0.75 * counts / counts.max(), edges, baseline=base, fill=True, color=NEUTRAL)
    ax.hlines(base, edges[0], edges[-1], color=NEUTRAL, linewidth=0.8)
    found = percentiles(microseconds, q=(0.5, 0.99))
    for value, dashes in zip(found, ("solid", "dotted"), strict=True):
        ax.vlines(value, base, base + 0.8, color=INK, linewidth=1.4, linestyle=dashes)
    ax.annotate(
        f"median {format_number(found['p50'])} µs\np99 {format_number(found['p99'])} µs\n"
        f"{count_of(len(microseconds), 'call')}",
        (1, base + 0.4),
        xytext=(6, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        fontsize="small",
        color=MUTED,
        annotation_clip=False,
    )


def _height_of(operations: int) -> float:
    return max(2.2, 1.3 + 0.8 * operations)


def sentence(run: Run) -> str:
    """Say how long calls on the repository took, and which was the slowest."""
    table = None if run.calls is None else latencies(run.calls)
    if table is None or table.empty:
        return "No call on a repository was recorded."
    half, most = (
        format_duration(float(value) / 1e6) for value in table["latency"].quantile([0.5, 0.99])
    )
    longest = table.iloc[int(table["latency"].argmax())]
    return (
        f"Half of the {count_of(len(table), 'repository call')} took {half} or less; 99 % took "
        f"{most} or less; the slowest, {longest['op']}, took "
        f"{format_duration(float(longest['latency']) / 1e6)}."
    )


def is_worth_showing(run: Run) -> bool:
    """Tell whether calls were recorded, on a clock that ran during them.

    In a run with a schedule, time stands still during a call unless the scenario has a `call_time`.
    """
    timed = run.info.schedule is None or run.workload.scenario.call_time is not None
    return timed and run.calls is not None and not run.calls.empty


def height(run: Run) -> float:
    """Return the height that the operations of a run need, inches."""
    return _height_of(0 if run.calls is None else int(run.calls["op"].nunique()))


CHART = Chart(latency, sentence, is_worth_showing, height)
