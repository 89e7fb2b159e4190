"""A log as a load: `read_log`, and the workload that its jobs make.

The readers in `jobsim.logs` do not know `Workload`, so packages import in one direction only. Here
a table of past jobs meets the scenario that says who pays, and how many workers there are.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from dataclasses import fields

import pandas as pd

from jobsim.files.reading import LIMIT_BYTES
from jobsim.logs.outcome_words import Mode
from jobsim.logs.read import read_table
from jobsim.logs.source import Kind, OutcomePolicy
from jobsim.logs.table import LogTable
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.trace_rows import workload_fields
from jobsim.scenario.workload import Workload


class Log(LogTable):
    """A log of past jobs, read by `read_log`.

    Its attributes are those of `jobsim.logs.table.LogTable`: `jobs`, `unfinished`, `skipped`,
    `outcomes`, `columns`, `notes` and more.
    """

    def workload(
        self, scenario: Scenario | None = None, *, outcomes: OutcomePolicy | None = None
    ) -> Workload:
        """Return the log's jobs as a workload that the engines run like any other.

        A job arrives when it arrived, works for its logged service time, and is paid when the log
        says so; where the log has no payments, the scenario decides: at once, by default. Each
        attempt is a job of its own that arrives when the attempt was asked for. One job takes one
        worker.

        Parameters
        ----------
        scenario
            Gives workers, clients, pollers, seed and payment; where it sets `jobs` or `duration`,
            the log ends there. Its arrivals and work are not used. With None, as many workers as
            the log shows at work at once (`peak_concurrency`), otherwise the defaults of
            ``Scenario()``.
        outcomes
            What becomes of cancelled and unknown jobs; ``OutcomePolicy()`` if None.

        Examples
        --------
        >>> log = read_log(pd.DataFrame({"submitted": [5, 9], "runtime": [1.5, 2.0]}))
        >>> log.workload(Scenario(workers=2)).arrival.tolist()
        [0.0, 4.0]
        """
        return Workload(**workload_fields(self, scenario, outcomes))


def read_log(
    path_or_frame: str | os.PathLike[str] | pd.DataFrame,
    *,
    columns: Mapping[str, Hashable] | None = None,
    outcomes: Mapping[str, str] | Mode | None = None,
    unit: str | Mapping[str, str] | None = None,
    timezone: str | None = None,
    where: Mapping[str, object] | None = None,
    dayfirst: bool | None = None,
    events: Mapping[str, str] | None = None,
    table: str | None = None,
    limit_bytes: int = LIMIT_BYTES,
    kind: Kind | None = None,
) -> Log:
    r"""Read a table of past jobs, whatever writes it, and say what was understood.

    Columns are found by their names and values; where two readings are possible, the error names
    them and the option that decides. Any two of the instants arrival, paid, started and finished
    and a duration will do.

    Parameters
    ----------
    path_or_frame
        A file: CSV with any separator, plain or gzip, ``sacct -P``, JSON lines or an array,
        Parquet, the Standard Workload Format; a DataFrame, also `Run.jobs`; or the URL of a
        database (needs the extra ``sql``).
    columns
        Roles to the log's columns, for those that are not found: ``arrival``, ``paid``,
        ``started``, ``finished``; ``service``, ``wait``, ``sojourn``, ``delay`` (of the payment);
        ``status``, ``success``, ``failed``, ``error``, ``exit_code``, ``http_status``; ``job``,
        ``attempt``; for a log of events ``job``, ``activity`` and ``time``. Without a header a
        column's name is its place, from 0.
    outcomes
        Words to what they mean (completed, failed, cancelled, unpaid, unfinished, skipped), before
        the known ones; or how numbers are read: ``"exit_code"`` (0 is success), ``"truth"`` (1
        is), ``"swf"``, ``"http"``.
    unit
        Unit of numbers that name none: ``ns``, ``us``, ``ms``, ``s``, ``min``, ``h`` or ``d``; for
        all, or by column or role. ``"m:s"`` or ``"h:m"`` for times such as 5:30.
    timezone
        Zone of dates that have none, such as ``"Europe/Zurich"``.
    where
        Column to value, or values: only these rows are read, for instance one queue of several.
    dayfirst
        Whether 01/02/2026 is the first of February, where the dates do not show it.
    events
        For a log of events: an activity to ``arrival``, ``paid``, ``started``, ``finished``,
        ``completed``, ``failed``, ``cancelled`` or ``ignored``, before the known ones.
    table
        The table of a database, or the key of one of several lists in a JSON file.
    limit_bytes
        How much text is read at most, unpacked. A log takes about four times its size in memory
        while it is read, and 80 bytes per row afterwards.
    kind
        The format, where it is not recognised: ``"swf"``, ``"csv"``, ``"json"``, ``"parquet"``.

    Returns
    -------
    Log
        `jobs` are the attempts that are over; `unfinished`, `skipped`, `outcomes`, `columns` and
        `notes` say what became of the rest and why.

    Raises
    ------
    jobsim.logs.source.TraceError
        If the log cannot be read, or can be read in more than one way.

    Notes
    -----
    Instants are ISO 8601, common dates, or Unix time in s, ms, us or ns, recognised by its size;
    those outside 1990 to 2100 are missing. Durations are numbers in the unit that the header
    names or that the instants show, clock forms such as ``1-02:00:00``, ISO 8601, or ``4m 21s``.
    Rows that contradict themselves are left out and counted. Shares no state, so threads may read
    at once.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "received": ["2026-01-31T10:00:00Z", "2026-01-31T10:00:05Z"],
    ...     "started": ["2026-01-31T10:00:01Z", "2026-01-31T10:00:09Z"],
    ...     "runtime_ms": [4000, 2500],
    ...     "state": ["SUCCESS", "FAILURE"],
    ... })
    >>> log = read_log(frame)
    >>> log.jobs[["arrival", "wait", "service"]].to_dict("list")
    {'arrival': [0.0, 5.0], 'wait': [1.0, 4.0], 'service': [4.0, 2.5]}
    >>> log.endings()
    {'completed': 1, 'failed': 1}
    """
    found = read_table(
        path_or_frame,
        columns=columns,
        outcomes=outcomes,
        unit=unit,
        timezone=timezone,
        where=where,
        dayfirst=dayfirst,
        events=events,
        table=table,
        limit_bytes=limit_bytes,
        kind=kind,
    )
    return Log(**{field.name: getattr(found, field.name) for field in fields(found)})
