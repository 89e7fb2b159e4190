"""Thin names over `jobsim.read_log`, for those who want a workload at once."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping

import pandas as pd

from jobsim.files.reading import LIMIT_BYTES
from jobsim.logs.source import OutcomePolicy
from jobsim.scenario.log import read_log
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload


def read_swf(
    path: str | os.PathLike[str],
    *,
    scenario: Scenario | None = None,
    outcomes: OutcomePolicy | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> Workload:
    r"""Read a log in the Standard Workload Format (SWF 2.2), plain or gzip.

    Status 1 is completed, 0 failed, 5 cancelled, any other unrecognised. The partial executions
    2, 3 and 4 are skipped: their job has a summary line of its own. Comments, blank lines and
    fields after the eighteenth are passed over, lines may come in any order, and a field that a
    short line lacks is missing. See `jobsim.read_log`.

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
    return read_log(path, kind="swf", limit_bytes=limit_bytes).workload(scenario, outcomes=outcomes)


def read_csv(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, Hashable] | None = None,
    scenario: Scenario | None = None,
    outcomes: OutcomePolicy | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> Workload:
    r"""Read a table of text with one job per row, plain or gzip; see `jobsim.read_log`.

    Parameters
    ----------
    path
        The file.
    columns
        Roles to the file's columns; those that are not named are found.
    scenario, outcomes, limit_bytes
        As for `read_swf`.

    Raises
    ------
    TraceError
        If the file cannot be read, a column is not there, or no row is usable.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = pathlib.Path(folder, "log.csv")
    ...     _ = log.write_text("done,took,state\n12.5,2.5,OK\n11,5,error\n")
    ...     workload = read_csv(log)
    >>> workload.arrival.tolist(), workload.fails.tolist()
    ([0.0, 4.0], [True, False])
    """
    return read_log(path, columns=columns, kind="csv", limit_bytes=limit_bytes).workload(
        scenario, outcomes=outcomes
    )


def from_frame(
    frame: pd.DataFrame,
    *,
    columns: Mapping[str, Hashable] | None = None,
    scenario: Scenario | None = None,
    outcomes: OutcomePolicy | None = None,
) -> Workload:
    """Take a DataFrame with one job per row; parameters and errors are those of `read_csv`.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "submitted": pd.to_datetime(["2026-01-01 12:00:03", "2026-01-01 12:00:01"]),
    ...     "runtime": [1.0, 2.0],
    ... })
    >>> from_frame(frame).service.tolist()
    [2.0, 1.0]
    """
    return read_log(frame, columns=columns).workload(scenario, outcomes=outcomes)
