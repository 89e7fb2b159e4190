"""The chart of jobs per second: how many came in, and how many ended."""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes

from jobsim.display.text import count_of, format_duration, format_number
from jobsim.domain.models import JobStatus
from jobsim.figures import flow
from jobsim.plot.parts.axes import axes_for, clip_spike, frame, legend_below, rate_axis
from jobsim.plot.parts.entry import Chart, is_wasteful
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.spans import mark_faults
from jobsim.plot.parts.style import INK, STATUS_COLOURS
from jobsim.plot.parts.time_axis import time_axis
from jobsim.plot.parts.windows import Observed, no_windows, window
from jobsim.run.run import Run

WAITING, RUNNING, COMPLETED, FAILED = (status.value for status in JobStatus)

_AT_ONCE = 0.05
"""Jobs that come in within this share of the run count as coming in at once."""

_UNITS = (("second", 1.0), ("minute", 60.0), ("hour", 3600.0))


def throughput(run: Observed, *, ax: Axes | None = None) -> Axes:
    """Draw how many jobs per second came in, and how many ended.

    A line for the jobs created, stacked bars for those that completed and failed, in windows
    of a round width, in step with bursts. Where the line runs above the bars, the backlog grows.
    A spike of creations far above everything else is cut, and its height is written. Faults that
    were injected into the database are marked.

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
    >>> from jobsim import Scenario, run_virtual
    >>> ax = throughput(run_virtual(Scenario(jobs=20, workers=1)))
    >>> ax.get_ylabel()
    'jobs per second'
    >>> plt.close(ax.figure)
    """
    width = window(run)
    table = flow.throughput(run.transitions, window=width)
    ax = axes_for(ax)
    if table.empty:
        return no_windows(ax, "Jobs in and out")
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
    rate_axis(ax, "jobs per second")
    ended = float((table[COMPLETED] + table[FAILED]).max())
    clip_spike(ax, table[WAITING], width=width, at_least=ended)
    mark_faults(ax, run, end)
    legend_below(ax)
    return fitted(ax)


def sentence(run: Run) -> str:
    """Say how fast jobs came in and ended, and how many were left when the last one came."""
    created = run.jobs["created"].dropna().to_numpy()
    finished = run.jobs["finished"].dropna().to_numpy()
    if not len(created) or not len(finished):
        return f"{count_of(len(created), 'job')} came in, and none ended."
    came_in = float(created.max() - created.min())
    took = float(finished.max() - created.min())
    if came_in <= _AT_ONCE * took:
        them = "all of them" if len(finished) == len(created) else f"{len(finished):,} of them"
        them = "it" if len(created) == 1 else them
        at_once = f"within {format_duration(came_in)}" if came_in else "at once"
        if not took:  # work without any length
            return f"{count_of(len(created), 'job')} came in at once; {them} ended at once too."
        return (
            f"{count_of(len(created), 'job')} came in {at_once}; "
            f"{them} ended within {format_duration(took)}, {rate(len(finished) / took)}."
        )
    # n jobs have n - 1 gaps between them.
    gaps = max(len(created) - 1, 1)
    done = int(np.count_nonzero(finished <= created.max()))
    return (
        f"While jobs came in, {rate(gaps / came_in)} were created and {rate(done / came_in)} "
        f"ended; {len(created) - done:,} were still in the system when the last one came in."
    )


def rate(per_second: float) -> str:
    """Return a rate of jobs in the unit of time that suits it.

    Examples
    --------
    >>> rate(6.4), rate(0.00135)
    ('6.4 jobs per second', '4.86 jobs per hour')
    """
    unit, seconds = next(
        ((unit, size) for unit, size in _UNITS if per_second * size >= 1), _UNITS[-1]
    )
    return f"{format_number(per_second * seconds)} jobs per {unit}"


def is_worth_showing(run: Run) -> bool:
    """Tell whether jobs ended, and none was wasted: otherwise the chart of goodput says more."""
    return bool(run.jobs["finished"].notna().any()) and not is_wasteful(run)


CHART = Chart(throughput, sentence, is_worth_showing)
