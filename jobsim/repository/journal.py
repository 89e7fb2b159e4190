"""A history that outlives its process: each call is written to a file before and after it is made.

The writes are not buffered, so SIGKILL in the middle of a call loses nothing: the files then show
which call was open. The process that merges the histories may read them while they are written.

Each actor has four files, and only its thread writes them: `.calls`, the calls that have returned
as `call_rows.KEPT`, appended; `.open`, the call that was invoked last, overwritten in place;
`.errors`, the texts of errors, one JSON array ``[row, text]`` per line; and `.ids`, the jobs that
were created, one JSON array ``[number, id]`` per line.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jobsim.domain.codes import NO_STATUS, PENDING, number_of
from jobsim.repository.actor_recorder import ActorRecorder
from jobsim.repository.call_rows import KEPT, ActorHistory, decode, encode, pack
from jobsim.repository.protocol import JobRepository

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
_IN_PLACE = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)


def _write(file: int, data: Any) -> None:
    """Write all of the data, or raise: after half a row every later row would be misread."""
    if os.write(file, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _Kept(bytearray):
    """Kept calls that are also written to a file."""

    file: int

    def __iadd__(self, calls: Any) -> _Kept:  # type: ignore[misc]  # bytes only, as is kept
        _write(self.file, calls)
        super().__iadd__(calls)
        return self


class _Errors(dict[int, str]):
    """Texts of errors that are also written to a file."""

    file: int

    def __setitem__(self, row: int, text: str) -> None:
        _write(self.file, (json.dumps([row, text]) + "\n").encode())
        super().__setitem__(row, text)


class JournalledRecorder(ActorRecorder):
    """An `ActorRecorder` that also writes its calls to files, in about three microseconds a call.

    Parameters
    ----------
    stem
        Path of its files without the suffix.
    name, repository, known, numbers, clock_ns
        As for `ActorRecorder`.
    """

    __slots__ = ("_ids_file", "_open_file")

    def __init__(self, stem: Path, name: str, repository: JobRepository, *rest: Any) -> None:
        super().__init__(name, repository, *rest)
        self._buffer: _Kept = _Kept()
        self._buffer.file = os.open(f"{stem}.calls", _APPEND)
        errors = _Errors()
        errors.file = os.open(f"{stem}.errors", _APPEND)
        self._errors = errors
        self._open_file = os.open(f"{stem}.open", _IN_PLACE)
        self._ids_file = os.open(f"{stem}.ids", _APPEND)
        self._create = self._named(self._announced(repository.create))
        self._get = self._announced(repository.get)
        self._update_status = self._announced(repository.update_status)
        self._count = self._announced(repository.count)

    def _announced(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the call with a write before it, so that no call is made without a record."""

        def announced(*arguments: Any, **more: Any) -> Any:
            op, target, number, invoked = self._latest()
            code = encode(op, number_of(target), PENDING, NO_STATUS)
            # One write of a few bytes: a reader sees all of the previous call or all of this one.
            os.lseek(self._open_file, 0, os.SEEK_SET)
            _write(self._open_file, pack(code, number, invoked, -1))
            return call(*arguments, **more)

        return announced

    def _named(self, create: Callable[..., Any]) -> Callable[..., Any]:
        """Return a create that writes the new id before the call is kept, so its job is found."""

        def named(*arguments: Any) -> Any:
            job = create(*arguments)
            job_id = getattr(job, "job_id", None)
            if isinstance(job_id, str):
                _write(self._ids_file, (json.dumps([self._number, job_id]) + "\n").encode())
            return job

        return named

    def close(self) -> None:
        """Close the files; no more calls can be made."""
        kept, errors = self._buffer.file, self._errors.file  # type: ignore[attr-defined]
        for file in (kept, errors, self._open_file, self._ids_file):
            os.close(file)


class JournalReader:
    """Reads the files of a `JournalledRecorder`, during the run or after its process has died.

    For one thread.
    """

    def __init__(self, stem: Path, name: str) -> None:
        self.name = name
        self._stem = stem

    def kept_from(self, row: int) -> bytearray:
        """Return the calls that have returned, from that row on, as `call_rows.KEPT`."""
        kept = self._read(".calls", row * KEPT.itemsize)
        # The last row may be incomplete if the disk was full.
        return bytearray(kept[: len(kept) - len(kept) % KEPT.itemsize])

    def is_inside_call(self) -> bool:
        """Return whether a call is open."""
        rows = self.history().rows
        return len(rows) > 0 and bool(rows["outcome"][-1] == PENDING)

    def history(self) -> ActorHistory:
        """Return the calls so far; one that is still open comes last, as PENDING."""
        # The open call first, for the reason given in `ActorRecorder.history`.
        latest = self._read(".open", 0)
        kept = np.frombuffer(self.kept_from(0), dtype=KEPT)
        opened = np.frombuffer(latest[: len(latest) // KEPT.itemsize * KEPT.itemsize], dtype=KEPT)
        if len(opened) and opened["invoked_ns"][0] > (kept["invoked_ns"][-1] if len(kept) else -1):
            kept = np.concatenate([kept, opened])
        return ActorHistory(self.name, decode(kept), self._numbered(".errors"))

    def created(self) -> dict[int, str]:
        """Return the id of each created job by its number."""
        return self._numbered(".ids")

    def _numbered(self, suffix: str) -> dict[int, str]:
        """Return the texts of a file by their numbers."""
        # The last line may be incomplete: only what a newline ends is read.
        lines = self._read(suffix, 0).decode().split("\n")[:-1]
        return {int(row): text for row, text in map(json.loads, lines)}

    def _read(self, suffix: str, start: int) -> bytes:
        try:
            with Path(f"{self._stem}{suffix}").open("rb") as file:
                file.seek(start)
                return file.read()
        except FileNotFoundError:  # the actor has not started yet
            return b""
