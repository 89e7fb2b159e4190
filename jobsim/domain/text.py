"""Text that can be written down, whatever answered it or went wrong."""

from __future__ import annotations

import os
import re
import sysconfig
import traceback
from functools import cache
from pathlib import Path

_PASSWORD = re.compile(r"(://[^/:@]*:).*(@)")
_PACKAGE = f"{Path(__file__).resolve().parents[1]}{os.sep}"


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


def without_password(address: str) -> str:
    """Return a database's address as it may be shown: a password in it is hidden.

    Examples
    --------
    >>> without_password("postgresql://joe:secret@host/jobs"), without_password("sqlite:///x.db")
    ('postgresql://joe:***@host/jobs', 'sqlite:///x.db')
    """
    return _PASSWORD.sub(r"\1***\2", address)


def exception_text(exc: BaseException) -> str:
    """Return an exception's type and message, and the line of the user's code that raised it.

    Examples
    --------
    >>> exception_text(OSError("disk full"))  # never raised, so from nowhere
    'OSError: disk full'
    """
    # format_exception_only also copes with an exception whose own text fails.
    text = traceback.format_exception_only(exc)[-1].strip()
    where = _raised_at(exc)
    return encodable(f"{text} ({where})" if where else text)


def _raised_at(exc: BaseException) -> str:
    """Return file, line and function of the innermost frame of the user's code, or nothing.

    A driver raises deep inside a library, and the line that people look for is their own.
    Where all of it is jobsim's, as in its broken examples, its innermost line has to do.
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
