"""The queue of payments and the list of jobs of all processes, as one process sees them."""

from __future__ import annotations

import queue
import threading
from typing import Any

import numpy as np

from jobsim.repository.recorded import RecordedRepository
from jobsim.scenario.workload import Workload
from jobsim.threads.outgoing import Outgoing

_AHEAD = 2
"""How many payments per worker a process requests in advance."""


class SharedPayments:
    """The queue of the payments of all processes, as one process sees it; thread-safe.

    Requesting one payment at a time would cost two switches between processes for each. So a few
    are requested in advance. Not if payments are confirmed twice: then the two workers that get the
    confirmations of one job should meet, if possible in two processes.

    Parameters
    ----------
    out
        To the first process.
    recorded
        What this process knows about jobs.
    workload
        Of the run.
    workers
        How many workers of this process take payments.
    """

    def __init__(
        self, out: Outgoing, recorded: RecordedRepository, workload: Workload, workers: int
    ) -> None:
        self._out, self._recorded = out, recorded
        self._given: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._closed = False  # written by `close` only, once
        ahead = _AHEAD * workers if np.isnan(workload.lag).all() else 0
        self._lock = threading.Lock()
        self._room = ahead  # how many more may be requested; guarded by _lock
        self._batch = max(1, ahead // 2)

    def put(self, payment: tuple[int, str]) -> None:
        """Send a payment to the first process, with what is known about its job."""
        self._out.send("paid", payment[0], self._recorded.known(payment[1]))

    def take(self) -> tuple[int, str] | None:
        """Wait for the next payment; None if there will be no more.

        Requests are collected into batches. What has not been requested yet is less than a batch,
        which is at most half of what may be requested in advance. So for every worker that waits,
        a payment has been requested.
        """
        with self._lock:
            self._room += 1
            asked = self._room if self._room >= self._batch and not self._closed else 0
            self._room -= asked
        if asked:
            self._out.send("take", asked)
        payment = self._given.get()
        if payment is None or self._closed:
            self._given.put(None)  # for the next waiting thread
            return None
        return payment

    def retire(self) -> None:
        """Say that one client of this process will put no more."""
        self._out.send("retired")

    def give(self, row: int, known: tuple[Any, ...]) -> None:
        """Take in a payment that was requested; the worker that has waited longest gets it."""
        self._recorded.learn(known)
        self._given.put((row, known[2]))

    def close(self) -> None:
        """Make every present and future `take` return None at once."""
        self._closed = True
        self._given.put(None)

    def over(self) -> None:
        """Make `take` return None once the payments that are here are taken."""
        self._given.put(None)


class CreatedHere(list[tuple[int, str]]):
    """The jobs that this process knows; jobs of its own clients are reported to the others."""

    def __init__(self, out: Outgoing, recorded: RecordedRepository, workload: Workload) -> None:
        super().__init__()
        self._out, self._recorded = out, recorded
        self._is_paid = ~np.isnan(workload.delay)

    def append(self, created: tuple[int, str]) -> None:
        """Note a job that a client of this process created, and tell the others.

        A job that will be paid is not reported here: its payment, which its client sends next, does
        that.
        """
        if not self._is_paid[created[0]]:
            self._out.send("created", created[0], self._recorded.known(created[1]))
        super().append(created)

    def hear(self, row: int, known: tuple[Any, ...]) -> None:
        """Note a job of another process."""
        self._recorded.learn(known)
        super().append((row, known[2]))
