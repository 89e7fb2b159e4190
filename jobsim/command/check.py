"""``jobsim check``: the verdict on a saved run, from what was recorded."""

from __future__ import annotations

import argparse
from pathlib import Path

from jobsim.command.results import add_strict, say_verdict

_EXAMPLES = """\
examples:
  jobsim check runs/log
  jobsim check runs/log --strict     # for a pipeline that wants a proof
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a saved run")
    add_strict(parser)


def execute(options: argparse.Namespace) -> int:
    """Print the verdict."""
    from jobsim.run.run import Run

    with options.signals.heard():
        return say_verdict(Run.load(options.run).check(), strict=options.strict)
