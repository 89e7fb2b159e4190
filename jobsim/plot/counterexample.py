"""The chart of a proof: calls whose answers no correct repository can give."""

from __future__ import annotations

from typing import NamedTuple

from matplotlib.axes import Axes

from jobsim.display.text import count_of
from jobsim.plot.parts.axes import axes_for, frame, literal
from jobsim.plot.parts.room import fitted, wrapped
from jobsim.plot.parts.style import FAINT, INK, MUTED, NEUTRAL, STATUS_COLOURS
from jobsim.plot.parts.time_axis import time_axis
from jobsim.proof.history import FINAL_ROW, span
from jobsim.proof.verdict_value import Call, Verdict, Violation

MAX_CALLS = 12
"""The most calls that are drawn; the last ones, where a proof has more."""

_HEIGHT = 0.3
"""Of a bar, where a row has 1."""

_NARROW = 0.01
"""The share of the time axis below which a bar is a line."""


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
    """The first and last row of each thread, in order of its first call."""
    end: float
    """When the last thing happened, seconds."""
    gap: tuple[float, float] | None
    """From the return of the first call to the invocation of the next; None if they overlap."""
    killed: float | None
    """When the server was killed, seconds; negative before the first call, None if it was not."""
    left_out: int
    """Calls that are not drawn."""


def proof(violation: Violation) -> Proof:
    """Lay out the calls that prove a violation, one lane per thread."""
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
    rows = {actor: [bar.row for bar in bars if bar.call.actor == actor] for actor in actors}
    return Proof(
        bars,
        {actor: (of_actor[0], of_actor[-1]) for actor, of_actor in rows.items()},
        max(bar.start if bar.end is None else bar.end for bar in bars),
        _gap(bars, violation.job),
        None if violation.killed_ns is None else (violation.killed_ns - zero) / 1e9,
        len(violation.calls) - len(calls),
    )


def _text(call: Call, job: int) -> str:
    what = f"{call.op}({call.target})" if call.op == "update_status" else call.op
    # The sentence gives the answer of `count`; the call does not record it.
    answer = "answered" if (call.op, call.outcome) == ("count", "ok") else call.answer
    other = f" (job {call.job})" if call.job not in (job, -1) else ""
    return f"{what}{other}\n{answer}"


def _gap(bars: list[Bar], job: int) -> tuple[float, float] | None:
    if len(bars) < 2:
        return None
    first, second = sorted(bars, key=lambda bar: bar.start)[:2]
    if first.end is None or not first.end < second.start:
        return None
    # Between calls on two different jobs, a gap proves nothing.
    return (first.end, second.start) if first.call.job == second.call.job == job else None


def counterexample(verdict: Verdict | Violation, *, ax: Axes | None = None) -> Axes:
    """Draw the calls that prove a violation, one lane per thread; never the whole history.

    A bar is a call from its invocation to its return, in the colour of the status that its
    answer revealed; hatched if it was refused, open to the right if it never returned. The
    final read is a diamond, after all other calls. Where one call had returned before the other was
    invoked, the time between them is shaded: it fixes their order. A line marks when the server was
    killed, if that lost a write.

    Parameters
    ----------
    verdict
        A verdict, whose first violation is drawn, or one of its `violations`. A check that failed
        under load has one: ``report["one_start_wins"].verdict``.
    ax
        Where to draw; by default the axes of a new figure.

    Returns
    -------
    Axes
        With the violation's sentence as its title.

    Raises
    ------
    TypeError
        If it is neither, such as the None of a check that failed without a history.
    ValueError
        If the verdict has no violation, or the violation no calls.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim.proof.verdict_value import Call, Violation
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
    ax = axes_for(ax, height=_height_of(rows))
    frame(ax, "", _subtitle(verdict, violation, shown), grid="x")
    ax.set_title(
        wrapped(ax, literal(violation.sentence), fontsize="medium", fontweight="bold"),
        loc="left",
        fontsize="medium",
        fontweight="bold",
        color=INK,
        pad=22,
    )
    end = shown.end or 1e-6  # a call without duration, such as the final read
    room = 0.03 * end
    first = min(0.0, shown.killed or 0.0)
    ax.set_xlim(first - room, end + room)
    time_axis(ax, end, "time since the first of these calls")
    if not shown.end:
        ax.set_xticks([0.0])
    below = 0.2 if shown.gap or shown.killed is not None else 0.5
    ax.set_ylim(rows - below, -0.75)
    ax.set_yticks(
        [(first + last) / 2 for first, last in shown.lanes.values()],
        [literal(actor, limit=30) for actor in shown.lanes],
    )
    ax.tick_params(axis="y", length=0)
    for first, _ in list(shown.lanes.values())[1:]:
        ax.axhline(first - 0.7, color=FAINT, linewidth=0.8)
    if shown.gap:
        _shade(ax, shown.gap, end)
    if shown.killed is not None:
        _mark_kill(ax, shown.killed, rows, end)
    for bar in shown.bars:
        _draw(ax, bar, end, edge=end + room)
    return fitted(ax)


def height(violation: Violation) -> float:
    """Return the height that the calls of a violation need, inches."""
    return _height_of(min(len(violation.calls), MAX_CALLS))


def _height_of(rows: int) -> float:
    return 1.75 + 0.62 * rows


def _violation(verdict: Verdict | Violation) -> Violation:
    """Return the violation to draw, or raise an error that says why there is none."""
    if isinstance(verdict, Verdict):
        if not verdict.violations:
            raise ValueError(
                f"the verdict is {verdict.outcome.value} and has no violation, so there is no "
                "counterexample to draw"
            )
        verdict = verdict.violations[0]
    elif not isinstance(verdict, Violation):
        raise TypeError(f"counterexample takes a Verdict or one of its violations, not {verdict!r}")
    if not verdict.calls:
        raise ValueError(f"the violation of {verdict.rule} names no calls to draw")
    return verdict


def _subtitle(verdict: Verdict | Violation, violation: Violation, shown: Proof) -> str:
    told = [f"rule: {violation.rule}"]
    if isinstance(verdict, Verdict):
        found = sum(verdict.counts.values())
        if found > 1:
            told.append(f"the first of {count_of(found, 'violation')}")
    if shown.left_out:
        told.append(f"the last {len(shown.bars)} of {count_of(len(violation.calls), 'call')}")
    return ", ".join(told)


def _draw(ax: Axes, bar: Bar, end: float, *, edge: float) -> None:
    """Draw one call, readable in grey too: hatched if refused, dashed if it never returned."""
    call = bar.call
    colour = STATUS_COLOURS.get(call.observed or "", NEUTRAL)
    accepted = call.outcome == "ok"
    if call.row == FINAL_ROW:
        ax.plot(
            [bar.start],
            [bar.row],
            "D",
            color=colour if accepted else "white",
            markeredgecolor=INK,
            markersize=8,
            clip_on=False,
        )
    else:
        stop = edge if bar.end is None else bar.end
        # Compared with the axis, because a pixel is a share of it.
        narrow = stop - bar.start < _NARROW * end
        ax.barh(
            bar.row,
            stop - bar.start,
            left=bar.start,
            height=_HEIGHT,
            color=colour if accepted else "white",
            # A call that is too short to see is all outline.
            edgecolor=colour if narrow else INK,
            linewidth=3.5 if narrow else 1.2,
            linestyle="--" if bar.end is None else "-",
        )
        if not accepted and bar.end is not None:
            ax.barh(
                bar.row,
                stop - bar.start,
                left=bar.start,
                height=_HEIGHT,
                fill=False,
                hatch="/////",
                edgecolor=colour,
                linewidth=0,
            )
    # Late calls are labelled at their end, so that the text stays inside.
    late = bar.end is not None and bar.start + bar.end > end
    ax.annotate(
        "\n".join(literal(line) for line in bar.text.splitlines()),
        (bar.end if late else bar.start, bar.row - _HEIGHT / 2),
        xytext=(0, 4),
        textcoords="offset points",
        ha="right" if late else "left",
        va="bottom",
        color=INK,
        fontsize="small",
        linespacing=1.15,
    )


def _shade(ax: Axes, gap: tuple[float, float], end: float) -> None:
    """Shade the gap that proves the order, and label it where there is space."""
    ax.axvspan(*gap, color=FAINT, alpha=0.7, linewidth=0, zorder=0.4)
    ax.axvline(gap[0], color=MUTED, linewidth=0.8, linestyle=":", zorder=0.5)
    ax.axvline(gap[1], color=MUTED, linewidth=0.8, linestyle=":", zorder=0.5)
    middle = sum(gap) / 2
    place = "left" if middle < end / 4 else "right" if middle > end * 3 / 4 else "center"
    ax.annotate(
        f"{span(round((gap[1] - gap[0]) * 1e9))} between",
        ({"left": gap[0], "right": gap[1], "center": middle}[place], 0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha=place,
        va="bottom",
        color=MUTED,
        fontsize="small",
    )


def _mark_kill(ax: Axes, killed: float, rows: int, end: float) -> None:
    """Mark when the server was killed, below the rows, where no call has its text."""
    ax.axvline(killed, color=INK, linewidth=1.2, zorder=0.6)
    late = killed > end / 2
    ax.annotate(
        "server killed",
        (killed, rows - 0.62),
        xytext=(-4 if late else 4, 0),
        textcoords="offset points",
        ha="right" if late else "left",
        va="center",
        color=INK,
        fontsize="small",
    )
