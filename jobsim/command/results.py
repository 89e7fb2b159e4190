"""A run in the terminal: first what held and what did not, then the figures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobsim.command.arguments import requirement
from jobsim.command.codes import NOT_MET, OK
from jobsim.command.terminal import mark, say, say_rows, say_table

if TYPE_CHECKING:
    from jobsim.figures.require import Requirement
    from jobsim.proof.verdict_value import Verdict
    from jobsim.run.run import Run

_COLUMNS = ("mean", "p50", "p95", "p99")


def add_strict(parser: argparse.ArgumentParser) -> None:
    """Add the option that makes UNKNOWN fail."""
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 also where the verdict is UNKNOWN"
    )


def add_require(parser: argparse.ArgumentParser) -> None:
    """Add the requirements on a run."""
    parser.add_argument(
        "--require",
        type=requirement,
        action="append",
        default=[],
        metavar="'FIGURE<X'",
        help="exit with 1 unless it holds, for instance 'wait_p95<30'; may be repeated",
    )
    add_strict(parser)


def say_run(run: Run, options: argparse.Namespace) -> int:
    """Print what was proved, what was required and what happened; return the exit code."""
    from jobsim.display.text import printable

    code = OK
    if run.calls is not None:
        code = say_verdict(run.check(), strict=options.strict)
    if run.ended == "deadlock":
        code = NOT_MET  # the repository's own locks wait for each other, on any machine
    figures = run.metrics(*(wanted.figure for wanted in options.require))
    # Every requirement is printed, even after one that is not met.
    for wanted in options.require:
        code = code if _say_requirement(wanted, figures) else NOT_MET
    if options.require or run.calls is not None:
        print()
    title, rows = run._display()
    # Distributions have their own table, so their rows are left out of the list.
    spreads = [label for label, _ in rows if f"{label}_p95" in figures]
    say(printable(title))
    say_rows([(label, text) for label, text in rows if label not in spreads])
    _say_spreads(spreads, figures)
    return code


def say_verdict(verdict: Verdict, *, strict: bool) -> int:
    """Print a verdict, and return the exit code."""
    from jobsim.display.text import printable

    # Three values: an UNKNOWN is neither a proof nor a violation.
    held = False if verdict.violations else verdict.ok or None
    for number, (label, text) in enumerate(verdict.rows()):
        say(printable(text), first=f"{mark(held)} {label}  " if not number else f"    {label}  ")
    return NOT_MET if verdict.violations or (strict and held is None) else OK


def _say_requirement(wanted: Requirement, figures: dict[str, float]) -> bool:
    from jobsim.studies.words import in_words

    met = wanted.is_met(figures)
    found = in_words(figures.get(wanted.figure, float("nan")), wanted.figure)
    say(f"{wanted}: {found}", first=f"{mark(met)} ")
    return met


def _say_spreads(names: Sequence[str], figures: dict[str, float]) -> None:
    """Print one distribution per line, in aligned columns."""
    from jobsim.display.text import format_duration

    if names:
        print()
        say_table(
            ["", *_COLUMNS],
            [
                [name, *(format_duration(figures[f"{name}_{column}"]) for column in _COLUMNS)]
                for name in names
            ],
        )
