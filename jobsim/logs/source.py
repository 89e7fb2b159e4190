"""What is known about a trace: its origin, what was used of it, and what its outcomes mean."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from jobsim.display.text import count_of, printable
from jobsim.domain.exceptions import JobsimError

Kind: TypeAlias = Literal["swf", "csv", "json", "parquet", "sql", "frame"]
"""What a log can be written in."""

Ending: TypeAlias = Literal["completed", "failed", "unpaid", "skipped"]
"""What a row becomes: a job that ends so, a job that is never paid, or no job at all."""


class TraceError(JobsimError):
    """The trace cannot be used; fix the file, or name its columns, and read it again.

    Parameters
    ----------
    path
        The file as it was given, or ``"DataFrame"``.
    problem
        What is wrong, and what to do where that is known.
    line
        The line of the file, counted from 1, where it is known.

    Examples
    --------
    >>> str(TraceError("log.csv", "no column for the service time", line=1))
    'log.csv: line 1: no column for the service time'
    """

    def __init__(self, path: str, problem: str, line: int | None = None) -> None:
        super().__init__(path, problem, line)
        self.path, self.problem, self.line = path, problem, line

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}: line {self.line}"
        return f"{where}: {self.problem}"


class OutcomePolicy(BaseModel):
    """What becomes of a job whose logged outcome is neither completed nor failed.

    Each is one of ``"completed"``, ``"failed"``, ``"unpaid"`` (created, never paid) and
    ``"skipped"`` (left out, and counted).

    Attributes
    ----------
    cancelled_before
        Cancelled before it ran: its run time is missing or 0.
    cancelled_during
        Cancelled while it ran.
    unknown
        The log tells no outcomes at all.
    unrecognised
        Its outcome is empty or an unknown word: never taken for completed unless you say so.

    Examples
    --------
    >>> OutcomePolicy(unknown="skipped").unrecognised
    'failed'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cancelled_before: Ending = "unpaid"
    cancelled_during: Ending = "failed"
    unknown: Ending = "completed"
    unrecognised: Ending = "failed"


class TraceSource(BaseModel):
    """Where a workload's jobs were read from, and what became of every row.

    ``rows == jobs + sum(skipped.values())``, unless it was a log of events, and the logged
    outcomes sum to `jobs`.
    `model_dump_json` and `model_validate_json` write and read it.

    Attributes
    ----------
    kind
        What was read.
    name
        The file's name without its folder; ``"DataFrame"`` for a frame.
    sha256
        Hex digest of the file's bytes as they lie on disk; None for a frame.
    rows
        Rows read, without headers, comments and blank lines.
    jobs
        Rows that became jobs.
    skipped
        Rows that did not, counted by reason; each row has one reason.
    completed, failed, cancelled_before, cancelled_during, unknown, unrecognised, unpaid
        The jobs by logged outcome.
    without_wait
        Jobs whose wait the log does not tell.
    first_arrival
        When the first job arrived by the log's own clock, in seconds. It is 0 in the workload.
    unix_start_time
        Unix time of that clock's zero, in seconds; None where the log does not tell.
    outcomes
        What was made of the outcomes that need a choice.
    requests
        How many jobs were asked for, where some were tried more than once; else as `jobs`.
    pays
        Whether the log tells payments.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    name: str
    sha256: str | None
    rows: int
    jobs: int
    skipped: dict[str, int]
    completed: int
    failed: int
    cancelled_before: int
    cancelled_during: int
    unknown: int
    unrecognised: int = 0
    unpaid: int = 0
    without_wait: int
    first_arrival: float
    unix_start_time: float | None
    outcomes: OutcomePolicy
    requests: int | None = None
    pays: bool = False

    def describe(self) -> str:
        """Return, in a few sentences, what was read, what was used and what was assumed.

        Examples
        --------
        >>> import pandas as pd
        >>> from jobsim.scenario.workload import Workload
        >>> frame = pd.DataFrame({"submit": [5, 9, 2], "run_time": [1.5, -1, 2]})
        >>> print(Workload.from_frame(frame).source.describe())
        DataFrame: 3 rows, 2 jobs used.
        Skipped 1: 1 missing run_time.
        Logged outcomes: 2 unknown.
        Run as completed: 2 of unknown outcome.
        No logged wait for 2.
        Each job takes one worker, whatever number of processors it used.
        """
        logged = {
            "completed": self.completed,
            "failed": self.failed,
            "cancelled before they ran": self.cancelled_before,
            "cancelled while they ran": self.cancelled_during,
            "unknown": self.unknown,
            "unrecognised": self.unrecognised,
            "never paid": self.unpaid,
        }
        made = {
            "cancelled before they ran": (self.cancelled_before, self.outcomes.cancelled_before),
            "cancelled while they ran": (self.cancelled_during, self.outcomes.cancelled_during),
            "of unknown outcome": (self.unknown, self.outcomes.unknown),
            "of unrecognised outcome": (self.unrecognised, self.outcomes.unrecognised),
        }
        read, used = count_of(self.rows, "row"), count_of(self.jobs, "job")
        if self.requests is not None and self.requests < self.jobs:
            used = f"{count_of(self.requests, 'job')} in {count_of(self.jobs, 'attempt')}"
        lines = [f"{printable(self.name)}: {read}, {used} used."]
        if self.skipped:
            lines.append(f"Skipped {sum(self.skipped.values()):,}: {listing(self.skipped)}.")
        lines.append(f"Logged outcomes: {listing({k: n for k, n in logged.items() if n})}.")
        for group, (count, ending) in made.items():
            if count:
                made_of = "Never paid" if ending == "unpaid" else f"Run as {ending}"
                lines.append(f"{made_of}: {count:,} {group}.")
        if self.without_wait:
            lines.append(f"No logged wait for {self.without_wait:,}.")
        lines.append("Each job takes one worker, whatever number of processors it used.")
        return "\n".join(lines)


def listing(counts: dict[str, int]) -> str:
    """Return ``"3 of this, 1 of that"``."""
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())
