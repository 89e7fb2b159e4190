"""What an exploration found, and how far it got."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobsim.display.text import Rows, count_of, format_duration, rows_as_html, rows_as_text
from jobsim.testing.explore.runner import Explored
from jobsim.testing.explore.scheduled import ScheduledRun, ScheduleViolation

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Scope:
    """A group of programs of one kind, and how many of their schedules were run.

    Attributes
    ----------
    what
        The kind in words, such as "two threads with one call each".
    bound
        The largest number of preemptions.
    programs, complete
        How many programs there are, and for how many of them every schedule was run.
    schedules
        How many schedules were run for this group.
    """

    what: str
    bound: int
    programs: int
    complete: int
    schedules: int

    def __str__(self) -> str:
        some = "all" if self.complete == self.programs else f"{self.complete:,} of"
        at = {0: "without preemption", 1: "at one preemption", 2: "at two preemptions"}
        how = at.get(self.bound, f"at {self.bound} preemptions")
        return f"{some} {self.programs:,} programs of {self.what} {how}"


@dataclass(frozen=True, repr=False)
class Exploration:
    """The result of running every schedule of small programs, as far as the budget went.

    It claims no more than was done: for these programs, at this granularity, up to this number of
    preemptions.

    Attributes
    ----------
    repository
        Name of what was tested.
    scopes
        What was explored, in order.
    explored
        What is known about each program.
    violations
        Runs that break a rule, in the order in which they were found.
    schedules
        How many schedules were run systematically.
    sampled
        How many random schedules were run besides.
    sampling
        What the random schedules can find, in a sentence; empty without any.
    stopped
        Why it ended early: "violation", "budget", "time limit", "interrupted"; None if it did not.
    uncontrolled
        What escaped control, one sentence each; such programs prove nothing.
    seconds
        How long it took, on the wall clock.
    """

    repository: str
    scopes: tuple[Scope, ...]
    explored: tuple[Explored, ...] = field(compare=False)
    violations: tuple[ScheduledRun, ...]
    schedules: int
    sampled: int
    sampling: str
    stopped: str | None
    uncontrolled: tuple[str, ...]
    seconds: float = field(compare=False)

    @property
    def ok(self) -> bool:
        """Whether no schedule that was run breaks a rule; see `complete` for what was not run."""
        return not self.violations

    @property
    def complete(self) -> bool:
        """Whether every schedule asked for was run under control, and none breaks a rule."""
        return self.ok and self.stopped is None and not self.uncontrolled

    @property
    def violation(self) -> ScheduledRun | None:
        """The first violation, None without one."""
        return self.violations[0] if self.violations else None

    @property
    def programs(self) -> pd.DataFrame:
        """One row per program: what it is, how far it was explored, what was found."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "program": str(known.program),
                    "threads": len(known.program.threads),
                    "calls": known.program.calls,
                    "preemptions": known.bound,
                    "schedules": known.schedules,
                    "left": known.left,
                    "sampled": known.sampled,
                    "histories": known.histories,
                    "points": known.points,
                    "violated": known.finding is not None,
                    "uncontrolled": known.uncontrolled or "",
                }
                for known in self.explored
            ]
        )

    def raise_on_violation(self) -> None:
        """Raise `ScheduleViolation`, an AssertionError, if a schedule breaks a rule."""
        if self.violation is not None:
            raise ScheduleViolation(self.violation)

    def __bool__(self) -> bool:
        raise TypeError("an exploration has more than two outcomes; ask .ok or .complete")

    @property
    def claim(self) -> str:
        """What may be said now, in one sentence."""
        if self.violation is not None:
            found = self.violation
            return (
                f"VIOLATED: {found.rule} after {self.schedules:,} schedules, with "
                f"{count_of(found.preemptions, 'preemption')}"
            )
        far = "; ".join(self._reached())
        counted = f"{self.schedules:,} schedules, no violation"
        if self.complete:
            return f"HOLDS: {counted}: {far}"
        how = "interrupted" if self.stopped == "interrupted" else "not complete"
        if not far:
            return f"NOT PROVED: {counted}" + (f", {how}" if how == "interrupted" else "")
        return f"NO VIOLATION, {how}: {counted}: {far}"

    def _reached(self) -> list[str]:
        """Return how far each kind of program was explored; a bound hides the smaller ones."""
        told = []
        for what in dict.fromkeys(scope.what for scope in self.scopes):
            mine = [scope for scope in self.scopes if scope.what == what and scope.complete]
            whole = [scope for scope in mine if scope.complete == scope.programs]
            last = max(whole, key=lambda scope: scope.bound, default=None)
            if last is not None:
                told.append(str(last))
            further = [s for s in mine if last is None or s.bound > last.bound]
            told += [str(scope) for scope in further]
        return told

    def display_rows(self) -> Rows:
        """Return labels and texts, the claim first."""
        rows: Rows = [("result", self.claim)]
        found = self.violation
        if found is not None:
            rows += [("program", str(found.program)), (found.rule or "", found.sentence)]
            rows += [("schedule", found.schedule)]
        for scope in self.scopes:
            rows.append(("explored", f"{scope}: {scope.schedules:,} schedules"))
        if self.sampling:
            rows.append(("sampled", self.sampling))
        if self.stopped and self.stopped != "violation":
            rows.append(("ended", f"early: {self.stopped}"))
        rows += [("no proof", sentence) for sentence in self.uncontrolled[:3]]
        if len(self.uncontrolled) > 3:
            rows.append(("", f"and {len(self.uncontrolled) - 3:,} more programs"))
        points = max((known.points for known in self.explored), default=0)
        rows.append(("points", f"at most {points:,} per run"))
        rows.append(("time", format_duration(self.seconds)))
        rows.append(
            ("scope", "these programs, at this granularity, up to these preemptions; nothing else")
        )
        return rows

    def __repr__(self) -> str:
        return rows_as_text(f"Exploration of {self.repository}", self.display_rows())

    def _repr_html_(self) -> str:
        html = rows_as_html(f"Exploration of {self.repository}", self.display_rows())
        if self.violation is not None:
            html += self.violation._repr_html_()
        return html
