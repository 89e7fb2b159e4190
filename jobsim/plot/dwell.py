"""The chart of how long jobs spent in each stage of their life."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from jobsim.display.text import format_duration, format_share
from jobsim.domain.models import JobStatus
from jobsim.figures import durations
from jobsim.figures.durations import STAGES, percentiles
from jobsim.plot.parts.axes import Jobs, axes_for, frame, legend_beside, note
from jobsim.plot.parts.ecdf import draw_ecdf, share_axes
from jobsim.plot.parts.entry import Chart
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.style import INK, NEUTRAL, STATUS_COLOURS
from jobsim.run.run import Run

# The colour is that of the status during the stage; two share one, so the dashes differ.
_STAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "unpaid": (STATUS_COLOURS[JobStatus.AWAITING_PAYMENT.value], "dotted"),
        "wait": (STATUS_COLOURS[JobStatus.AWAITING_PAYMENT.value], "solid"),
        "service": (STATUS_COLOURS[JobStatus.RUNNING.value], "dashed"),
        "lost": (NEUTRAL, "dashdot"),
        "sojourn": (INK, "solid"),
    }
)


def dwell(run: Jobs, *, ax: Axes | None = None) -> Axes:
    """Draw how long jobs spent in each stage, as distributions (ECDFs).

    The stages are `unpaid` (created to paid), `wait` (paid to started), `service` (started
    to finished, or to the loss of its worker), `lost` (from that loss to finished; left out
    where no worker was lost) and `sojourn` (created to finished). The time axis is logarithmic
    where one stage is much longer than another; a line begins with the share of the jobs that
    spent no more than its left end.

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
        ax, "Time in each stage of a job", "share of jobs that spent this long or less", grid="both"
    )
    start, end = share_axes(ax, ended, "time in the stage")
    if ended.empty:
        note(ax, "no stage has ended")
        return fitted(ax)
    for stage, (colour, dashes) in _STAGES.items():
        # Where no worker was lost, a line at 100 % would only raise questions.
        if stage not in ended or (stage == "lost" and not ended[stage].any()):
            continue
        draw_ecdf(
            ax,
            ended[stage],
            start,
            end,
            color=colour,
            linestyle=dashes,
            label=_stage_label(stage, ended[stage]),
        )
    legend_beside(ax)
    return fitted(ax)


def _stage_label(stage: str, seconds: pd.Series) -> str:
    found = percentiles(seconds, q=(0.5, 0.95))
    return f"{stage}\nmedian {format_duration(found['p50'])}\np95 {format_duration(found['p95'])}"


def sentence(run: Run) -> str:
    """Say how long finished jobs took, and which stage took most of their time."""
    stages = durations.dwell(run.jobs).dropna()
    if stages.empty:
        return "No job was finished, so no job took any time."
    half, most = (format_duration(value) for value in np.percentile(stages["sojourn"], (50, 95)))
    total = float(stages["sojourn"].sum())
    if not total:
        return "Finished jobs took no time at all."
    shares = stages[list(STAGES)].sum() / total
    longest = str(shares.idxmax())
    return (
        f"Half of the finished jobs took {half} or less from creation to end; 95 % took {most} or "
        f"less. {format_share(float(shares[longest]))} of that time they were "
        f"{STAGES[longest]}."
    )


def is_worth_showing(run: Run) -> bool:
    """Tell whether a job was finished."""
    return bool(run.jobs["finished"].notna().any())


CHART = Chart(dwell, sentence, is_worth_showing)
