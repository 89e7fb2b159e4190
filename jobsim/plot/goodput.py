"""The chart of useful and of wasted work: goodput and throughput."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from matplotlib.axes import Axes

from jobsim.display.palette import WASTED
from jobsim.display.text import format_duration, format_share
from jobsim.domain.models import JobStatus
from jobsim.figures import attempts as requests
from jobsim.figures.attempts import LEFT, settle, useful
from jobsim.plot.parts.axes import axes_for, clip_spike, frame, legend_below, rate_axis
from jobsim.plot.parts.entry import Chart, is_wasteful
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.spans import Played, disturbances, shade
from jobsim.plot.parts.style import INK, STATUS_COLOURS
from jobsim.plot.parts.time_axis import time_axis
from jobsim.plot.parts.windows import no_windows, window
from jobsim.plot.parts.words import the_workers_were
from jobsim.run.run import Run

_USEFUL = STATUS_COLOURS[JobStatus.COMPLETED.value]

_ENOUGH = 0.9
"""The share of useful work from which on the sentence says "and", and below it "but only"."""


def goodput(run: Played, *, ax: Axes | None = None) -> Axes:
    """Draw over time how many jobs were asked for, how many ended, and how many were useful.

    A stepped area for the useful jobs that ended (goodput), a pale one above it for the wasted
    ones (together they are the throughput), a solid line for the requests, and a dashed one for
    all jobs asked for, retries included. Where the lines part, clients ask again; where the area is
    pale, the work serves nobody. Outages and spikes are shaded.

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
        return no_windows(ax, "Goodput and throughput")
    starts = table.index.to_numpy()
    end = float(starts[-1]) + width
    edges = [*starts, end]
    ended = table["throughput"].sum()
    share = ""
    if ended:
        share = f"; {format_share(table['goodput'].sum() / ended)} of finished jobs were useful"
    frame(ax, "Goodput and throughput", f"windows of {format_duration(width)}{share}")
    good, done = table["goodput"], table["throughput"]
    ax.stairs(good, edges, fill=True, color=_USEFUL, linewidth=0, label="useful")
    if (done != good).any():
        ax.stairs(done, edges, baseline=good, fill=True, color=WASTED, linewidth=0, label="wasted")
    line = partial(ax.stairs, edges=edges, baseline=None, snap=False, color=INK)
    line(table["requests"], linewidth=1.6, label="requests")
    if (table["asked"] != table["requests"]).any():
        line(table["asked"], linewidth=1.2, linestyle="dashed", label="requests and retries")
    ax.set_xlim(min(0, starts[0]), end)
    time_axis(ax, end)
    rate_axis(ax, "jobs per second")
    clip_spike(ax, table["asked"], width=width, at_least=float(np.nanmax(done)))
    shade(ax, disturbances(run, end))
    legend_below(ax)
    return fitted(ax)


def sentence(run: Run) -> str:
    """Say what share of the work was useful, and how many clients gave up."""
    ended = int(run.jobs["finished"].notna().sum())
    if not ended:
        return "No job ended, so none was useful."
    share = int(useful(run.jobs).sum()) / ended
    busy = run.metrics()["utilisation"]
    told = f"{format_share(share)} of finished jobs were still wanted"
    if not math.isnan(busy):
        workers = run.workload.scenario.workers
        who = the_workers_were(workers)
        but = "and" if share >= _ENOUGH else "but only"
        told = f"{who} busy {format_share(busy)} of the time, {but} {told}"
    settled = settle(run.jobs)
    left = int((settled.outcome == LEFT).sum())
    if not left:
        return f"{told}; no client gave up."
    return f"{told}; {format_share(left / len(settled.outcome))} of the clients gave up."


CHART = Chart(goodput, sentence, is_wasteful)
