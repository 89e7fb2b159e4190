"""A saved run on disk: a folder of Parquet tables and one JSON file, complete or absent.

This module knows tables and plain values but not `Run`; `Run.save` and `Run.load` connect the two.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from jobsim.domain.exceptions import PathError
from jobsim.files.claim import Claim, ClaimError
from jobsim.files.reading import UnreadableFileError, read_limited
from jobsim.scenario.size import machine_bytes

FORMAT = 3
"""Version of the folder's layout."""

FORMATS = (1, 2, FORMAT)
"""The versions that can be read; any other is refused."""

COMPLETE_SINCE = 2
"""The format since which `jobs` has every column; earlier ones are converted."""

SIX_OUTCOMES_SINCE = 3
"""The format since which `no_effect` is an outcome; earlier ones have the other five."""

INDEX = "run.json"

REQUIRED = ("workload", "jobs", "transitions")
OPTIONAL = ("calls", "final", "faults")

_NAMES = {"jobs": ("worker",), "transitions": ("actor",), "calls": ("actor", "error")}


class SavedRunError(PathError):
    """The folder cannot be used as a saved run; the text says why and what to do."""


def claim_folder(folder: str | os.PathLike[str]) -> Claim:
    """Return the claim on the name of a new saved run.

    Raises
    ------
    SavedRunError
        If the name is taken, or nothing can be written there.
    """
    try:
        return Claim(folder)
    except ClaimError as exc:
        raise SavedRunError(exc.path, exc.problem) from exc


def write_folder(
    claim: Claim, index: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]
) -> Path:
    """Write tables and the index to the claimed folder, which then appears under its name.

    Parameters
    ----------
    claim
        What `claim_folder` returned.
    index
        What goes into `INDEX` besides the format and the digests of the tables.
    tables
        By name: all of `REQUIRED`, any of `OPTIONAL`.

    Raises
    ------
    SavedRunError
        If it cannot be written. Then the claim is released, and nothing is left behind.
    """
    try:
        for name, table in tables.items():
            table.to_parquet(_file(claim.work, name))
        # Digests of the files, not of the tables, so that bytes are checked before they are parsed.
        digests = {name: _sha256(_file(claim.work, name)) for name in tables}
        text = json.dumps({"format": FORMAT} | dict(index) | {"sha256": digests}, indent=2)
        (claim.work / INDEX).write_text(text + "\n", encoding="utf-8")
        # A rename, so that the folder appears with all its files or not at all.
        return claim.keep_folder()
    except OSError as exc:
        # The system's text for the error number: pyarrow's own message is long.
        problem = f"cannot be written: {os.strerror(exc.errno) if exc.errno else exc}"
        raise SavedRunError(os.fspath(claim.path), problem) from exc
    finally:
        claim.release()


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return the index of a saved run and its tables, each checked against its digest.

    Nothing outside the folder is read, whatever its index names or its links point to.

    Raises
    ------
    SavedRunError
        If it is not a saved run, is damaged, or was written in another format.
    """
    index = _read_index(folder)
    digests = index["sha256"]
    if missing := [name for name in REQUIRED if name not in digests]:
        raise SavedRunError(str(folder), f"{INDEX} is damaged: it lists no table {missing[0]!r}")
    # A name in the index becomes a path, so only known names are accepted.
    if unknown := sorted(set(digests) - {*REQUIRED, *OPTIONAL}):
        raise SavedRunError(str(folder), f"{INDEX} is damaged: no run has a table {unknown[0]!r}")
    return index, {name: _read_table(folder, name, digest) for name, digest in digests.items()}


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"


def _read_index(folder: Path) -> dict[str, Any]:
    """Read the index; any damage to the file raises `SavedRunError`."""
    try:
        # `lexists`: a broken link is a damaged run, not a missing one.
        if not os.path.lexists(folder / INDEX):
            raise SavedRunError(str(folder), f"is not a saved run: it has no {INDEX}")
        # Limited, since a file from somebody else may be larger than the memory.
        index = json.loads(read_limited(_inside(folder, INDEX)).decode("utf-8"))
    except UnreadableFileError as exc:
        raise SavedRunError(str(folder), f"{INDEX} cannot be read: {exc.problem}") from exc
    except ValueError as exc:
        raise SavedRunError(str(folder), f"{INDEX} cannot be read: {exc}") from exc
    except RecursionError as exc:
        raise SavedRunError(str(folder), f"{INDEX} is damaged: it is nested too deeply") from exc
    found = index.get("format") if isinstance(index, dict) else None
    if found not in FORMATS:
        shown = repr(found)[:40]
        raise SavedRunError(
            str(folder), f"{INDEX} has format {shown}, this jobsim reads up to format {FORMAT}"
        )
    if not isinstance(index.get("sha256"), dict):
        raise SavedRunError(str(folder), f"{INDEX} is damaged: it lists no tables")
    return dict(index)


def _read_table(folder: Path, name: str, digest: object) -> pd.DataFrame:
    """Read one table; any damage to the file raises `SavedRunError`."""
    path = _inside(folder, _file(folder, name).name)
    if not path.is_file():
        raise SavedRunError(str(folder), f"{path.name} is missing")
    try:
        if _sha256(path) != digest:
            raise SavedRunError(str(folder), f"{path.name} is damaged: its content has changed")
        # Checked in the footer first: a small file may unpack to more than the memory.
        holds = pq.read_metadata(path)
        if holds.num_rows * holds.num_columns * 8 > machine_bytes():
            raise SavedRunError(str(folder), f"{path.name} does not fit into this machine's memory")
        table = pd.read_parquet(path)
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as exc:
        raise SavedRunError(str(folder), f"{path.name} is damaged: {_first_line(exc)}") from exc
    # A category without any value is read back as a column without a dtype.
    empty = [
        column for column in _NAMES.get(name, ()) if column in table and table[column].isna().all()
    ]
    return table.astype(dict.fromkeys(empty, "str")).astype(dict.fromkeys(empty, "category"))


def _inside(folder: Path, name: str) -> Path:
    """Return the path of a file in the folder; raise if it is a link to outside the folder."""
    path = folder / name
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise SavedRunError(str(folder), f"{name} is a link that leads out of the folder")
    except (OSError, RuntimeError) as exc:  # a loop of links
        raise SavedRunError(str(folder), f"{name} cannot be read: {_first_line(exc)}") from exc
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_line(exc: Exception) -> str:
    return str(exc).splitlines()[0] if str(exc) else type(exc).__name__
