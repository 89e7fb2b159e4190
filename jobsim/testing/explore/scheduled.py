"""One schedule of one program, run again and explained in full: the type of `violation`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobsim.display.text import Rows, count_of, rows_as_text
from jobsim.domain.exceptions import JobsimError
from jobsim.testing.explore.explain import ANSWER, CALL, LOCK, Row, answer_text, call_text
from jobsim.testing.explore.judge import Answer, Step
from jobsim.testing.explore.play import BACKDATED, FOREIGN, NO_JOB, TORN, Entry, thread_name
from jobsim.testing.explore.programs import Program
from jobsim.testing.explore.runner import Ran

if TYPE_CHECKING:
    import pandas as pd

_ODD = {
    TORN: ("torn", "a status and its texts are written at one instant"),
    FOREIGN: ("identifiers", "a call answers the job that it was made on"),
    BACKDATED: ("timestamps", "a job's time never goes back"),
    NO_JOB: ("wrong_answer", "a call answers a job, count a number"),
}


class ScheduleViolation(JobsimError, AssertionError):  # noqa: N818 - a finding, not a fault
    """A schedule breaks a rule; `run` explains it, and `run.schedule` can be run again."""

    def __init__(self, run: ScheduledRun) -> None:
        super().__init__(run)
        self.run = run

    def __str__(self) -> str:
        return str(self.run)


@dataclass(frozen=True, repr=False)
class ScheduledRun:
    """What one program did under one schedule.

    Attributes
    ----------
    repository
        Name of what was tested.
    program
        What the threads called.
    schedule
        The schedule as a text, for `replay_schedule`.
    preemptions
        How often a thread lost its turn although it could go on.
    rule
        The broken rule, such as ``"written_twice"`` or ``"deadlock"``; None if none is broken.
    sentence
        What is wrong, for people; empty if no rule is broken.
    history
        Every call: invocation, return, call and answer as text, in order of the returns.
    rows
        What happened, line by line.
    details
        The traceback of an error, or which thread waits for what; empty otherwise.
    """

    repository: str
    program: Program
    schedule: str
    preemptions: int
    rule: str | None
    sentence: str
    history: tuple[tuple[int, int, str, str], ...]
    rows: tuple[Row, ...] = field(compare=False)
    details: str = field(default="", compare=False)

    @property
    def ok(self) -> bool:
        """Whether no rule is broken."""
        return self.rule is None

    def table(self) -> pd.DataFrame:
        """Return the explanation as a table: one row per step, one column per thread.

        Columns are ``step``, the threads, and ``where``, the ``file:line``. A source line appears
        once until the thread goes on to another line, or loses its turn.
        """
        import pandas as pd

        names = self.threads
        told = []
        for row in self.rows:
            cells = dict.fromkeys(names, "")
            cells[_name(row.thread)] = _cell(row)
            told.append({"step": row.step, **cells, "where": row.place})
        return pd.DataFrame(told, columns=["step", *names, "where"])

    @property
    def threads(self) -> list[str]:
        """The names of the columns: the program's threads, then the repository's own."""
        names = [thread_name(number) for number in range(len(self.program.threads))]
        others = any(row.thread < 0 for row in self.rows)
        return [*names, OWN] if others else names

    def raise_on_violation(self) -> None:
        """Raise `ScheduleViolation`, an AssertionError, if a rule is broken."""
        if self.rule is not None:
            raise ScheduleViolation(self)

    def lines(self, width: int = 44) -> list[str]:
        """Return the table as text, for a terminal."""
        names = self.threads
        out = ["  ".join([f"{'step':>5}", *[f"{name:<{width}}" for name in names]]).rstrip()]
        for row in self.rows:
            cell = f"{_cell(row)}"
            if row.place:
                cell = f"{row.place}  {cell}"
            cells = [cell if _name(row.thread) == name else "" for name in names]
            text = "  ".join(f"{_cut(cell, width):<{width}}" for cell in cells)
            out.append(f"{row.step:>5}  {text}".rstrip())
        return out

    def display_rows(self) -> Rows:
        """Return labels and texts, the rule first."""
        told = count_of(self.preemptions, "preemption")
        rows: Rows = [
            ("rule", self.rule or "none is broken"),
            ("program", str(self.program)),
            ("preemptions", told),
            ("schedule", self.schedule),
        ]
        if self.sentence:
            rows.insert(1, ("", self.sentence))
        return rows

    def __repr__(self) -> str:
        head = rows_as_text(f"Schedule of {self.repository}", self.display_rows())
        again = (
            "to run it again:\n"
            "    from jobsim.testing import replay_schedule\n"
            f'    replay_schedule({self.repository}, "{self.schedule}")'
        )
        parts = [head, "\n".join(self.lines()), again]
        if self.details:
            parts.insert(2, self.details)
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        from jobsim.testing.explore.html import page_part

        return page_part(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show a slider if the front end has widgets, otherwise the table."""
        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": self._repr_html_()}
        try:
            widget = self.stepper()
        except ImportError:
            return bundle
        return {**widget._repr_mimebundle_(), **bundle}

    def stepper(self) -> Any:
        """Return a slider that walks through the schedule, line by line.

        Raises
        ------
        ImportError
            Without ipywidgets.
        """
        from jobsim.testing.explore.stepper import stepper

        return stepper(self)

    def save_page(self, path: Path) -> Path:
        """Write the schedule as an HTML page with its picture, and return the path."""
        from jobsim.testing.explore.html import page

        path.write_text(page(self), encoding="utf-8")
        return path


OWN = "its own threads"


def _name(thread: int) -> str:
    return thread_name(thread) if thread >= 0 else OWN


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _cell(row: Row) -> str:
    marks = {CALL: "→ ", ANSWER: "← ", LOCK: "· "}
    return f"{marks.get(row.kind, '')}{row.text}"


def rule_of(ran: Ran, *, holds: bool) -> tuple[str | None, str, str]:
    """Return the rule that a run breaks, a sentence on it, and details."""
    answers = ran.answers
    if ran.end.deadlock is not None:
        return "deadlock", "no thread can go on", str(ran.end.deadlock)
    if ran.rule == "hang":
        left = "; ".join(f"{name} at {where}" for name, where in ran.end.left)
        return "hang", f"no thread made progress for seconds: {left}", ""
    if answers.raised:
        first = answers.raised[0]
        call = call_text((first.call, 0, first.thread))
        return "error", f"{thread_name(first.thread)}'s {call} raised {first.text}", first.stack
    if ran.end.errors:
        name, error = next(iter(ran.end.errors.items()))
        return "error", f"thread {name} of the repository ended: {error!r:.200}", ""
    if answers.repeated is not None:
        return "unique_ids", f"two jobs have the id {answers.repeated!r}", ""
    return (None, "", "") if holds else _history_rule(answers.history, ran)


def _history_rule(history: list[Entry], ran: Ran) -> tuple[str | None, str, str]:
    """Choose the rule to report: causes come before their consequences."""
    from jobsim.testing.explore.tables import judged

    verdict = judged(history, ran.answers.start)
    odd = [
        (*_ODD[number], step, answer)
        for _, _, step, answer in history
        for number in answer[1:]
        if number in _ODD and step[0] != "count" and answer[0] == 0
    ]
    # Causes first: two writes explain a time that went back, and not the other way round.
    causes = [v for v in verdict.violations if v.rule not in ("timestamps", "identifiers")]
    if not causes and odd:
        rule, why, step, answer = odd[0]
        return rule, f"{told(step, answer)}: {why}", ""
    if verdict.violations:
        first = (causes or list(verdict.violations))[0]
        return first.rule, first.sentence, ""
    # Read at the end, after all writes, so nothing explains that the job is missing.
    lost = [(step, answer) for _, _, step, answer in history if step[0] == "created"]
    if lost:
        return "accounted", f"a job that was created is lost: {told(*lost[0])}", ""
    calls = "; ".join(told(step, answer) for _, _, step, answer in history)
    rule = "snapshot" if any(step[0] == "snapshot" for _, _, step, _ in history) else "order"
    return rule, f"no order of these calls explains all their answers: {calls}", ""


def told(step: Step, answer: Answer) -> str:
    """Return a call with its thread and its answer, as a sentence."""
    return f"{thread_name(step[2])}'s {call_text(step)} {answer_text(step, answer)}"
