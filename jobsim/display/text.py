"""Short displays of results: rows of label and value, as plain text and as HTML.

Text from outside is made inert: escaped in HTML, and without unprintable characters (control
characters, direction overrides) in both.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable

Rows = list[tuple[str, str]]

MAX_TEXT = 400
"""Longer texts from outside are cut in displays."""

NO_MATHS = "tex2jax_ignore mathjax_ignore"
"""Classes of an HTML element in which notebooks leave dollar signs alone."""

# Inline, because a saved notebook and an e-mail have no style sheet of ours.
_TABLE = "line-height:1.4"
_TITLE = "text-align:left;font-weight:bold;color:inherit"
_LABEL = "text-align:left;vertical-align:top;white-space:nowrap;font-weight:normal;opacity:0.75"
_VALUE = "text-align:left;vertical-align:top;overflow-wrap:anywhere"

_TIME_UNITS = (  # (name, its seconds, shown from)
    ("d", 86_400.0, 259_200.0),
    ("h", 3600.0, 10_800.0),
    ("min", 60.0, 600.0),
    ("s", 1.0, 1.0),
    ("ms", 1e-3, 1e-3),
    ("µs", 1e-6, 0.0),
)


def time_unit(seconds: float) -> tuple[str, float]:
    """Return the unit that suits a duration, and how many seconds it has.

    Examples
    --------
    >>> time_unit(0.25), time_unit(90.0), time_unit(7200.0)
    (('ms', 0.001), ('s', 1.0), ('min', 60.0))
    """
    if not seconds > 0:
        return "s", 1.0
    return next((name, size) for name, size, shown_from in _TIME_UNITS if seconds >= shown_from)


def format_duration(seconds: float) -> str:
    """Return a duration with three significant digits and its unit.

    Examples
    --------
    >>> format_duration(0.01234), format_duration(1234.0), format_duration(float("nan"))
    ('12.3 ms', '20.6 min', 'none')
    """
    # NaN first: it would fall through every comparison below.
    if math.isnan(seconds):
        return "none"
    if math.isinf(seconds):
        return "∞"
    name, size = time_unit(seconds)
    return f"{format_number(seconds / size)} {name}"


def format_number(value: float) -> str:
    """Return a number with three significant digits, and no fewer for larger ones.

    Examples
    --------
    >>> format_number(0.51234), format_number(999.6), format_number(1234.5), format_number(2e12)
    ('0.512', '1,000', '1,234', '2e+12')
    """
    # From 100 on there are three digits before the point; from 1e12 on too many to read.
    return f"{value:,.0f}" if 100 <= abs(value) < 1e12 else f"{value:.3g}"


def format_share(share: float) -> str:
    """Return a share in percent, never rounded to 0 % or 100 %.

    Examples
    --------
    >>> format_share(0.314), format_share(0.0042), format_share(0.9997), format_share(1.0)
    ('31 %', '0.4 %', '99.9 %', '100 %')
    >>> format_share(0.0002), format_share(0.0)
    ('<0.1 %', '0 %')
    """
    # Rounded down near 100 %, because "100 %" claims that there was no exception.
    value = 100.0 * share
    if 0.0 < value < 0.1:
        return "<0.1 %"
    if 0.0 < value < 1.0:
        return f"{value:.1f} %"
    if 99.0 < value < 100.0:
        return f"{math.floor(10.0 * value) / 10.0:.1f} %"
    return f"{value:.0f} %"


def format_percent(share: float) -> str:
    """Return a share in percent with three significant digits, for shares that are compared.

    Examples
    --------
    >>> format_percent(0.5561), format_percent(0.032), format_percent(2.25)
    ('55.6 %', '3.2 %', '225 %')
    """
    return f"{format_number(100.0 * share)} %"


def format_given_share(share: float) -> str:
    """Return a share that was given, not measured, in percent with four significant digits.

    Examples
    --------
    >>> format_given_share(0.125), format_given_share(0.0005), format_given_share(0.95)
    ('12.5 %', '0.05 %', '95 %')
    """
    return f"{100.0 * share:.4g} %"


def count_of(number: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count_of(1, "job"), count_of(1234, "job")
    ('1 job', '1,234 jobs')
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def printable(text: str, limit: int = MAX_TEXT) -> str:
    r"""Return the text with unprintable characters as escapes, cut at `limit`.

    Examples
    --------
    >>> printable("a\x00b\u202e")
    'a\\x00b\\u202e'
    """
    # Cut before escaping: an escape is never cut in half.
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(ch if ch.isprintable() else ch.encode("unicode_escape").decode() for ch in cut)


def rows_as_text(title: str | None, rows: Rows) -> str:
    """Return a title line, if there is a title, and the rows below it, values aligned.

    Examples
    --------
    >>> print(rows_as_text("Run", [("jobs", "20"), ("wait", "1 s")]))
    Run
      jobs  20
      wait  1 s
    """
    # Escapes are wider than what they stand for, so widths are measured afterwards.
    labels = [printable(label) for label, _ in rows]
    width = max(map(len, labels), default=0)
    lines = [
        f"{label:<{width}}  {printable(value)}"
        for label, (_, value) in zip(labels, rows, strict=True)
    ]
    if title is None:
        return "\n".join(lines)
    return "\n".join([printable(title), *(f"  {line}" for line in lines)])


def rows_as_html(title: str | None, rows: Iterable[tuple[str, str]]) -> str:
    """Return a title and rows as a small HTML table, all text escaped.

    It has no colours of its own, so it reads well on light and on dark pages, and dollar signs in
    it are not taken for mathematics.

    Examples
    --------
    >>> "&lt;script&gt;" in rows_as_html("Run", [("name", "<script>")])
    True
    """
    body = "".join(
        f'<tr><th style="{_LABEL}">{as_html(label)}</th>'
        f'<td style="{_VALUE}">{as_html(value)}</td></tr>'
        for label, value in rows
    )
    caption = "" if title is None else f'<caption style="{_TITLE}">{as_html(title)}</caption>'
    return f'<table class="{NO_MATHS}" style="{_TABLE}">{caption}<tbody>{body}</tbody></table>'


class Shown:
    """Base of what shows itself as rows: as text where it is printed, as a table in a notebook.

    Both come from `_display`, so they cannot differ.
    """

    def _display(self) -> tuple[str | None, Rows]:
        """Return the title, if there is one, and the rows; cheap and the same every time."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return rows_as_text(*self._display())

    def _repr_html_(self) -> str:
        return rows_as_html(*self._display())


def as_html(text: str) -> str:
    """Return text for the inside of an HTML element: printable, escaped, cut at `MAX_TEXT`.

    Examples
    --------
    >>> as_html("<b>")
    '&lt;b&gt;'
    """
    return html.escape(printable(text))
