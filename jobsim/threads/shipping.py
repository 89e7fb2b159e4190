"""The files of a process on another host, sent to the first process piece by piece.

A process on the host of the first one writes where the first one reads. Any other process keeps its
files on its own host, and sends what is new a few times a second. If it is killed, another process
on that host can send the files.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import NamedTuple

_MARK = "run"
_SEALED = "sealed"
_PREFIX = "jobsim-calls-"


class Place(NamedTuple):
    """A folder of the first process, and the content of a file that identifies it."""

    folder: Path
    mark: str


class Piece(NamedTuple):
    """The content of a file from a position on."""

    name: str
    start: int
    data: bytes


def new_place() -> Place:
    """Return a new folder."""
    place = Place(Path(tempfile.mkdtemp(prefix=_PREFIX)), secrets.token_hex(16))
    (place.folder / _MARK).write_text(place.mark, encoding="ascii")
    return place


def place_for(place: Place, *, here: bool) -> Path:
    """Return where a process keeps its files: in that folder, or in a new one of its own.

    Parameters
    ----------
    place
        The folder of the first process.
    here
        Whether the first process may be on this host. Even then the folder may be out of reach: a
        container has a file system of its own.
    """
    try:
        if here and (place.folder / _MARK).read_text(encoding="ascii") == place.mark:
            return place.folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix=_PREFIX))


class Outbox:
    """Returns what is new in the files of a folder, each time it is asked. For one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent: dict[str, int] = {}
        self._last: dict[str, bytes] = {}

    def new(self) -> list[Piece]:
        """Return the pieces that were added since the last time.

        The files of open calls are read first: a call that returned between reading the other files
        and these would be missing from both.
        """
        names = sorted(path.name for path in self._folder.iterdir())
        names.sort(key=lambda name: not name.endswith(".open"))
        pieces = []
        for name in names:
            start = self._sent.get(name, 0)
            with (self._folder / name).open("rb") as file:
                file.seek(start)
                data = file.read()
            # A file that is overwritten in place is sent whole, if it has changed.
            if data and self._last.get(name) != data:
                pieces.append(Piece(name, start, data))
            if name.endswith(".open"):
                self._last[name] = data
            else:
                self._sent[name] = start + len(data)
        return pieces


def seal(folder: Path, process: int) -> None:
    """Note that a process writes no more there."""
    (folder / f"{_SEALED}-{process}").touch()


def sealed(folder: Path) -> int:
    """Return how many processes have noted that they write no more there."""
    return len(list(folder.glob(f"{_SEALED}-*")))


def put(folder: Path, piece: Piece) -> None:
    """Write a piece where the first process reads it."""
    with (folder / piece.name).open("r+b" if (folder / piece.name).exists() else "wb") as file:
        file.seek(piece.start)
        file.write(piece.data)
