"""The page of a report: what its template shows of a run, made inert."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from jobsim import plot
from jobsim.display.text import count_of, printable
from jobsim.plot.counterexample import height
from jobsim.proof.verdict_value import Outcome, Verdict
from jobsim.report import facts
from jobsim.report.again import again
from jobsim.report.charts import Drawn, drawn
from jobsim.report.next_steps import next_steps
from jobsim.report.picture import new_axes, own_style, picture
from jobsim.run.run import Run
from jobsim.scenario.describe import title_and_rows

SHOWN_VIOLATIONS = 5

_LONGEST = 2000
"""Longer texts are cut; jobsim's own texts are all shorter."""

_UNIT = re.compile(r"(?<=\d) (?=%|(?:µs|ms|s|min|h|d)\b)")

_BADGES = {
    Outcome.OK: ("ok", "✓ It held"),
    Outcome.VIOLATED: ("violated", "✗ Violated"),
    Outcome.UNKNOWN: ("unknown", "? Undecided"),
    None: ("none", "○ Simulated"),
}
"""Class and text of the badge; a mark and a word each, so that it can be read without colour."""


def as_page(run: Run, shown: str | None) -> str:
    """Return the report of a run as one page of HTML.

    Parameters
    ----------
    run
        The run.
    shown
        The run's folder, as the user wrote it; None if it was not saved.

    Examples
    --------
    >>> from jobsim import Scenario, run_virtual
    >>> as_page(run_virtual(Scenario(jobs=3)), None).count("<h2>")
    7
    """
    verdict = None if run.calls is None else run.check()
    scenario = run.workload.scenario
    kind, badge = _BADGES[None if verdict is None else verdict.outcome]
    violations = [] if verdict is None else verdict.violations[:SHOWN_VIOLATIONS]
    found = 0 if verdict is None else sum(verdict.counts.values())
    return str(
        _template().render(
            run=run,
            verdict=verdict,
            name=printable(scenario.name, _LONGEST),
            why=scenario.why,
            kind=kind,
            badge=badge,
            late=facts.late(run),
            faults=facts.faults(run),
            scenario_rows=_scenario_rows(run),
            violations=violations,
            more=max(found - SHOWN_VIOLATIONS, 0),
            counterexample=None if verdict is None else _counterexample(verdict),
            tiles=facts.tiles(run),
            parts=facts.parts(run),
            time_spent=facts.time_spent(run),
            figure_rows=facts.all_figures(run),
            charts=drawn(run),
            steps=next_steps(run, verdict, shown),
            provenance_rows=facts.provenance(run, shown),
            code=again(run, shown),
            unsaved=shown is None,
        )
    )


def _scenario_rows(run: Run) -> list[tuple[str, str]]:
    """Return the scenario in words, or the trace that the jobs were read from."""
    scenario, source = run.workload.scenario, run.workload.source
    _, rows = title_and_rows(scenario)
    if source is None:
        return rows
    read = [("log", line) for line in source.describe().split("\n")]
    read += facts.of_log(run)
    return read + [row for row in rows if row[0] == "threads"]


def _counterexample(verdict: Verdict) -> Drawn | None:
    violation = next((found for found in verdict.violations if found.calls), None)
    if violation is None:
        return None
    with own_style():
        ax = plot.counterexample(violation, ax=new_axes(height(violation)))
        return Drawn(violation.sentence, picture(ax))


@functools.cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=_inert,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count_of": count_of, "prose": _prose}
    return environment.get_template("page.html.j2")


def _prose(text: str) -> Markup:
    """Return a sentence, made inert, with no line break between a number and its unit."""
    return Markup(_UNIT.sub("&nbsp;", str(escape(_inert(text)))))  # noqa: S704 - escaped here


def _inert(value: object) -> object:
    """Make text printable before it is escaped; what the template calls safe is left alone."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value, _LONGEST)
    return value
