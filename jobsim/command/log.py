"""``jobsim log``: what was understood of a log of past jobs."""

from __future__ import annotations

import argparse

from jobsim.command.codes import OK
from jobsim.command.limits import add_read_limit
from jobsim.command.log_options import add_log, log_of
from jobsim.command.terminal import say

_EXAMPLES = """\
examples:
  jobsim log jobs.csv                                  which column was taken for what, and why
  jobsim log jobs.csv --columns arrival=queued_at      one that was not found
  jobsim log sacct.txt --where Partition=gpu           one queue of several
  jobsim log postgresql://host/db --table jobs         a table of a database"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = _EXAMPLES
    add_log(parser, positional=True)
    add_read_limit(parser)


def execute(options: argparse.Namespace) -> int:
    """Read the log, and print what was understood."""
    with options.signals.heard():
        text = str(log_of(options))
    for line in text.splitlines():
        say(line, rest=" " * 12)
    return OK
