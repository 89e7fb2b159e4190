"""The columns of a table of jobs as plain arrays, each taken out of the table once.

A look-up in a DataFrame costs some ten microseconds. The figures of one run need each column
several times, and a sweep needs the figures of thousands of runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.tables.jobs_table import completed, constant, status_codes


class JobArrays:
    """The arrays of a `jobs` table; for one thread, as long as the table is not changed.

    Parameters
    ----------
    jobs
        The table, or what `jobs_table` would make it of: a table costs a sweep of short runs
        as much as running them.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> jobs = JobArrays(jobs_of(request=[0, 0, 1], finished=[1.0, 2.0, 3.0]))
    >>> jobs["finished"].tolist(), jobs.first.tolist(), jobs.group.tolist()
    ([1.0, 2.0, 3.0], [0, 2], [0, 0, 1])
    """

    def __init__(self, jobs: pd.DataFrame | Mapping[str, NDArray[Any]]) -> None:
        self._found: dict[str, NDArray[Any]] = {}
        # By the identity of columns, which stays unique because `_found` keeps them alive.
        self._times: dict[int, NDArray[np.bool_]] = {}
        self._between: dict[tuple[int, int], NDArray[np.float64]] = {}
        if isinstance(jobs, pd.DataFrame):
            self._jobs = jobs
            self._rows = len(jobs)
        else:
            self._found = completed(jobs)
            self._rows = len(self._found["request"])
            # There a status and a worker are numbers, which is what these two give.
            self.codes = self._found.pop("status")
            self.worker = self._found.pop("worker")

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, name: str) -> NDArray[Any]:
        column = self._found.get(name)
        if column is None:
            column = self._found[name] = self._jobs[name].to_numpy()
        return column

    def has(self, name: str) -> NDArray[np.bool_]:
        """Tell which jobs have a time in a column, where NaN stands for none."""
        column = self[name]
        # Columns that equal each other share memory, so one look may answer for several.
        found = self._times.get(id(column))
        if found is None:
            # One value for all rows is looked at once, but written out: operations are faster so.
            one = column.strides == (0,)
            found = np.full(len(self), ~np.isnan(column[:1])) if one else ~np.isnan(column)
            self._times[id(column)] = found
        return found

    def between(self, begin: str, end: str) -> NDArray[np.float64]:
        """Return the seconds from one time of each job to another; NaN where it has not both."""
        first, last = self[begin], self[end]
        key = id(first), id(last)
        if key not in self._between:
            self._between[key] = last - first
        return self._between[key]

    @cached_property
    def codes(self) -> NDArray[np.int8]:
        """The number of each job's status, see `jobsim.domain.codes`."""
        return status_codes(self._jobs)

    @cached_property
    def worker(self) -> NDArray[np.integer[Any]]:
        """The number of each job's worker; -1 for none."""
        codes: NDArray[np.integer[Any]] = self._jobs["worker"].cat.codes.to_numpy()
        return codes

    @cached_property
    def one_each(self) -> bool:
        """Whether every request has one attempt, so that requests are jobs."""
        attempt = self["attempt"]
        if attempt.strides == (0,) and len(attempt):
            return bool(attempt[0] == 1)  # one value for all rows: nobody asked twice
        request = self["request"]
        return bool((request[1:] != request[:-1]).all())

    @cached_property
    def first(self) -> NDArray[np.intp]:
        """The row of each request's first attempt."""
        request = self["request"]
        if self.one_each:
            return np.arange(len(request))
        return np.flatnonzero(np.concatenate([[True], request[1:] != request[:-1]]))

    @cached_property
    def attempts(self) -> NDArray[np.intp]:
        """How many attempts each request has."""
        if self.one_each:
            return constant(np.intp(1), len(self))
        return np.diff(self.first, append=len(self))

    @cached_property
    def group(self) -> NDArray[np.intp]:
        """Each job's place among the requests."""
        if self.one_each:
            return self.first
        return np.repeat(np.arange(len(self.attempts)), self.attempts)


Jobs: TypeAlias = pd.DataFrame | JobArrays
"""What the figures of jobs take: a table, or its arrays where several figures are wanted."""


def arrays_of(jobs: Jobs) -> JobArrays:
    """Return the arrays of a table; those that are arrays already are returned as they are."""
    return jobs if isinstance(jobs, JobArrays) else JobArrays(jobs)
