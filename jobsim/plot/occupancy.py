"""The chart of the jobs in the system over time; cumulative, of all jobs by status."""

from __future__ import annotations

from types import MappingProxyType

import pandas as pd
from matplotlib.axes import Axes

from jobsim.display.palette import UNPAID as UNPAID_COLOUR
from jobsim.display.text import count_of, format_duration
from jobsim.domain.models import JobStatus
from jobsim.figures import flow
from jobsim.figures.in_system import LOST_WORKER, PAID, PARTS, UNPAID, WORKED_ON, in_system
from jobsim.plot.parts.axes import axes_for, count_axis, frame, note, thin
from jobsim.plot.parts.entry import Chart, was_created
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.spans import Played, mark_faults
from jobsim.plot.parts.stack import Parts, stack
from jobsim.plot.parts.style import INK, NEUTRAL, STATUS_COLOURS, status_label
from jobsim.plot.parts.time_axis import time_axis
from jobsim.run.run import Run

WAITING, RUNNING, COMPLETED, FAILED = (status.value for status in JobStatus)

STACKED = (COMPLETED, FAILED, RUNNING, WAITING)
"""From the bottom up, cumulative: finished, in progress, still to do."""

_PARTS: Parts = MappingProxyType(
    {
        WORKED_ON: ("being worked on", STATUS_COLOURS[RUNNING]),
        LOST_WORKER: ("worker lost,\nnot yet reaped", NEUTRAL),
        PAID: ("paid, waiting", STATUS_COLOURS[WAITING]),
        UNPAID: ("awaiting payment", UNPAID_COLOUR),
    }
)
"""The words and the colour of each part of the jobs in the system, from the bottom up."""


def status_steps(transitions: pd.DataFrame) -> pd.DataFrame:
    """Return what a cumulative `occupancy` stacks: `STACKED`, thinned to what can be seen."""
    return thin(flow.occupancy(transitions)[list(STACKED)])


def occupancy(run: Played, *, cumulative: bool = False, ax: Axes | None = None) -> Axes:
    """Draw how many jobs were in the system over time, by what they were doing there.

    Stacked: being worked on, worker lost and not yet reaped, paid and waiting, awaiting payment.
    A dashed line shows how many workers there are. Jobs that have ended are not drawn, so that
    the queue can be seen. Faults that were injected into the database are marked.

    Parameters
    ----------
    run
        A run; its `jobs`, its `transitions` and its scenario are read.
    cumulative
        Whether to draw all jobs by status instead, those that have ended at the bottom (a
        cumulative flow diagram).
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds and jobs.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_virtual
    >>> ax = occupancy(run_virtual(Scenario(jobs=20, workers=1)))
    >>> ax.get_ylabel()
    'jobs in the system'
    >>> plt.close(ax.figure)
    """
    ax = axes_for(ax)
    if cumulative:
        # Thinned first: thousands of steps fall on one pixel, and an SVG would keep them all.
        table = status_steps(run.transitions)
        total = int(table.iloc[-1].sum()) if len(table) else 0
        frame(ax, "Jobs by status, cumulative", f"{count_of(total, 'job')} created")
        words = {status: (status_label(status), STATUS_COLOURS[status]) for status in STACKED}
        _stacked(ax, table, words, "jobs")
        mark_faults(ax, run, ax.get_xlim()[1])
        return fitted(ax)
    table = in_system(run.jobs)
    # Of the whole table: thinning may move the peak, by less than can be seen.
    frame(ax, "Jobs in the system", _peak_text(table))
    _stacked(ax, thin(table), _PARTS, "jobs in the system")
    if len(table):
        workers = run.workload.scenario.workers
        # The line of a few workers is always shown, that of many only where jobs reach it.
        top = max(ax.get_ylim()[1], 1.25 * workers) if workers < 20 else ax.get_ylim()[1]
        ax.set_ylim(0, top)
        _worker_line(ax, workers)
    mark_faults(ax, run, ax.get_xlim()[1])
    return fitted(ax)


def _stacked(ax: Axes, table: pd.DataFrame, parts: Parts, label: str) -> None:
    """Draw the columns on top of each other, on axes of time and of jobs."""
    end = float(table.index[-1]) if len(table) else 0.0
    highest = int(table.sum(axis="columns").max()) if len(table) else 0
    ax.set_xlim(0, end or 1)
    time_axis(ax, end)
    ax.set_ylim(0, highest * 1.08 or 1)
    count_axis(ax, label)
    if table.empty:
        note(ax, "no job was created")
    else:
        stack(ax, table, parts)


def _peak_text(table: pd.DataFrame) -> str:
    if table.empty:
        return ""
    peak = _peak(table)
    at = format_duration(float(table.index[peak]))
    return f"peak {count_of(int(table.iloc[peak].sum()), 'job')} at {at}"


def _peak(table: pd.DataFrame) -> int:
    """Return the row with the most jobs in the system."""
    return int(table.sum(axis="columns").to_numpy().argmax())


def _worker_line(ax: Axes, workers: int) -> None:
    """Draw how many jobs can be worked on at once, where that lies within the chart."""
    # A line far above all jobs would only flatten them.
    if workers > ax.get_ylim()[1]:
        return
    ax.axhline(workers, color=INK, linestyle="dashed", linewidth=1.0)
    ax.annotate(
        count_of(workers, "worker"),
        (0, workers),
        xytext=(4, 3),
        xycoords=ax.get_yaxis_transform(),
        textcoords="offset points",
        fontsize="small",
        color=INK,
    )


def sentence(run: Run) -> str:
    """Say when most jobs were in the system, what they were doing, and how many were left."""
    table = in_system(run.jobs)
    if table.empty:
        return "No job was created."
    at = _peak(table)
    peak = table.iloc[at]
    words = {
        WORKED_ON: "being worked on",
        LOST_WORKER: "RUNNING without a worker",
        PAID: "paid and waiting",
        UNPAID: "awaiting payment",
    }
    parts = ", ".join(f"{int(peak[part]):,} {words[part]}" for part in PARTS if peak[part])
    left = int(table.iloc[-1].sum())
    end = f"{count_of(left, 'job')} had not ended" if left else "the system was empty"
    return (
        f"Peak: {count_of(int(peak.sum()), 'job')} in the system, at "
        f"{format_duration(float(table.index[at]))} ({parts}). At the end of the run {end}."
    )


CHART = Chart(occupancy, sentence, was_created)
