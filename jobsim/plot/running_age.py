"""The chart of how old RUNNING jobs get, and when the reaper fails them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from jobsim.display.text import count_of, format_duration
from jobsim.domain.models import JobStatus
from jobsim.figures import recovery
from jobsim.plot.parts.axes import axes_for, edge_labels, frame, legend_below, note
from jobsim.plot.parts.entry import Chart
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.spans import Played
from jobsim.plot.parts.style import INK, STATUS_COLOURS
from jobsim.plot.parts.time_axis import time_axis
from jobsim.run.run import Run

_RUNNING = STATUS_COLOURS[JobStatus.RUNNING.value]
_FAILED = STATUS_COLOURS[JobStatus.FAILED.value]

_MOST = 500
"""The most jobs that are drawn one by one; of more, those that ran longest."""

_NOTHING = "No job lost its worker, and none was failed for running too long."


def cut_off_lines(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return the jobs that `running_age` draws one by one: those that were cut off.

    As `jobsim.figures.recovery.cut_off` returns them, with `running` up to the end of the run
    for those that are stuck, and at most `_MOST` of them.
    """
    found = recovery.cut_off(jobs)
    still = recovery.last_moment(jobs) - found["started"]
    found["running"] = found["running"].fillna(still)
    return found.nlargest(_MOST, "running")


def running_age(run: Played, *, ax: Axes | None = None) -> Axes:
    """Draw how old RUNNING jobs get, and when the reaper fails them.

    An area up to the oldest age, and a line for the median age. One line per job that lost its
    worker, from its start to the moment at which the reaper failed it (a dot; a cross for a false
    kill) or to the end. A dashed line for the reaper's timeout.

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
    frame(ax, "Age of RUNNING jobs", _counts_text(run.jobs))
    ax.set_xlim(0, end or 1)
    ax.set_ylim(0, highest * 1.1 or 1)
    time_axis(ax, end)
    time_axis(ax, highest, "time in RUNNING", axis="y")
    if not ages["running"].any():
        note(ax, "no job was started")
        return fitted(ax)
    lost = cut[cut["kind"] != "false kill"]
    if len(lost):
        ends = zip(lost["started"], lost["running"], strict=True)
        lines = [[(start, 0.0), (start + age, age)] for start, age in ends]
        ax.add_collection(
            LineCollection(
                lines, colors=_FAILED, linewidths=0.8, alpha=0.6, label="worker lost, one per job"
            )
        )
    oldest_age = ages["oldest"].fillna(0.0).to_numpy()
    ax.fill_between(ages.index, oldest_age, color=_RUNNING, alpha=0.25, linewidth=0, label="oldest")
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


def _counts_text(jobs: pd.DataFrame) -> str:
    """Return the counts that the chart's dots are too close to show."""
    counts = recovery.cut_off(jobs)["kind"].value_counts()
    killed, rescued, stuck = (int(counts[kind]) for kind in ("false kill", "recovered", "stuck"))
    told = [
        words
        for count, words in (
            (rescued, f"{count_of(rescued, 'job')} reaped, worker lost"),
            (killed, count_of(killed, "false kill")),
            (stuck, f"{count_of(stuck, 'job')} stuck for ever"),
        )
        if count
    ]
    return ", ".join(told) or "no job lost its worker"


def sentence(run: Run) -> str:
    """Say what became of the jobs that lost their worker, and which the reaper failed wrongly."""
    cut = recovery.cut_off(run.jobs)
    if cut.empty:
        return _NOTHING
    reaped = cut.loc[cut["kind"] == "recovered", "recovery"]
    stuck, killed = (int((cut["kind"] == kind).sum()) for kind in ("stuck", "false kill"))
    lost = len(reaped) + stuck
    who = f"{count_of(lost, 'job')} lost" if lost else "no job lost"
    parts = [f"{who} {'its' if lost < 2 else 'their'} worker"]
    if len(reaped):
        mean, most = (format_duration(float(value)) for value in (reaped.mean(), reaped.max()))
        which = f"{len(reaped):,} of them" if stuck else "all of them" if lost > 1 else "it"
        parts.append(f"the reaper failed {which}, {mean} later on average, {most} at most")
    if stuck:
        parts.append(f"{stuck:,} stayed RUNNING for ever")
    if killed:
        parts.append(f"the reaper failed {count_of(killed, 'job')} whose worker was still at it")
    told = "; ".join(parts)
    return f"{told[0].upper()}{told[1:]}."


def is_worth_showing(run: Run) -> bool:
    """Tell whether a job could be cut off."""
    scenario = run.workload.scenario
    ways = (scenario.reaper, scenario.work.crash, scenario.outages)
    return any(ways) and bool(run.jobs["started"].notna().any())


CHART = Chart(running_age, sentence, is_worth_showing)
