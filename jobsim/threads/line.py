"""A connection between two hosts, on which both have proved that they know the key of the run.

Messages are pickled, so only a host that has the key may send them; a key is drawn for each run.
They are not encrypted. Small messages are sent at once, and a host that falls silent is given up.
"""

from __future__ import annotations

import contextlib
import os
import socket
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge

CONNECT_S = 20.0
"""How long connecting may take."""

SILENT_S = 15
"""How long a host may be out of reach before the connection to it breaks, where TCP can tell."""

_OPTIONS = (
    ("IPPROTO_TCP", "TCP_NODELAY", 1),
    ("SOL_SOCKET", "SO_KEEPALIVE", 1),
    ("IPPROTO_TCP", "TCP_KEEPIDLE", SILENT_S // 3),
    ("IPPROTO_TCP", "TCP_KEEPINTVL", SILENT_S // 3),
    ("IPPROTO_TCP", "TCP_KEEPCNT", 2),
    ("IPPROTO_TCP", "TCP_USER_TIMEOUT", SILENT_S * 1000),
)


def listening(address: str) -> socket.socket:
    """Return a socket that listens at an address of this host, on a free port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, 0), family=family)


def accepted(end: socket.socket, key: bytes) -> Connection:
    """Return the connection to a host that has just connected.

    Raises
    ------
    OSError, EOFError, multiprocessing.AuthenticationError
        If the host does not know the key, or is gone.
    """
    line = _wrapped(end)
    try:
        deliver_challenge(line, key)
        answer_challenge(line, key)
    except BaseException:
        line.close()
        raise
    return line


def connected(address: str, port: int, key: bytes) -> Connection:
    """Return a connection to the host that listens there.

    Raises
    ------
    OSError, EOFError, multiprocessing.AuthenticationError
        If no host listens, or it does not know the key.
    """
    line = _wrapped(socket.create_connection((address, port), timeout=CONNECT_S))
    try:
        answer_challenge(line, key)
        deliver_challenge(line, key)
    except BaseException:
        line.close()
        raise
    return line


def address_towards(host: str) -> str:
    """Return the address of this host from which it reaches another one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # sends nothing
        return str(probe.getsockname()[0])


def _wrapped(end: socket.socket) -> Connection:
    for level, name, value in _OPTIONS:
        # Not every system has every option, or allows it to be set.
        with contextlib.suppress(AttributeError, OSError):
            end.setsockopt(getattr(socket, level), getattr(socket, name), value)
    end.setblocking(True)
    return Connection(end.detach())


def key_of_run() -> bytes:
    """Return a new key."""
    return os.urandom(32)
