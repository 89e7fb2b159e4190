"""Confirmed payments on their way to the workers."""

from __future__ import annotations

import queue
import threading
from heapq import heappop, heappush
from typing import Protocol, TypeAlias

from jobsim.threads.clock import Clock

Payment: TypeAlias = tuple[float, int, str]
"""A confirmation: when it falls due, the job's number, its id; served in this order."""


class Payments(Protocol):
    """What clients and workers need of a queue; all methods are thread-safe."""

    def put(self, payment: Payment) -> None:
        """Add a payment, due now or later."""

    def take(self) -> Payment | None:
        """Wait for the next due payment; None if there will be no more."""

    def retire(self) -> None:
        """Say that one producer will put no more."""

    def close(self) -> None:
        """Let every present and future `take` return None at once."""


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
                wall = self._clock.remaining(self._heap[0][0])
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


class UntimedQueue:
    """A queue for runs that never wait: every payment is due as it is put in.

    First in, first out, which there is the order of payment. The standard library's own queue,
    without a heap or a condition, so that such a run measures the repository and not this.

    Parameters
    ----------
    producers
        As for `PaymentQueue`.
    """

    def __init__(self, *, producers: int) -> None:
        self._queue: queue.SimpleQueue[Payment | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._producers = producers  # guarded by _lock
        self._closed = False  # written by `close` only, once

    def put(self, payment: Payment) -> None:
        """Add a payment."""
        self._queue.put(payment)

    def take(self) -> Payment | None:
        """Wait for the next payment; None if there will be no more."""
        payment = self._queue.get()
        if payment is None or self._closed:
            self._queue.put(None)  # for the next who waits
            return None
        return payment

    def retire(self) -> None:
        """Say that one producer will put no more."""
        with self._lock:
            self._producers -= 1
            if not self._producers:
                self._queue.put(None)

    def close(self) -> None:
        """Let every present and future `take` return None at once."""
        self._closed = True
        self._queue.put(None)
