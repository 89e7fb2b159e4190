"""The files of a process on another host, sent to the first process piece by piece.

Each process of the first one's host writes where the first one reads. Any other keeps its files
where it is, and sends what is new a few times a second. If it is killed, the files are left there,
for any process of that host to send.
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
    """A folder of the first process, and what one reads in it to know that it is that one."""

    folder: Path
    mark: str


class Piece(NamedTuple):
    """What a file holds from a place on."""

    name: str
    start: int
    data: bytes


def new_place() -> Place:
    """Return a new folder."""
    place = Place(Path(tempfile.mkdtemp(prefix=_PREFIX)), secrets.token_hex(16))
    (place.folder / _MARK).write_text(place.mark, encoding="ascii")
    return place


def place_for(place: Place, *, here: bool) -> Path:
    """Return where a process keeps its files: in that folder, or in one of its own.

    Parameters
    ----------
    place
        That of the first process.
    here
        Whether it may be on this host. Even then, a container has a file system of its own.
    """
    try:
        if here and (place.folder / _MARK).read_text(encoding="ascii") == place.mark:
            return place.folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix=_PREFIX))


class Outbox:
    """What is new in the files of one folder since they were last asked for. For one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent: dict[str, int] = {}
        self._last: dict[str, bytes] = {}

    def new(self) -> list[Piece]:
        """Return the pieces that were added.

        The calls that were invoked last come first: read after those that have returned, one that
        returned in between would be in neither.
        """
        names = sorted(path.name for path in self._folder.iterdir())
        names.sort(key=lambda name: not name.endswith(".open"))
        pieces = []
        for name in names:
            start = self._sent.get(name, 0)
            with (self._folder / name).open("rb") as file:
                file.seek(start)
                data = file.read()
            # A file that is overwritten in place is sent whole, where it has changed.
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
