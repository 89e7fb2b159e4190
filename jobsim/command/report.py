"""``jobsim report``: the page of a saved run."""

from __future__ import annotations

import argparse
from pathlib import Path

from jobsim.command.codes import OK
from jobsim.command.terminal import say

_EXAMPLES = """\
examples:
  jobsim report runs/log
  jobsim report runs/log --out log.html
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a saved run")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.html",
        help="a new file; by default report.html in the folder, where an older one is replaced",
    )


def execute(options: argparse.Namespace) -> int:
    """Write the report."""
    from jobsim.report.build import build_report

    options.signals.at_once = False
    with options.signals.heard():
        path = build_report(options.run, options.out)
    say(str(path), first="Report  ")
    return OK
