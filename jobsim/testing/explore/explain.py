"""What happened in one schedule, line by line, and which rule it breaks."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from jobsim.domain.codes import ERROR, ILLEGAL, NOT_FOUND, PENDING, STATUSES
from jobsim.testing.explore.judge import Answer, Step
from jobsim.testing.explore.play import BACKDATED, FOREIGN, NO_JOB, TORN, thread_name
from jobsim.testing.explore.programs import CREATE, OTHER, READS
from jobsim.turns import primitives
from jobsim.turns.world import World

CALL, LINE, LOCK, ANSWER = "call", "line", "lock", "answer"
"""Kinds of rows."""

ACQUIRES, RELEASES = "acquires", "releases"
"""The first word of a `LOCK` row."""


@dataclass(frozen=True)
class Row:
    """One row of an explanation.

    Attributes
    ----------
    step
        How many points all threads had passed: where `replay_schedule` can stop.
    thread
        Number of the program's thread; -1 for a thread of the repository's own.
    kind
        `CALL`, `LINE`, `LOCK` or `ANSWER`.
    text
        What happened: the call, the source line, the lock's line and what was done, the answer.
    file, line
        Where, for lines and locks; "" and 0 otherwise.
    """

    step: int
    thread: int
    kind: str
    text: str
    file: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        """``file:line``, empty for calls and answers."""
        return f"{Path(self.file).name}:{self.line}" if self.file else ""


@dataclass
class Recording:
    """Records what happens in a run; called by the thread that has the turn.

    Attributes
    ----------
    rows
        What happened, in order; a source line appears once, until a switch or another line.
    codes
        The code objects under test that ran.
    """

    stop_at: int | None = None
    stop: Callable[[FrameType], None] | None = None
    rows: list[Row] = field(default_factory=list)
    codes: set[CodeType] = field(default_factory=set)
    world: World | None = None

    def _add(self, me: int | None, kind: str, text: str, file: str = "", line: int = 0) -> None:
        """Add one row, unless it repeats the last line of the same thread."""
        world = self.world
        assert world is not None  # noqa: S101 - set before the run
        name = world.names[me] if me is not None else ""
        # The repository's own threads have names of other forms, and the number -1.
        head, _, number = name.rpartition("-")
        thread = int(number) if head == "thread" and number.isdigit() else -1
        row = Row(world.points, thread, kind, text, file, line)
        last = self.rows[-1] if self.rows else None
        if last is not None and kind == LINE and _same(last, row):
            return
        self.rows.append(row)

    def point(self, me: int, frame: FrameType) -> None:
        """Note the source line of a point, and stop there if that was asked for."""
        self.codes.add(frame.f_code)
        file, line = frame.f_code.co_filename, frame.f_lineno
        self._add(me, LINE, linecache.getline(file, line).strip(), file, line)
        world = self.world
        if self.stop is not None and world is not None and world.points == self.stop_at:
            self.stop(frame)

    def lock(self, me: int, taken: bool, lock: Any, frame: FrameType) -> None:
        """Note that a lock of the code under test was taken or released."""
        while frame.f_globals.get("__name__") == primitives.__name__ and frame.f_back is not None:
            frame = frame.f_back  # a lock's own `with`
        file, line = frame.f_code.co_filename, frame.f_lineno
        if frame.f_code not in self.codes:
            return  # inside a condition or a queue
        self._add(me, LOCK, f"{ACQUIRES if taken else RELEASES} {lock.label()}", file, line)

    def begins(self, step: Step) -> None:
        """Note that a thread makes a call."""
        self._add(self._me(), CALL, call_text(step))

    def returned(self, step: Step, answer: Answer) -> None:
        """Note what a call answered."""
        self._add(self._me(), ANSWER, f"{call_text(step)} {answer_text(step, answer)}")

    def _me(self) -> int | None:
        return self.world.me() if self.world is not None else None


def _same(last: Row, row: Row) -> bool:
    return (last.thread, last.kind, last.file, last.line) == (
        row.thread,
        row.kind,
        row.file,
        row.line,
    )


def call_text(step: Step) -> str:
    """Return a call as source text.

    Examples
    --------
    >>> call_text(("running", 0, 1)), call_text(("get", 1, 0))
    ('update_status(running)', "get()'")
    """
    name, job, _ = step
    mark = OTHER if job else ""
    if name == "close":
        return "close()"
    if name == "created":
        return "get(a job that was created)"
    return f"{name}(){mark}" if name in (*READS, CREATE) else f"update_status({name}){mark}"


def answer_text(step: Step, answer: Answer) -> str:
    """Return an answer as a verb phrase."""
    if answer[0] == ILLEGAL:
        seen = answer[1]
        return "was refused" + (f" from {STATUSES[seen].value}" if seen >= 0 else "")
    if answer[0] == NOT_FOUND:
        return "found no such job"
    if answer[0] in (ERROR, PENDING):
        return "raised"
    if step[0] == "count":
        return f"answered {answer[1]}"
    if NO_JOB in answer[1:]:
        return "answered something else than was asked for"
    if step[0] == "snapshot":
        shown = ", ".join(STATUSES[status].value for status in answer[2::2])
        return f"answered {answer[1]} jobs: {shown}"
    status, writer = answer[1], answer[2]
    return f"answered {STATUSES[status].value}{_writer_text(writer)}"


def _writer_text(writer: int) -> str:
    odd = {
        TORN: " with texts that do not fit it",
        FOREIGN: " of another job",
        BACKDATED: " with an earlier time than before",
    }
    if writer in odd:
        return odd[writer]
    return f" by {thread_name(writer)}" if writer >= 0 else ""
