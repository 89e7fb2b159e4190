"""The hosts of a run on several hosts, and what is known about their clocks.

Processes on one host read the same monotonic clock, so their stamps can be compared. The first
process asks the clock of any other host before, during and after the run.
"""

from __future__ import annotations

import socket
import sys
import threading
import uuid
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobsim.domain.codes import PENDING
from jobsim.proof.clocks import DRIFT, HostClock, RoundTrip
from jobsim.repository.call_rows import KEPT, ActorHistory
from jobsim.repository.journal import JournalReader
from jobsim.run.hosts import RemoteHost

_ANY = uuid.uuid4().hex  # identifies this process


def host_id() -> str:
    """Return a text that two processes share only if they read the same monotonic clock.

    On Linux the clock starts when the kernel does, unless a time namespace shifts it. On other
    systems there is no certain way to tell, and each process counts as a host of its own.
    """
    if sys.platform != "linux":
        return _ANY
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        shift = Path("/proc/self/timens_offsets")
        return boot + (shift.read_text(encoding="ascii") if shift.exists() else "")
    except OSError:
        return _ANY


class Host:
    """Another host, and the round trips to the processes of the run on it; thread-safe.

    Attributes
    ----------
    name
        For display.
    actors
        The actors whose calls it stamps; complete before the run begins.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.actors: list[str] = []
        self._lock = threading.Lock()
        self._trips: list[RoundTrip] = []  # guarded by _lock
        self._clock: HostClock | None = None  # made of the first `_fitted` trips; guarded by _lock
        self._fitted = 0  # guarded by _lock

    def heard(self, sent: int, there: int, back: int) -> None:
        """Take note of a round trip."""
        with self._lock:
            self._trips.append(RoundTrip(sent, there, back))

    def clock(self) -> HostClock:
        """Return what is known about its clock by now.

        Raises
        ------
        ValueError
            If it never answered.
        """
        with self._lock:
            if self._clock is None or self._fitted < len(self._trips):
                drift = DRIFT if self._clock is None else self._clock.drift
                self._clock = HostClock.fitting(self._trips, drift=drift)
                # Only the trips that bind the offset: in an hour there are ten thousands of others.
                self._trips = list(self._clock.trips)
                self._fitted = len(self._trips)
            return self._clock

    def told(self) -> RemoteHost:
        """Return what a run keeps about this host, for its verdict."""
        clock = self.clock()
        return RemoteHost(
            name=self.name,
            actors=tuple(self.actors),
            drift=clock.drift,
            trips=tuple((trip.sent, trip.there, trip.back) for trip in clock.trips),
        )


class PlacedReader:
    """Reads calls made on another host, at their likeliest moments on our clock. For one thread."""

    def __init__(self, reader: JournalReader, host: Host) -> None:
        self.name = reader.name
        self._reader, self._host = reader, host

    def kept_from(self, row: int) -> bytearray:
        """Return the calls that have returned, from that row on, as they are kept."""
        kept = np.frombuffer(self._reader.kept_from(row), dtype=KEPT).copy()
        self._place(kept, np.ones(len(kept), np.bool_))
        return bytearray(kept.tobytes())

    def is_inside_call(self) -> bool:
        """Return whether a call is open."""
        return self._reader.is_inside_call()

    def history(self) -> ActorHistory:
        """Return what was noted so far; a call still open comes last, as PENDING."""
        history = self._reader.history()
        self._place(history.rows, history.rows["outcome"] != PENDING)
        return history

    def _place(self, rows: NDArray[np.void], answered: NDArray[np.bool_]) -> None:
        """Put rows on our clock, in place."""
        if not len(rows):
            return
        times = np.stack([rows["invoked_ns"], rows["returned_ns"]], axis=1)
        times[~answered, 1] = times[~answered, 0]
        moments = self._host.clock().place(times.ravel())[0]
        # Calls of one actor do not overlap; rounding could make them overlap by 1 ns.
        moments = np.maximum.accumulate(moments).reshape(-1, 2)
        rows["invoked_ns"] = moments[:, 0]
        rows["returned_ns"] = np.where(answered, moments[:, 1], rows["returned_ns"])


def host_name() -> str:
    """Return the name of this host, for display."""
    return socket.gethostname()
