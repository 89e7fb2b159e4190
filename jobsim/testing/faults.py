"""Faults between a repository and its PostgreSQL server: lost answers, delays, killed servers."""

from __future__ import annotations

import math
import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any

import pandas as pd
import psycopg
from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url

from jobsim.display.text import Rows, Shown, format_duration
from jobsim.domain.codes import FAULT_KINDS, KILLS
from jobsim.figures.faulted import recovery_s
from jobsim.repository.sql_connections import database_url
from jobsim.tables.schema import FAULTS
from jobsim.testing.fault_proxy import Proxy
from jobsim.testing.postgres import PostgresServer

RATES: Mapping[str, float] = MappingProxyType(
    {"cut_before": 0.03, "cut_after": 0.05, "delay": 0.02, "stall": 0.002}
)
"""The default probability that each fault strikes a request."""

KILLED_AT: Mapping[int, str] = MappingProxyType({50: "kill_server", 150: "kill_backend"})
"""The default requests at which a server that may be killed is killed."""

RECOVERY_S = 60.0
"""How long a server may take to answer after the last fault."""

_POLL_S = 0.005


@dataclass
class _Row:
    """The record of one fault; only the thread that injects the fault writes to it."""

    kind: str
    request: int
    begun_ns: int
    ended_ns: int = -1


class Faults(Shown):
    """A proxy in front of a PostgreSQL server that injects faults while it is active.

    The repository under test connects to `url`. Which requests are struck is drawn from the
    seed, in the order in which they come, so with one caller at a time a run can be repeated.

    - ``cut_before``: the connection is closed before the request reaches the server;
    - ``cut_after``: it is closed after the server has carried the request out, before the answer
      is passed on. The client cannot tell these two apart;
    - ``delay`` and ``stall``: the request, or the answer, is delayed;
    - ``kill_backend``: the server process of this connection is killed with SIGKILL while it has
      the request; then PostgreSQL ends all sessions and recovers from its log;
    - ``kill_server``: the whole server is killed with SIGKILL, and then started again.

    Thread-safe.

    Parameters
    ----------
    url
        Of the server, as in `SqlJobRepository`.
    seed
        Of the draws.
    rates
        The probability that each kind strikes a request, by name; `RATES` by default. Kinds that
        are not named do not happen.
    at
        Kinds that strike at given requests, whatever is drawn: ``{100: "kill_server"}``.
        Requests are counted from 0 while faults are active. The default is `KILLED_AT` if `server`
        is given.
    delay_s, stall_s
        How long a ``delay`` and a ``stall`` take.
    statement_timeout_s
        Seconds after which the server cancels a statement; None keeps its setting. Part of `url`.
    server
        The server, if it may be killed; `KILLS` need it.

    Raises
    ------
    ValueError
        If the URL is not of PostgreSQL, a kind is unknown, a rate is not a probability, or a
        kill is asked for without a server.

    Examples
    --------
    ::

        with PostgresServer() as server, Faults(server.url, server=server) as faults:
            report = check_repository(lambda: Mine(faults.url), faults=faults)
    """

    def __init__(
        self,
        url: str,
        *,
        seed: int = 0,
        rates: Mapping[str, float] = RATES,
        at: Mapping[int, str] | None = None,
        delay_s: float = 0.002,
        stall_s: float = 0.1,
        statement_timeout_s: float | None = None,
        server: PostgresServer | None = None,
    ) -> None:
        made = database_url(url)
        if made.get_backend_name() != "postgresql" or made.host is None:
            raise ValueError(
                f"{made.render_as_string()!r} names no PostgreSQL server; faults strike between a "
                "client and a server. For a full disk under SQLite see limit_pages"
            )
        if at is None:
            at = {} if server is None else KILLED_AT
        _require_kinds(rates, at, server)
        self.direct_url = url
        self.seed = seed
        self._rates = dict(rates)
        self._at = dict(at)
        self._seconds = {"delay": delay_s, "stall": stall_s}
        self._server = server
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - no secret; guarded by _lock
        self._requests = 0  # guarded by _lock
        self._rows: list[_Row] = []  # guarded by _lock
        self._active = False  # guarded by _lock
        self._up = threading.Event()  # cleared by a request that kills, set by the killer's thread
        self._up.set()
        # One at a time: a server that is being started cannot be killed.
        self._killer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jobsim killer")
        self._proxy = Proxy((made.host, made.port or 5432), self._strike)
        through = made.set(host="127.0.0.1", port=self._proxy.port)
        if statement_timeout_s is not None:
            given = str(made.query.get("options", ""))
            timeout = f"-cstatement_timeout={round(statement_timeout_s * 1000):d}"
            through = through.update_query_dict({"options": f"{given} {timeout}".strip()})
        self.url = through.render_as_string(hide_password=False)
        """The address of the server through the faults."""

    @property
    def table(self) -> pd.DataFrame:
        """What was injected so far, as in `jobsim.tables.schema.FAULTS`."""
        with self._lock:
            rows = [(row.kind, row.request, row.begun_ns, row.ended_ns) for row in self._rows]
        dtypes: Any = FAULTS
        return pd.DataFrame(rows, columns=list(FAULTS)).astype(dtypes)

    @property
    def requests(self) -> int:
        """How many requests there were while faults were active."""
        with self._lock:
            return self._requests

    @contextmanager
    def active(self) -> Iterator[None]:
        """Inject faults until the exit, then wait until the server answers again."""
        with self._lock:
            self._active = True
        try:
            yield
        finally:
            self.rest()

    def wait_until_up(self) -> None:
        """Wait while the server is killed and restarted, when calls would only be refused."""
        self._up.wait(RECOVERY_S)

    def require_server(self) -> None:
        """Return if the server accepts a connection, raise if not.

        Raises
        ------
        psycopg.OperationalError
            If it does not, with the reason.
        """
        self._connected().close()

    def rest(self) -> bool:
        """Stop injecting faults, wait for the server, and return whether it answers."""
        with self._lock:
            self._active = False
        self._killer.submit(lambda: None).result()  # waits for the end of a kill
        return self._wait_for_server()

    def close(self) -> None:
        """Close the proxy and every connection through it; the server goes on."""
        with self._lock:
            self._active = False
        self._killer.shutdown()
        self._proxy.close()

    def __enter__(self) -> Faults:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _strike(self) -> _Strike:
        """Return what happens to the next request."""
        with self._lock:
            if not self._active:
                return _Strike(self, None)
            request, drawn = self._requests, self._random.random()
            self._requests += 1
            kind = self._at.get(request)
            for name, rate in self._rates.items():
                if kind is None and drawn < rate:
                    kind = name
                drawn -= rate
            if kind is None:
                return _Strike(self, None)
            row = _Row(kind, request, time.perf_counter_ns())
            self._rows.append(row)
        return _Strike(self, row)

    def _kill(self, row: _Row, backend: int, struck: threading.Event) -> None:
        """Carry out a kill, and note when the server is back; in the killer's thread."""
        try:
            self._kill_and_wait(row, backend, struck)
        finally:
            struck.set()
            self._up.set()

    def _kill_and_wait(self, row: _Row, backend: int, struck: threading.Event) -> None:
        """Kill, and wait until the server serves again: until then no call can succeed."""
        if row.kind == "kill_server":
            assert self._server is not None  # noqa: S101 - _require_kinds made sure
            row.begun_ns = time.perf_counter_ns()
            self._server.kill()
            struck.set()
            self._server.start()
        else:
            # The server ends all sessions some moments after one of its processes is killed, and
            # until then accepts new ones. So wait for the end of another session.
            with suppress(psycopg.OperationalError), self._connected() as other:
                row.begun_ns = time.perf_counter_ns()
                with suppress(ProcessLookupError):  # it may have ended by itself
                    os.kill(backend, signal.SIGKILL)
                    struck.set()
                    other.execute("SELECT pg_sleep(%s)", (RECOVERY_S,))
        if self._wait_for_server():
            row.ended_ns = time.perf_counter_ns()

    def _connected(self) -> psycopg.Connection[Any]:
        url = make_url(self.direct_url).set(drivername="postgresql")
        return psycopg.connect(
            url.render_as_string(hide_password=False), autocommit=True, connect_timeout=5
        )

    def _wait_for_server(self) -> bool:
        """Poll for a connection, the only sign that a server has recovered."""
        # Monotonic, so that setting the clock does not end the wait.
        deadline = time.monotonic() + RECOVERY_S
        while True:
            try:
                self._connected().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(_POLL_S)
            else:
                return True

    def _display(self) -> tuple[str, Rows]:
        table = self.table
        counts = table["kind"].value_counts()
        told = ", ".join(f"{counts[kind]:,} {kind}" for kind in FAULT_KINDS if counts[kind])
        rows: Rows = [("requests", f"{self.requests:,}"), ("injected", told or "none")]
        if not math.isnan(back := recovery_s(table)):
            rows.append(("recovery", f"{format_duration(back)} at most after a kill"))
        return f"Faults of seed {self.seed}", rows


class _Strike:
    """What one fault does to one request; nothing if the row is None."""

    def __init__(self, faults: Faults, row: _Row | None) -> None:
        self._faults, self._row = faults, row
        self._kind = "" if row is None else row.kind

    def before(self) -> bool:
        """Delay the request, or cut the connection."""
        if self._kind == "delay":
            self._late()
        return self._cut_unless(self._kind != "cut_before")

    def sent(self, backend: int) -> None:
        """Kill the server or its process."""
        if self._row is not None and self._kind in KILLS:
            struck = threading.Event()
            self._faults._up.clear()
            self._faults._killer.submit(self._faults._kill, self._row, backend, struck)
            struck.wait()  # so that it is this request's answer that may be lost

    def after(self) -> bool:
        """Delay the answer, or cut the connection."""
        if self._kind == "stall":
            self._late()
        return self._cut_unless(self._kind != "cut_after")

    def _late(self) -> None:
        assert self._row is not None  # noqa: S101 - it has a kind
        time.sleep(self._faults._seconds[self._kind])
        self._row.ended_ns = time.perf_counter_ns()

    def _cut_unless(self, spared: bool) -> bool:
        if not spared and self._row is not None:
            self._row.ended_ns = time.perf_counter_ns()
        return spared


def limit_pages(engine: Engine, pages: int) -> None:
    """Limit a SQLite database to this many pages, which then behaves as on a full disk.

    The limit applies to connections that the engine opens from now on. A page has 4,096 bytes.

    Parameters
    ----------
    engine
        The engine of the repository under test.
    pages
        The limit; SQLite raises it to the present size of the file.
    """

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages:d}")


def _require_kinds(
    rates: Mapping[str, float], at: Mapping[int, str], server: PostgresServer | None
) -> None:
    for kind in (*rates, *at.values()):
        if kind not in FAULT_KINDS:
            raise ValueError(f"{kind!r} is not a fault; the faults are {', '.join(FAULT_KINDS)}")
        if kind in KILLS and server is None:
            raise ValueError(f"{kind} needs the server: Faults(url, server=PostgresServer())")
    if not all(0.0 <= rate <= 1.0 for rate in rates.values()) or sum(rates.values()) > 1.0:
        raise ValueError(f"rates are probabilities and their sum is at most 1, not {dict(rates)}")
