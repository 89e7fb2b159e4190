"""A workload: every random choice of a scenario, drawn up front."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jobsim.display.text import Rows, Shown
from jobsim.files.reading import LIMIT_BYTES
from jobsim.logs.source import OutcomePolicy, TraceSource
from jobsim.scenario.array_checks import checked_array, require_known
from jobsim.scenario.draws import (
    NEEDED_FOR,
    draw_arrivals,
    draw_attempt,
    draw_payment,
    needed_arrays,
)
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.size import require_drawable
from jobsim.scenario.ticks import TICKS_PER_SECOND, to_ticks

if TYPE_CHECKING:
    import pandas as pd

    from jobsim.logs.table import LogTable

__all__ = ["TICKS_PER_SECOND", "Workload", "draw_payment", "to_ticks"]

COLUMNS = (
    "arrival", "delay", "lag", "service", "fails", "pause", "patience", "crash", "restart",
    "logged_wait", "call_time",
)  # fmt: skip
"""The arrays of a workload; those after `fails` may be None."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Workload(Shown):
    """The jobs that both engines run, as plain arrays.

    All arrays are read-only, contiguous and of one length; an array that could still be written
    to is copied. Times are seconds in whole ticks of 2^-20 s. Immutable, so it may be shared
    between threads.

    Attributes
    ----------
    scenario
        Where workers, clients and pollers come from.
    arrival
        float64, when each request is asked for, not decreasing; 0 in a closed loop.
    delay
        float64, from the arrival until the payment is confirmed; NaN where it never is.
    lag
        float64, from the confirmation to its duplicate; NaN where there is none.
    service
        float64, how long the work takes.
    fails
        bool, whether the work ends in FAILED.
    pause
        float64 or None: how long a client waits before it asks: the backoff before a later
        attempt and, in a closed loop, the thought before a first one; otherwise NaN.
    patience
        float64 or None: how long a client waits for the end of the attempt.
    crash
        float64 or None: how far into the work its worker dies; NaN where it does not.
    restart
        float64 or None: from its death until the worker is back; NaN where it does not die.
    logged_wait
        float64 or None: the waits that a trace logged, for comparison, never an input; NaN
        where the log has none.
    call_time
        float64 or None: how long each repository call about the job takes, where turns are taken.
    source
        Where a trace was read from and what became of its rows; None if nothing was read.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If an array has another length, or a value that is not a whole tick from 0 to 2^33 s; if
        arrivals decrease; if an array that the scenario needs is missing.

    Examples
    --------
    >>> workload = Workload.sample(Scenario(jobs=3, seed=1))
    >>> len(workload), workload.service.flags.writeable
    (3, False)
    """

    scenario: Scenario
    arrival: NDArray[np.float64]
    delay: NDArray[np.float64]
    lag: NDArray[np.float64]
    service: NDArray[np.float64]
    fails: NDArray[np.bool_]
    pause: NDArray[np.float64] | None = None
    patience: NDArray[np.float64] | None = None
    crash: NDArray[np.float64] | None = None
    restart: NDArray[np.float64] | None = None
    logged_wait: NDArray[np.float64] | None = None
    call_time: NDArray[np.float64] | None = None
    source: TraceSource | None = None

    def __post_init__(self) -> None:
        for name, array in self.arrays().items():
            dtype = np.dtype(np.bool_ if name == "fails" else np.float64)
            # The way around `frozen`; no attribute is set after this.
            object.__setattr__(self, name, checked_array(name, array, dtype, len(self.arrival)))
        if np.any(self.arrival[1:] < self.arrival[:-1]):
            first = int(np.argmax(self.arrival[1:] < self.arrival[:-1])) + 1
            raise ValueError(f"arrival decreases at job {first}: sort the jobs by arrival")
        for name in needed_arrays(self.scenario):
            if getattr(self, name) is None:
                raise ValueError(
                    f"{self.scenario.name!r} needs draws of {name}, which this workload does not "
                    f"have; a trace has none: leave out {NEEDED_FOR[name]}"
                )
        if len(self) % self.attempts:
            raise ValueError(
                f"{len(self)} rows are not a whole number of requests with {self.attempts} attempts"
            )
        self._check_waits()

    def _check_waits(self) -> None:
        """Raise if a time is missing that an engine is certain to need."""
        if self.pause is not None:
            waited = np.arange(len(self)) % self.attempts > 0
            require_known("pause", self.pause, waited | (self.scenario.users is not None))
        if self.crash is not None and self.restart is not None:
            require_known("restart", self.restart, ~np.isnan(self.crash))
            late = np.flatnonzero(self.crash >= self.service)
            if len(late):
                raise ValueError(
                    f"crash of job {late[0]} is {self.crash[late[0]]} s into work that takes "
                    f"{self.service[late[0]]} s: it must lie before its end"
                )

    def __len__(self) -> int:
        return len(self.arrival)

    def _display(self) -> tuple[str, Rows]:
        from jobsim.scenario.describe import workload_rows

        return f"Workload of {self.scenario.name!r}", workload_rows(self)

    @property
    def attempts(self) -> int:
        """How many rows each request has."""
        return self.scenario.attempts

    @property
    def requests(self) -> int:
        """How many requests there are."""
        return len(self) // self.attempts

    def digest(self) -> str:
        """Return the SHA-256 hex digest of all arrays: equal digests, equal jobs.

        Bytes are taken as little-endian, so the digest does not depend on the machine. Workers,
        clients and the rest of the scenario are not part of it.

        Examples
        --------
        >>> scenario = Scenario(jobs=10, seed=3)
        >>> more = scenario.replace({"workers": 9})
        >>> Workload.sample(scenario).digest() == Workload.sample(more).digest()
        True
        """
        whole = hashlib.sha256()
        for name, array in self.arrays().items():
            portable = array.astype(array.dtype.newbyteorder("<"), copy=False)
            whole.update(f"{name} {len(array)} ".encode())
            whole.update(portable.data)
        return whole.hexdigest()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are not None, by name, in the order of `COLUMNS`."""
        arrays = {name: getattr(self, name) for name in COLUMNS}
        return {name: array for name, array in arrays.items() if array is not None}

    @classmethod
    def sample(cls, scenario: Scenario) -> Workload:
        """Draw every random choice of a scenario.

        Each quantity has its own stream, spawned from the seed: a change of one does not change
        the draws of the others, and workers, clients and pollers change no draw at all.

        Parameters
        ----------
        scenario
            What to draw; its `jobs` or `duration` says how much.

        Returns
        -------
        Workload
            The same scenario always gives the same bytes.

        Raises
        ------
        ValueError
            If neither `jobs` nor `duration` ends the arrivals, if a draw lies beyond 2^33 s, or if
            this machine's memory cannot hold so many jobs (`TooLargeError`).

        Examples
        --------
        >>> from jobsim.scenario.arrivals import Paced
        >>> Workload.sample(Scenario(jobs=3, arrivals=Paced(rate=2.0))).arrival
        array([0. , 0.5, 1. ])
        """
        require_drawable(scenario)
        arrival = draw_arrivals(scenario)
        drawn = [
            draw_attempt(scenario, len(arrival), attempt)
            for attempt in range(1, scenario.attempts + 1)
        ]
        arrays: dict[str, NDArray[Any]] = {"arrival": arrival} | drawn[0]
        if len(drawn) > 1:
            arrays = {"arrival": np.repeat(arrival, len(drawn))}
            for name in drawn[0]:
                arrays[name] = np.column_stack([draws[name] for draws in drawn]).reshape(-1)
        for array in arrays.values():
            array.flags.writeable = False
        # These arrays are valid by construction; checking them would take a third more time.
        workload = object.__new__(cls)
        workload.__dict__.update(dict.fromkeys(COLUMNS), scenario=scenario, source=None)
        workload.__dict__.update(arrays)
        return workload

    @classmethod
    def from_swf(
        cls,
        path: str | os.PathLike[str],
        *,
        scenario: Scenario | None = None,
        outcomes: OutcomePolicy | None = None,
        limit_bytes: int = LIMIT_BYTES,
    ) -> Workload:
        r"""Read a log in the Standard Workload Format (SWF 2.2), plain or gzip.

        Status 1 is completed, 0 failed, 5 cancelled, any other unrecognised. The partial executions
        2, 3 and 4 are skipped: their job has a summary line of its own. Comments, blank lines and
        fields after the eighteenth are ignored, lines may come in any order, and a field that a
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
            The most that is read, of the file and of what is unpacked from it.

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
        ...     workload = Workload.from_swf(log)
        >>> workload.arrival.tolist(), workload.service.tolist(), workload.fails.tolist()
        ([0.0, 30.0], [2.5, 4.0], [False, True])
        >>> workload.logged_wait.tolist()
        [5.0, nan]
        """
        from jobsim.logs.read import read_table

        log = read_table(path, kind="swf", limit_bytes=limit_bytes)
        return cls._of_log(log, scenario, outcomes)

    @classmethod
    def from_csv(
        cls,
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
            As for `from_swf`.

        Raises
        ------
        TraceError
            If the file cannot be read, a column is missing, or no row is usable.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log = pathlib.Path(folder, "log.csv")
        ...     _ = log.write_text("done,took,state\n12.5,2.5,OK\n11,5,error\n")
        ...     workload = Workload.from_csv(log)
        >>> workload.arrival.tolist(), workload.fails.tolist()
        ([0.0, 4.0], [True, False])
        """
        from jobsim.logs.read import read_table

        log = read_table(path, columns=columns, kind="csv", limit_bytes=limit_bytes)
        return cls._of_log(log, scenario, outcomes)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        columns: Mapping[str, Hashable] | None = None,
        scenario: Scenario | None = None,
        outcomes: OutcomePolicy | None = None,
    ) -> Workload:
        """Take a DataFrame with one job per row; parameters and errors are those of `from_csv`.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({
        ...     "submitted": pd.to_datetime(["2026-01-01 12:00:03", "2026-01-01 12:00:01"]),
        ...     "runtime": [1.0, 2.0],
        ... })
        >>> Workload.from_frame(frame).service.tolist()
        [2.0, 1.0]
        """
        from jobsim.logs.read import read_table

        return cls._of_log(read_table(frame, columns=columns), scenario, outcomes)

    @classmethod
    def _of_log(
        cls, log: LogTable, scenario: Scenario | None, outcomes: OutcomePolicy | None
    ) -> Workload:
        # Imported late, because it loads pandas, which a drawn workload does not need.
        from jobsim.scenario.trace_rows import workload_fields

        return cls(**workload_fields(log, scenario, outcomes))
