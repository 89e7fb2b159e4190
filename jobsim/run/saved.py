"""Runs on disk: a folder of Parquet tables and one JSON file, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from jobsim.domain.exceptions import JobsimError
from jobsim.logs.source import TraceSource
from jobsim.run.run import Run, RunInfo
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import COLUMNS, Workload

FORMAT = 1
"""Version of the folder's layout; a reader refuses any other."""

_INDEX = "run.json"
_NAMES = {"jobs": ("worker",), "transitions": ("actor",), "calls": ("actor", "error")}


class SavedRunError(JobsimError):
    """The folder cannot be used as a saved run.

    Parameters
    ----------
    folder
        Which folder.
    problem
        What is wrong with it, and what to do.
    """

    def __init__(self, folder: str, problem: str) -> None:
        super().__init__(folder, problem)
        self.folder, self.problem = folder, problem

    def __str__(self) -> str:
        return f"{self.folder}: {self.problem}"


def save_run(run: Run, folder: str | os.PathLike[str]) -> Path:
    """Write a run to a new folder, whole or not at all, and return the folder.

    The files are written next to it under another name, which then becomes the folder's.

    Raises
    ------
    SavedRunError
        If something of that name is there already, or it cannot be written.
    """
    folder = Path(folder)
    require_free(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as exc:
        raise SavedRunError(str(folder), f"cannot be written: {exc.strerror}") from exc
    try:
        _write(run, unfinished)
        unfinished.chmod(0o755)  # mkdtemp makes it private
        unfinished.rename(folder)
    except OSError as exc:
        raise SavedRunError(str(folder), f"cannot be written: {exc.strerror}") from exc
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def require_free(folder: str | os.PathLike[str]) -> None:
    """Raise a SavedRunError if something of that name is there already."""
    if Path(folder).exists():
        raise SavedRunError(os.fspath(folder), "is there already; choose another name or remove it")


def load_run(folder: str | os.PathLike[str]) -> Run:
    """Read a run that `save_run` wrote; it holds its workload, so it can be run again.

    Raises
    ------
    SavedRunError
        If the folder is no saved run, is damaged, or was written in another format.
    """
    folder = Path(folder)
    index = _read_index(folder)
    tables = {name: _read_table(folder, name, digest) for name, digest in index["sha256"].items()}
    try:
        workload = _workload(index, tables["workload"])
        info = RunInfo.model_validate(index["info"])
        return Run(
            workload,
            info,
            tables["jobs"],
            transitions=tables["transitions"],
            calls=tables.get("calls"),
            final=tables.get("final"),
        )
    except (KeyError, ValueError, TypeError) as exc:
        raise SavedRunError(str(folder), f"{_INDEX} is damaged: {_first_line(exc)}") from exc


def _write(run: Run, folder: Path) -> None:
    workload = run.workload
    tables = {
        "workload": pd.DataFrame(workload.arrays()),
        "jobs": run.jobs,
        "transitions": run.transitions,
    }
    tables |= {
        name: table
        for name, table in (("calls", run.calls), ("final", run.final))
        if table is not None
    }
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    index = {
        "format": FORMAT,
        "info": json.loads(run.info.model_dump_json()),
        "scenario": workload.scenario.model_dump(mode="json"),
        "source": None if workload.source is None else workload.source.model_dump(mode="json"),
        "workload_digest": workload.digest(),
        "sha256": {name: _sha256(folder / f"{name}.parquet") for name in tables},
    }
    text = json.dumps(index, indent=2, allow_nan=False)
    (folder / _INDEX).write_text(text + "\n", encoding="utf-8")


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise SavedRunError(str(folder), f"is no saved run: it has no {_INDEX}") from exc
    except (OSError, ValueError) as exc:
        raise SavedRunError(str(folder), f"{_INDEX} cannot be read: {_first_line(exc)}") from exc
    found = index.get("format") if isinstance(index, dict) else None
    if found != FORMAT:
        raise SavedRunError(
            str(folder), f"{_INDEX} has format {found!r}, this jobsim reads format {FORMAT}"
        )
    if not isinstance(index.get("sha256"), dict):
        raise SavedRunError(str(folder), f"{_INDEX} is damaged: it lists no files")
    return dict(index)


def _read_table(folder: Path, name: str, digest: str) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise SavedRunError(str(folder), f"{path.name} is missing")
    if _sha256(path) != digest:
        raise SavedRunError(str(folder), f"{path.name} is damaged: its content has changed")
    table = pd.read_parquet(path)
    # A category without a single value comes back as a column of nothing.
    empty = [column for column in _NAMES.get(name, ()) if table[column].isna().all()]
    return table.astype(dict.fromkeys(empty, "str")).astype(dict.fromkeys(empty, "category"))


def _workload(index: dict[str, Any], table: pd.DataFrame) -> Workload:
    arrays = {name: table[name].to_numpy() for name in COLUMNS if name in table}
    source = index["source"]
    return Workload(
        scenario=Scenario.model_validate(index["scenario"]),
        **arrays,
        source=None if source is None else TraceSource.model_validate(source),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_line(exc: Exception) -> str:
    if isinstance(exc, ValidationError):
        error = exc.errors()[0]
        return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
    return str(exc).splitlines()[0] if str(exc) else type(exc).__name__
