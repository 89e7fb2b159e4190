"""The verdict as a value, with the calls that prove each violation."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from jobsim.display.text import count_of, rows_as_html, rows_as_text
from jobsim.domain.exceptions import JobsimError

_SHOWN = 5
"""Violations in a display, which should be short; `violations` has more."""

_SCOPE = "this history only: another run of the same code may end otherwise"


class Outcome(str, Enum):  # noqa: UP042 - like JobStatus: str first, then Enum
    """The outcome of a verdict."""

    OK = "OK"
    VIOLATED = "VIOLATED"
    UNKNOWN = "UNKNOWN"


def replaced_threads(library: str) -> str:
    """Return the phrase for a run whose threads were another library's.

    Examples
    --------
    >>> replaced_threads("gevent")
    "gevent had replaced Python's threads: its own switch only where one waits"
    """
    return f"{library} had replaced Python's threads: its own switch only where one waits"


@dataclass(frozen=True)
class Call:
    """One call of a history, as plain values.

    Attributes
    ----------
    row
        Its row in `calls`; -1 for the final read, which is a row of `final`.
    actor
        Which thread made it.
    op, outcome
        As in `calls`.
    job
        Job number, -1 if unknown.
    target, observed
        Status values, None where `calls` has none.
    invoked_ns, returned_ns
        On the history's clock; `returned_ns` is None while pending.
    """

    row: int
    actor: str
    op: str
    job: int
    target: str | None
    invoked_ns: int
    returned_ns: int | None
    outcome: str
    observed: str | None

    @property
    def name(self) -> str:
        """The actor and the call: ``"worker-1's update_status(running)"``."""
        return f"{self.actor}'s {self.op}" + (f"({self.target})" if self.target else "")

    @property
    def answer(self) -> str:
        """How the call ended, as a verb phrase."""
        match self.outcome:
            case "ok":
                return f"answered {self.observed}" if self.observed else "answered no status"
            case "illegal":
                return f"was refused from {self.observed}" if self.observed else "was refused"
            case "not_found":
                return "found no such job"
            case "error":
                return "ended in an error"
            case "no_effect":
                return "ended in an error, without effect"
            case _:
                return "never returned"


@dataclass(frozen=True)
class Violation:
    """One thing that no correct repository could have answered, and its proof.

    Attributes
    ----------
    job
        Job number, -1 if it concerns no single job.
    rule
        Stable name of what is violated, such as ``"real_time"``.
    sentence
        What happened, for a person; times are since the first call of the history.
    calls
        The calls that prove it. For a violation of real time there are two, the one that returned
        first in front, and a third if a refusal does not name the state that it saw.
    killed_ns
        When the server was killed that lost a write, on the clock of `calls`; else None.
    """

    job: int
    rule: str
    sentence: str
    calls: tuple[Call, ...]
    killed_ns: int | None = None


class HistoryViolation(JobsimError, AssertionError):  # noqa: N818 - a violation, not a fault
    """The repository gave answers that no correct one can; look at `verdict.violations`."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict

    def __str__(self) -> str:
        return str(self.verdict)


@dataclass(frozen=True, repr=False)
class Verdict:
    """What the checks found in one history; it says nothing about other histories.

    A verdict is true if it is `ok`, so ``if verdict`` and ``assert verdict`` work as expected.

    Attributes
    ----------
    jobs, calls
        How many were checked. Final reads are not counted as calls.
    checks
        Which checks were run; a check whose input is missing is not among them.
    violations
        By rule, causes first, then by job. At most 100 are kept, some of each rule; `counts`
        counts all of them.
    counts
        How many violations each rule has, including those that are not kept.
    undecided
        What the history leaves open, one sentence each.
    errors
        How many calls of each operation raised something other than a refusal. Each may have taken
        effect, at once, later or never, and is judged so.
    unreturned
        How many calls of each operation had not returned when the history ended.
    overlapping
        Whether two calls were ever under way at the same time; None if that is not known.
    untried
        Pairs of calls that were never under way at the same time, see `jobsim.proof.overlap`.
        This history cannot show a race between them.
    incomplete
        Why the run did not control every turn, or had no real threads, one phrase each. Such a
        run proves nothing about its threads.

    Examples
    --------
    >>> verdict = Verdict(jobs=3, calls=12, checks=("linearizability",))
    >>> verdict.ok, verdict.outcome.value
    (True, 'OK')
    >>> verdict
    verdict  OK
    checked  3 jobs, 12 calls: linearizability
    scope    this history only: another run of the same code may end otherwise
    """

    jobs: int
    calls: int
    checks: tuple[str, ...]
    violations: tuple[Violation, ...] = ()
    counts: dict[str, int] = field(default_factory=dict, hash=False)
    undecided: tuple[str, ...] = ()
    errors: dict[str, int] = field(default_factory=dict, hash=False)
    unreturned: dict[str, int] = field(default_factory=dict, hash=False)
    overlapping: bool | None = None
    untried: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """VIOLATED if anything is, else UNKNOWN if anything is undecided, else OK."""
        # In this order: a violation is a proof, whatever else is left open.
        if self.violations:
            return Outcome.VIOLATED
        return Outcome.UNKNOWN if self.undecided else Outcome.OK

    @property
    def ok(self) -> bool:
        """Whether nothing is violated or open, every call was answered, and the run is complete.

        Errors and calls that never returned are not violations: `outcome` is OK if the rest of the
        history allows it. But a repository that fails half its calls is not fine.
        """
        answered = not self.errors and not self.unreturned
        return self.outcome is Outcome.OK and answered and not self.incomplete

    @property
    def caveats(self) -> tuple[str, ...]:
        """What to know before relying on the outcome, one phrase each."""
        found = []
        if self.errors:
            number = sum(self.errors.values())
            found.append(f"{number:,} of {count_of(self.calls, 'call')} raised an error")
        if self.unreturned:
            found.append(f"{count_of(sum(self.unreturned.values()), 'call')} never returned")
        if self.overlapping is False and self.calls:
            found.append("no two calls were under way at the same time")
        found += self.incomplete
        return tuple(found)

    def raise_on_violation(self) -> None:
        """Raise `HistoryViolation`, an AssertionError, if anything is violated.

        UNKNOWN does not raise; use ``assert verdict.ok`` to exclude it as well.
        """
        if self.violations:
            raise HistoryViolation(self)

    def __bool__(self) -> bool:
        return self.ok

    def rows(self) -> list[tuple[str, str]]:
        """Return the labels and texts of a display, the outcome first."""
        rows = [
            ("verdict", self._headline()),
            (
                "checked",
                (
                    f"{count_of(self.jobs, 'job')}, {count_of(self.calls, 'call')}: "
                    f"{', '.join(self.checks)}"
                ),
            ),
        ]
        if self.violations:
            parts = ", ".join(f"{rule} {n:,}" for rule, n in self.counts.items())
            rows.append(("found", parts))
        shown = self._shown()
        rows += [(violation.rule, violation.sentence) for violation in shown]
        hidden = sum(self.counts.values()) - len(shown)
        if hidden > 0:
            rows.append(("", f"and {hidden:,} more, see verdict.violations"))
        rows += [("undecided", sentence) for sentence in self.undecided]
        for label, numbers in (("errors", self.errors), ("unreturned", self.unreturned)):
            if numbers:
                rows.append((label, ", ".join(f"{name} {n:,}" for name, n in numbers.items())))
        if self.untried and self.overlapping:
            rows.append(("untried", f"never at the same time: {', '.join(self.untried)}"))
        rows.append(("scope", _SCOPE))
        return rows

    def _headline(self) -> str:
        if not self.caveats:
            return self.outcome.value
        but = ", but " if self.outcome is Outcome.OK else "; "
        return f"{self.outcome.value}{but}{' and '.join(self.caveats)}"

    def _shown(self) -> list[Violation]:
        """Return a few violations: the first of each rule, then more, causes first."""
        first: dict[str, int] = {}
        for place, violation in enumerate(self.violations):
            first.setdefault(violation.rule, place)
        # One of each rule says more than five of the same: another rule may name the cause.
        ones = list(first.values())[:_SHOWN]
        rest = [place for place in range(len(self.violations)) if place not in ones]
        return [self.violations[at] for at in sorted(ones + rest[: _SHOWN - len(ones)])]

    def __repr__(self) -> str:
        return rows_as_text(None, self.rows())

    def _repr_html_(self) -> str:
        return rows_as_html(None, self.rows())
