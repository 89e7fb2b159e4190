"""Limits of what a command may use: the bytes of one file, and the memory of a run."""

from __future__ import annotations

import argparse

from jobsim.command.arguments import gigabytes


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the options that set the limits."""
    limits = parser.add_argument_group("limits")
    limits.add_argument(
        "--memory",
        type=gigabytes,
        metavar="GB",
        help="memory that a run may take; by default half of the machine's",
    )
    add_read_limit(limits)


def add_read_limit(to: argparse._ActionsContainer) -> None:
    """Add the option that limits how much is read of one file."""
    to.add_argument(
        "--read-limit",
        type=gigabytes,
        metavar="GB",
        help="the most that is read of one file, unpacked; by default 1",
    )


def read_limit_bytes(options: argparse.Namespace) -> int:
    """Return the most that may be read of one file."""
    from jobsim.files.reading import LIMIT_BYTES

    return LIMIT_BYTES if options.read_limit is None else int(options.read_limit)


def memory_limit_bytes(options: argparse.Namespace) -> float:
    """Return how much memory a run may take."""
    from jobsim.scenario.size import machine_bytes

    limit: float | None = options.memory
    # Half, because other programs need memory too.
    return machine_bytes() / 2 if limit is None else limit
