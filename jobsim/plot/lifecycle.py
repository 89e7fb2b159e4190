"""The chart of the lifecycle: how many jobs took each transition, and after how long."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from jobsim.display.text import count_of, format_duration, format_share
from jobsim.domain.models import LEGAL_TRANSITIONS, JobStatus
from jobsim.figures import flow
from jobsim.figures.durations import holding_times
from jobsim.plot.parts.axes import RunTables, axes_for, titles
from jobsim.plot.parts.entry import Chart, is_wasteful, was_created
from jobsim.plot.parts.room import fitted, points
from jobsim.plot.parts.style import INK, LIGHT, MUTED, STATUS_COLOURS, status_label
from jobsim.run.run import Run
from jobsim.tables.schema import STATUS

WAITING, RUNNING, COMPLETED, FAILED = (status.value for status in JobStatus)
_LEGAL = [(flow.CREATION, WAITING)] + [
    (source.value, target.value)
    for source in JobStatus
    for target in JobStatus
    if target in LEGAL_TRANSITIONS[source]
]

_CENTRES = {
    flow.CREATION: (0.25, 3.0),
    WAITING: (2.9, 3.0),
    RUNNING: (6.2, 3.0),
    COMPLETED: (9.1, 4.75),
    FAILED: (9.1, 1.25),
}
_LABELS = {
    (flow.CREATION, WAITING): (1.2, 3.2, 2.8, "center"),
    (WAITING, RUNNING): (4.5, 3.2, 2.8, "center"),
    (RUNNING, COMPLETED): (7.55, 4.5, 4.45, "right"),
    (RUNNING, FAILED): (7.55, 1.5, 1.45, "right"),
}
_WIDTH, _HEIGHT = 1.6, 1.3
_FULL_WIDTH = 6.2  # inches at which the text has its full size
_MOST_ILLEGAL = 4

_ENDS = {
    "completed": "completed",
    "failed": "failed",
    "unpaid": "never paid",
    "waiting": "still waiting for a worker",
    "in_progress": "still running",
    "stuck": "RUNNING for ever",
}


def lifecycle_edges(transitions: pd.DataFrame) -> pd.DataFrame:
    """Return what `lifecycle` draws: one row per pair of statuses.

    The four legal pairs, creation first, then every other pair that happened. Columns
    `source`, `target`, `count`, `median` (s, of the time in the source before the step; NaN
    where there is none) and `legal`.
    """
    counts = flow.transition_matrix(transitions)
    held = holding_times(transitions)
    source = transitions["source"].astype(STATUS).cat.codes
    target = transitions["target"].astype(STATUS).cat.codes
    medians = held.groupby([source.to_numpy(), target.to_numpy()]).median()
    codes = {name: code for code, name in enumerate(STATUS.categories)} | {flow.CREATION: -1}
    happened = [(row, column) for row in counts.index for column in counts.columns]
    others = [pair for pair in happened if pair not in _LEGAL and counts.loc[pair]]
    return pd.DataFrame(
        [
            {
                "source": pair[0],
                "target": pair[1],
                "count": int(counts.loc[pair]),
                "median": medians.get((codes[pair[0]], codes[pair[1]]), float("nan")),
                "legal": pair in _LEGAL,
            }
            for pair in [*_LEGAL, *others]
        ]
    )


def lifecycle(run: RunTables, *, ax: Axes | None = None) -> Axes:
    """Draw the state machine with what happened on it.

    One box per status, with how many jobs ended in it; one arrow per legal transition, with how
    many jobs took it and the median time in the status before. Its width grows with the
    count. Transitions that are not legal, which only a broken repository accepts, are listed
    below.

    Parameters
    ----------
    run
        A run; its `transitions` are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, without scales.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_threads
    >>> run = run_threads(Scenario(jobs=20, workers=1), speedup=float("inf"))
    >>> ax = lifecycle(run)
    >>> ax.get_title(loc="left")
    'Lives of 20 jobs'
    >>> plt.close(ax.figure)
    """
    edges = lifecycle_edges(run.transitions)
    final = flow.transition_matrix(run.transitions)
    standing = final.sum() - final.drop(index=flow.CREATION).sum(axis="columns")
    given, ax = ax is not None, axes_for(ax, height=3.6)
    ax.set_axis_off()
    ax.set_xlim(0, 10)
    ax.set_ylim(0, 6)
    titles(
        ax,
        "Lives of " + count_of(int(edges["count"].iloc[0]), "job"),
        "boxes: jobs at the end; arrows: median time before",
    )
    legal = edges[edges["legal"]]
    most = max(int(legal["count"].max()), 1)
    for source, target, count, median in zip(
        legal["source"], legal["target"], legal["count"], legal["median"], strict=True
    ):
        _arrow(ax, (source, target), int(count), float(median), share=count / most)
    ax.plot(*_CENTRES[flow.CREATION], "o", color=INK, markersize=9)
    for status in STATUS_COLOURS:
        _box(ax, status, int(standing[status]))
    _illegal(ax, edges[~edges["legal"]])
    if given:
        _shrink_text(ax)
    return fitted(ax)


def _box(ax: Axes, status: str, jobs: int) -> None:
    """Draw a status; its count is part of the box, so no legend is needed."""
    x, y = _CENTRES[status]
    ax.add_patch(
        FancyBboxPatch(
            (x - _WIDTH / 2, y - _HEIGHT / 2),
            _WIDTH,
            _HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.18",
            facecolor=STATUS_COLOURS[status],
            edgecolor="none",
            label=status,
        )
    )
    colour = INK if status in LIGHT else "white"
    name = status_label(status).replace(" ", "\n")
    ax.text(
        x, y + 0.18, name, ha="center", va="center", color=colour, fontweight="bold", linespacing=1
    )
    ax.text(
        x,
        y - 0.42,
        f"{jobs:,}",
        ha="center",
        va="center",
        color=colour,
        fontsize="small",
    )


def _arrow(ax: Axes, edge: tuple[str, str], count: int, median: float, *, share: float) -> None:
    """Draw a transition, wider for more jobs, and dotted where none took it."""
    source, target = edge
    (x0, y0), (x1, y1) = _CENTRES[source], _CENTRES[target]
    start = (x0 + (0.2 if source == flow.CREATION else _WIDTH / 2), y0 + 0.12 * (y1 - y0))
    end = (x1 - _WIDTH / 2, y1)
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=12 + 8 * share,
            shrinkA=2,
            shrinkB=2,
            linewidth=1 + 4 * share,
            color=INK if count else MUTED,
            linestyle="solid" if count else "dotted",
        )
    )
    x, above, below, ha = _LABELS[edge]
    ax.text(x, above, f"{count:,}", ha=ha, va="bottom", color=INK, fontweight="bold")
    if source != flow.CREATION and count:
        held = f"median {format_duration(median)}"
        ax.text(x, below, held, ha=ha, va="top", color=MUTED, fontsize="small")


def _illegal(ax: Axes, edges: pd.DataFrame) -> None:
    if edges.empty:
        return
    often = edges.sort_values("count", ascending=False, kind="stable").head(_MOST_ILLEGAL)
    lines = ["not legal, yet accepted:"]
    for source, target, count in zip(often["source"], often["target"], often["count"], strict=True):
        lines.append(f"{status_label(source)} → {status_label(target)}: {count:,}")
    if len(edges) > len(often):
        lines.append(f"and {count_of(len(edges) - len(often), 'other pair')}")
    ax.text(0, 0, "\n".join(lines), color=STATUS_COLOURS[FAILED], va="bottom", fontsize="small")


def _shrink_text(ax: Axes) -> None:
    """Make the text fit axes that are narrower than a figure of its own would give."""
    inches = points(ax)[0] / 72
    if ax.figure.get_layout_engine() is not None:
        inches *= 1.25  # it will give these axes the space that scales would take
    for text in ax.texts[1:]:  # the first is the subtitle, which is wrapped instead
        text.set_fontsize(float(text.get_fontsize()) * min(1.0, inches / _FULL_WIDTH))


def sentence(run: Run) -> str:
    """Say how the jobs ended, and how many calls were refused."""
    figures = run.metrics()
    created = int(figures["created"])
    if not created:
        return "No job was created."
    counts = [
        f"{figures[name]:,.0f} {how} ({format_share(figures[name] / created)})"
        for name, how in _ENDS.items()
        if figures[name]
    ]
    refused = int(figures["rejected"])
    also = f"; {count_of(refused, 'call')} refused" if refused else ""
    return f"Of {count_of(created, 'job')}: {', '.join(counts)}{also}."


def is_worth_showing(run: Run) -> bool:
    """Tell whether the ends of jobs tell the whole story; with retries, only requests do."""
    return was_created(run) and not is_wasteful(run)


CHART = Chart(lifecycle, sentence, is_worth_showing)
