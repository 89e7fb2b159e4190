"""Several rows of one job: its deliveries or attempts, in order, or the same row twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.logs.clocks import Flags, Floats
from jobsim.logs.rows import Rows

_REPEATED = 0.05  # share of rows that may repeat an attempt
_TOO_MANY = 20.0  # rows per value above which a column does not identify jobs


@dataclass(frozen=True)
class Attempts:
    """To which request each row belongs, and as which attempt.

    Attributes
    ----------
    request, attempt
        int64 per row; requests in order of their first arrival, attempts from 1.
    repeated
        bool, where a row repeats another one.
    arrival
        float64, when each attempt was asked for.
    waits
        bool, where the wait of an attempt is known.
    notes
        What a user should know.
    """

    request: NDArray[np.int64]
    attempt: NDArray[np.int64]
    repeated: Flags
    arrival: Floats
    waits: Flags
    notes: tuple[str, ...]


def find_attempts(
    rows: Rows, job: pd.Series | None, number: pd.Series | None, name: str
) -> Attempts:
    """Group the rows by job.

    Parameters
    ----------
    rows
        The log's rows.
    job
        Identifiers, or None; rows without one are jobs of their own.
    number
        The log's own numbers of attempts, or None.
    name
        The log's name of the identifier.
    """
    size = len(rows.arrival)
    alone = np.arange(size, dtype=np.int64)
    notes: tuple[str, ...] = ()
    key = alone
    if job is not None:
        codes, uniques = pd.factorize(job)
        present = codes >= 0
        if number is not None and _repeats(codes[present], number[present]):
            # Numbered attempts occur once each: this names something else, such as a task.
            notes = (f"{name} does not identify jobs: its attempts repeat",)
        elif present.sum() > _TOO_MANY * max(len(uniques), 1):
            notes = (f"{name} does not identify jobs: {len(uniques):,} values in {size:,} rows",)
        else:
            key = np.where(present, codes, len(uniques) + alone)
    when = np.where(np.isnan(rows.started), rows.arrival, rows.started)
    order_by = when
    if number is not None:
        count = pd.to_numeric(number, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        order_by = np.where(np.isnan(count), 0.0, count)
    order = np.lexsort((np.nan_to_num(when, nan=np.inf), order_by, key))
    ranked = key[order]
    first = np.r_[True, ranked[1:] != ranked[:-1]]
    repeated = np.zeros(size, dtype=np.bool_)
    repeated[order] = ~first & _same_as_before(rows, order)
    return _numbered(rows, order, first, repeated, notes)


def _repeats(codes: NDArray[np.intp], number: pd.Series) -> bool:
    pairs = pd.DataFrame({"job": codes, "number": number.to_numpy()})
    return float(pairs.duplicated().mean()) > _REPEATED if len(pairs) else False


def _same_as_before(rows: Rows, order: NDArray[np.intp]) -> Flags:
    """Return, in this order, which rows have all the values of the row before them."""
    same = np.ones(len(order), dtype=np.bool_)
    for values in (rows.arrival, rows.paid, rows.started, rows.finished, rows.service):
        ranked = values[order]
        before = np.r_[np.nan, ranked[:-1]]
        same &= (ranked == before) | (np.isnan(ranked) & np.isnan(before))
    same[0] = False
    codes = rows.outcome[order]
    alike: Flags = same & np.r_[False, codes[1:] == codes[:-1]]
    return alike


def _numbered(
    rows: Rows,
    order: NDArray[np.intp],
    first: Flags,
    repeated: Flags,
    notes: tuple[str, ...],
) -> Attempts:
    """Rank requests by their earliest arrival, and give each attempt its place within them."""
    size = len(order)
    # Rows that do not become jobs take no number.
    counts = (rows.usable & ~repeated)[order]
    group = np.cumsum(first) - 1
    passed = np.cumsum(counts)
    before: NDArray[np.int64] = (passed - counts)[first][group]
    attempt = np.empty(size, dtype=np.int64)
    attempt[order] = np.maximum(passed - before, 1)
    arrival, waits = rows.arrival.copy(), np.ones(size, dtype=np.bool_)
    # Grouped by job, so that neighbours are attempts of the same job.
    ranked = arrival[order]
    # A later delivery repeats the creation of its job: it was asked for by its start at the latest.
    later = ~first & (attempt[order] > 1)
    kept = later & (ranked <= np.r_[np.inf, ranked[:-1]])
    if kept.any():
        places = order[kept]
        started = rows.started[places]
        arrival[places] = np.where(np.isnan(started), arrival[places], started)
        waits[places] = np.isnan(started) | (started <= rows.arrival[places])
    start = np.where(counts, ranked, np.inf)
    earliest = np.minimum.reduceat(start, np.flatnonzero(first)) if size else start
    rank = np.empty(len(earliest), dtype=np.int64)
    rank[np.lexsort((order[first], earliest))] = np.arange(len(earliest))
    # Back to the order of the rows, which the caller's other columns have.
    request = np.empty(size, dtype=np.int64)
    request[order] = rank[group]
    return Attempts(request, attempt, repeated, arrival, waits, notes)
