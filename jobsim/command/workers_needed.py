"""``jobsim workers-needed``: the smallest number of workers that meets a target."""

from __future__ import annotations

import argparse

from jobsim.command.arguments import target
from jobsim.command.codes import NOT_MET, OK
from jobsim.command.explained import FIGURES
from jobsim.command.log_options import add_log
from jobsim.command.scenario_options import add_scenario, load_of
from jobsim.command.sweep import add_replications
from jobsim.command.terminal import say

_EXAMPLES = f"""\
examples:
  jobsim workers-needed steady wait_p95=5
  jobsim workers-needed mine.toml sojourn_mean=60 --jobs 5000
  jobsim workers-needed --log jobs.csv wait_p95=60

{FIGURES}"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = _EXAMPLES
    add_scenario(parser, nargs="?")
    add_log(parser)
    parser.add_argument(
        "target", type=target, metavar="FIGURE=X", help="the target, as in wait_p95=30"
    )
    add_replications(parser)


def execute(options: argparse.Namespace) -> int:
    """Find the number, and print the answer."""
    from jobsim.studies.sizing import workers_needed

    metric, bound = options.target
    load = load_of(options)
    with options.signals.heard():
        answer = workers_needed(load, replications=options.replications, **{metric: bound})
    for line in str(answer).splitlines():
        say(line, rest=" " * 11)
    return OK if answer.met else NOT_MET
