"""A proxy on the loopback that understands just enough of PostgreSQL's protocol to break it.

It counts requests and does not read SQL: drivers prepare repeated statements, so their text is
rarely on the wire. A request is what the client sends up to a Sync or a Query message; its answer
ends with ReadyForQuery. Only one side sends at a time, so one thread per connection handles both
directions. What works differently (encryption, COPY) is passed on without faults.

The protocol: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

_CANCEL, _SSL, _GSS = 80877102, 80877103, 80877104
_ENDS_REQUEST = b"SQF"  # Sync, Query, FunctionCall
_TERMINATE, _FLUSH = b"XH"
_READY, _KEY, _AUTHENTICATION = b"ZKR"
_COPY = b"GHW"
_ANSWERED_BY_CLIENT = (3, 5, 7, 8, 10, 11)
"""Kinds of authentication message that wait for the client."""

_CHUNK = 1 << 16
_CONNECT_S = 5.0


class Strike(Protocol):
    """What happens to one request; made by `Faults` for each request."""

    def before(self) -> bool:
        """Act before the request is passed on; return whether it may reach the server."""
        ...

    def sent(self, backend: int) -> None:
        """Act when the request has been sent to a server process."""
        ...

    def after(self) -> bool:
        """Act when the server has answered; return whether the answer may reach the client."""
        ...


class _Closed(Exception):  # noqa: N818 - says what happened
    """One side has closed its connection."""


class _Stream:
    """One side of a connection, read message by message."""

    def __init__(self, side: socket.socket) -> None:
        self.side = side
        self._buffer = bytearray()

    @property
    def has_read_ahead(self) -> bool:
        """Whether bytes have been read from the socket that no message has taken yet."""
        return bool(self._buffer)

    def exactly(self, number: int) -> bytes:
        """Return exactly `number` bytes, or raise `_Closed`."""
        while len(self._buffer) < number:
            try:
                chunk = self.side.recv(_CHUNK)
            except OSError as exc:
                raise _Closed from exc
            if not chunk:
                raise _Closed
            self._buffer += chunk
        taken = bytes(self._buffer[:number])
        del self._buffer[:number]
        return taken

    def message(self) -> bytes:
        """Return the next message: its kind, its length, its content."""
        head = self.exactly(5)
        return head + self.exactly(int.from_bytes(head[1:], "big") - 4)

    def send(self, data: bytes) -> None:
        """Send all of it, or raise `_Closed`."""
        try:
            self.side.sendall(data)
        except OSError as exc:
            raise _Closed from exc

    def take_buffer(self) -> bytes:
        """Return what has been read ahead, and forget it."""
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken


class Proxy:
    """Listens on a free port and hands each connection on to a server.

    Thread-safe. Its threads are daemons, one per connection.

    Parameters
    ----------
    target
        Host and port of the server.
    strike
        Called once per request, in the thread of its connection.
    """

    def __init__(self, target: tuple[str, int], strike: Callable[[], Strike]) -> None:
        self._target = target
        self._strike = strike
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()  # guarded by _lock
        self._closed = False  # guarded by _lock
        threading.Thread(target=self._accept, name="jobsim proxy", daemon=True).start()

    def close(self) -> None:
        """Close the port and every connection."""
        with self._lock:
            self._closed = True
            left = list(self._open)
        # A thread that is blocked in accept or recv notices a shutdown, but not a close.
        for side in (self._listener, *left):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=(client,), name="jobsim proxy", daemon=True
            ).start()

    def _serve(self, client: socket.socket) -> None:
        """Handle one connection, until either side ends."""
        with client, suppress(_Closed, OSError):
            # If the server refuses, the client notices that its connection is closed.
            server = socket.create_connection(self._target, timeout=_CONNECT_S)
            with server:
                server.settimeout(None)
                for side in (client, server):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    if self._closed:
                        return
                    self._open |= {client, server}
                try:
                    _Conversation(_Stream(client), _Stream(server), self._strike).hold()
                finally:
                    with self._lock:
                        self._open -= {client, server}


class _Conversation:
    """The exchange between client and server on one connection."""

    def __init__(self, client: _Stream, server: _Stream, strike: Callable[[], Strike]) -> None:
        self._client, self._server, self._strike = client, server, strike
        self._backend = 0

    def hold(self) -> None:
        """Pass on the greeting, then requests and answers in turn; raise `_Closed` at the end."""
        if not self._greet():
            self._pump()
        while True:
            request = self._request()
            if request[:1] == bytes([_TERMINATE]):
                self._server.send(request)
                return
            strike = self._strike()
            if not strike.before():
                return
            self._server.send(request)
            strike.sent(self._backend)
            answer, ended = self._answer()
            if not strike.after():
                return
            self._client.send(answer)
            if not ended:
                self._pump()

    def _greet(self) -> bool:
        """Pass on everything up to the first ReadyForQuery; False if nothing more is understood."""
        while True:
            length = self._client.exactly(4)
            packet = length + self._client.exactly(int.from_bytes(length, "big") - 4)
            code = int.from_bytes(packet[4:8], "big")
            self._server.send(packet)
            if code in (_SSL, _GSS):
                answer = self._server.exactly(1)
                self._client.send(answer)
                if answer != b"N":
                    return False
            elif code == _CANCEL:
                raise _Closed
            else:
                break
        while True:
            message = self._server.message()
            self._client.send(message)
            if message[0] == _READY:
                return True
            if message[0] == _KEY:
                self._backend = int.from_bytes(message[5:9], "big")
            kind = int.from_bytes(message[5:9], "big")
            if message[0] == _AUTHENTICATION and kind in _ANSWERED_BY_CLIENT:
                self._server.send(self._client.message())

    def _request(self) -> bytes:
        """Return the client's next request; meanwhile the server may send messages, or end.

        Messages up to a Flush are not a request of their own. The client waits for an answer to
        them, so they are passed on at once, and faults strike the rest.
        """
        request = bytearray()
        while True:
            while not self._client.has_read_ahead:
                if not self._server.has_read_ahead:
                    both = [self._client.side, self._server.side]
                    if self._client.side in select.select(both, [], [])[0]:
                        break
                self._client.send(self._server.message())  # a notice, or why it ends
            message = self._client.message()
            request += message
            if message[0] in _ENDS_REQUEST or message[0] == _TERMINATE:
                return bytes(request)
            if message[0] == _FLUSH:
                self._server.send(bytes(request))
                request.clear()

    def _answer(self) -> tuple[bytes, bool]:
        """Return the server's messages, and whether they are all of the answer."""
        answer = bytearray()
        while True:
            message = self._server.message()
            answer += message
            if message[0] == _READY:
                return bytes(answer), True
            if message[0] in _COPY:
                return bytes(answer), False

    def _pump(self) -> None:
        """Pass on bytes in both directions until one side ends."""
        pairs = {self._client.side: self._server, self._server.side: self._client}
        for stream, other in ((self._client, self._server), (self._server, self._client)):
            other.send(stream.take_buffer())
        while True:
            for side in select.select(list(pairs), [], [])[0]:
                data = side.recv(_CHUNK)
                if not data:
                    raise _Closed
                pairs[side].send(data)
