"""``jobsim sweep``: every setting in virtual time, with intervals."""

from __future__ import annotations

import argparse
import math
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from jobsim.command.arguments import count, figure, over
from jobsim.command.codes import BAD_INPUT, NOT_MET, OK
from jobsim.command.explained import FIELDS, FIGURES
from jobsim.command.keeping import keep_table
from jobsim.command.log_options import add_log
from jobsim.command.scenario_options import add_scenario, load_of
from jobsim.command.terminal import complain, say, say_table, table_width, width

if TYPE_CHECKING:
    import pandas as pd

_MOST_RUNS = 1_000_000
_DEFAULT = ("wait_mean", "wait_p95", "utilisation")
_EXAMPLES = f"""\
examples:
  jobsim sweep steady --over workers=4:12
  jobsim sweep mine.toml --over workers=6,8 --over arrivals.rate=4,5.5 --metric wait_p99
  jobsim sweep steady --over workers=4:12 --replications 50 --out all.csv
  jobsim sweep --log jobs.csv --over workers=2:6 --over traffic=1,2

{FIELDS}
{FIGURES}"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = _EXAMPLES
    add_scenario(parser, nargs="?")
    add_log(parser)
    parser.add_argument(
        "--over",
        type=over,
        action="append",
        required=True,
        metavar="FIELD=VALUES",
        help="a field and its values, as in workers=4:12 or arrivals.rate=1,2.5; may be repeated",
    )
    parser.add_argument(
        "--metric",
        type=figure,
        action="append",
        metavar="FIGURE",
        help=f"a figure to print; may be repeated; by default {', '.join(_DEFAULT)}",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="a new file for all figures")
    add_replications(parser)


def add_replications(parser: argparse.ArgumentParser) -> None:
    """Add the option for how often each setting is run."""
    parser.add_argument(
        "--replications", type=count, default=20, metavar="N", help="runs of each setting"
    )


def execute(options: argparse.Namespace) -> int:
    """Run all settings, print their intervals, and write all figures if they are asked for."""
    from jobsim.figures.names import UNITS
    from jobsim.files.claim import Claim
    from jobsim.studies.sweep import sweep

    grid = dict(options.over)
    if len(grid) < len(options.over):
        options.parser.error("--over names a field twice; give all its values at once")
    # Counted before the grid is built: a slip in a range can ask for more than fits into memory.
    runs = options.replications * math.prod(map(len, grid.values()))
    if runs > _MOST_RUNS:
        options.parser.error(f"that is {runs:,} runs; ask for at most {_MOST_RUNS:,}")
    load = load_of(options)
    options.signals.at_once = False
    with nullcontext() if options.out is None else Claim(options.out) as claim:
        # Warnings are kept until the table is printed, so that they appear below it.
        with warnings.catch_warnings(record=True) as warned, options.signals.heard():
            warnings.simplefilter("always")
            further = [name for name in options.metric or () if name not in UNITS]
            table = sweep(load, grid, replications=options.replications, figures=further)
        interrupted = options.signals.number is not None
        if len(table):
            _say_intervals(table, options.metric or list(_DEFAULT), list(grid))
        problem = ""
        # Part of a sweep in a file would look like all of it.
        if claim is not None and not interrupted:
            path, problem = keep_table(table, claim)
            say(f"\nAll figures of all {len(table):,} runs are in {path}")
    for each in warned:
        complain(f"warning: {each.message}")
    if interrupted:
        if options.out is not None:
            complain(f"{options.out} was not written")
        return int(options.signals.code)
    if problem:
        complain(f"{problem}; the figures are in {path} instead")
        return BAD_INPUT
    return NOT_MET if table["error"].notna().any() else OK


def _say_intervals(table: pd.DataFrame, metrics: list[str], by: list[str]) -> None:
    """Print one table, or one per figure where they do not fit side by side."""
    from jobsim.display.text import format_given_share
    from jobsim.figures.intervals import intervals

    found = {metric: intervals(table, metric) for metric in metrics}
    level = next(iter(found.values()))["level"].iloc[0]
    say(f"Means with their {format_given_share(level)} intervals, {_replications(found)}\n")
    # One table where it fits, because people compare the figures of a setting along its row.
    groups = [metrics]
    # Wrapped rows of a table cannot be read, so it is divided by columns.
    if table_width(*_columns(found, metrics, by), indent=0) > width():
        groups = [[metric] for metric in metrics]
    for number, group in enumerate(groups):
        if number:
            print()
        say_table(*_columns(found, group, by), indent=0)


def _columns(
    found: dict[str, pd.DataFrame], metrics: list[str], by: list[str]
) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of a table with these figures."""
    from jobsim.display.text import printable
    from jobsim.figures.names import unit_of

    settings = found[metrics[0]][by]
    columns = [[printable(_plain(value)) for value in settings[name]] for name in by]
    for metric in metrics:
        cells = zip(found[metric]["mean"], found[metric]["half_width"], strict=True)
        columns.append([with_error(mean, half) for mean, half in cells])
    head = [*by, *(f"{metric} ({unit_of(metric)})" for metric in metrics)]
    return head, [list(row) for row in zip(*columns, strict=True)]


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _replications(found: dict[str, pd.DataFrame]) -> str:
    from jobsim.display.text import count_of

    counts = {int(n) for each in found.values() for n in each["n"]}
    few, many = min(counts), max(counts)
    return f"{'' if few == many else f'{few:,} to '}{count_of(many, 'run')} each"


def with_error(mean: float, half_width: float) -> str:
    """Return a mean and its half-width, rounded to the digits that are known.

    Examples
    --------
    >>> with_error(49.9812, 4.0431), with_error(0.71, float("nan")), with_error(12345.6, 678.9)
    ('49.98 ± 4.04', '0.71', '12,346 ± 679')
    """
    if math.isnan(mean):
        return "none"
    if math.isnan(half_width):
        return f"{mean:,.3g}" if abs(mean) < 1000 else f"{mean:,.0f}"
    # Two digits of the error say how many digits of the mean are known.
    size = half_width or abs(mean) or 1.0
    places = min(max(2 - math.floor(math.log10(size)), 0), 9)
    return f"{mean:,.{places}f} ± {half_width:,.{places}f}"
