"""The chart of how the wait settles, to judge how many first jobs to delete."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray

from jobsim.display.text import count_of, format_duration
from jobsim.figures.durations import dwell
from jobsim.plot.parts.axes import Jobs, axes_for, frame, legend_below, note
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.style import INK, MUTED, NEUTRAL, STATUS_COLOURS
from jobsim.plot.parts.time_axis import time_axis

_LINE = STATUS_COLOURS["running"]


def warmup(runs: Jobs | Sequence[Jobs], *, cut: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw how the wait settles over the first jobs, to judge how many to delete.

    The waits of each job are averaged over the runs and smoothed by a moving average (Welch 1983);
    the more runs, the smoother.

    Parameters
    ----------
    runs
        A run, or replications of one scenario; their `jobs` are read.
    cut
        How many first jobs are deleted as warm-up, from a rule such as
        `jobsim.studies.statistics.mser5`; drawn as a line.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in job numbers and seconds.

    References
    ----------
    Welch (1983), The statistical analysis of simulation results, in The Computer Performance
    Modeling Handbook.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from types import SimpleNamespace
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> run = SimpleNamespace(jobs=jobs_of(started=[0.0, 1.0], finished=[1.0, 2.0]))
    >>> ax = warmup(run, cut=1)
    >>> ax.get_xlabel()
    'job (number)'
    >>> plt.close(ax.figure)
    """
    several: Sequence[Jobs] = runs if isinstance(runs, Sequence) else [runs]
    means = _mean_by_job(several)
    ax = axes_for(ax)
    window = max(1, len(means) // 50)
    averaged = f"{count_of(len(several), 'run')} over {count_of(window, 'job')}"
    subtitle = f"wait by job, mean of {averaged}"
    frame(ax, "How the wait settles", subtitle)
    ax.set_xlabel("job (number)")
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
    ax.set_xlim(0, max(len(means), 1))
    smooth = _moving_average(means, window)
    known = smooth[~np.isnan(smooth)]
    highest = float(known.max(initial=0.0))
    ax.set_ylim(0, highest * 1.1 or 1)
    time_axis(ax, highest, "wait", axis="y")
    if not len(known):
        note(ax, "no job was paid and started")
        return fitted(ax)
    jobs = np.arange(len(smooth)) + (window - 1) / 2
    shown = np.unique(np.linspace(0, len(smooth) - 1, 2000).round().astype(np.int64))
    ax.plot(jobs[shown], smooth[shown], color=_LINE, linewidth=1.5, label="wait")
    if cut is not None:
        kept = means[cut:][~np.isnan(means[cut:])]
        ax.axvspan(0, cut, color=NEUTRAL, alpha=0.2, linewidth=0)
        ax.axvline(cut, color=MUTED, linewidth=1.2, label=f"first {count_of(cut, 'job')} deleted")
        if len(kept):
            mean = float(kept.mean())
            text = f"mean of the others {format_duration(mean)}"
            ax.hlines(mean, cut, len(means), color=INK, linestyle="dashed", label=text)
    legend_below(ax)
    return fitted(ax)


def _mean_by_job(runs: Sequence[Jobs]) -> NDArray[np.float64]:
    columns = [dwell(run.jobs)["wait"].reset_index(drop=True) for run in runs]
    means: pd.Series = pd.concat(columns, axis="columns").mean(axis="columns")
    return means.to_numpy(dtype=np.float64)


def _moving_average(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the means of all `window` neighbouring values, missing values left out."""
    known = ~np.isnan(values)
    total, count = (
        np.concatenate([[0.0], np.cumsum(part)]) for part in (np.where(known, values, 0.0), known)
    )
    sums, counts = total[window:] - total[:-window], count[window:] - count[:-window]
    means: NDArray[np.float64] = np.full(len(sums), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means
