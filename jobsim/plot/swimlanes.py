"""The chart of who did what when: one lane per thread."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from jobsim.display.text import count_of, format_duration, format_share
from jobsim.domain.models import JobStatus
from jobsim.plot.parts.axes import axes_for, frame, legend_below, literal, note
from jobsim.plot.parts.entry import Chart
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.spans import Played, disturbances
from jobsim.plot.parts.style import FAINT, INK, MUTED, NEUTRAL, STATUS_COLOURS, status_label
from jobsim.plot.parts.time_axis import time_axis
from jobsim.plot.parts.words import the_workers_were
from jobsim.run.run import Run

AWAITING, RUNNING, COMPLETED, FAILED = (status.value for status in JobStatus)

MAX_WORKERS = 16
MAX_CLIENTS = 8
MAX_SPANS_PER_LANE = 40

_BAR, _TICK = 0.36, 0.3
"""Half the height of a bar and of a tick, where a lane has 1."""

_COLUMNS = 700
"""The columns of the chart; creations of one client in the same column are drawn once."""

_WASTED = "wasted"

_STYLES = {
    COMPLETED: (status_label(COMPLETED), STATUS_COLOURS[COMPLETED]),
    FAILED: (status_label(FAILED), STATUS_COLOURS[FAILED]),
    _WASTED: ("wasted: the result came too late or never", NEUTRAL),
    RUNNING: ("still running", STATUS_COLOURS[RUNNING]),
}
"""The words and the colour of a worker's bar by how its work ended."""


class Lanes(NamedTuple):
    """What `swimlanes` draws: the first lanes, for as long as their jobs can be told apart."""

    clients: list[str]
    """The lanes of clients that created a job, in natural order."""
    workers: list[str]
    """The lanes of workers that started a job, in natural order."""
    ticks: pd.DataFrame
    """`actor`, `time`: creations; of those too close to tell apart, one."""
    spans: pd.DataFrame
    """`job`, `worker`, `started`, `until`, `kind`, `crashed`, `finished`: when the worker had the
    job; until the end of the run, if it still had it then."""
    start: float
    """Where the chart begins, seconds."""
    end: float
    """Where the chart ends, seconds."""
    left_out: str
    """What the chart does not show, in words; empty if it shows all."""


def lanes(run: Played) -> Lanes:
    """Choose what `swimlanes` shows of a run.

    A run with more jobs than can be told apart is shown around its first outage or spike;
    without one, around the first crash; otherwise from the start.
    """
    created = run.transitions[run.transitions["source"].isna()]
    # Only those that created a job: an idle lane would say nothing.
    all_clients = _natural_order(created["actor"])
    all_workers = _natural_order(run.jobs.loc[run.jobs["started"].notna(), "worker"])
    clients, workers = all_clients[:MAX_CLIENTS], all_workers[:MAX_WORKERS]
    last = float(run.transitions["time"].max()) if len(run.transitions) else 0.0
    spans = _spans(run.jobs, workers, last)
    most = MAX_SPANS_PER_LANE * len(workers)
    start, end = 0.0, last
    if len(spans) > most:
        start, end = _window(run, spans, most, last)
        spans = spans[(spans["until"] >= start) & (spans["started"] <= end)]
    ticks = created.loc[
        created["actor"].isin(clients) & created["time"].between(start, end), ["actor", "time"]
    ]
    # One per column, not a sample: where anything happened, something is drawn.
    place = np.floor((ticks["time"] - start) / ((end - start) or 1) * _COLUMNS)
    ticks = ticks[~ticks.assign(place=place).duplicated(["actor", "place"])]
    left_out = [
        f"{shown} of {len(every):,} {name}"
        for name, shown, every in (
            ("clients", len(clients), all_clients),
            ("workers", len(workers), all_workers),
        )
        if shown < len(every)
    ]
    if end - start < last:
        whole = format_duration(last)
        left_out.append(f"{format_duration(start)} to {format_duration(end)} of {whole}")
    return Lanes(clients, workers, ticks, spans, start, end, ", ".join(left_out))


def _spans(jobs: pd.DataFrame, workers: list[str], last: float) -> pd.DataFrame:
    """Return when each worker had a job, and what came of its work.

    A worker has a job from its start until it lets go of it. That need not be the end of the job:
    a reaper fails a job after its worker has died, or before a slow worker is done.
    """
    had = jobs["started"].notna() & jobs["worker"].isin(workers)
    spans = jobs.loc[had, ["worker", "started", "finished", "released", "status", "crashed"]]
    # Stable, so that the same run always gives the same picture.
    spans = spans.sort_values("started", kind="stable").rename_axis("job").reset_index()
    # Where the table does not say when the worker let go, the job's end counts.
    until = spans["released"].fillna(spans["finished"])
    own_end = until.notna() & ~spans["crashed"] & (until <= spans["finished"])
    kind = spans["status"].astype("str").where(own_end, _WASTED)
    spans["kind"] = kind.mask(until.isna(), RUNNING)
    spans["until"] = until.fillna(last)
    return spans.drop(columns=["released", "status"])


def _window(run: Played, spans: pd.DataFrame, most: int, last: float) -> tuple[float, float]:
    """Return the stretch of time to show: one in which `most` jobs start."""
    crashes = spans.loc[spans["crashed"], "until"]
    events = disturbances(run, last)
    event = events[0].start if events else float(crashes.min()) if len(crashes) else 0.0
    at = int(np.searchsorted(spans["started"].to_numpy(), event))
    # A quarter of it lies before the event; near the start or the end of the run it is moved, so
    # that it stays as long.
    first = min(max(at - most // 4, 0), len(spans) - most)
    start = float(spans["started"].iloc[first]) if first else 0.0
    after = first + most
    return start, float(spans["started"].iloc[after]) if after < len(spans) else last


def _natural_order(actors: pd.Series) -> list[str]:
    """Return the distinct names, numbers in them by value: worker-2 before worker-10."""
    names = {str(name) for name in actors.dropna().unique()}
    return sorted(
        names,
        key=lambda name: [
            (part.isdecimal(), int(part) if part.isdecimal() else 0, part)
            for part in re.split(r"(\d+)", name)
        ],
    )


def swimlanes(run: Played, *, ax: Axes | None = None) -> Axes:
    """Draw what each thread did when.

    One lane per client, with a tick where it created a job; below, one lane per worker, with a bar
    for as long as it had each job, in the colour of how its work ended. Work that was lost in
    a crash (its end marked with a cross) or that came too late has a colour of its own, and a
    hairline leads from a crash to the moment at which the job was failed. Of a large run, the
    first lanes and one stretch of time are shown, and the subtitle says which.

    Parameters
    ----------
    run
        A run; its `jobs`, its `transitions` and its scenario are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds, lanes numbered from the top.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_virtual
    >>> ax = swimlanes(run_virtual(Scenario(jobs=20, workers=1)))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['client-0', 'worker-0']
    >>> plt.close(ax.figure)
    """
    shown = lanes(run)
    names = shown.clients + shown.workers
    ax = axes_for(ax, height=_height_of(len(names)))
    frame(ax, "Who did what when", shown.left_out, grid="x")
    # Room for half a tick at the start.
    ax.set_xlim(shown.start - 0.01 * (shown.end - shown.start), shown.end or 1)
    time_axis(ax, shown.end)
    ax.set_yticks(range(len(names)), [literal(name, limit=30) for name in names])
    # Upside down, so that the first lane is at the top.
    ax.set_ylim(max(len(names), 1) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    if not names:
        note(ax, "no thread did anything")
        return fitted(ax)
    lane = {name: place for place, name in enumerate(names)}
    _ticks(ax, shown.ticks, lane)
    _bars(ax, shown, lane)
    _crashes(ax, shown.spans[shown.spans["crashed"]], lane)
    legend_below(ax)
    return fitted(ax)


def _ticks(ax: Axes, ticks: pd.DataFrame, lane: dict[str, int]) -> None:
    """Draw the creations as one broken line: thousands of markers would fill a file."""
    at = ticks["time"].to_numpy()
    rows = ticks["actor"].astype(str).map(lane).to_numpy(dtype=np.float64)
    # NaN lifts the pen between two ticks.
    gap = np.full(len(at), np.nan)
    ax.plot(
        np.column_stack([at, at, gap]).ravel(),
        np.column_stack([rows - _TICK, rows + _TICK, gap]).ravel(),
        color=STATUS_COLOURS[AWAITING],
        linewidth=1.0,
        label="created",
    )


def _bars(ax: Axes, shown: Lanes, lane: dict[str, int]) -> None:
    """Draw the work, one shape per kind of end: a shape per job would fill a file.

    A white edge sets neighbours apart. It would swallow a narrow bar, so those are a shape of
    their own without one.
    """
    narrow = shown.spans["until"] - shown.spans["started"] < 0.004 * (shown.end - shown.start)
    for kind, (label, colour) in _STYLES.items():
        of_kind = shown.spans["kind"] == kind
        for edge, some in ((0.5, of_kind & ~narrow), (0.0, of_kind & narrow)):
            if not some.any():
                continue
            bars = PathPatch(
                _rectangles(shown.spans[some], lane),
                facecolor=colour,
                edgecolor="white" if edge else colour,
                linewidth=edge,
                label=label,
            )
            ax.add_patch(bars)
            label = "_" + label  # the legend names it once


def _rectangles(spans: pd.DataFrame, lane: dict[str, int]) -> Path:
    """Return all bars as one path, which is faster to draw than one artist per bar."""
    rows = spans["worker"].astype(str).map(lane)
    corners = zip(spans["started"], spans["until"], rows, strict=True)
    return Path.make_compound_path(
        *(
            Path(
                [
                    (start, row - _BAR),
                    (until, row - _BAR),
                    (until, row + _BAR),
                    (start, row + _BAR),
                    (start, row - _BAR),
                ],
                closed=True,
            )
            for start, until, row in corners
        )
    )


def _crashes(ax: Axes, crashed: pd.DataFrame, lane: dict[str, int]) -> None:
    """Mark where a worker was lost, with a line to the moment at which its job was failed."""
    if crashed.empty:
        return
    rows = crashed["worker"].astype(str).map(lane)
    # A slow worker may be lost after its job was failed; no line leads back in time.
    reaped = crashed["finished"].notna() & (crashed["finished"] > crashed["until"])
    ax.hlines(
        rows[reaped],
        crashed.loc[reaped, "until"],
        crashed.loc[reaped, "finished"],
        color=MUTED,
        linewidth=0.7,
    )
    ax.plot(
        crashed["until"],
        rows,
        "x",
        color=INK,
        markersize=6,
        markeredgewidth=1.6,
        markerfacecolor=FAINT,
        label="worker lost",
    )


def _height_of(names: int) -> float:
    return max(2.2, 1.6 + 0.24 * names)


def sentence(run: Run) -> str:
    """Say how busy the workers were, and how evenly the work was spread."""
    started = run.jobs["started"].notna()
    if not started.any():
        return "No worker started a job."
    workers = run.workload.scenario.workers
    busy = run.metrics()["utilisation"]
    who = the_workers_were(workers)
    told = "" if math.isnan(busy) else f"{who} busy {format_share(busy)} of the time"
    # A job that a worker still has when the run ends adds nothing: its length is not known.
    until = run.jobs["released"].fillna(run.jobs["finished"]).fillna(run.jobs["started"])
    had = (until - run.jobs["started"])[started]
    each = had.groupby(run.jobs.loc[started, "worker"].astype("str")).sum()
    if workers == 1:
        return f"{told}." if told else f"The one worker started {count_of(len(had), 'job')}."
    least = float(each.min()) if len(each) == workers else 0.0
    spread = (
        f"he busiest worked for {format_duration(float(each.max()))}, "
        f"the least busy for {format_duration(least)}."
    )
    return f"{told}; t{spread}" if told else f"T{spread}"


def is_worth_showing(run: Run) -> bool:
    """Tell whether a worker did anything."""
    return bool(run.jobs["started"].notna().any())


def height(run: Run) -> float:
    """Return the height that the lanes of a run need, inches."""
    shown = lanes(run)
    return _height_of(len(shown.clients) + len(shown.workers))


CHART = Chart(swimlanes, sentence, is_worth_showing, height)
