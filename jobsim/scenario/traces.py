"""Readers of real traces: each returns a `Workload` that the engines run like any other.

A job arrives when it was submitted, works for its logged run time and is paid as the scenario
says: at once, unless it says otherwise. One job takes one worker, whatever number of processors
it used. Times are seconds; the first job that is used arrives at 0. Where the scenario sets
`jobs` or `duration`, the trace ends there; its arrivals and work are not looked at.

Rows that cannot be used are skipped and counted by reason: a submit or run time that is
missing (nothing, or -1), unreadable, negative, infinite or too large. A run time of 0 is usable.
What was read, used, skipped and assumed is in `Workload.source`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jobsim.domain.versions import require_versions
from jobsim.files.reading import (
    LIMIT_BYTES,
    UnreadableFileError,
    gunzip_limited,
    read_limited,
)
from jobsim.logs.source import OutcomePolicy, TraceError
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.trace_rows import Rows, read_status, read_times, to_workload
from jobsim.scenario.workload import Workload

require_versions()

ALIASES: Mapping[str, tuple[str, ...]] = {
    "arrival": (
        *("arrival", "arrival_time", "arrived", "arrived_at", "submit", "submit_time"),
        *("submitted", "submitted_at", "created", "created_at", "start", "start_time"),
        *("start_timestamp", "started", "started_at", "timestamp"),
    ),
    "end": (
        *("end", "end_time", "end_timestamp", "ended", "ended_at", "finish", "finish_time"),
        *("finished", "finished_at", "completed_at"),
    ),
    "service": (
        *("service", "service_time", "duration", "run", "run_time", "runtime"),
        *("elapsed", "execution_time"),
    ),
    "wait": ("wait", "wait_time", "waiting_time", "queue_time"),
    "status": ("status", "state", "outcome"),
}
"""The headers that are known for each column, best first; case, blanks and hyphens don't matter."""

_SWF_FIELDS = {1: "submit time", 2: "wait", 3: "run time", 10: "status"}
_SWF_HEADER = " ".join(str(number) for number in range(18)).encode() + b"\n"
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


def read_swf(
    path: str | os.PathLike[str],
    *,
    scenario: Scenario | None = None,
    outcomes: OutcomePolicy | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> Workload:
    r"""Read a log in the Standard Workload Format (SWF 2.2), plain or gzip.

    Status 1 is completed, 0 failed, 5 cancelled, any other unknown. The partial executions
    2, 3 and 4 are skipped: their job has a summary line of its own. Comments, blank lines and
    fields after the eighteenth are passed over, lines may come in any order, and a field that a
    short line lacks is missing.

    Parameters
    ----------
    path
        The log.
    scenario
        Gives payment, workers, clients, pollers and seed; ``Scenario()`` if None.
    outcomes
        What becomes of cancelled and unknown jobs; ``OutcomePolicy()`` if None.
    limit_bytes
        How much is read at most, of the file and of what is unpacked from it.

    Raises
    ------
    TraceError
        If the file cannot be read or has no usable row.

    References
    ----------
    Chapin et al., Benchmarks and Standards for the Evaluation of Parallel Job Schedulers, in
    Job Scheduling Strategies for Parallel Processing, LNCS 1659, 1999.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = pathlib.Path(folder, "log.swf")
    ...     lines = "; a comment", "1 60 5 2.5 1 0 0 1 -1 -1 1", "2 90 -1 4 1 0 0 1 -1 -1 0"
    ...     _ = log.write_text("\n".join(lines))
    ...     workload = read_swf(log)
    >>> workload.arrival.tolist(), workload.service.tolist(), workload.fails.tolist()
    ([0.0, 30.0], [2.5, 4.0], [False, True])
    >>> workload.logged_wait.tolist()
    [5.0, nan]
    """
    data, sha256 = _read(path, limit_bytes)
    # Only line starts are comments to the parser, and a short first line would set the width.
    body = _SWF_HEADER + re.sub(rb"(?m)^[ \t]+;", b";", data)
    frame = _parse(
        path, body, sep=r"\s+", comment=";", quoting=csv.QUOTE_NONE, usecols=list(_SWF_FIELDS)
    )
    submit, wait, run, status = (frame.iloc[:, number] for number in range(4))
    start = re.search(rb"(?m)^;[ \t]*UnixStartTime:[ \t]*(\d+)", body)
    return to_workload(
        Rows(
            instant=read_times(_SWF_FIELDS[1], submit),
            ends=False,
            service=read_times(_SWF_FIELDS[3], run),
            wait=read_times(_SWF_FIELDS[2], wait),
            status=read_status(status),
        ),
        kind="swf",
        path=os.fspath(path),
        name=Path(path).name,
        sha256=sha256,
        unix_start_time=float(start[1]) if start else None,
        scenario=scenario,
        outcomes=outcomes or OutcomePolicy(),
    )


def read_csv(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] | None = None,
    scenario: Scenario | None = None,
    outcomes: OutcomePolicy | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> Workload:
    r"""Read a comma-separated file with a header and one job a row, plain or gzip.

    Parameters
    ----------
    path
        The file.
    columns
        Our names to the file's: ``arrival``, or ``end`` for a log that has only that (then a job
        arrived at end minus service); ``service``; and where there are any ``wait`` and
        ``status``. None finds them by the headers in `ALIASES`.
    scenario
        Gives payment, workers, clients, pollers and seed; ``Scenario()`` if None.
    outcomes
        What becomes of cancelled and unknown jobs; ``OutcomePolicy()`` if None.
    limit_bytes
        How much is read at most, of the file and of what is unpacked from it.

    Raises
    ------
    TraceError
        If the file cannot be read, a column is not there, or no row is usable.

    Notes
    -----
    Arrival and end are seconds from any origin, or ISO 8601 dates (UTC where they have no
    zone). A status is a word, such as completed, success, failed, error or cancelled, or a code
    of the Standard Workload Format, see `read_swf`. All others are unknown, and so is every
    outcome without a status column.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = pathlib.Path(folder, "log.csv")
    ...     _ = log.write_text("done,took,state\n12.5,2.5,OK\n11,5,error\n")
    ...     workload = read_csv(log, columns={"end": "done", "service": "took", "status": "state"})
    >>> workload.arrival.tolist(), workload.fails.tolist()
    ([0.0, 4.0], [True, False])
    """
    data, sha256 = _read(path, limit_bytes)
    header = _parse(path, data, skipinitialspace=True, nrows=0, usecols=lambda _: True)
    blank = data[: len(data) - len(data.lstrip())].count(b"\n")
    found = _find(os.fspath(path), header, columns, line=blank + 1)
    wanted = [header.columns.get_loc(name) for name in found.values()]
    frame = _parse(path, data, skipinitialspace=True, usecols=wanted)
    return to_workload(
        _rows(frame, found),
        kind="csv",
        path=os.fspath(path),
        name=Path(path).name,
        sha256=sha256,
        unix_start_time=None,
        scenario=scenario,
        outcomes=outcomes or OutcomePolicy(),
    )


def from_frame(
    frame: pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    scenario: Scenario | None = None,
    outcomes: OutcomePolicy | None = None,
) -> Workload:
    """Take a DataFrame with one job a row; parameters and errors are those of `read_csv`.

    Arrival and end may be pandas datetimes too, and the other times timedeltas.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "submitted": pd.to_datetime(["2026-01-01 12:00:03", "2026-01-01 12:00:01"]),
    ...     "runtime": [1.0, 2.0],
    ... })
    >>> from_frame(frame).service.tolist()
    [2.0, 1.0]
    """
    return to_workload(
        _rows(frame, _find("DataFrame", frame, columns)),
        kind="frame",
        path="DataFrame",
        name="DataFrame",
        sha256=None,
        unix_start_time=None,
        scenario=scenario,
        outcomes=outcomes or OutcomePolicy(),
    )


def _read(path: str | os.PathLike[str], limit_bytes: int) -> tuple[bytes, str]:
    """Return a file's text, unpacked and without a byte order mark, and the digest of its bytes."""
    shown = os.fspath(path)
    try:
        raw = data = read_limited(path, limit_bytes)
        if raw.startswith(_GZIP):
            data = gunzip_limited(raw, shown, limit_bytes)
        elif shown.endswith(".gz"):
            raise TraceError(shown, "its name ends in .gz, but it is not a gzip file")
    except UnreadableFileError as error:
        raise TraceError(shown, error.problem) from error
    return data.removeprefix(_BOM), hashlib.sha256(raw).hexdigest()


def _parse(path: str | os.PathLike[str], data: bytes, **options: Any) -> pd.DataFrame:
    try:
        # With `usecols` in the options, surplus fields are dropped and never move the others.
        frame: pd.DataFrame = pd.read_csv(
            io.BytesIO(data),
            index_col=False,
            low_memory=False,
            encoding_errors="replace",
            **options,
        )
    except pd.errors.EmptyDataError as error:
        raise TraceError(os.fspath(path), "it holds no rows") from error
    except pd.errors.ParserError as error:
        raise TraceError(os.fspath(path), str(error)) from error
    return frame


def _find(
    path: str, frame: pd.DataFrame, columns: Mapping[str, str] | None, line: int | None = None
) -> dict[str, str]:
    """Return our names to the frame's, or raise with a text that says how to give them."""
    found = _recognise(frame) if columns is None else dict(columns)
    theirs = list(frame.columns)
    header = ", ".join(repr(str(column)) for column in theirs)
    if unknown := set(found) - set(ALIASES):
        problem = f"columns has no {min(unknown)!r}; choose from {', '.join(ALIASES)}"
    elif absent := [name for name in found.values() if name not in theirs]:
        problem = f"there is no column {absent[0]!r} among {header}"
    elif double := [name for name in found.values() if theirs.count(name) > 1]:
        problem = f"there are two columns {double[0]!r}; rename one"
    elif "arrival" in found and "end" in found:
        problem = "columns names both arrival and end; name one"
    elif "service" not in found or not {"arrival", "end"} & set(found):
        problem = (
            f"no arrival and service time among {header}; "
            'say which they are: columns={"arrival": ..., "service": ...}, '
            'or {"end": ..., "service": ...}'
        )
    else:
        return found
    raise TraceError(path, problem, line)


def _recognise(frame: pd.DataFrame) -> dict[str, str]:
    """Return the columns that `ALIASES` knows, without the end where the arrival is known."""
    headers: dict[str, str] = {}
    for column in frame.columns:
        headers.setdefault(re.sub(r"[\s-]+", "_", str(column).strip().lower()), column)
    found = {
        ours: headers[alias]
        for ours, aliases in ALIASES.items()
        for alias in reversed(aliases)
        if alias in headers
    }
    if "arrival" in found:
        found.pop("end", None)
    return found


def _rows(frame: pd.DataFrame, found: Mapping[str, str]) -> Rows:
    ends = "arrival" not in found
    instant, service = found["end" if ends else "arrival"], found["service"]
    return Rows(
        instant=read_times(instant, frame[instant], instant=True),
        ends=ends,
        service=read_times(service, frame[service]),
        wait=read_times(found["wait"], frame[found["wait"]]) if "wait" in found else None,
        status=(
            read_status(frame[found["status"]])
            if "status" in found
            else np.full(len(frame), np.nan)
        ),
    )
