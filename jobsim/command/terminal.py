"""Output for a terminal: lines that fit it, in characters that it can show."""

from __future__ import annotations

import codecs
import contextlib
import shutil
import sys
import textwrap
from collections.abc import Sequence

from jobsim.display.text import printable

_WIDEST = 100
"""Lines of prose are not made longer, however wide the terminal is."""

_NARROW = 60
"""Below, a label stands above its text instead of beside it."""

_PLAIN = {
    "✓": "+", "✗": "x", "±": "+-", "µ": "u", "…": "...", "\u2013": "-", "—": "-", "·": "-",
    "\u00d7": "x", "≤": "<=", "≥": ">=", "∞": "inf", "→": "->",
}  # fmt: skip
_ERRORS = "jobsim-plain"


def prepare() -> None:
    """Let both streams replace characters that their encoding lacks, instead of failing."""
    codecs.register_error(_ERRORS, _replaced)
    for stream in (sys.stdout, sys.stderr):
        # A stream that replaces them, as in a notebook, takes any text.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ERRORS)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    # Only what the encoding lacks is replaced; the rest is written as it is.
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lost), error.end


def width() -> int:
    """Return how many columns a line may have: the terminal's, or 80 where there is none."""
    # At least 20: some terminals say that they have no columns at all.
    return max(min(shutil.get_terminal_size((80, 24)).columns, _WIDEST), 20)


def mark(held: bool | None) -> str:
    """Return the mark of what held, what did not, and what is unknown."""
    return "?" if held is None else "✓" if held else "✗"


def say(text: str = "", *, first: str = "", rest: str | None = None) -> None:
    """Print text, each of its lines wrapped at the width.

    Parameters
    ----------
    text
        One or more lines.
    first
        What stands before the first line.
    rest
        What stands before all others; by default as many blanks.
    """
    before = first
    after = " " * len(first) if rest is None else rest
    for line in text.split("\n"):
        print(_wrapped(line, before, after))
        before = after


def say_rows(rows: Sequence[tuple[str, str]], *, indent: int = 2) -> None:
    """Print labels and their texts, aligned; in a narrow terminal one above the other.

    Texts from outside may be among them: each stays on its own line and is made inert.
    """
    shown = [(printable(label), printable(text)) for label, text in rows]
    longest = max((len(label) for label, _ in shown), default=0)
    for label, text in shown:
        if width() < _NARROW and longest > width() // 4:
            print(" " * indent + label)
            say(text, first=" " * (indent + 2))
        else:
            say(text, first=f"{' ' * indent}{label:<{longest}}  ")


def say_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 2) -> None:
    """Print a table: the first column to the left, all others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [f"{line[0]:<{widths[0]}}"]
        cells += [f"{cell:>{size}}" for cell, size in zip(line[1:], widths[1:], strict=True)]
        print((" " * indent + "  ".join(cells)).rstrip())


def table_width(head: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 2) -> int:
    """Return how many columns `say_table` takes."""
    columns = zip(head, *rows, strict=True)
    return indent - 2 + sum(2 + max(map(len, column)) for column in columns)


def complain(problem: str) -> None:
    """Print one line about what is wrong to the standard error."""
    # Without a standard error, the exit code alone has to tell.
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(f"jobsim: {printable(problem, limit=1000)}", file=sys.stderr, flush=True)


def _wrapped(line: str, before: str, after: str) -> str:
    """Wrap one line, with unprintable characters made visible."""
    # Paths and identifiers are not broken, because people copy them.
    wrapped = textwrap.fill(
        printable(line, limit=len(line)),
        width(),
        initial_indent=before,
        subsequent_indent=after,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped or before.rstrip()
