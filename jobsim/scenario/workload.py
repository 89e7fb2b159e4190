"""A workload: every random choice of a scenario, drawn up front."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jobsim.scenario.distributions import Distribution
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.ticks import BLOCK, TICKS_PER_SECOND, blocks, round_in_place, to_ticks
from jobsim.scenario.trace_source import OutcomePolicy, TraceSource

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TICKS_PER_SECOND", "Workload", "draw_payment", "to_ticks"]

LONGEST = 2.0**33
"""Seconds up to which whole ticks are exact floats: 272 years."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Workload:
    """The jobs that both engines run, as plain arrays with one entry a job.

    All arrays are read-only, contiguous and of one length; an array that could still be written
    to is copied. Times are seconds in whole ticks of 2^-20 s. Immutable, so it may be shared
    between threads.

    Attributes
    ----------
    scenario
        Where workers, clients and pollers come from.
    arrival
        float64, when each job is asked for, not decreasing.
    delay
        float64, from the arrival until the payment is confirmed; NaN where it never is.
    lag
        float64, from the confirmation to its duplicate; NaN where there is none.
    service
        float64, how long the work takes.
    fails
        bool, whether the work ends in FAILED.
    logged_wait
        float64 or None: the waits that a trace logged, for comparison, never an input; NaN
        where the log has none.
    source
        Where a trace was read from and what became of its rows; None if nothing was read.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If an array has another length, or a value that is no whole tick from 0 to 2^33 s; if
        arrivals decrease.

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
    logged_wait: NDArray[np.float64] | None = None
    source: TraceSource | None = None

    def __post_init__(self) -> None:
        for name, array in self._arrays().items():
            dtype = np.dtype(np.bool_ if name == "fails" else np.float64)
            # The one assignment that a frozen dataclass allows itself.
            object.__setattr__(self, name, _checked(name, array, dtype, len(self.arrival)))
        if np.any(self.arrival[1:] < self.arrival[:-1]):
            first = int(np.argmax(self.arrival[1:] < self.arrival[:-1])) + 1
            raise ValueError(f"arrival decreases at job {first}: sort the jobs by arrival")

    def __len__(self) -> int:
        return len(self.arrival)

    def digest(self) -> str:
        """Return the SHA-256 hex digest of all arrays: equal digests, equal jobs.

        Bytes are taken as little-endian, so the digest does not depend on the machine. Workers,
        clients and the rest of the scenario are no part of it.

        Examples
        --------
        >>> scenario = Scenario(jobs=10, seed=3)
        >>> more = scenario.replace({"workers": 9})
        >>> Workload.sample(scenario).digest() == Workload.sample(more).digest()
        True
        """
        whole = hashlib.sha256()
        for name, array in self._arrays().items():
            portable = array.astype(array.dtype.newbyteorder("<"), copy=False)
            whole.update(f"{name} {len(array)} ".encode())
            whole.update(portable.data)
        return whole.hexdigest()

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays = {
            "arrival": self.arrival,
            "delay": self.delay,
            "lag": self.lag,
            "service": self.service,
            "fails": self.fails,
        }
        return arrays if self.logged_wait is None else arrays | {"logged_wait": self.logged_wait}

    @classmethod
    def sample(cls, scenario: Scenario) -> Workload:
        """Draw every random choice of a scenario.

        Each quantity has a stream of its own, spawned from the seed: a change of one leaves the
        draws of all others as they are, and workers, clients and pollers change no draw at all.

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
            If neither `jobs` nor `duration` ends the arrivals, or if a draw lies beyond 2^33 s.

        Examples
        --------
        >>> from jobsim.scenario.arrivals import Paced
        >>> Workload.sample(Scenario(jobs=3, arrivals=Paced(rate=2.0))).arrival
        array([0. , 0.5, 1. ])
        """
        streams = _streams(scenario.seed)
        arrival = scenario.arrivals.sample(streams[ARRIVALS], scenario.jobs, scenario.duration)
        _check_longest("arrivals", arrival)
        n = len(arrival)
        delay, lag = draw_payment(scenario, n)
        arrays: dict[str, NDArray[Any]] = {
            "arrival": arrival,
            "delay": delay,
            "lag": lag,
            "service": _times(streams[SERVICE], "work.service", scenario.work.service, n),
            "fails": _events(streams[FAILURE], scenario.work.fail, n),
        }
        for array in arrays.values():
            array.flags.writeable = False
        # These arrays are fit as they were made; checking them again would cost a third more.
        workload = object.__new__(cls)
        workload.__dict__.update(scenario=scenario, **arrays, logged_wait=None, source=None)
        return workload

    @classmethod
    def from_swf(
        cls,
        path: str | os.PathLike[str],
        *,
        scenario: Scenario | None = None,
        outcomes: OutcomePolicy | None = None,
    ) -> Workload:
        """Read a log in the Standard Workload Format; see `jobsim.scenario.traces.read_swf`."""
        from jobsim.scenario.traces import read_swf

        return read_swf(path, scenario=scenario, outcomes=outcomes)

    @classmethod
    def from_csv(
        cls,
        path: str | os.PathLike[str],
        *,
        columns: Mapping[str, str] | None = None,
        scenario: Scenario | None = None,
        outcomes: OutcomePolicy | None = None,
    ) -> Workload:
        """Read a CSV file, one job a row; see `jobsim.scenario.traces.read_csv`."""
        from jobsim.scenario.traces import read_csv

        return read_csv(path, columns=columns, scenario=scenario, outcomes=outcomes)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        columns: Mapping[str, str] | None = None,
        scenario: Scenario | None = None,
        outcomes: OutcomePolicy | None = None,
    ) -> Workload:
        """Take a DataFrame, one job a row; see `jobsim.scenario.traces.from_frame`."""
        from jobsim.scenario.traces import from_frame

        return from_frame(frame, columns=columns, scenario=scenario, outcomes=outcomes)


def draw_payment(scenario: Scenario, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the payments of a scenario: the very draws that `Workload.sample` makes.

    Parameters
    ----------
    scenario
        Its `payment` and `seed` are used.
    n
        Number of jobs.

    Returns
    -------
    delay, lag : numpy.ndarray
        float64, shape (n,), as in `Workload`; NaN where nothing is confirmed.

    Examples
    --------
    >>> draw_payment(Scenario(), 2)
    (array([0., 0.]), array([nan, nan]))
    """
    streams, payment = _streams(scenario.seed), scenario.payment
    delay = _times(streams[DELAY], "payment.delay", payment.delay, n)
    if payment.duplicate:
        lag = _times(streams[LAG], "payment.lag", payment.lag, n)
        lag[~_events(streams[DUPLICATE], payment.duplicate, n)] = np.nan
    else:
        lag = np.full(n, np.nan)
    if payment.abandon:
        abandoned = _events(streams[ABANDONMENT], payment.abandon, n)
        delay[abandoned] = np.nan
        lag[abandoned] = np.nan
    return delay, lag


# One stream a quantity. New ones go last, so that old seeds keep their meaning.
ARRIVALS, DELAY, ABANDONMENT, DUPLICATE, LAG, SERVICE, FAILURE = range(7)


def _streams(seed: int) -> list[np.random.Generator]:
    spawned = np.random.SeedSequence(seed).spawn(FAILURE + 1)
    return [np.random.Generator(np.random.PCG64(child)) for child in spawned]


def _times(
    rng: np.random.Generator, name: str, distribution: Distribution, n: int
) -> NDArray[np.float64]:
    times = distribution.sample(rng, n)
    _check_longest(name, times)
    return round_in_place(times)


def _check_longest(name: str, times: NDArray[np.float64]) -> None:
    longest = times.max(initial=0.0)
    if longest > LONGEST:
        raise ValueError(f"{name} gave {longest:.3g} s, beyond 2**33 s (272 years): scale it down")


def _events(rng: np.random.Generator, probability: float, n: int) -> NDArray[np.bool_]:
    """Draw which of `n` jobs an event happens to; a higher probability only adds jobs."""
    happens = np.zeros(n, dtype=np.bool_)
    if probability:
        for block in blocks(happens):
            np.less(rng.random(len(block)), probability, out=block)
    return happens


def _checked(name: str, array: NDArray[Any], dtype: np.dtype[Any], length: int) -> NDArray[Any]:
    """Return the array, or a copy if it could still be written to; raise if it is unfit."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        got = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"{name} must be a {dtype} array, not {got}")
    if array.shape != (length,):
        raise ValueError(f"{name} has shape {array.shape}: one entry a job means ({length},)")
    if not array.flags.c_contiguous or _is_writeable(array):
        array = array.copy()
        array.flags.writeable = False
    if dtype == np.float64:
        _check_times(name, array, may_be_missing=name in {"delay", "lag", "logged_wait"})
    return array


def _is_writeable(array: NDArray[Any]) -> bool:
    """Tell whether someone can write to the array's memory, through it or through a base."""
    base: object = array
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return True
        base = base.base
    return False


def _check_times(name: str, times: NDArray[np.float64], *, may_be_missing: bool) -> None:
    for number, block in enumerate(blocks(times)):
        ticks = block * TICKS_PER_SECOND
        good = np.rint(ticks) == ticks
        good &= block >= 0.0
        good &= block <= LONGEST
        if may_be_missing:
            good |= np.isnan(block)
        if not good.all():
            job = number * BLOCK + int(np.argmin(good))
            raise ValueError(
                f"{name} of job {job} is {times[job]} s: it must lie between 0 and 2**33 s, "
                f"rounded by to_ticks"
            )
