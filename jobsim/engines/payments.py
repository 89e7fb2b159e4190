"""Confirmed payments on their way to the workers."""

from __future__ import annotations

import threading
from heapq import heappop, heappush
from typing import NamedTuple

from jobsim.engines.clock import Clock


class Payment(NamedTuple):
    """A confirmation that falls due; payments are served in the order of these fields."""

    due: float
    job: int
    job_id: str


class PaymentQueue:
    """A queue that hands out each payment once it is due, the earliest `(due, job)` first.

    Thread-safe. Of all workers that wait, one (the leader) waits for the earliest payment
    and the others for a sign, so that a due payment wakes one thread and not all. This is
    the leader-follower pattern (Schmidt et al., Pattern-Oriented Software Architecture 2).

    Parameters
    ----------
    clock
        Tells when a payment is due.
    producers
        How many threads put payments in. When each has called `retire` and the queue is
        empty, `take` returns None for ever.
    """

    def __init__(self, clock: Clock, *, producers: int) -> None:
        self._clock = clock
        self._changed = threading.Condition(threading.Lock())
        self._heap: list[Payment] = []  # guarded by _changed
        self._producers = producers  # guarded by _changed
        self._leader: object = None  # guarded by _changed
        self._closed = False  # guarded by _changed

    def put(self, payment: Payment) -> None:
        """Add a payment, due now or later."""
        with self._changed:
            heappush(self._heap, payment)
            if self._heap[0] is payment:
                # Whoever leads waits for a later payment: another takes the lead.
                self._leader = None
                self._changed.notify()

    def take(self) -> Payment | None:
        """Wait for the next due payment; None if there will be no more."""
        with self._changed:
            while not self._closed:
                if not self._heap:
                    if not self._producers:
                        return None
                    self._changed.wait()
                    continue
                wall = self._clock.remaining(self._heap[0].due)
                if wall <= 0:
                    payment = heappop(self._heap)
                    if self._heap and self._leader is None:
                        self._changed.notify()  # the next leader
                    elif not self._heap and not self._producers:
                        self._changed.notify_all()  # nothing comes any more
                    return payment
                if self._leader is not None:
                    self._changed.wait()
                    continue
                me = self._leader = object()
                self._changed.wait(wall)
                if self._leader is me:
                    self._leader = None
            return None

    def retire(self) -> None:
        """Say that one producer will put no more."""
        with self._changed:
            self._producers -= 1
            if not self._producers and not self._heap:
                self._changed.notify_all()

    def close(self) -> None:
        """Let every present and future `take` return None at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
