"""Messages to another process."""

from __future__ import annotations

import pickle
import threading
from collections import deque
from multiprocessing.connection import Connection
from typing import Any

Message = tuple[Any, ...]


class Outgoing:
    """Messages to another process, in the order in which they were given; thread-safe.

    Those that are given while others are being sent go together: what a message costs is the switch
    to whoever reads it. What is received is a list of messages.

    Attributes
    ----------
    broken
        Whether something could not be sent, as the other process is gone; set once.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: deque[Message] = deque()
        self._sending = threading.Lock()
        self.broken = False

    def send(self, *message: Any) -> None:
        """Send a message; if the other process is gone, whoever listens to it finds out."""
        self._waiting.append(message)
        self.flush()

    def post(self, *message: Any) -> None:
        """Give a message that `flush` sends; this never waits, so it may be done under a lock."""
        self._waiting.append(message)

    def flush(self) -> None:
        """Send what was given, or leave it to the thread that is sending.

        No message is left: one that was given before that thread let go is seen by it as it looks
        again, and whoever gives one later finds nobody sending.
        """
        while self._waiting:
            if not self._sending.acquire(blocking=False):
                return
            try:
                self._send_all()
            finally:
                self._sending.release()

    def send_last(self, *message: Any) -> None:
        """Send a message and all before it; when this returns, they are on their way."""
        self._waiting.append(message)
        with self._sending:
            self._send_all()

    def _send_all(self) -> None:
        """Send what was given; called by the one thread that is sending."""
        # Nobody else takes messages out, so that many are there.
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            if batch:
                # What `Connection.send` would do, but for types that only it can pickle, for which
                # it looks at every object.
                self._connection.send_bytes(pickle.dumps(batch))
        except OSError:
            self.broken = True
