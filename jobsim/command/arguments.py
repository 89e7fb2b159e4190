"""Values on the command line, read strictly; each reader is an argparse type."""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

from jobsim.domain.exceptions import JobsimError
from jobsim.figures.require import Requirement


def positive(text: str) -> float:
    """Read a number above zero; ``inf`` is one."""
    with contextlib.suppress(ValueError):
        if (value := float(text)) > 0:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")


def columns(text: str) -> dict[str, str]:
    """Read ``arrival=submitted,service=seconds``: our names of columns, and theirs."""
    pairs = [part.split("=", 1) for part in text.split(",")]
    if any(len(pair) != 2 for pair in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form ours=theirs,ours=theirs")
    return {ours.strip(): theirs.strip() for ours, theirs in pairs}


def over(text: str) -> tuple[str, list[Any]]:
    """Read ``workers=4:12`` (both ends included) or ``arrivals.rate=1,2.5``."""
    field, equals, values = text.partition("=")
    if not (field and equals and values):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form field=4:12 or field=1,2")
    first, colon, last = values.partition(":")
    try:
        if colon:
            return field, list(range(int(first), int(last) + 1))
        return field, [number(value) for value in values.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{values!r} are no numbers") from None


def number(text: str) -> int | float:
    """Read an int if it is one, else a float."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def target(text: str) -> tuple[str, float]:
    """Read a figure and its target, as in ``wait_p95=30``."""
    metric, _, bound = text.partition("=")
    try:
        return metric, float(bound)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form wait_p95=30") from None


def requirement(text: str) -> Requirement:
    """Read a requirement, as in ``wait_p95<30``."""
    try:
        return Requirement.parse(text)
    except JobsimError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None
