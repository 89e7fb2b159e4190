"""Text that can be stored and shown, whatever a repository answered or raised."""

from __future__ import annotations

import os
import re
import sysconfig
import traceback
from functools import cache
from pathlib import Path

_PASSWORD = re.compile(r"(://[^/:@]*:).*(?=@)|([?&]password=)[^&\s]*", re.IGNORECASE)
"""Before the host, or among the options of the address: drivers take it from either place."""

_PACKAGE = f"{Path(__file__).resolve().parents[1]}{os.sep}"


def encodable(text: str) -> str:
    r"""Return the text with lone surrogates escaped, so that UTF-8 can hold it.

    A lone surrogate comes from a file name that is not UTF-8, for instance, or from a character
    that was cut in two. Tables and files refuse it.

    Examples
    --------
    >>> encodable("half \ud83d")
    'half \\ud83d'
    """
    return text.encode("utf-8", "backslashreplace").decode()


def without_password(address: str) -> str:
    """Return the address of a database with its password hidden.

    Examples
    --------
    >>> without_password("postgresql://joe:secret@host/jobs"), without_password("sqlite:///x.db")
    ('postgresql://joe:***@host/jobs', 'sqlite:///x.db')
    >>> without_password("postgresql://host/jobs?user=joe&password=secret")
    'postgresql://host/jobs?user=joe&password=***'
    """
    return _PASSWORD.sub(r"\1\2***", address)


def exception_text(exc: BaseException) -> str:
    """Return an exception's type and message, and the line of the user's code that raised it.

    Examples
    --------
    >>> exception_text(OSError("disk full"))  # never raised, so it has no line
    'OSError: disk full'
    """
    # Unlike str(), this also works for an exception whose __str__ raises.
    text = traceback.format_exception_only(exc)[-1].strip()
    where = _raised_at(exc)
    return encodable(f"{text} ({where})" if where else text)


def _raised_at(exc: BaseException) -> str:
    """Return file, line and function of the innermost frame of the user's code, or nothing.

    A driver raises deep inside a library, but people look for the line in their own code. Where
    every frame is jobsim's, as in its broken examples, the innermost of these is named.
    """
    frames = traceback.extract_tb(exc.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((_PACKAGE, *_libraries()))]
    ours = [frame for frame in frames if frame.filename.startswith(_PACKAGE)]
    if not own and not ours:
        return ""
    frame = (own or ours)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"


@cache
def _libraries() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple(f"{Path(sysconfig.get_path(name)).resolve()}{os.sep}" for name in names)
