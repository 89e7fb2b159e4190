"""The chart of a backlog before, during and after a disturbance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from jobsim.display.text import count_of, format_duration
from jobsim.domain.models import JobStatus
from jobsim.figures import recovery
from jobsim.plot.parts.axes import axes_for, count_axis, frame, note, thin
from jobsim.plot.parts.entry import Chart
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.spans import Played, Span, disturbances, shade
from jobsim.plot.parts.style import STATUS_COLOURS
from jobsim.plot.parts.time_axis import time_axis
from jobsim.run.run import Run

_WAITING = STATUS_COLOURS[JobStatus.AWAITING_PAYMENT.value]


def outage(run: Played, *, ax: Axes | None = None) -> Axes:
    """Draw the backlog before, during and after the outages of a run, or its spikes.

    The time in which a database server was gone is an outage too.

    The line is the number of jobs that were paid and waited for a worker. The subtitle gives the
    waits of the jobs that were paid before the first outage, from then to the end of the last one,
    and after it, and the time until no more jobs waited than before.

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
    spans = disturbances(run, end)
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


def sentence(run: Run) -> str:
    """Say how the backlog grew while the service was disturbed, and how long it took to drain."""
    jobs = run.jobs
    spans = disturbances(run, recovery.last_moment(jobs))
    if not spans:
        return "Nothing disturbed the service."
    start, end = spans[0].start, max(span.end for span in spans)
    most = recovery.around(jobs, start, end)["backlog_max"].fillna(0.0)
    before, later = int(most["before"]), int(most[["during", "after"]].max())
    was = f"at most {count_of(before, 'job')} before" if before else "empty before"
    what = spans[0].label.capitalize() if len(spans) == 1 else f"{len(spans):,} disturbances"
    told = f"{what} from {format_duration(start)} to {format_duration(end)}"
    if later <= before:
        return f"{told}: the backlog, {was}, never grew longer."
    drained = recovery.time_to_drain(jobs, start, end)
    back = (
        "and had not drained when the run ended"
        if math.isnan(drained)
        else f"and took {format_duration(drained)} to drain after that"
    )
    return f"{told}: the backlog, {was}, grew to {count_of(later, 'job')} {back}."


def is_worth_showing(run: Run) -> bool:
    """Tell whether the run was disturbed at all."""
    return bool(disturbances(run, recovery.last_moment(run.jobs)))


CHART = Chart(outage, sentence, is_worth_showing)
