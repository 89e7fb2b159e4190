"""The chart of a proof: the calls that no correct repository can have answered so."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from matplotlib.axes import Axes

from jobsim.analysis.history import FINAL_ROW, span
from jobsim.analysis.verdict import Call, Verdict, Violation
from jobsim.plot.chart import axes_for, frame, literal, plural
from jobsim.plot.duration import time_axis
from jobsim.plot.style import FAINT, INK, MUTED, NEUTRAL, STATUS_COLOURS

MAX_CALLS = 12
"""How many calls are drawn; the last ones, where a proof has more."""

_CHARACTER_PT = 6.4
"""The mean width of a character of the title."""


class Bar(NamedTuple):
    """One call as `counterexample` draws it; seconds since the first of the calls."""

    call: Call
    row: int
    """Counted from above."""
    start: float
    end: float | None
    """None while pending."""
    text: str
    """What was called, and how it ended."""


class Proof(NamedTuple):
    """What `counterexample` draws of a violation."""

    bars: list[Bar]
    """By lane, then by invocation: no two in one row."""
    lanes: dict[str, tuple[int, int]]
    """The first and last row of each thread, in the order in which they came."""
    end: float
    """When the last thing happened, seconds."""
    gap: tuple[float, float] | None
    """From the return of one to the invocation of the next; None where they overlap."""
    left_out: int
    """Calls that are not drawn."""


def proof(violation: Violation) -> Proof:
    """Lay out the calls that prove a violation, a lane a thread."""
    calls = sorted(violation.calls, key=lambda call: call.invoked_ns)[-MAX_CALLS:]
    zero = calls[0].invoked_ns
    actors = list(dict.fromkeys(call.actor for call in calls))
    calls.sort(key=lambda call: actors.index(call.actor))
    bars = [
        Bar(
            call,
            row,
            (call.invoked_ns - zero) / 1e9,
            None if call.returned_ns is None else (call.returned_ns - zero) / 1e9,
            _text(call, violation.job),
        )
        for row, call in enumerate(calls)
    ]
    rows = {
        actor: [bar.row for bar in bars if bar.call.actor == actor] for actor in actors
    }
    return Proof(
        bars,
        {actor: (of_actor[0], of_actor[-1]) for actor, of_actor in rows.items()},
        max(bar.start if bar.end is None else bar.end for bar in bars),
        _gap(bars),
        len(violation.calls) - len(calls),
    )


def _text(call: Call, job: int) -> str:
    what = f"{call.op}({call.target})" if call.target else call.op
    # The sentence tells what count answered; the call does not know it.
    answer = "answered" if (call.op, call.outcome) == ("count", "ok") else call.answer
    other = f" (job {call.job})" if call.job not in (job, -1) else ""
    return f"{what}{other}\n{answer}"


def _gap(bars: list[Bar]) -> tuple[float, float] | None:
    if len(bars) < 2:
        return None
    first, second = sorted(bars, key=lambda bar: bar.start)[:2]
    if first.end is None or not first.end < second.start:
        return None
    return first.end, second.start


def counterexample(verdict: Verdict | Violation, *, ax: Axes | None = None) -> Axes:
    """Draw the calls that prove a violation, a lane a thread; never the whole history.

    A bar is a call from its invocation to its return, in the colour of the status that its
    answer revealed; hatched if it was refused, open to the right if it never returned. The
    final read is a diamond, after all other calls. Where one call had returned before the other was
    invoked, the time between them is shaded: there they can no longer have overtaken each other.

    Parameters
    ----------
    verdict
        A verdict, of which the first violation is drawn, or one of its `violations`. A check
        that failed under load has one: ``report["one_start_wins"].verdict``.
    ax
        Where to draw; by default the axes of a new figure.

    Returns
    -------
    Axes
        With the violation's sentence as its title.

    Raises
    ------
    TypeError
        If it is neither; such as the None of a check that fails without a history.
    ValueError
        If the verdict has no violation, or the violation no calls.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim.analysis.verdict import Call, Violation
    >>> calls = [
    ...     Call(3, "reader-0", "get", 0, None, 0, 400, "ok", "running"),
    ...     Call(4, "reader-1", "get", 0, None, 700, 900, "ok", "awaiting_payment"),
    ... ]
    >>> ax = counterexample(Violation(0, "real_time", "job 0 went back", tuple(calls)))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['reader-0', 'reader-1']
    >>> plt.close(ax.figure)
    """
    violation = _violation(verdict)
    shown = proof(violation)
    rows = len(shown.bars)
    sentence = literal(violation.sentence)
    ax = axes_for(ax, height=1.35 + 0.17 * (len(sentence) // 58) + 0.62 * rows)
    width_pt = ax.get_position().width * ax.figure.get_figwidth() * 72
    title = textwrap.fill(sentence, max(int(width_pt / _CHARACTER_PT), 20))
    frame(ax, title, _subtitle(verdict, violation, shown), grid="x")
    ax.title.set_fontsize("medium")
    ax._left_title.set_fontsize("medium")
    room = 0.03 * (shown.end or 1e-6)
    ax.set_xlim(-room, (shown.end or 1e-6) + room)
    time_axis(ax, shown.end or 1e-6, "time since the first of these calls")
    ax.set_ylim(rows - 0.4, -0.65)
    ax.set_yticks(
        [(first + last) / 2 for first, last in shown.lanes.values()],
        [literal(actor) for actor in shown.lanes],
    )
    ax.tick_params(axis="y", length=0)
    for first, _ in list(shown.lanes.values())[1:]:
        ax.axhline(first - 0.6, color=FAINT, linewidth=0.8)
    for bar in shown.bars:
        _draw(ax, bar, middle=shown.end / 2, edge=shown.end + room)
    if shown.gap:
        _shade(ax, shown.gap, shown.end)
    return ax
