"""Steps through a schedule: the source of each thread with its line marked, locks, answers."""

from __future__ import annotations

import linecache
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from jobsim.testing.explore.explain import ACQUIRES, ANSWER, CALL, LOCK, Row

if TYPE_CHECKING:
    from jobsim.testing.explore.scheduled import ScheduledRun

AROUND = 4
"""Lines of source before and after the marked one."""

_PRE = "margin:0;padding:4px;font-size:12px;line-height:1.35;overflow-x:auto"
_HERE = "background:#ffe08a;color:#000"
_TURN = "border:2px solid #3b6ea5"
_REST = "border:2px solid transparent;opacity:0.75"


@dataclass
class State:
    """The state after one row of a schedule.

    Attributes
    ----------
    turn
        The thread that has just done something.
    at
        Where each thread stands: file and line.
    calls
        What each thread is calling, and what its last call answered.
    held
        Who holds each lock, by the lock's name.
    answers
        What the repository answered so far, the last one last.
    """

    turn: int
    at: dict[int, tuple[str, int]] = field(default_factory=dict)
    calls: dict[int, str] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)


def states(run: ScheduledRun) -> list[State]:
    """Return the state after each row."""
    found: list[State] = []
    now = State(-1)
    for row in run.rows:
        now = State(row.thread, dict(now.at), dict(now.calls), dict(now.held), list(now.answers))
        _apply(now, row)
        found.append(now)
    return found


def _apply(now: State, row: Row) -> None:
    """Update the state by one row; every state is kept, since the slider may jump to any row."""
    if row.file:
        now.at[row.thread] = (row.file, row.line)
    if row.kind in (CALL, ANSWER):
        now.calls[row.thread] = row.text
    if row.kind == ANSWER:
        now.answers.append(row.text)
        now.at.pop(row.thread, None)
    if row.kind == LOCK:
        verb, _, lock = row.text.partition(" the ")
        if verb == ACQUIRES:
            now.held[lock] = row.thread
        else:
            now.held.pop(lock, None)


def view(run: ScheduledRun, state: State, at: int) -> str:
    """Return one state as HTML: a column per thread, then locks, answers and the verdict."""
    names = run.threads
    columns = []
    for number, name in enumerate(names):
        thread = number if number < len(run.program.threads) else -1
        place = state.at.get(thread)
        title = f"<b>{escape(name)}</b> {escape(state.calls.get(thread, ''))}"
        style = _TURN if thread == state.turn else _REST
        columns.append(
            f'<div style="flex:1;min-width:0;{style};border-radius:6px;padding:4px">'
            f"{title}{_source(*place) if place else ''}</div>"
        )
    held = ", ".join(
        f"the {escape(lock)}: {escape(names[thread])}" for lock, thread in state.held.items()
    )
    answers = "; ".join(escape(answer) for answer in state.answers[-4:])
    last = at == len(run.rows) - 1
    broken = f"<p><b>{escape(run.rule or '')}</b>: {escape(run.sentence)}</p>" if last else ""
    return (
        f'<div style="display:flex;gap:8px">{"".join(columns)}</div>'
        f"<p>locks held: {held or 'none'}</p><p>answered: {answers or 'nothing yet'}</p>{broken}"
    )


def _source(file: str, line: int) -> str:
    lines = []
    for number in range(max(line - AROUND, 1), line + AROUND + 1):
        text = linecache.getline(file, number).rstrip("\n")
        if not text and number > line:
            break
        code = f"{number:>4}  {escape(text)}"
        lines.append(f'<span style="{_HERE}">{code}</span>' if number == line else code)
    return f'<pre style="{_PRE}">' + "\n".join(lines) + "</pre>"


def stepper(run: ScheduledRun) -> Any:
    """Return a slider over the schedule and the view below it.

    Raises
    ------
    ImportError
        Without ipywidgets, which `pip install jobsim-toolkit[notebook]` brings.
    """
    import ipywidgets

    every = states(run)
    slider = ipywidgets.IntSlider(
        value=0, min=0, max=max(len(every) - 1, 0), description="row", continuous_update=True
    )
    play = ipywidgets.Play(value=0, min=0, max=slider.max, interval=600)
    shown = ipywidgets.HTML()

    def show(_change: object = None) -> None:
        at = slider.value
        shown.value = view(run, every[at], at) if every else ""

    ipywidgets.jslink((play, "value"), (slider, "value"))
    slider.observe(show, "value")
    show()
    return ipywidgets.VBox([ipywidgets.HBox([play, slider]), shown])
