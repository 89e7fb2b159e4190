"""Text that can be written down, whatever answered it."""

from __future__ import annotations


def encodable(text: str) -> str:
    r"""Return the text with half characters as escapes, so that UTF-8 can hold it.

    A lone surrogate comes from a file name that is not UTF-8, for instance, or from a character
    that was cut in two. Tables and files refuse it.

    Examples
    --------
    >>> encodable("half \ud83d")
    'half \\ud83d'
    """
    return text.encode("utf-8", "backslashreplace").decode()
