"""The queue of all processes' payments, and the jobs they made, as the actors of one see them."""

from __future__ import annotations

import queue
from typing import Any

from jobsim.repository.recorded import RecordedRepository
from jobsim.threads.caller import Send


class SharedPayments:
    """The queue of all processes' payments, as the actors of one see it; thread-safe."""

    def __init__(self, send: Send, recorded: RecordedRepository) -> None:
        self._send, self._recorded = send, recorded
        self._given: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._closed = False  # written by `close` only, once

    def put(self, payment: tuple[int, str]) -> None:
        """Send a payment on; its job is known from its creation."""
        self._send(("paid", payment[0]))

    def take(self) -> tuple[int, str] | None:
        """Ask for the next payment and wait for it; None if there will be no more."""
        if not self._closed:
            self._send(("take",))
        payment = self._given.get()
        if payment is None or self._closed:
            self._given.put(None)  # for the next who waits
            return None
        return payment

    def retire(self) -> None:
        """Say that one client of this process will put no more."""
        self._send(("retired",))

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

    def __init__(self, send: Send, recorded: RecordedRepository) -> None:
        super().__init__()
        self._send, self._recorded = send, recorded

    def append(self, created: tuple[int, str]) -> None:
        """Note a job that a client of this process created, and tell the others."""
        self._send(("created", created[0], self._recorded.known(created[1])))
        super().append(created)

    def hear(self, row: int, known: tuple[Any, ...]) -> None:
        """Note a job of another process."""
        self._recorded.learn(known)
        super().append((row, known[2]))
