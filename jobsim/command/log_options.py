"""The log that a command reads, and how."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobsim.command.arguments import pairs, word_or_pairs
from jobsim.command.limits import read_limit_bytes

if TYPE_CHECKING:
    from jobsim.scenario.log import Log

_OPTIONS = ("columns", "outcomes", "unit", "timezone", "where", "events", "table", "dayfirst")


def add_log(parser: argparse.ArgumentParser, *, positional: bool = False) -> None:
    """Add the options that name a log, and those that settle how it is read."""
    if positional:
        parser.add_argument("log", metavar="FILE", help="a log, or a database's URL with --table")
    else:
        parser.add_argument(
            "--log",
            "--trace",
            dest="log",
            metavar="FILE",
            help="a log of past jobs, in any format that 'jobsim log' reads",
        )
    reading = parser.add_argument_group("how the log is read, where it does not show it")
    reading.add_argument(
        "--columns",
        type=pairs,
        metavar="ROLE=COLUMN,...",
        help="as in arrival=queued,service=secs; roles: arrival, paid, started, finished, service, "
        "wait, status, exit_code, job, attempt, ...",
    )
    reading.add_argument(
        "--outcomes",
        type=word_or_pairs,
        metavar="MODE|WORD=OUTCOME,...",
        help="exit_code (0 is success), truth (1 is), swf, http, or what words mean",
    )
    reading.add_argument(
        "--unit",
        type=word_or_pairs,
        metavar="UNIT|COLUMN=UNIT,...",
        help="unit of numbers that name none: ns, us, ms, s, min, h, d",
    )
    reading.add_argument("--timezone", metavar="ZONE", help="zone of dates that have none")
    reading.add_argument(
        "--where", type=pairs, metavar="COLUMN=VALUE,...", help="read only these rows"
    )
    reading.add_argument(
        "--events",
        type=pairs,
        metavar="EVENT=MEANING,...",
        help="in a log of events: arrival, paid, started, finished, completed, failed, ignored",
    )
    reading.add_argument("--table", metavar="NAME", help="the table of a database")
    days = reading.add_mutually_exclusive_group()
    days.add_argument(
        "--dayfirst",
        action="store_true",
        default=None,
        help="01/02/2026 is the first of February",
    )
    days.add_argument(
        "--monthfirst",
        action="store_false",
        dest="dayfirst",
        help="01/02/2026 is the second of January",
    )


def refuse_without_log(options: argparse.Namespace) -> None:
    """End with exit code 2 if a log's options are given without a log."""
    given = [name for name in _OPTIONS if getattr(options, name) is not None]
    if options.log is None and given:
        options.parser.error(f"--{given[0]} is for a --log")


def log_of(options: argparse.Namespace) -> Log:
    """Read the log that the options name."""
    from jobsim.scenario.log import read_log

    how: dict[str, Any] = {name: getattr(options, name) for name in _OPTIONS}
    return read_log(options.log, limit_bytes=read_limit_bytes(options), **how)


def log_name(options: argparse.Namespace) -> str:
    """Return the log's name without its folder."""
    return options.table if "://" in options.log and options.table else Path(options.log).name
