"""``jobsim presets``: scenarios to begin with, each with its reason."""

from __future__ import annotations

import argparse

from jobsim.command.codes import OK
from jobsim.command.terminal import say_rows

_EXAMPLES = """\
examples:
  jobsim presets
  jobsim run steady
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = _EXAMPLES


def execute(options: argparse.Namespace) -> int:
    """Print the list."""
    from jobsim.scenario.presets import presets

    with options.signals.heard():
        say_rows(list(presets().items()), indent=0)
    return OK
