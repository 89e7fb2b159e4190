"""A history that outlives its process: each call is in a file before it is made, and after it.

What was written is with the operating system at once, so that SIGKILL in the middle of a call loses
nothing: the files then say which call was open. They are for reading by the process that merges
the histories, also while they are being written.

An actor has four files, each written by its thread alone: `.calls`, the calls that have returned
as `call_rows.KEPT`, appended; `.open`, the call that was invoked last, overwritten in place;
`.errors`, the texts of errors, one JSON array ``[row, text]`` a line; and `.ids`, the jobs that
were created, one JSON array ``[number, id]`` a line.
"""

from __future__ import annotations

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


class _Kept(bytearray):
    """Kept calls that are in a file as well."""

    file: int

    def __iadd__(self, calls: Any) -> _Kept:  # type: ignore[misc]  # bytes only, as is kept
        os.write(self.file, calls)
        super().__iadd__(calls)
        return self


class _Errors(dict[int, str]):
    """Texts of errors that are in a file as well."""

    file: int

    def __setitem__(self, row: int, text: str) -> None:
        os.write(self.file, (json.dumps([row, text]) + "\n").encode())
        super().__setitem__(row, text)


class JournalledRecorder(ActorRecorder):
    """An `ActorRecorder` whose calls are in files; costs about three microseconds a call.

    Parameters
    ----------
    stem
        Path of its files without their suffixes.
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
        """Return a call that is in the file before it is made: it is never made unknown."""

        def announced(*arguments: Any, **more: Any) -> Any:
            op, target, number, invoked = self._latest()
            code = encode(op, number_of(target), PENDING, NO_STATUS)
            # One write of few bytes: whoever reads sees the call before or this one, whole.
            os.lseek(self._open_file, 0, os.SEEK_SET)
            os.write(self._open_file, pack(code, number, invoked, -1))
            return call(*arguments, **more)

        return announced

    def _named(self, create: Callable[..., Any]) -> Callable[..., Any]:
        """Return a create whose answer is in the file before the call is: its job can be found."""

        def named(*arguments: Any) -> Any:
            job = create(*arguments)
            job_id = getattr(job, "job_id", None)
            if isinstance(job_id, str):
                os.write(self._ids_file, (json.dumps([self._number, job_id]) + "\n").encode())
            return job

        return named

    def close(self) -> None:
        """Close the files; no more calls can be made."""
        kept, errors = self._buffer.file, self._errors.file  # type: ignore[attr-defined]
        for file in (kept, errors, self._open_file, self._ids_file):
            os.close(file)


class JournalReader:
    """Reads what a `JournalledRecorder` writes, while it does or after its process has died.

    For one thread.
    """

    def __init__(self, stem: Path, name: str) -> None:
        self.name = name
        self._stem = stem

    def kept_from(self, row: int) -> bytearray:
        """Return the calls that have returned, from that row on, as they are kept."""
        kept = self._read(".calls", row * KEPT.itemsize)
        # A call of which half is there was being written when the disk was full.
        return bytearray(kept[: len(kept) - len(kept) % KEPT.itemsize])

    def is_inside_call(self) -> bool:
        """Return whether a call is open."""
        rows = self.history().rows
        return len(rows) > 0 and bool(rows["outcome"][-1] == PENDING)

    def history(self) -> ActorHistory:
        """Return what was noted so far; a call still open comes last, as PENDING."""
        # In this order, for the reason that `ActorRecorder.history` gives.
        latest = self._read(".open", 0)
        kept = np.frombuffer(self.kept_from(0), dtype=KEPT)
        opened = np.frombuffer(latest[: len(latest) // KEPT.itemsize * KEPT.itemsize], dtype=KEPT)
        if len(opened) and opened["invoked_ns"][0] > (kept["invoked_ns"][-1] if len(kept) else -1):
            kept = np.concatenate([kept, opened])
        return ActorHistory(self.name, decode(kept), self._numbered(".errors"))

    def created(self) -> dict[int, str]:
        """Return number and id of each job that was created."""
        return self._numbered(".ids")

    def _numbered(self, suffix: str) -> dict[int, str]:
        """Return the texts of a file by their numbers."""
        # Of the last line one part may be there.
        lines = self._read(suffix, 0).decode().split("\n")[:-1]
        return {int(row): text for row, text in map(json.loads, lines)}

    def _read(self, suffix: str, start: int) -> bytes:
        try:
            with Path(f"{self._stem}{suffix}").open("rb") as file:
                file.seek(start)
                return file.read()
        except FileNotFoundError:  # it has not begun
            return b""
