"""Messages to another process."""

from __future__ import annotations

import pickle
import threading
from collections import deque
from multiprocessing.connection import Connection
from typing import Any

Message = tuple[Any, ...]


class Outgoing:
    """Messages to another process, sent in order; thread-safe.

    Messages that arrive while others are being sent are sent together, as one list: most of the
    cost of a message is the switch to the process that reads it.

    Attributes
    ----------
    broken
        Whether a message could not be sent because the other process is gone; set once.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: deque[Message] = deque()
        self._sending = threading.Lock()
        self.broken = False

    def send(self, *message: Any) -> None:
        """Send a message. It is lost if the other process is gone, which the reader notices."""
        self._waiting.append(message)
        self.flush()

    def post(self, *message: Any) -> None:
        """Queue a message for `flush`; this never waits, so it may be called under a lock."""
        self._waiting.append(message)

    def flush(self) -> None:
        """Send what is queued, or leave it to the thread that is sending.

        No message is left behind: the sending thread looks at the queue again after it releases the
        lock, and a thread that queues a message after that look finds the lock free.
        """
        while self._waiting:
            if not self._sending.acquire(blocking=False):
                return
            try:
                self._send_all()
            finally:
                self._sending.release()

    def send_last(self, *message: Any) -> None:
        """Send a message and all before it; they have been sent when this returns."""
        self._waiting.append(message)
        with self._sending:
            self._send_all()

    def _send_all(self) -> None:
        """Send what is queued; called under _sending."""
        # Only this thread takes messages out, so there are at least as many as `len` says.
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            if batch:
                # Faster than `Connection.send`, which also supports types that only it can pickle.
                self._connection.send_bytes(pickle.dumps(batch))
        except OSError:
            self.broken = True
