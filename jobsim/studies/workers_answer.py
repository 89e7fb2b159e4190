"""How many workers a target takes, and how that was found."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from jobsim.display.text import Rows, Shown, count_of, format_given_share
from jobsim.figures.names import parse_figure
from jobsim.scenario.scenario import Scenario
from jobsim.studies.horizon import Horizon
from jobsim.studies.statistics import Interval
from jobsim.studies.words import in_words, interval_in_words


@dataclass(frozen=True, eq=False, repr=False)
class WorkersNeeded(Shown):
    """The smallest number of workers that meets a target, and how that was found.

    Attributes
    ----------
    scenario
        The load.
    metric, target
        The figure, and the value that it is to have.
    workers
        The answer; None if no number meets the target.
    interval
        The metric at that number of workers; without an answer, at the most that was tried.
    table
        The curve that the search saw, as `sweep` returns it. Runs that could not tell were made
        longer, so numbers of workers close to the answer may have longer runs.
    reason
        Why fewer are too few; without an answer, why there is none.
    horizon
        Which question was answered: about the steady state, or about exactly such a run.
    why
        The reason for this horizon.
    by_theory
        The answer of an exact formula for the steady state; None where there is none.
    """

    scenario: Scenario
    metric: str
    target: float
    workers: int | None
    interval: Interval
    table: pd.DataFrame
    reason: str
    horizon: Horizon
    why: str
    by_theory: int | None = None

    @property
    def met(self) -> bool:
        """Whether some number of workers meets the target."""
        return self.workers is not None

    @property
    def agrees(self) -> bool | None:
        """Whether theory gives the same number; None where no exact formula does."""
        return None if self.by_theory is None else self.by_theory == self.workers

    @property
    def sentence(self) -> str:
        """The answer in words."""
        bound = "at least" if raised(self.metric) else "at most"
        target = f"{self.metric} of {bound} {in_words(self.target, self.metric)}"
        if self.workers is None:
            return f"no answer for a {target}: {self.reason}"
        found = interval_in_words(self.interval, self.metric)
        level = f"{format_given_share(self.interval.level)} confidence"
        return f"{count_of(self.workers, 'worker')} for a {target}: {found} with {level}"

    def _display(self) -> tuple[str, Rows]:
        """Return the rows of the display."""
        rows = [("answer", self.sentence)]
        if self.workers is not None:
            rows.append(("fewer", self.reason))
        rows.append(("horizon", f"{self.horizon}: {self.why}"))
        if self.by_theory is not None:
            agrees = "agrees" if self.agrees else "differs"
            rows.append(("theory", f"{count_of(self.by_theory, 'worker')} (exact); {agrees}"))
        tried = sorted(set(self.table["workers"])) if len(self.table) else []
        rows.append(("tried", ", ".join(f"{workers:,}" for workers in tried) or "nothing"))
        rows.append(("runs", f"{len(self.table):,} of {self._jobs()}"))
        return f"Workers needed by {self.scenario.name!r}", rows

    def _jobs(self) -> str:
        if self.horizon == "steady" and len(self.table):
            lengths = (self.table["warmup"] + self.table["jobs"]).dropna()
            return f"{lengths.min():,.0f} to {count_of(int(lengths.max()), 'job')}"
        if self.scenario.jobs is not None:
            return count_of(self.scenario.jobs, "job")
        if self.scenario.duration is not None:
            return f"{self.scenario.duration:,.6g} s"
        return "all arrivals"  # these end by themselves, as given times do


def raised(metric: str) -> bool:
    """Return whether more workers raise a figure, so that a target is met from below."""
    return parse_figure(metric).at_least
