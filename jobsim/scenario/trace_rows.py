"""From a log's columns to a workload: what is usable, what each outcome means, in which order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.logs.source import Ending, OutcomePolicy, TraceError, TraceSource, listing
from jobsim.scenario.draws import LONGEST
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.ticks import to_ticks
from jobsim.scenario.workload import Workload, draw_payment

LIMIT = LONGEST / 2
"""Seconds (136 years) that no time may reach, so that a workload can hold the longest trace."""

FAILED, COMPLETED, CANCELLED = 0, 1, 5
PARTIAL = (2, 3, 4)
"""Outcomes have the status codes of the Standard Workload Format."""

_GROUPS = (
    "completed",
    "failed",
    "cancelled before it ran",
    "cancelled while it ran",
    "unknown outcome",
    "partial execution",
)
_BEFORE = _GROUPS.index("cancelled before it ran")
_WORDS = {
    **dict.fromkeys(("completed", "complete", "success", "succeeded", "successful"), COMPLETED),
    **dict.fromkeys(("ok", "done", "true"), COMPLETED),
    **dict.fromkeys(("failed", "fail", "failure", "error", "false"), FAILED),
    **dict.fromkeys(("timeout", "out_of_memory", "node_fail"), FAILED),
    **dict.fromkeys(("cancelled", "canceled", "aborted", "killed"), CANCELLED),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Times:
    """One column of times, under the name that the log gives it.

    Attributes
    ----------
    name
        How a reason for skipping calls it.
    seconds
        float64; NaN where the log has nothing, or nothing readable.
    unreadable
        bool, where there is something, but no time.
    unix
        Whether the seconds count from 1970.
    """

    name: str
    seconds: NDArray[np.float64]
    unreadable: NDArray[np.bool_]
    unix: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """The columns of a log that matter, one entry a row, in the log's own order.

    Attributes
    ----------
    instant
        When a job was submitted or, if `ends`, when it ended.
    ends
        Whether `instant` is the end, so that a job arrived at ``instant - service``.
    service
        How long it ran.
    wait
        How long it waited, or None.
    status
        Outcome codes of the Standard Workload Format, any number; NaN is unknown.
    """

    instant: Times
    ends: bool
    service: Times
    wait: Times | None
    status: NDArray[np.float64]


def read_times(name: str, column: pd.Series, *, instant: bool = False) -> Times:
    """Return a column as seconds: numbers and timedeltas, and dates if it is of instants.

    Dates become Unix time. They are pandas datetimes, or ISO 8601 text in a column without a
    single number; without a zone they are taken as UTC.
    """
    unix = instant and pd.api.types.is_datetime64_any_dtype(column)
    if unix:
        seconds = _unix_seconds(column)
    elif pd.api.types.is_timedelta64_dtype(column):
        seconds = column.dt.total_seconds()
    else:
        seconds = pd.to_numeric(column, errors="coerce")
        if instant and seconds.isna().all():
            dates = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
            seconds, unix = _unix_seconds(dates), bool(dates.notna().any())
    values = seconds.to_numpy(dtype=np.float64, na_value=np.nan)
    return Times(name, values, np.isnan(values) & column.notna().to_numpy(), unix)


def read_status(column: pd.Series) -> NDArray[np.float64]:
    """Return outcome codes: numbers as they are, words by their meaning, NaN for all else."""
    plain = column.astype(object)
    codes = pd.to_numeric(plain, errors="coerce")
    words = plain.astype("str").str.strip().str.lower().map(_WORDS)
    return codes.fillna(words).to_numpy(dtype=np.float64, na_value=np.nan)


def to_workload(
    rows: Rows,
    *,
    kind: Literal["swf", "csv", "frame"],
    path: str,
    name: str,
    sha256: str | None,
    unix_start_time: float | None,
    scenario: Scenario | None,
    outcomes: OutcomePolicy,
) -> Workload:
    """Return the usable rows as a workload in order of arrival, the first arrival at 0.

    Rows of equal arrival keep the log's order.

    Raises
    ------
    TraceError
        If no row is usable.
    """
    scenario = Scenario() if scenario is None else scenario
    group, service = _groups(rows)
    ending = _endings(outcomes)[group]
    usable, skipped = _usable(rows, group, ending)
    if not usable.any():
        why = f"none of its {len(group):,} rows can be used: {listing(skipped)}"
        raise TraceError(path, why if skipped else "it holds no rows")

    order = np.flatnonzero(usable)
    arrival = rows.instant.seconds[order] - (service[order] if rows.ends else 0.0)
    by_arrival = np.argsort(arrival, kind="stable")
    order, arrival = order[by_arrival], arrival[by_arrival]
    first = float(arrival[0])
    arrival = to_ticks(arrival - first)
    jobs = _open_until(scenario, arrival, skipped)
    order, arrival = order[:jobs], arrival[:jobs]
    delay, lag = draw_payment(scenario, jobs)
    unpaid = ending[order] == _code("unpaid")
    delay[unpaid] = lag[unpaid] = np.nan
    wait = None if rows.wait is None else _logged_wait(rows.wait)[order]
    tally = np.bincount(group[order], minlength=len(_GROUPS)).tolist()
    return Workload(
        scenario=scenario,
        arrival=arrival,
        delay=delay,
        lag=lag,
        service=to_ticks(service[order]),
        fails=ending[order] == _code("failed"),
        logged_wait=wait,
        source=TraceSource(
            kind=kind,
            name=name,
            sha256=sha256,
            rows=len(group),
            jobs=jobs,
            skipped=skipped,
            completed=tally[0],
            failed=tally[1],
            cancelled_before=tally[2],
            cancelled_during=tally[3],
            unknown=tally[4],
            without_wait=jobs if wait is None else int(np.isnan(wait).sum()),
            first_arrival=first,
            unix_start_time=0.0 if rows.instant.unix else unix_start_time,
            outcomes=outcomes,
        ),
    )


def _unix_seconds(dates: pd.Series) -> pd.Series:
    return (dates - pd.Timestamp(0, tz=dates.dt.tz)).dt.total_seconds()


def _groups(rows: Rows) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return each row's place in `_GROUPS`, and its service time: 0 if cancelled before it ran."""
    status, service = rows.status, rows.service.seconds
    absent = (np.isnan(service) & ~rows.service.unreadable) | (service == -1)
    cancelled = status == CANCELLED
    before = cancelled & (absent | (service == 0))
    group = np.select(
        [status == COMPLETED, status == FAILED, before, cancelled, ~np.isin(status, PARTIAL)],
        range(5),
        default=5,
    )
    # A log that has only the end cannot tell when a job without a run time arrived.
    known = before & ~absent if rows.ends else before
    return group, np.where(known, 0.0, service)


def _endings(outcomes: OutcomePolicy) -> NDArray[np.int8]:
    """Return how each of `_GROUPS` ends, as codes."""
    chosen: tuple[Ending, ...] = (
        "completed",
        "failed",
        outcomes.cancelled_before,
        outcomes.cancelled_during,
        outcomes.unknown,
        "skipped",
    )
    return np.array([_code(ending) for ending in chosen], dtype=np.int8)


def _code(ending: Ending) -> int:
    return get_args(Ending).index(ending)


def _usable(
    rows: Rows, group: NDArray[np.intp], ending: NDArray[np.int8]
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Return which rows become jobs, and how many do not by the first reason that holds."""
    usable = np.ones(len(group), dtype=np.bool_)
    skipped: dict[str, int] = {}
    for reason, holds in _reasons(rows, group, ending):
        hit = usable & holds
        if hit.any():
            skipped[reason] = int(hit.sum())
            usable &= ~hit
    return usable, skipped


def _reasons(
    rows: Rows, group: NDArray[np.intp], ending: NDArray[np.int8]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for number, name in enumerate(_GROUPS):
        yield name, (group == number) & (ending == _code("skipped"))
    # Nothing ran; but the arrival is counted back from the end by the run time.
    unneeded = (group == _BEFORE) & (not rows.ends)
    for times, needed in ((rows.service, ~unneeded), (rows.instant, np.True_)):
        seconds = times.seconds
        yield f"unreadable {times.name}", times.unreadable & needed
        yield f"missing {times.name}", (np.isnan(seconds) | (seconds == -1)) & needed
        yield f"negative {times.name}", (seconds < 0) & needed
        yield f"{times.name} of {LIMIT:.0f} s or more", (seconds >= LIMIT) & needed


def _open_until(scenario: Scenario, arrival: NDArray[np.float64], skipped: dict[str, int]) -> int:
    """Return how many of the jobs the scenario lets in, counting the others in `skipped`."""
    count = len(arrival)
    if scenario.duration is not None:
        count = int(np.searchsorted(arrival, scenario.duration))
        if count < len(arrival):
            skipped["arrival after the scenario's duration"] = len(arrival) - count
    if scenario.jobs is not None and scenario.jobs < count:
        skipped["beyond the scenario's number of jobs"] = count - scenario.jobs
        count = scenario.jobs
    return count


def _logged_wait(wait: Times) -> NDArray[np.float64]:
    usable = (wait.seconds >= 0) & (wait.seconds < LIMIT)
    return to_ticks(np.where(usable, wait.seconds, np.nan))
