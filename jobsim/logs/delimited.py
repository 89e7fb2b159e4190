"""Tables of text with a separator: the separator, the header, and the columns as text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from jobsim.logs.source import TraceError

_PREFIX = 65_536  # a separator is looked for in no more than this many bytes
_LINES = 30
_SEPARATORS = (",", "\t", ";", "|")


@dataclass(frozen=True)
class Delimited:
    """How a table of text is laid out.

    Attributes
    ----------
    separator
        The text between two fields; a pattern for blanks.
    headers
        The columns' names; their places where there is no header.
    skip
        Lines before the first row.
    line
        The header's line, counted from 1.
    has_header
        Whether the first line names the columns.
    width
        Number of fields.
    comment
        The beginning of a comment, or None.
    """

    separator: str
    headers: tuple[Hashable, ...]
    skip: int
    line: int
    has_header: bool
    width: int
    comment: str | None = None


def sniff(path: str, data: bytes) -> Delimited:
    """Find the separator and the header on a prefix of the text.

    Raises
    ------
    TraceError
        If there are no rows, or no separator is found.
    """
    head = data[:_PREFIX].decode("utf-8", errors="replace")
    lines = [line.rstrip("\r") for line in head.split("\n")]
    if len(data) > _PREFIX:
        lines = lines[:-1] or lines  # the last one may be cut
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise TraceError(path, "it holds no rows")
    said = re.fullmatch(r"sep=(.)", lines[first].strip())  # what spreadsheets write
    if said:
        first += 1
    first = _header_line(lines, first)
    sample = [line for line in lines[first : first + _LINES] if line.strip()]
    if not sample:
        raise TraceError(path, "it holds no rows")
    separator = said[1] if said and said[1] in _SEPARATORS else _separator(sample)
    if separator is None:
        raise TraceError(
            path,
            f"one column only ({sample[0][:60]!r}): fields are separated by a comma, a "
            "semicolon, a tab or '|'",
            first + 1,
        )
    header = _fields(sample[0], separator)
    header[0] = header[0].lstrip("#").strip()
    has_header = not any(_is_value(cell) for cell in header)
    names: tuple[Hashable, ...] = tuple(header) if has_header else tuple(range(len(header)))
    return Delimited(
        separator=separator,
        headers=names,
        skip=first + 1 if has_header else first,
        line=first + 1,
        has_header=has_header,
        width=len(header),
    )


def _header_line(lines: list[str], first: int) -> int:
    """Return where the table begins: after comments, unless the last one is its header."""
    last = first
    while last < len(lines) and (lines[last].startswith("#") or not lines[last].strip()):
        last += 1
    if last == first or last >= len(lines):
        return first
    before = last - 1
    while before > first and not lines[before].strip():
        before -= 1
    found = _separator([lines[before].lstrip("#"), *lines[last : last + 3]])
    if found is not None and any(_is_value(cell) for cell in _fields(lines[last], found)):
        width = len(_fields(lines[last], found))
        if len(_fields(lines[before], found)) == width:
            return before
    return last


def _separator(sample: list[str]) -> str | None:
    """Return the separator that divides the header into most fields, and the rows likewise."""
    best, most = None, 0.9
    for separator in _SEPARATORS:
        counts = [len(_fields(line, separator)) for line in sample]
        alike = sum(count == counts[0] for count in counts) / len(counts)
        # A comma inside a date or a decimal comma divides rows, but not the header.
        if any('"' in cell for cell in _fields(sample[0], separator)):
            continue  # it stands inside a quoted field
        score = counts[0] * (0.25 + 0.75 * alike) if counts[0] > 1 else 0.0
        if score > most:
            best, most = separator, score
    if best is None:
        counts = [len(line.split()) for line in sample]
        if counts[0] > 1 and len(set(counts)) == 1:
            return r"\s+"
    return best


def _fields(line: str, separator: str) -> list[str]:
    if separator == r"\s+":
        return line.split()
    try:
        row = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:  # such as a bare carriage return: not a table, as the caller will find
        row = line.split(separator)
    return [cell.strip() for cell in row]


def _is_value(cell: str) -> bool:
    """Tell whether a cell of the first line is a value, so that it cannot be a header."""
    return bool(
        re.fullmatch(r"[+-]?\d+([.,]\d+)?|\d{4}-\d\d-\d\d.*|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}.*", cell)
    )


def read_columns(path: str, data: bytes, layout: Delimited, places: Sequence[int]) -> pd.DataFrame:
    """Return some columns, by place, as text; a field that a short row lacks is empty."""
    options: dict[str, Any] = {"skipinitialspace": True}
    if layout.separator == r"\s+":
        options = {"quoting": csv.QUOTE_NONE}
    inside = [place for place in dict.fromkeys(places) if place < layout.width]
    # Our own header, so that a row shorter than the log's header does not set the width.
    blank = " " if layout.separator == r"\s+" else layout.separator
    header = blank.join(map(str, range(layout.width))).encode() + b"\n"
    try:
        # With `usecols`, surplus fields are dropped and never move the others.
        frame: pd.DataFrame = pd.read_csv(
            io.BytesIO(header + data[_offset(data, layout.skip) :]),
            sep=layout.separator,
            usecols=inside,
            comment=layout.comment,
            index_col=False,
            dtype=str,
            keep_default_na=False,
            na_values=[],
            low_memory=False,
            encoding_errors="replace",
            **options,
        )
    except pd.errors.EmptyDataError as error:
        raise TraceError(path, "it holds no rows") from error
    except (pd.errors.ParserError, ValueError) as error:
        text = str(error).splitlines()[0]
        raise TraceError(path, text.removeprefix("Error tokenizing data. C error: ")) from error
    frame.columns = [int(name) for name in frame.columns]
    return frame[inside]


def _offset(data: bytes, lines: int) -> int:
    """Return where the text goes on after this many lines."""
    place = 0
    for _ in range(lines):
        place = data.find(b"\n", place) + 1
        if not place:
            return len(data)
    return place
