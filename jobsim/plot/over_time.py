"""Charts over the time of a run: jobs in each status, transitions per second."""

from __future__ import annotations

from functools import partial

import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes

from jobsim.display.text import format_duration
from jobsim.domain.models import JobStatus
from jobsim.figures import flow
from jobsim.plot.chart import (
    RunTables,
    axes_for,
    count_axis,
    edge_labels,
    frame,
    legend_below,
    note,
    plural,
    thin,
)
from jobsim.plot.duration import time_axis
from jobsim.plot.room import fitted
from jobsim.plot.spans import window
from jobsim.plot.style import INK, STATUS_COLOURS, status_label

WAITING, RUNNING, COMPLETED, FAILED = (status.value for status in JobStatus)

STACKED = (COMPLETED, FAILED, RUNNING, WAITING)
"""From the bottom up: what is done, what is being done, what is still to do."""


def occupancy_steps(transitions: pd.DataFrame) -> pd.DataFrame:
    """Return what `occupancy` stacks: jobs in each status, thinned to what can be seen.

    Columns in the order of the stack, `STACKED`, from the bottom up; index `time` in seconds.
    """
    return thin(flow.occupancy(transitions)[list(STACKED)])


def occupancy(run: RunTables, *, ax: Axes | None = None) -> Axes:
    """Draw how many jobs were in each status over time, stacked.

    Done is at the bottom, still to do at the top, so the whole is the number of jobs created
    (a cumulative flow diagram): the height between done and created is the work in progress.

    Parameters
    ----------
    run
        A run; its `transitions` are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds and jobs.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_threads
    >>> run = run_threads(Scenario(jobs=20, workers=1), speedup=float("inf"))
    >>> ax = occupancy(run)
    >>> ax.get_ylabel()
    'jobs'
    >>> plt.close(ax.figure)
    """
    table = occupancy_steps(run.transitions)
    ax = axes_for(ax)
    end = float(table.index[-1]) if len(table) else 0.0
    total = int(table.iloc[-1].sum()) if len(table) else 0
    frame(ax, "Jobs in each status", f"{plural(total, 'job')} created")
    ax.set_xlim(0, end or 1)
    time_axis(ax, end)
    ax.set_ylim(0, total * 1.02 or 1)
    count_axis(ax, "jobs")
    if table.empty:
        note(ax, "no transitions")
        return fitted(ax)
    time = table.index.to_numpy()
    floor = pd.Series(0, index=table.index)
    labels = []
    for status in STACKED:
        top = floor + table[status]
        if not table[status].any():
            continue
        ax.fill_between(
            time,
            floor.to_numpy(),
            top.to_numpy(),
            step="post",
            facecolor=STATUS_COLOURS[status],
            linewidth=0,
            label=status,
        )
        middle = float(floor.iloc[-1] + top.iloc[-1]) / 2
        labels.append((middle, _stack_label(status, table[status]), STATUS_COLOURS[status]))
        floor = top
    edge_labels(ax, labels)
    return fitted(ax)


def _stack_label(status: str, counts: pd.Series) -> str:
    last, peak = int(counts.iloc[-1]), int(counts.max())
    text = f"{status_label(status)}\n{last:,}"
    return text if peak == last else f"{text} (peak {peak:,})"


def throughput(run: RunTables, *, ax: Axes | None = None) -> Axes:
    """Draw how many jobs per second came in, and how many got done.

    A line for the jobs created, stacked bars for those that completed and failed, in windows
    of a round width, in step with bursts. Where the line runs above the bars, the backlog grows.

    Parameters
    ----------
    run
        A run; its `transitions` are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds and jobs per second.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_threads
    >>> run = run_threads(Scenario(jobs=20, workers=1), speedup=float("inf"))
    >>> ax = throughput(run)
    >>> ax.get_ylabel()
    'jobs per second'
    >>> plt.close(ax.figure)
    """
    width = window(run)
    table = flow.throughput(run.transitions, window=width)
    ax = axes_for(ax)
    if table.empty:
        frame(ax, "Jobs in and out")
        ax.set_xlim(0, 1)
        time_axis(ax, 0)
        count_axis(ax, "jobs per second")
        note(ax, "no transitions")
        return fitted(ax)
    starts = table.index.to_numpy()
    end = float(starts[-1]) + width
    frame(ax, "Jobs in and out", f"windows of {format_duration(width)}")
    done = table[COMPLETED].to_numpy()
    drawn = partial(ax.bar, starts, width=width, align="edge", linewidth=0)
    drawn(done, color=STATUS_COLOURS[COMPLETED], label=COMPLETED)
    drawn(table[FAILED], bottom=done, color=STATUS_COLOURS[FAILED], label=FAILED)
    ax.stairs(
        table[WAITING],
        [*starts, end],
        baseline=None,
        color=STATUS_COLOURS[WAITING],
        linewidth=1.8,
        label="created",
        snap=False,
        path_effects=[patheffects.Stroke(linewidth=3, foreground=INK), patheffects.Normal()],
    )
    ax.set_xlim(min(0, starts[0]), end)
    time_axis(ax, end)
    count_axis(ax, "jobs per second")
    ax.set_ylim(0, max(table[WAITING].max(), (table[COMPLETED] + table[FAILED]).max()) * 1.1)
    legend_below(ax)
    return fitted(ax)
