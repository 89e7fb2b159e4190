"""Values on the command line, read strictly; each reader is an argparse type."""

from __future__ import annotations

import argparse
import contextlib
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobsim.figures.require import Requirement

_MOST_VALUES = 100_000


def positive(text: str) -> float:
    """Read a number above zero; ``inf`` is one."""
    with contextlib.suppress(ValueError):
        if (value := float(text)) > 0:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")


def finite(text: str) -> float:
    """Read a positive, finite number."""
    if math.isinf(value := positive(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")
    return value


def gigabytes(text: str) -> float:
    """Read a positive, finite number of gigabytes, and return it in bytes."""
    return finite(text) * 1e9


def count(text: str) -> int:
    """Read a whole number, also as ``1e6``."""
    with contextlib.suppress(ValueError, OverflowError):
        value = number(text)
        # A float such as 1e6 is a whole number to people, 1.5 is not.
        if value == int(value):
            return int(value)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")


def schedule(text: str) -> int | str:
    """Read ``fair`` or a seed, a whole number from 0 on."""
    if text == "fair":
        return text
    with contextlib.suppress(ValueError):
        if (seed := int(text)) >= 0:
            return seed
    raise argparse.ArgumentTypeError(f"{text!r} is neither fair nor a seed, a number from 0 on")


def pairs(text: str) -> dict[str, str]:
    """Read ``arrival=submitted,service=seconds``: names, each with its value."""
    parts = [part.split("=", 1) for part in text.split(",")]
    if any(len(part) != 2 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value,name=value")
    read: dict[str, str] = {}
    for name, value in parts:
        # A dict would keep the last value alone, and the others would be lost without a word.
        if name.strip() in read:
            raise argparse.ArgumentTypeError(f"{text!r} gives {name.strip()!r} twice")
        read[name.strip()] = value.strip()
    return read


def word_or_pairs(text: str) -> str | dict[str, str]:
    """Read one word for everything, or a value for each name as `pairs` does."""
    return pairs(text) if "=" in text else text


def over(text: str) -> tuple[str, list[Any]]:
    """Read ``workers=4:12`` (both ends included) or ``arrivals.rate=1,2.5``."""
    field, equals, values = text.partition("=")
    if not (field and equals and values):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form field=4:12 or field=1,2")
    first, colon, last = values.partition(":")
    try:
        if not colon:
            return field, [number(value) for value in values.split(",")]
        # A range, not a list, so that its size can be refused before it takes memory.
        span = range(int(first), int(last) + 1)
    except ValueError:
        problem = f"{values!r} is neither a range of numbers nor a list of them"
        raise argparse.ArgumentTypeError(problem) from None
    if not 0 < span.stop - span.start <= _MOST_VALUES:
        problem = f"{values!r} has {max(span.stop - span.start, 0):,} values; give 1 to 100,000"
        raise argparse.ArgumentTypeError(problem)
    return field, list(span)


def number(text: str) -> int | float:
    """Read an int if it is one, otherwise a float."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def target(text: str) -> tuple[str, float]:
    """Read a figure and its target, as in ``wait_p95=30``."""
    metric, _, bound = text.partition("=")
    with contextlib.suppress(ValueError):
        # Every comparison with NaN is False, so no number would ever meet it.
        if not math.isnan(value := float(bound)):
            return metric, value
    raise argparse.ArgumentTypeError(f"{text!r} is not of the form wait_p95=30")


def figure(text: str) -> str:
    """Read the name of a figure."""
    from jobsim.figures.names import UnknownFigureError, parse_figure

    try:
        return parse_figure(text).name
    except UnknownFigureError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def requirement(text: str) -> Requirement:
    """Read a requirement, as in ``wait_p95<30``."""
    from jobsim.domain.exceptions import JobsimError
    from jobsim.figures.require import Requirement

    try:
        return Requirement.parse(text)
    except JobsimError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None
