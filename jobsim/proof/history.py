"""A history as arrays: the calls of a run, and the final read of each job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.domain.codes import PENDING
from jobsim.proof import roles
from jobsim.proof.verdict_value import Call, Violation
from jobsim.tables.schema import CALLS, FINAL, OUTCOME, STATUS

IntArray = NDArray[np.int64]

FINAL_ROW = -1
"""Stands for the row of a job's final read, where other calls have their row in `calls`."""

_CALL_COLUMNS = [column for column in CALLS if column != "error"]


@dataclass(frozen=True)
class Finding:
    """All violations of one rule: their jobs, and a function that explains one of them.

    `explain` takes a position in `jobs`; it is called only for violations that are kept.
    """

    rule: str
    jobs: IntArray
    explain: Callable[[int], Violation]


class History:
    """Calls and final reads as arrays, one entry per call; read-only by convention.

    Parameters
    ----------
    calls, final
        As in `jobsim.tables.schema`. Job numbers are dense: memory grows with the largest.
    jobs
        The least number of jobs, where the tables may lack the last ones.

    Attributes
    ----------
    jobs
        How many jobs there are: one more than the largest job number.
    job
        int32, per call; a call on an unknown job has the number `jobs`. A table with one extra row
        takes these calls without a mask.
    code
        Each call's index into the tables of `jobsim.proof.roles`.
    start, end
        Nanoseconds: the first invocation, and one after the last return.

    Raises
    ------
    ValueError
        If a column is missing or of another type, or a call returns before it is invoked.
    """

    def __init__(
        self, calls: pd.DataFrame, final: pd.DataFrame | None = None, *, jobs: int = 0
    ) -> None:
        _require(calls, CALLS, _CALL_COLUMNS, "calls")
        if final is not None:
            _require(final, FINAL, list(FINAL), "final")
        self.calls = calls
        self.final = final
        self.invoked: IntArray = calls["invoked_ns"].to_numpy()
        self.returned: IntArray = calls["returned_ns"].to_numpy()
        self.op = _codes(calls["op"])
        self.outcome = _codes(calls["outcome"])
        self.target = _codes(calls["target"])
        self.observed = _codes(calls["observed"])
        for name, codes in (("op", self.op), ("outcome", self.outcome)):
            if len(codes) and codes.min() < 0:
                raise ValueError(f"calls.{name} is empty in row {int(codes.argmin())}; fill it in")
        early = (self.returned < self.invoked) & (self.outcome != PENDING)
        if early.any():
            raise ValueError(f"calls row {int(early.argmax())} returns before it is invoked")
        self.code = roles.classify(self.op, self.target, self.outcome, self.observed)
        given = calls["job"].to_numpy()
        self.jobs = max(jobs, int(given.max(initial=-1)) + 1)
        if final is not None:
            self.jobs = max(self.jobs, int(final["job"].to_numpy().max(initial=-1)) + 1)
        self.job: NDArray[np.int32] = np.where(given < 0, np.int32(self.jobs), given)
        self._all_known = not len(given) or int(given.min()) >= 0
        self._rows: dict[int, NDArray[np.intp]] = {}
        # After every recorded call, since that is when the final reads were made.
        self.start = int(self.invoked.min()) if len(calls) else 0
        self.end = int(max(self.invoked.max(), self.returned.max())) + 1 if len(calls) else 1

    @cached_property
    def actor(self) -> NDArray[np.intp]:
        """Category code of each call's actor."""
        return np.asarray(self.calls["actor"].cat.codes, np.intp)

    @cached_property
    def _codes_seen(self) -> NDArray[np.intp]:
        return np.flatnonzero(np.bincount(self.code, minlength=roles.CODES))

    def sees(self, table: NDArray[np.int8], value: int) -> NDArray[np.intp]:
        """Return the codes that occur and to which a table of roles gives `value`."""
        seen = self._codes_seen
        matching: NDArray[np.intp] = seen[table[seen] == value]
        return matching

    def _rows_of_code(self, code: int) -> NDArray[np.intp]:
        # Kept, since several checks ask for the same rows.
        if code not in self._rows:
            rows = np.flatnonzero(self.code == code)
            self._rows[code] = rows if self._all_known else rows[self.job[rows] < self.jobs]
        return self._rows[code]

    def rows(self, table: NDArray[np.int8], value: int) -> NDArray[np.intp]:
        """Return the rows of calls on known jobs to which a table of roles gives `value`."""
        found = [self._rows_of_code(int(code)) for code in self.sees(table, value)]
        if len(found) == 1:
            return found[0]
        # Each part is sorted already, which makes a stable sort fast.
        return np.sort(np.concatenate([np.empty(0, np.intp), *found]), kind="stable")

    def ended(self, *outcomes: int) -> NDArray[np.bool_]:
        """Return which calls had one of these outcomes."""
        found = np.zeros(len(self.outcome), np.bool_)
        for outcome in outcomes:  # on single bytes far faster than `isin`
            found |= self.outcome == outcome
        return found

    def rows_of(self, job: int) -> list[int]:
        """Return the rows of one job's calls."""
        return [int(row) for row in np.flatnonzero(self.job == job)]

    @cached_property
    def final_read(self) -> dict[str, NDArray[np.int64]]:
        """Job number, outcome code and status code of each final read; empty without them."""
        if self.final is None:
            nothing = np.zeros(0, np.int64)
            return {"job": nothing, "outcome": nothing, "status": nothing}
        return {
            "job": self.final["job"].to_numpy().astype(np.int64),
            "outcome": _codes(self.final["outcome"]).astype(np.int64),
            "status": _codes(self.final["status"]).astype(np.int64),
        }

    def seen_jobs(self) -> int:
        """Return how many known jobs the calls and final reads are about."""
        seen = np.zeros(self.jobs + 1, np.bool_)
        seen[self.job] = True
        seen[self.final_read["job"]] = True
        return int(seen[: self.jobs].sum())

    def call(self, row: int) -> Call:
        """Return one call as plain values."""
        at = self.calls.iloc[row]
        return Call(
            row=row,
            actor=str(at["actor"]),
            op=str(at["op"]),
            job=int(at["job"]),
            target=None if pd.isna(at["target"]) else str(at["target"]),
            invoked_ns=int(at["invoked_ns"]),
            returned_ns=None if at["outcome"] == "pending" else int(at["returned_ns"]),
            outcome=str(at["outcome"]),
            observed=None if pd.isna(at["observed"]) else str(at["observed"]),
        )

    def final_call(self, job: int) -> Call:
        """Return the final read of a job as a `get` after every other call."""
        read = self.final_read
        at = int(np.flatnonzero(read["job"] == job)[0])
        status = int(read["status"][at])
        return Call(
            row=FINAL_ROW,
            actor="the final read",
            op="get",
            job=job,
            target=None,
            invoked_ns=self.end,
            returned_ns=self.end,
            outcome=str(OUTCOME.categories[read["outcome"][at]]),
            observed=str(STATUS.categories[status]) if status >= 0 else None,
        )

    def at(self, moment_ns: int) -> str:
        """Format a moment as the time since the first call."""
        return f"{(moment_ns - self.start) / 1e6:.3f} ms"


def span(ns: int) -> str:
    """Format a length of time.

    Examples
    --------
    >>> span(640), span(41_000), span(3_120_000), span(4_960_000_000)
    ('640 ns', '41.0 µs', '3.120 ms', '4.960 s')
    """
    if ns < 1_000:
        return f"{ns} ns"
    if ns < 1_000_000:
        return f"{ns / 1e3:.1f} µs"
    return f"{ns / 1e6:.3f} ms" if ns < 1_000_000_000 else f"{ns / 1e9:.3f} s"


def _codes(column: pd.Series) -> NDArray[np.int8]:
    return np.asarray(column.cat.codes, np.int8)


def _require(table: pd.DataFrame, dtypes: dict[str, object], columns: list[str], name: str) -> None:
    for column in columns:
        if column not in table:
            raise ValueError(f"{name} has no column {column!r}; see jobsim.tables.schema")
        if table[column].dtype != dtypes[column]:
            raise ValueError(
                f"{name}.{column} is {table[column].dtype}, not {dtypes[column]}; "
                f"convert it: {name}.astype(jobsim.tables.schema.{name.upper()})"
            )
