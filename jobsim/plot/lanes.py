"""The chart of who did what when: a lane a thread."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from jobsim.display.text import format_duration
from jobsim.domain.models import JobStatus
from jobsim.plot.chart import RunTables, axes_for, frame, legend_below, literal, note
from jobsim.plot.duration import time_axis
from jobsim.plot.room import fitted
from jobsim.plot.style import STATUS_COLOURS, status_label

RUNNING = JobStatus.RUNNING.value

MAX_WORKERS = 16
MAX_CLIENTS = 8
MAX_SPANS_A_LANE = 40


class Lanes(NamedTuple):
    """What `swimlanes` draws: the first lanes, for as long as their jobs can be told apart."""

    clients: list[str]
    """The lanes of those that created, in natural order."""
    workers: list[str]
    """The lanes of those that ran jobs, in natural order."""
    ticks: pd.DataFrame
    """`actor`, `time`: creations, those closer than can be seen drawn once."""
    spans: pd.DataFrame
    """`job`, `worker`, `started`, `finished`, `status`; who still runs finishes at the end."""
    end: float
    """Where the chart ends, seconds."""
    left_out: str
    """What the chart does not show, in words; empty if it shows all."""


def lanes(run: RunTables) -> Lanes:
    """Choose what `swimlanes` shows of a run."""
    created = run.transitions[run.transitions["source"].isna()]
    all_clients = _natural_order(created["actor"])
    all_workers = _natural_order(run.jobs.loc[run.jobs["started"].notna(), "worker"])
    clients, workers = all_clients[:MAX_CLIENTS], all_workers[:MAX_WORKERS]
    last = float(run.transitions["time"].max()) if len(run.transitions) else 0.0

    spans = run.jobs.loc[
        run.jobs["started"].notna() & run.jobs["worker"].isin(workers),
        ["worker", "started", "finished", "status"],
    ].sort_values("started", kind="stable")
    spans = spans.rename_axis("job").reset_index()
    most = MAX_SPANS_A_LANE * len(workers)
    end = float(spans["started"].iloc[most]) if len(spans) > most else last
    spans = spans[spans["started"] <= end].head(most)
    spans["finished"] = spans["finished"].fillna(last)

    ticks = created.loc[
        created["actor"].isin(clients) & (created["time"] <= end), ["actor", "time"]
    ]
    place = np.floor(ticks["time"] / (end or 1) * 2000)
    ticks = ticks[~ticks.assign(place=place).duplicated(["actor", "place"])]
    left_out = [
        f"{shown} of {len(every):,} {name}"
        for name, shown, every in (
            ("clients", len(clients), all_clients),
            ("workers", len(workers), all_workers),
        )
        if shown < len(every)
    ]
    if end < last:
        left_out.append(f"{format_duration(end)} of {format_duration(last)}")
    first = "the first " if left_out else ""
    return Lanes(clients, workers, ticks, spans, end, first + ", ".join(left_out))


def _natural_order(actors: pd.Series) -> list[str]:
    """Return the distinct names, numbers in them by value: worker-2 before worker-10."""
    names = {str(name) for name in actors.dropna().unique()}
    return sorted(
        names,
        key=lambda name: [
            (part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in re.split(r"(\d+)", name)
        ],
    )


def swimlanes(run: RunTables, *, ax: Axes | None = None) -> Axes:
    """Draw what each thread did when.

    A lane a client, with a tick where it created a job; below, a lane a worker, with a bar
    from the start to the finish of each job, in the colour of the status the job ended in.
    Of a large run, the first lanes and the first while are shown, and the subtitle says so.

    Parameters
    ----------
    run
        A run; its `jobs` and `transitions` are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds, a lane a unit from the top.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_threads
    >>> run = run_threads(Scenario(jobs=20, workers=1), speedup=float("inf"))
    >>> ax = swimlanes(run)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['client-0', 'worker-0']
    >>> plt.close(ax.figure)
    """
    shown = lanes(run)
    names = shown.clients + shown.workers
    ax = axes_for(ax, height=max(2.2, 1.6 + 0.24 * len(names)))
    frame(ax, "Who did what when", shown.left_out, grid="x")
    # Room for half a tick at time zero.
    ax.set_xlim(-0.01 * shown.end, shown.end or 1)
    time_axis(ax, shown.end)
    ax.set_yticks(range(len(names)), [literal(name, limit=30) for name in names])
    ax.set_ylim(max(len(names), 1) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    if not names:
        note(ax, "no thread did anything")
        return fitted(ax)
    lane = {name: place for place, name in enumerate(names)}
    ax.plot(
        shown.ticks["time"],
        shown.ticks["actor"].astype(str).map(lane),
        "|",
        color=STATUS_COLOURS[JobStatus.AWAITING_PAYMENT.value],
        markersize=9,
        label="created",
    )
    for status, colour in STATUS_COLOURS.items():
        of_status = shown.spans[shown.spans["status"] == status]
        if of_status.empty:
            continue
        width = of_status["finished"] - of_status["started"]
        ax.barh(
            of_status["worker"].astype(str).map(lane),
            width,
            left=of_status["started"],
            height=0.72,
            color=colour,
            edgecolor="white",
            # A white edge sets neighbours apart, and would swallow a narrow bar.
            linewidth=np.where(width > 0.004 * shown.end, 0.5, 0.0),
            label="still running" if status == RUNNING else status_label(status),
        )
    legend_below(ax)
    return fitted(ax)
