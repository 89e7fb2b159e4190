"""The bytes of a log: unpacked, as UTF-8."""

from __future__ import annotations

import codecs
import hashlib
import os
from dataclasses import dataclass

from jobsim.files.reading import UnreadableFileError, gunzip_limited, read_limited
from jobsim.logs.source import TraceError

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Opened:
    """A file's content.

    Attributes
    ----------
    text
        Its bytes, unpacked, in UTF-8 and without a byte order mark, if it is text.
    sha256
        Hex digest of its bytes as they lie on disk.
    notes
        What a user should know about how it was read.
    """

    text: bytes
    sha256: str
    notes: tuple[str, ...]


def open_log(path: str | os.PathLike[str], *, limit_bytes: int) -> Opened:
    """Return the content of a log, or raise a TraceError that says what to do.

    No more than `limit_bytes` are read or unpacked: a small packed file can hold any amount.
    """
    shown = os.fspath(path)
    try:
        raw = data = read_limited(path, limit_bytes)
        if raw.startswith(_GZIP):
            data = gunzip_limited(raw, shown, limit_bytes)
        elif shown.endswith(".gz"):
            raise TraceError(shown, "its name ends in .gz, but it is not a gzip file")
    except UnreadableFileError as error:
        raise TraceError(shown, error.problem) from error
    text, notes = _as_utf8(data)
    return Opened(text, hashlib.sha256(raw).hexdigest(), notes)


def _as_utf8(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return text in UTF-8, whichever encoding it was written in; other bytes as they are."""
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :], ()
    if data.startswith(b"PAR1"):
        return data, ()
    wide = _utf16(data)
    if wide is not None:
        text = data.decode(wide, errors="replace").lstrip("\ufeff")
        return text.encode("utf-8", errors="replace"), (f"read as {wide.upper()}",)
    try:
        codecs.decode(data, "utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
        return text.encode(), ("not UTF-8: read as Windows-1252 (Latin-1)",)
    return data, ()


def _utf16(data: bytes) -> str | None:
    """Tell which UTF-16 the bytes are, by their mark or by the zeros beside ASCII letters."""
    if data.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if data.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    even, odd = data[:400:2], data[1:400:2]
    if len(odd) >= 4:
        if odd.count(0) > 0.8 * len(odd) and 0 not in even:
            return "utf-16-le"
        if even.count(0) > 0.8 * len(even) and 0 not in odd:
            return "utf-16-be"
    return None
