"""Charts of how long things took: the stages of a job, the calls of a repository."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from jobsim.display.text import format_duration, format_number, time_unit
from jobsim.domain.models import JobStatus
from jobsim.figures import durations
from jobsim.figures.durations import percentiles
from jobsim.plot.chart import RunTables, axes_for, frame, literal, note, plural
from jobsim.plot.duration import log_time_axis, time_axis
from jobsim.plot.room import fitted
from jobsim.plot.style import INK, MUTED, NEUTRAL, STATUS_COLOURS

# The colour is that of the status during the stage; two share one, so the dashes differ.
_STAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "unpaid": (STATUS_COLOURS[JobStatus.AWAITING_PAYMENT.value], "dotted"),
        "wait": (STATUS_COLOURS[JobStatus.AWAITING_PAYMENT.value], "solid"),
        "service": (STATUS_COLOURS[JobStatus.RUNNING.value], "dashed"),
        "sojourn": (INK, "solid"),
    }
)

Array = NDArray[np.float64]


def ecdf(values: ArrayLike, *, points: int = 2000) -> tuple[Array, Array]:
    """Return the steps of the empirical distribution function, NaN left out.

    Every step that is returned is exact: the share of values at or below x. Of more than
    `points` steps at most so many are returned: the first and the last, half at evenly spaced
    ranks, half ever closer towards the top, so that the tail keeps its form on a log scale.

    Examples
    --------
    >>> x, share = ecdf([3.0, 1.0, 1.0, float("nan"), 2.0])
    >>> x.tolist(), share.tolist()
    ([1.0, 2.0, 3.0], [0.5, 0.75, 1.0])
    """
    found = np.asarray(values, dtype=np.float64)
    found, repeats = np.unique(found[~np.isnan(found)], return_counts=True)
    share = np.cumsum(repeats) / max(int(repeats.sum()), 1)
    if len(found) > points:
        last = len(found) - 1
        even = np.linspace(0, last, points // 2)
        from_top = last - np.geomspace(1, last, points // 2)
        kept = np.unique(np.concatenate([even, from_top]).round().astype(np.int64))
        found, share = found[kept], share[kept]
    return found, share


def dwell(run: RunTables, *, ax: Axes | None = None) -> Axes:
    """Draw what share of the jobs spent at most so long in each stage (an ECDF).

    The stages are `unpaid` (created to paid), `wait` (paid to started), `service` (started
    to finished) and `sojourn` (created to finished). The time axis is logarithmic where one
    stage is much longer than another; a line begins with the share of the jobs that spent
    no more than its left end.

    Parameters
    ----------
    run
        A run; its `jobs` are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds and shares.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_threads
    >>> run = run_threads(Scenario(jobs=20, workers=1), speedup=float("inf"))
    >>> ax = dwell(run)
    >>> ax.get_ylabel()
    'share of jobs'
    >>> plt.close(ax.figure)
    """
    stages = durations.dwell(run.jobs)
    ended = stages.dropna(axis="columns", how="all")
    ax = axes_for(ax)
    frame(
        ax, "Time in each stage of a job", "share of jobs that spent at most so long", grid="both"
    )
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("share of jobs")
    if ended.empty:
        ax.set_xlim(0, 1)
        time_axis(ax, 0, "time in the stage")
        note(ax, "no stage has ended")
        return fitted(ax)
    longest = float(ended.max().max())
    left = log_start(ended)
    if left is None:
        ax.set_xlim(0, longest * 1.02 or 1)
        time_axis(ax, longest, "time in the stage")
    else:
        unit, size = time_unit(float(ended.median().max()))
        log_time_axis(ax, "time in the stage", unit=unit, size=size)
        ax.set_xlim(left, longest * 1.1)
    start = left or 0.0
    for stage, (colour, dashes) in _STAGES.items():
        if stage not in ended:
            continue
        draw_ecdf(
            ax,
            ended[stage],
            start,
            2 * longest,
            color=colour,
            linestyle=dashes,
            label=_stage_label(stage, ended[stage]),
        )
    ax.legend(
        loc="upper left",
        bbox_to_anchor=(1, 1),
        frameon=False,
        fontsize="small",
        labelspacing=1.2,
        labelcolor=INK,
    )
    return fitted(ax)


def draw_ecdf(
    ax: Axes,
    values: ArrayLike,
    start: float,
    end: float,
    *,
    color: str,
    linestyle: str,
    label: str,
) -> None:
    """Draw an empirical distribution function from `start`, with the share up to there."""
    x, share = ecdf(values)
    inside = x > start
    begin = share[~inside].max(initial=0.0)
    ax.step(
        np.concatenate([[start], x[inside], [end]]),
        np.concatenate([[begin], share[inside], [1.0]]),
        where="post",
        linewidth=2,
        color=color,
        linestyle=linestyle,
        label=label,
    )


def log_start(stages: pd.DataFrame) -> float | None:
    """Return where a logarithmic axis would begin, None where a linear one shows all."""
    positive = stages.where(stages > 0).dropna(axis="columns", how="all")
    if positive.empty:
        return None
    if positive.max().max() < 30 * positive.median().min():
        return None
    return float(10.0 ** math.floor(math.log10(positive.quantile(0.01).min())))


def _stage_label(stage: str, seconds: pd.Series) -> str:
    found = percentiles(seconds, q=(0.5, 0.95))
    return f"{stage}\nmedian {format_duration(found['p50'])}\np95 {format_duration(found['p95'])}"


def latency(run: RunTables, *, ax: Axes | None = None) -> Axes:
    """Draw how long the repository's calls took, a row an operation.

    A histogram of the times on a logarithmic axis, with marks at the median and the 99th
    percentile. Pending calls are left out.

    Parameters
    ----------
    run
        A threaded run; its `calls` are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in microseconds.

    Raises
    ------
    ValueError
        If the run has no calls, as virtual runs do not.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_threads
    >>> run = run_threads(Scenario(jobs=20, workers=1), speedup=float("inf"))
    >>> ax = latency(run)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['count', 'update_status', 'create']
    >>> plt.close(ax.figure)
    """
    if run.calls is None or run.calls.empty:
        raise ValueError("this run has no repository calls; only threaded runs have calls")
    table = durations.latencies(run.calls)
    counts = table["op"].value_counts(sort=False)
    operations = [str(op) for op in counts.index[counts > 0]]
    ax = axes_for(ax, height=max(2.2, 1.3 + 0.8 * len(operations)))
    frame(ax, "Time of a repository call", "line: median, dotted line: p99", grid="x")
    log_time_axis(ax, "time from invocation to return", unit="µs")
    ax.set_ylim(-0.15, max(len(operations), 1))
    ax.set_yticks(np.arange(len(operations)) + 0.3, [literal(op) for op in reversed(operations)])
    if not operations:
        ax.set_xlim(0.1, 100)
        note(ax, "no call returned")
        return fitted(ax)
    edges = _log_edges(table["latency"])
    for base, op in enumerate(reversed(operations)):
        _histogram(ax, table.loc[table["op"] == op, "latency"], edges, base)
    ax.set_xlim(edges[0], edges[-1])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return fitted(ax)


def _log_edges(microseconds: pd.Series, bins: int = 80) -> Array:
    """Return bin edges of equal ratio; a clock too coarse to see a call counts as 1 ns."""
    low = max(float(microseconds.min()), 1e-3)
    high = max(float(microseconds.max()), low)
    return np.geomspace(low / 1.25, high * 1.25, bins + 1)


def _histogram(ax: Axes, microseconds: pd.Series, edges: Array, base: int) -> None:
    counts, _ = np.histogram(np.maximum(microseconds, 1e-3), edges)
    ax.stairs(base + 0.75 * counts / counts.max(), edges, baseline=base, fill=True, color=NEUTRAL)
    ax.hlines(base, edges[0], edges[-1], color=NEUTRAL, linewidth=0.8)
    found = percentiles(microseconds, q=(0.5, 0.99))
    for value, dashes in zip(found, ("solid", "dotted"), strict=True):
        ax.vlines(value, base, base + 0.8, color=INK, linewidth=1.4, linestyle=dashes)
    ax.annotate(
        f"median {format_number(found['p50'])} µs\np99 {format_number(found['p99'])} µs\n"
        f"{plural(len(microseconds), 'call')}",
        (1, base + 0.4),
        xytext=(6, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        fontsize="small",
        color=MUTED,
        annotation_clip=False,
    )
