"""Charts of requests and their attempts: how many it took, and what of the work was of use."""

from __future__ import annotations

from functools import partial

from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from jobsim.display.text import format_duration
from jobsim.domain.models import JobStatus
from jobsim.figures import attempts as requests
from jobsim.plot.chart import axes_for, count_axis, frame, legend_below, note, percent, plural
from jobsim.plot.duration import time_axis
from jobsim.plot.room import fitted
from jobsim.plot.spans import Played, disturbances, shade, window
from jobsim.plot.style import INK, NEUTRAL, STATUS_COLOURS
from jobsim.plot.waits import Jobs

_GOOD = STATUS_COLOURS[JobStatus.COMPLETED.value]
_BAD = STATUS_COLOURS[JobStatus.FAILED.value]
_ASKED = STATUS_COLOURS[JobStatus.AWAITING_PAYMENT.value]

_OUTCOMES = {
    "served": ("served", _GOOD),
    "left": ("left with nothing", _BAD),
    "open": ("open at the end", NEUTRAL),
}

_MOST_LABELS = 12


def attempts(run: Jobs, *, ax: Axes | None = None) -> Axes:
    """Draw how many requests took how many attempts, and whether they were served.

    Parameters
    ----------
    run
        A run; its `jobs` are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in attempts and requests.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_virtual
    >>> run = run_virtual(Scenario(jobs=20, work={"fail": 0.5}, retry={"attempts": 3}))
    >>> ax = attempts(run)
    >>> ax.get_ylabel()
    'requests'
    >>> plt.close(ax.figure)
    """
    table = requests.attempts_per_request(run.jobs)
    total = int(table.to_numpy().sum())
    ax = axes_for(ax)
    frame(ax, "Attempts per request", f"{plural(total, 'request')}, {plural(len(run.jobs), 'job')}")
    ax.set_xlabel("attempts (number)")
    ax.set_xlim(0.4, max(len(table), 1) + 0.6)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
    count_axis(ax, "requests")
    if not total:
        note(ax, "no request was made")
        return fitted(ax)
    floor = 0 * table["served"]
    for outcome, (label, colour) in _OUTCOMES.items():
        counts = table[outcome]
        if counts.any():
            ax.bar(table.index, counts, bottom=floor, width=0.8, color=colour, label=label)
            floor = floor + counts
    ax.set_ylim(0, floor.max() * 1.1)
    if len(table) <= _MOST_LABELS:
        for number, count in floor.items():
            share = f"{count:,}\n{percent(count / total)}"
            ax.annotate(
                share,
                (number, count),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                color=INK,
                fontsize="small",
                linespacing=1.1,
            )
        ax.set_ylim(0, floor.max() * 1.18)
    legend_below(ax)
    return fitted(ax)


def goodput(run: Played, *, ax: Axes | None = None) -> Axes:
    """Draw over time what was asked for, what was done, and what of that was of use.

    Stacked bars for the jobs that ended, the useful ones at the bottom (goodput; with the wasted
    ones above them, throughput), and lines for the jobs asked for and for the requests behind
    them. Where the lines part, clients ask again; where the bars are wasted, nobody is served by
    the work. Outages and spikes are shaded.

    Parameters
    ----------
    run
        A run; its `jobs`, `transitions` and scenario are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds and jobs per second.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_virtual
    >>> run = run_virtual(Scenario(jobs=20, work={"fail": 0.5}, retry={"attempts": 3}))
    >>> ax = goodput(run)
    >>> ax.get_ylabel()
    'jobs per second'
    >>> plt.close(ax.figure)
    """
    width = window(run)
    table = requests.goodput(run.jobs, window=width)
    ax = axes_for(ax)
    if table.empty:
        frame(ax, "Goodput and throughput")
        ax.set_xlim(0, 1)
        time_axis(ax, 0)
        count_axis(ax, "jobs per second")
        note(ax, "no job was created")
        return fitted(ax)
    starts = table.index.to_numpy()
    end = float(starts[-1]) + width
    ended = table["throughput"].sum()
    share = ""
    if ended:
        share = f"; {percent(table['goodput'].sum() / ended)} of what ended was of use"
    frame(ax, "Goodput and throughput", f"windows of {format_duration(width)}{share}")
    drawn = partial(ax.bar, starts, width=width, align="edge", linewidth=0)
    drawn(table["goodput"], color=_GOOD, label="useful")
    wasted = table["throughput"] - table["goodput"]
    if (table["throughput"] != table["goodput"]).any():
        drawn(wasted, bottom=table["goodput"], color=_BAD, label="wasted")
    line = partial(ax.stairs, edges=[*starts, end], baseline=None, snap=False, linewidth=1.8)
    asked = "asked for"
    if (table["asked"] != table["requests"]).any():
        line(table["requests"], color=INK, label="requests", path_effects=_outlined("white"))
        asked = "asked for, retries included"
    line(table["asked"], color=_ASKED, label=asked, path_effects=_outlined(INK))
    ax.set_xlim(min(0, starts[0]), end)
    time_axis(ax, end)
    count_axis(ax, "jobs per second")
    ax.set_ylim(0, table[["asked", "throughput"]].to_numpy().max() * 1.15)
    shade(ax, disturbances(run.workload.scenario, end))
    legend_below(ax)
    return fitted(ax)


def _outlined(colour: str) -> list[patheffects.AbstractPathEffect]:
    return [patheffects.Stroke(linewidth=3, foreground=colour), patheffects.Normal()]
