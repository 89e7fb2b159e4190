"""Charts of a service that gets over it: jobs that run too long, and an outage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from jobsim.display.text import format_duration
from jobsim.domain.models import JobStatus
from jobsim.figures import recovery
from jobsim.plot.chart import (
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
from jobsim.plot.spans import Played, Span, disturbances, shade
from jobsim.plot.style import INK, STATUS_COLOURS

_RUNNING = STATUS_COLOURS[JobStatus.RUNNING.value]
_FAILED = STATUS_COLOURS[JobStatus.FAILED.value]
_WAITING = STATUS_COLOURS[JobStatus.AWAITING_PAYMENT.value]

_MOST = 500
"""Of more jobs that were cut off, those are drawn that ran longest."""


def cut_off_lines(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return the jobs that `running_age` draws one by one: those that were cut off.

    As `jobsim.figures.recovery.cut_off` returns them, with `running` up to the end of the run
    for those that are stuck, and no more than can be told apart.
    """
    found = recovery.cut_off(jobs)
    still = recovery.last_moment(jobs) - found["started"]
    found["running"] = found["running"].fillna(still)
    return found.nlargest(_MOST, "running")


def running_age(run: Played, *, ax: Axes | None = None) -> Axes:
    """Draw how old the jobs that are RUNNING get, and when the reaper comes.

    An area up to the oldest age, a line for the median one, dots where the reaper failed a job,
    and a line for its timeout. Jobs that have lost their worker and that no reaper fails are
    drawn one by one: they age to the end.

    Parameters
    ----------
    run
        A run; its `jobs` and its scenario are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_virtual
    >>> run = run_virtual(Scenario(jobs=20, work={"crash": 0.2}, reaper={"timeout": 3.0}))
    >>> ax = running_age(run)
    >>> ax.get_ylabel()
    'time in RUNNING (s)'
    >>> plt.close(ax.figure)
    """
    ages = recovery.running_age(run.jobs)
    end, oldest = float(ages.index[-1]), float(np.nan_to_num(ages["oldest"]).max())
    reaper = run.workload.scenario.reaper
    highest = max(oldest, reaper.timeout if reaper else 0.0)
    cut = cut_off_lines(run.jobs)
    ax = axes_for(ax)
    frame(ax, "Age of RUNNING jobs", _told(run.jobs))
    ax.set_xlim(0, end or 1)
    ax.set_ylim(0, highest * 1.1 or 1)
    time_axis(ax, end)
    time_axis(ax, highest, "time in RUNNING", axis="y")
    if not ages["running"].any():
        note(ax, "no job was started")
        return fitted(ax)
    stuck = cut[cut["kind"] == "stuck"]
    if len(stuck):
        ends = zip(stuck["started"], stuck["running"], strict=True)
        lines = [[(start, 0.0), (start + age, age)] for start, age in ends]
        ax.add_collection(
            LineCollection(lines, colors=_FAILED, linewidths=0.8, label="stuck for ever")
        )
    oldest_age = ages["oldest"].fillna(0.0).to_numpy()
    ax.fill_between(ages.index, oldest_age, color=_RUNNING, alpha=0.3, linewidth=0, label="oldest")
    ax.plot(ages.index, ages["median"], color=_RUNNING, linewidth=0.9, label="median")
    for kind, label, marker, colour in (
        ("recovered", "reaped, worker lost", "o", _FAILED),
        ("false kill", "false kill", "x", INK),
    ):
        dots = cut[cut["kind"] == kind]
        if len(dots):
            at = dots["started"] + dots["running"]
            ax.plot(at, dots["running"], marker, color=colour, markersize=4, label=label)
    if reaper is not None:
        ax.axhline(reaper.timeout, color=INK, linestyle="dashed", linewidth=1.2)
        text = f"reaper's timeout\n{format_duration(reaper.timeout)}"
        edge_labels(ax, [(reaper.timeout, text, INK)])
    legend_below(ax)
    return fitted(ax)


def _told(jobs: pd.DataFrame) -> str:
    counts = recovery.cut_off(jobs)["kind"].value_counts()
    killed, rescued, stuck = (int(counts[kind]) for kind in ("false kill", "recovered", "stuck"))
    told = [
        words
        for count, words in (
            (rescued, f"{plural(rescued, 'job')} reaped, worker lost"),
            (killed, plural(killed, "false kill")),
            (stuck, f"{plural(stuck, 'job')} stuck for ever"),
        )
        if count
    ]
    return ", ".join(told) or "no job was cut off"


def outage(run: Played, *, ax: Axes | None = None) -> Axes:
    """Draw the backlog before, during and after the outages of a run, or its spikes.

    The line is the number of jobs that were paid and waited for a worker. The subtitle says how
    long jobs waited that were paid before the first outage, from then to the end of the last
    one, and after it; and how long after it no more jobs waited than before.

    Parameters
    ----------
    run
        A run; its `jobs` and its scenario are read.
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
    >>> gone = {"at": 5.0, "duration": 5.0, "workers": 4}
    >>> ax = outage(run_virtual(Scenario(jobs=20, outages=[gone])))
    >>> ax.get_title(loc="left")
    'Backlog before, during and after'
    >>> plt.close(ax.figure)
    """
    end = recovery.last_moment(run.jobs)
    steps = thin(recovery.backlog(run.jobs))
    spans = disturbances(run.workload.scenario, end)
    most = int(steps["waiting"].max()) if len(steps) else 0
    ax = axes_for(ax)
    frame(ax, "Backlog before, during and after", _phases(run.jobs, spans))
    ax.set_xlim(0, end or 1)
    ax.set_ylim(0, most * 1.15 or 1)
    time_axis(ax, end)
    count_axis(ax, "jobs waiting for a worker")
    if not len(steps):
        note(ax, "no job was paid")
        return fitted(ax)
    ax.fill_between(
        steps.index.to_numpy(),
        steps["waiting"].to_numpy(),
        step="post",
        facecolor=_WAITING,
        edgecolor=_WAITING,
        linewidth=0.8,
    )
    shade(ax, spans)
    return fitted(ax)


def _phases(jobs: pd.DataFrame, spans: list[Span]) -> str:
    if not spans:
        return "no outage and no spike"
    start, end = spans[0].start, max(span.end for span in spans)
    waits = recovery.around(jobs, start, end)["wait_p95"]
    told = ", ".join(f"{format_duration(wait)} {phase}" for phase, wait in waits.items())
    drained = recovery.time_to_drain(jobs, start, end)
    back = "never drained" if np.isnan(drained) else f"drained in {format_duration(drained)}"
    return f"wait p95: {told}; {back}"
