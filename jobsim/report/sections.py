"""The sections of the report, as the cells of its notebook show them."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from jobsim import plot
from jobsim.display.text import count_of, printable
from jobsim.proof.verdict import Outcome, Verdict
from jobsim.report import facts, sentences
from jobsim.report.again import again
from jobsim.report.charts import Drawn, drawn
from jobsim.report.next_steps import next_steps
from jobsim.report.picture import own_style, picture
from jobsim.run.run import Run
from jobsim.scenario.describe import title_and_rows

SHOWN_VIOLATIONS = 5

_LONGEST = 2000
"""Longer texts are cut; no text of jobsim's own is."""

_UNIT = re.compile(r"(?<=\d) (?=%|(?:µs|ms|s|min|h|d)\b)")

_BADGES = {
    Outcome.OK: ("ok", "✓ It held"),
    Outcome.VIOLATED: ("violated", "✗ Violated"),
    Outcome.UNKNOWN: ("unknown", "? Undecided"),
    None: ("none", "○ Nothing proved"),
}
"""Class and text of the badge; a sign and a word each, so that no colour is needed."""


class Section:
    """A piece of the page; in a terminal it tells its name."""

    def __init__(self, name: str, html: str) -> None:
        self._name, self._html = name, html

    def __repr__(self) -> str:
        return f"<{self._name} of the report; a notebook shows it>"

    def _repr_html_(self) -> str:
        return self._html


def opening(run: Run, verdict: Verdict | None) -> Section:
    """Show the question: the scenario's name, why it was run, and the verdict in a word."""
    scenario = run.workload.scenario
    kind, badge = _BADGES[None if verdict is None else verdict.outcome]
    return _section("opening", name=scenario.name, why=scenario.why, kind=kind, badge=badge)


def scenario(run: Run) -> Section:
    """Show the scenario in words, or the trace that the jobs were read from."""
    scenario, source = run.workload.scenario, run.workload.source
    _, rows = title_and_rows(scenario)
    if source is not None:
        read = [("trace", line) for line in source.describe().split("\n")]
        rows = read + [row for row in rows if row[0] == "threads"]
    return _section("scenario", rows=rows)


def proof(run: Run, verdict: Verdict | None) -> Section:
    """Show what was proved or refuted, with the calls that refute it."""
    if verdict is None:
        return _section("not_proved")
    return _section(
        "proof",
        run=run,
        verdict=verdict,
        kind=_BADGES[verdict.outcome][0],
        violations=verdict.violations[:SHOWN_VIOLATIONS],
        more=max(sum(verdict.counts.values()) - SHOWN_VIOLATIONS, 0),
        chart=_counterexample(verdict),
    )


def summary(run: Run) -> Section:
    """Show the key figures, and where the time of a finished job went."""
    return _section(
        "summary",
        tiles=facts.tiles(run),
        parts=facts.parts(run),
        sentence=sentences.time_spent(run),
        rows=facts.all_figures(run),
    )


def charts(run: Run) -> Section:
    """Show every chart that has something to show of this run, each with its sentence."""
    return _section("charts", charts=drawn(run))


def what_next(run: Run, verdict: Verdict | None, shown: str | None) -> Section:
    """Show what to try next, each with its reason and something to type."""
    return _section("what_next", steps=next_steps(run, verdict, shown))


def provenance(run: Run, shown: str | None) -> Section:
    """Show where the run comes from."""
    return _section("provenance", rows=facts.provenance(run, shown))


def reproduce(run: Run, shown: str | None) -> Section:
    """Show what runs the same jobs again."""
    return _section("reproduce", code=again(run, shown), unsaved=shown is None)


def _counterexample(verdict: Verdict) -> Drawn | None:
    violation = next((found for found in verdict.violations if found.calls), None)
    if violation is None:
        return None
    with own_style():
        return Drawn(violation.sentence, picture(plot.counterexample(violation)))


def _section(macro: str, **values: Any) -> Section:
    return Section(macro, str(getattr(_templates().module, macro)(**values)))


@functools.cache
def _templates() -> Any:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=_inert,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count_of": count_of, "prose": _prose}
    return environment.get_template("sections.html.j2")


def _prose(text: str) -> Markup:
    """Return a sentence, made inert, in which no line breaks between a number and its unit."""
    return Markup(_UNIT.sub("&nbsp;", str(escape(_inert(text)))))  # noqa: S704 - escaped here


def _inert(value: object) -> object:
    """Make text printable before it is escaped; what the template calls safe is left alone."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value, _LONGEST)
    return value
