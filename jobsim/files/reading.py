"""Read a file or a pipe, up to a limit."""

from __future__ import annotations

import os
import select
import stat
import zlib
from typing import BinaryIO

from jobsim.domain.exceptions import PathError

LIMIT_BYTES = 1 << 30
"""The most that is read of one file, unpacked, unless a caller raises it: 1 GiB."""

PATIENCE_S = 10.0
"""How long to wait for the first byte of a pipe, to which perhaps nobody writes."""

_CHUNK = 1 << 20
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_BINARY = getattr(os, "O_BINARY", 0)  # Windows alone has it


class UnreadableFileError(PathError):
    """The file is not read; the text says why."""


def read_limited(path: str | os.PathLike[str], limit_bytes: int = LIMIT_BYTES) -> bytes:
    """Return the content of a file or of a pipe.

    Parameters
    ----------
    path
        A regular file, or a pipe such as a shell's ``<(command)``.
    limit_bytes
        The most that is read.

    Raises
    ------
    UnreadableFileError
        If it cannot be read, holds more than the limit, is a folder or a device, or is a pipe
        to which nobody writes for `PATIENCE_S` seconds.

    Examples
    --------
    >>> read_limited("/no/such/file")
    Traceback (most recent call last):
        ...
    jobsim.files.reading.UnreadableFileError: /no/such/file: No such file or directory
    """
    shown = os.fspath(path)
    try:
        # Opening a pipe that nobody writes to must not block: no time limit applies here.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with open(handle, "rb", buffering=0) as file:  # noqa: PTH123 - opened by its handle
            _require_content(file.fileno(), shown)
            return _up_to(file, shown, limit_bytes)
    except IsADirectoryError as error:
        raise UnreadableFileError(shown, "is a folder, not a file") from error
    except OSError as error:
        raise UnreadableFileError(shown, error.strerror or str(error)) from error
    except ValueError as error:  # such as a NUL in the name
        raise UnreadableFileError(shown, str(error)) from error


def gunzip_limited(data: bytes, path: str, limit_bytes: int = LIMIT_BYTES) -> bytes:
    """Return what was packed with gzip, one member or several, up to the limit.

    Raises
    ------
    UnreadableFileError
        If the data are damaged, or hold more than the limit.
    """
    parts, size = [], 0
    while data:
        member = zlib.decompressobj(_GZIP_WINDOW)
        while not member.eof:
            try:
                part = member.decompress(data, _CHUNK)
            except zlib.error as error:
                raise UnreadableFileError(path, f"damaged gzip file: {error}") from error
            data = member.unconsumed_tail
            if not part and not data and not member.eof:
                raise UnreadableFileError(path, "damaged gzip file: it ends too early")
            size += len(part)
            if size > limit_bytes:
                raise UnreadableFileError(path, _too_long(limit_bytes, "unpacked "))
            parts.append(part)
        data = member.unused_data.lstrip(b"\0")  # some tools pad to whole blocks
    return b"".join(parts)


def _require_content(handle: int, path: str) -> None:
    """Raise for a device, which has no end, and for a pipe from which nothing comes."""
    mode = os.fstat(handle).st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise UnreadableFileError(path, "is a device, not a file")
    if stat.S_ISFIFO(mode):
        if not select.select([handle], [], [], PATIENCE_S)[0]:
            raise UnreadableFileError(path, f"nobody wrote to this pipe for {PATIENCE_S:.0f} s")
        os.set_blocking(handle, True)


def _up_to(file: BinaryIO, path: str, limit_bytes: int) -> bytes:
    """Return all of an open file; never hold more than one chunk beyond the limit in memory."""
    parts, size = [], 0
    while part := file.read(_CHUNK):
        size += len(part)
        if size > limit_bytes:
            raise UnreadableFileError(path, _too_long(limit_bytes, ""))
        parts.append(part)
    return b"".join(parts)


def _too_long(limit_bytes: int, how: str) -> str:
    limit = f"{limit_bytes / 1e9:.3g} GB" if limit_bytes >= 1e9 else f"{limit_bytes:,} bytes"
    return f"{how}holds more than {limit}, the limit (limit_bytes=, or --read-limit, raises it)"
