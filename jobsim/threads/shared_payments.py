"""The queue of all processes' payments, and the jobs they made, as the actors of one see them."""

from __future__ import annotations

import queue
import threading
from typing import Any

import numpy as np

from jobsim.repository.recorded import RecordedRepository
from jobsim.scenario.workload import Workload
from jobsim.threads.outgoing import Outgoing

_AHEAD = 2
"""How many payments a process asks for ahead of need, for each of its workers."""


class SharedPayments:
    """The queue of all processes' payments, as the actors of one see it; thread-safe.

    Asking for one payment at a time would make each wait for two switches between processes. So a
    few are asked for ahead. Where payments are confirmed twice, none are: the two workers that get
    the confirmations of one job are to meet, and those of two processes if they can.

    Parameters
    ----------
    out
        To the first process.
    recorded
        What this process knows of jobs.
    workload
        Of the run.
    workers
        How many of this process take payments.
    """

    def __init__(
        self, out: Outgoing, recorded: RecordedRepository, workload: Workload, workers: int
    ) -> None:
        self._out, self._recorded = out, recorded
        self._given: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._closed = False  # written by `close` only, once
        ahead = _AHEAD * workers if np.isnan(workload.lag).all() else 0
        self._lock = threading.Lock()
        self._room = ahead  # how many could be asked for; guarded by _lock
        self._batch = max(1, ahead // 2)

    def put(self, payment: tuple[int, str]) -> None:
        """Send a payment on, with what is known of its job."""
        self._out.send("paid", payment[0], self._recorded.known(payment[1]))

    def take(self) -> tuple[int, str] | None:
        """Wait for the next payment; None if there will be no more.

        All that is not asked for is less than a batch, and that is at most half of what may be
        asked for ahead. So of every worker that waits, the payment has been asked for.
        """
        with self._lock:
            self._room += 1
            asked = self._room if self._room >= self._batch and not self._closed else 0
            self._room -= asked
        if asked:
            self._out.send("take", asked)
        payment = self._given.get()
        if payment is None or self._closed:
            self._given.put(None)  # for the next who waits
            return None
        return payment

    def retire(self) -> None:
        """Say that one client of this process will put no more."""
        self._out.send("retired")

    def give(self, row: int, known: tuple[Any, ...]) -> None:
        """Take in a payment that was asked for: to whoever waits longest."""
        self._recorded.learn(known)
        self._given.put((row, known[2]))

    def close(self) -> None:
        """Let every present and future `take` return None at once."""
        self._closed = True
        self._given.put(None)

    def over(self) -> None:
        """Let `take` return None once what was given is taken."""
        self._given.put(None)


class CreatedHere(list[tuple[int, str]]):
    """The jobs that this process knows; what its own clients create, the others hear of."""

    def __init__(self, out: Outgoing, recorded: RecordedRepository, workload: Workload) -> None:
        super().__init__()
        self._out, self._recorded = out, recorded
        self._is_paid = ~np.isnan(workload.delay)

    def append(self, created: tuple[int, str]) -> None:
        """Note a job that a client of this process created, and tell the others.

        Of a job that is paid, its payment tells them, which its client sends next.
        """
        if not self._is_paid[created[0]]:
            self._out.send("created", created[0], self._recorded.known(created[1]))
        super().append(created)

    def hear(self, row: int, known: tuple[Any, ...]) -> None:
        """Note a job of another process."""
        self._recorded.learn(known)
        super().append((row, known[2]))
