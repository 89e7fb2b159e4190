"""``jobsim show``: a saved run, printed as ``jobsim run`` prints it."""

from __future__ import annotations

import argparse
from pathlib import Path

from jobsim.command.explained import FIGURES
from jobsim.command.results import add_require, say_run
from jobsim.command.terminal import say

_EXAMPLES = f"""\
examples:
  jobsim show runs/log
  jobsim show runs/log --require 'wait_p95<30' --require 'utilisation<=0.8'

{FIGURES}"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a saved run")
    add_require(parser)


def execute(options: argparse.Namespace) -> int:
    """Show a saved run."""
    from jobsim.run.run import Run

    with options.signals.heard():
        run = Run.load(options.run)
        source = run.workload.source
        say(run.workload.scenario.describe() if source is None else source.describe())
        print()
        return say_run(run, options)
