"""The chart of a schedule: who ran when, where the turn changed hands, and at which lines."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from jobsim.plot.parts.axes import axes_for, literal, titles
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.style import FAINT, INK, MUTED, NEUTRAL

MAX_LINES = 5
"""The most lines of text in one segment; the first and last ones, where it has more."""

WIDTH = 44
"""The most characters in a line of text."""


class _Row(Protocol):
    @property
    def thread(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def place(self) -> str: ...


class ScheduleLike(Protocol):
    """What the chart reads of a schedule, such as a `jobsim.testing.ScheduledRun`."""

    @property
    def rows(self) -> Sequence[_Row]:
        """What happened, in order."""
        ...

    @property
    def threads(self) -> Sequence[str]:
        """The names of the lanes; rows with thread -1 belong to the last one."""
        ...

    @property
    def sentence(self) -> str:
        """What is wrong, empty if nothing is."""
        ...


class Segment(NamedTuple):
    """What one thread did until the turn went to another."""

    lane: int
    lines: list[str]
    """Calls, source lines and answers, the middle left out where there are many."""
    top: float
    bottom: float


def segments(run: ScheduleLike) -> list[Segment]:
    """Cut a schedule where the turn changed hands, from top to bottom."""
    groups: list[tuple[int, list[str]]] = []
    for row in run.rows:
        lane = row.thread if row.thread >= 0 else len(run.threads) - 1
        if not groups or groups[-1][0] != lane:
            groups.append((lane, []))
        groups[-1][1].append(_line(row))
    found = []
    top = 0.0
    for lane, lines in groups:
        shown = _shortened(lines)
        found.append(Segment(lane, shown, top, top + len(shown)))
        top += len(shown) + 0.6
    return found


def _line(row: _Row) -> str:
    marks = {"call": "→ ", "answer": "← "}
    where = f"{row.place}  " if row.kind == "line" and row.place else ""
    text = f"{marks.get(row.kind, '')}{where}{row.text}"
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= MAX_LINES:
        return lines
    # The last line is where the turn changed hands: with the next thread's first it is the race.
    return [*lines[:2], f"… {len(lines) - 4} more", *lines[-2:]]


def schedule(run: ScheduleLike, *, ax: Axes | None = None) -> Axes:
    """Draw a schedule: one lane per thread, a box per turn, arrows where the turn changed hands.

    Time runs downwards. A box names the call, the source lines and the answer. A long one shows
    its first and last lines, because the race is where one box ends and the next begins.

    Parameters
    ----------
    run
        A violation of an exploration, or what `jobsim.testing.replay_schedule` returned.
    ax
        Where to draw; by default the axes of a new figure that is high enough for all rows.

    Returns
    -------
    Axes
        With what is wrong as its title.

    Raises
    ------
    TypeError
        If it is not a schedule.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from types import SimpleNamespace
    >>> row = SimpleNamespace(thread=0, kind="call", text="get()", place="")
    >>> run = SimpleNamespace(rows=[row], threads=["thread-0", "thread-1"], sentence="")
    >>> ax = schedule(run)
    >>> ax.texts[0].get_text()
    '→ get()'
    >>> plt.close(ax.figure)
    """
    if not hasattr(run, "rows") or not hasattr(run, "threads"):
        raise TypeError(
            f"{type(run).__name__} is not a schedule; give the violation of an exploration, "
            "such as explore_repository(...).violation"
        )
    cut = segments(run)
    end = cut[-1].bottom if cut else 1.0
    lanes = len(run.threads)
    ax = axes_for(ax, height=max(2.4, 0.24 * end + 1.0))
    for lane in range(lanes):
        # Only between the boxes: they are translucent, and a line behind one would cross its text.
        turns = [edge for each in cut if each.lane == lane for edge in (each.top, each.bottom)]
        edges = [0.0, *turns, end]
        for pause in zip(edges[::2], edges[1::2], strict=True):
            ax.plot([lane, lane], pause, color=FAINT, linewidth=1, zorder=0)
    for before, after in itertools.pairwise(cut):
        ax.annotate(
            "",
            xy=(after.lane, after.top),
            xytext=(before.lane, before.bottom),
            arrowprops={"arrowstyle": "-|>", "color": MUTED, "shrinkA": 0, "shrinkB": 0},
        )
    for segment in cut:
        height = segment.bottom - segment.top
        box = FancyBboxPatch(
            (segment.lane - 0.46, segment.top), 0.92, height,
            boxstyle="round,pad=0,rounding_size=0.04", facecolor=NEUTRAL, edgecolor=INK,
            linewidth=0.8, alpha=0.25,
        )  # fmt: skip
        ax.add_patch(box)
        for number, line in enumerate(segment.lines):
            ax.text(
                segment.lane - 0.44, segment.top + number + 0.5, literal(line), va="center",
                family="monospace", fontsize="x-small", color=INK, clip_on=True,
            )  # fmt: skip
    ax.set_xlim(-0.5, lanes - 0.5)
    ax.set_ylim(end + 0.2, -0.2)
    ax.set_xticks(range(lanes), [literal(name) for name in run.threads])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    titles(ax, run.sentence or "No rule is broken")
    return fitted(ax)
