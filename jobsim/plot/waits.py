"""The chart of how long paid jobs waited for a worker, beside theory."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from jobsim.display.text import count_of, format_duration, format_share
from jobsim.figures.durations import dwell
from jobsim.plot.parts.axes import Jobs, axes_for, frame, legend_below, note
from jobsim.plot.parts.ecdf import ecdf
from jobsim.plot.parts.entry import Chart
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.style import INK, STATUS_COLOURS
from jobsim.plot.parts.time_axis import time_axis
from jobsim.run.run import Run

_LINE = STATUS_COLOURS["running"]

_POINTS = 400

_SLOWEST = 0.01
"""The share of the slowest jobs, whose part of all waiting is told."""


class WaitTheory(Protocol):
    """The part of a `Theory` that is read."""

    def wait_exceeds(self, time: float) -> float:
        """Return the probability of a longer wait; NaN where there is no formula."""


def waits(
    run: Jobs,
    theory: WaitTheory | Callable[[float], float] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the share of paid jobs that waited longer than t, beside the curve of theory.

    The axis of shares is logarithmic, so that the tail can be seen: for exponential work it is
    a straight line.

    Parameters
    ----------
    run
        A run; its `jobs` are read.
    theory
        What `jobsim.theory` returns, or any function from seconds to the probability of a
        longer wait.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds and shares.

    Examples
    --------
    >>> import math
    >>> import matplotlib.pyplot as plt
    >>> from types import SimpleNamespace
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> run = SimpleNamespace(jobs=jobs_of(started=[0.0, 1.0], finished=[1.0, 2.0]))
    >>> ax = waits(run, lambda time: math.exp(-time))
    >>> ax.get_ylabel()
    'share of paid jobs'
    >>> plt.close(ax.figure)
    """
    seconds = dwell(run.jobs)["wait"].dropna().to_numpy()
    ax = axes_for(ax)
    subtitle = f"share of {count_of(len(seconds), 'paid job')} that waited longer, log scale"
    ax.set_yscale("log")
    longest = float(seconds.max(initial=0.0))
    ax.set_xlim(0, longest * 1.02 or 1)
    ax.set_ylim(0.5 / max(len(seconds), 10), 1.2)
    ax.set_ylabel("share of paid jobs")
    _share_axis(ax)
    if not len(seconds):
        frame(ax, "Waits of paid jobs", subtitle, grid="both")
        time_axis(ax, longest, "wait")
        note(ax, "no job was paid and started")
        return fitted(ax)
    x, share = ecdf(seconds)
    ax.step(
        np.concatenate([[0.0], x]),
        np.concatenate([[1.0], 1.0 - share]),
        where="post",
        color=_LINE,
        linewidth=2,
        label="run",
    )
    _mark_p95(ax, float(np.percentile(seconds, 95)))
    if theory is not None:
        exceeds = theory if callable(theory) else theory.wait_exceeds
        at = np.linspace(0.0, longest or 1.0, _POINTS)
        curve = np.array([exceeds(float(time)) for time in at])
        if np.isnan(curve).all():
            subtitle += "; theory has no formula for it"
        else:
            ax.plot(at, curve, color=INK, linestyle="dashed", linewidth=1.2, label="theory")
    frame(ax, "Waits of paid jobs", subtitle, grid="both")
    time_axis(ax, longest, "wait")
    legend_below(ax)
    return fitted(ax)


def _mark_p95(ax: Axes, p95: float) -> None:
    """Mark the wait that one paid job in twenty exceeds."""
    ax.plot([p95], [0.05], "o", color=INK, markersize=5)
    left = p95 > sum(ax.get_xlim()) / 2
    ax.annotate(
        f"p95 {format_duration(p95)}",
        (p95, 0.05),
        xytext=(-8 if left else 8, -10 if left else 4),
        textcoords="offset points",
        ha="right" if left else "left",
        fontsize="small",
        color=INK,
    )


def _share_axis(ax: Axes) -> None:
    """Label a logarithmic axis of shares in percent: 100 %, 10 %, 1 %, not powers of ten."""
    ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.10g} %"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def sentence(run: Run) -> str:
    """Say how long paid jobs waited, and which part of all waiting the slowest ones had."""
    seconds = np.sort(dwell(run.jobs)["wait"].dropna().to_numpy())
    if not len(seconds):
        return "No job was paid and started, so none waited."
    total = float(seconds.sum())
    if not total:
        return f"None of the {count_of(len(seconds), 'paid job')} waited for a worker."
    p95 = float(np.percentile(seconds, 95))
    at_once = int(np.count_nonzero(seconds == 0)) / len(seconds)
    told = (
        f"{format_share(at_once)} of paid jobs did not wait"
        if p95 == 0
        else f"95 % of paid jobs waited {format_duration(p95)} or less"
    )
    slowest = math.ceil(_SLOWEST * len(seconds))
    cause = format_share(float(seconds[-slowest:].sum()) / total)
    who = "slowest job accounts" if slowest == 1 else "slowest 1 % account"
    return f"{told}; the {who} for {cause} of all waiting."


def is_worth_showing(run: Run) -> bool:
    """Tell whether a job was started."""
    return bool(run.jobs["started"].notna().any())


CHART = Chart(waits, sentence, is_worth_showing)
