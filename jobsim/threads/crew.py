"""The other processes of a run: the first process starts them, listens to them and ends them.

One daemon thread per process reads its messages. A process that is gone breaks its connection,
which ends the reader, so nothing else has to watch the process. No lock is shared with another
process.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jobsim.domain.marks import actor_name
from jobsim.domain.text import exception_text
from jobsim.repository.journal import JournalReader
from jobsim.run.hosts import RemoteHost
from jobsim.run.info import Unreturned
from jobsim.scenario.workload import Workload
from jobsim.threads.cast import cast_of
from jobsim.threads.daemons import TICK_S, Daemon
from jobsim.threads.hosts import PlacedReader
from jobsim.threads.member import END_S, START_S, Member, ProcessNotStarted, Starter
from jobsim.threads.part import Task
from jobsim.threads.shipping import new_place, put
from jobsim.threads.spawned import spawned

_MANY, _FEW = 20, 3
"""How many round trips are made before and after a run, and each time during it."""

_EVERY_S = 0.25
"""How often the clocks of other hosts are asked: at 200 ppm they drift 50 us in between."""

_LAST_S = 1.0
"""How long the round trips after a run may take."""


class Crew:
    """The processes of one run. A context that leaves none of them running at its end.

    Parameters
    ----------
    workload, factory, processes
        Of the run; the factory as `jobsim.threads.travel.packed` returns it.
    pressed
        Whether actors never wait.
    start
        Starts the processes, on this host or on a cluster.

    Attributes
    ----------
    folder
        Where the calls of all actors are kept until the context ends.
    died, lost
        The processes that ended during the run, one phrase each, and the names of those whose last
        calls are not known; read after `close`.
    faults, unreturned
        Faults of the engine in these processes, and the actors that never returned from a call;
        read after `close`.
    """

    def __init__(
        self,
        workload: Workload,
        factory: bytes,
        processes: int,
        *,
        pressed: bool,
        start: Starter = spawned,
    ) -> None:
        self.processes = processes
        self._workload, self._starter = workload, start
        self.members: list[Member] = []
        self.died: tuple[str, ...] = ()
        self.lost: tuple[str, ...] = ()
        self.faults: list[str] = []
        self.unreturned: list[Unreturned] = []
        place = new_place()
        self.folder = place.folder
        self._tasks = [
            Task(number, processes, workload, factory, place, pressed)
            for number in range(processes)
        ]
        self._hear: Callable[[Member, str, list[Any]], None] = lambda *_: None
        self._gone: Callable[[Member], None] = lambda _: None
        self._readers: list[Daemon] = []
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        try:
            self._start(self._starter(self._tasks))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def serve(
        self,
        hear: Callable[[Member, str, list[Any]], None],
        gone: Callable[[Member], None],
    ) -> None:
        """Set what is called with messages of processes, and when one is gone, in their readers.

        To be called before `go`: until then the processes only report that they are ready.
        """
        self._hear, self._gone = hear, gone

    def go(self) -> None:
        """Let the actors act."""
        for member in self.members:
            if member.ended.is_set():
                self._gone(member)  # it may have ended before `serve`
            member.out.send("go")
        if self._elsewhere():
            Daemon("clocks", self._ask_clocks).start()

    def close(self) -> None:
        """End all processes, and note how they ended; a second call does nothing."""
        if self._closed.is_set():
            return
        self._closed.set()
        early = [member.ended.is_set() and not member.said_end for member in self.members]
        self._time(_LAST_S)
        for member in self.members:
            # In a thread of its own: sending to a suspended process may block.
            Daemon(f"stop {member.name}", partial(member.out.send, "stop")).start()
        deadline = time.monotonic() + END_S
        died, lost = [], []
        for member, was_gone in zip(self.members, early, strict=True):
            member.ended.wait(max(deadline - time.monotonic(), 0.0))
            how = member.handle.end(max(deadline - time.monotonic(), TICK_S))
            member.ended.wait(TICK_S)
            if was_gone or not member.said_end:
                died.append(f"{member.name} {how or 'ended in the middle'}")
                if not self._fetch(member):
                    lost.append(member.name)
            member.connection.close()
        self.died, self.lost = tuple(died), tuple(lost)

    def reader(self, role: str, index: int) -> JournalReader | PlacedReader:
        """Return what reads the calls of an actor, with their moments on our clock."""
        name = actor_name(role, index)
        reader = JournalReader(self.folder / name, name)
        host = self.members[index % self.processes].host
        return reader if host is None else PlacedReader(reader, host)

    def created_by_died(self) -> dict[int, str]:
        """Return the ids of the jobs that dead processes created, by row."""
        return {
            row: job_id
            for member in self.members
            if not member.said_end
            for name in self._names(member)
            for row, job_id in JournalReader(self.folder / name, name).created().items()
        }

    def hosts(self) -> tuple[RemoteHost, ...]:
        """Return what is known about the clocks of other hosts."""
        return tuple(host.told() for host in {m.host: None for m in self._elsewhere()} if host)

    def _names(self, member: Member) -> list[str]:
        """Return the names of the actors of a process."""
        mine = cast_of(self._workload.scenario, member.number, self.processes)
        return [actor_name(role, index) for _, role, index in mine]

    def _elsewhere(self) -> list[Member]:
        return [member for member in self.members if member.host is not None]

    def _ask_clocks(self) -> None:
        """Ask the clocks of other hosts during the run; body of a daemon."""
        while not self._closed.wait(_EVERY_S):
            for member in self._elsewhere():
                member.ask_clock(_FEW)

    def _time(self, seconds: float) -> None:
        """Ask the clocks of other hosts many times, and wait for the answers."""
        asked = [member for member in self._elsewhere() if not member.ended.is_set()]
        for member in asked:
            member.timed.clear()
            member.ask_clock(_MANY)
        deadline = time.monotonic() + seconds
        for member in asked:
            while not member.timed.wait(TICK_S) and not member.ended.is_set():
                if time.monotonic() > deadline:
                    return

    def _fetch(self, member: Member) -> bool:
        """Fetch the calls of a lost process if necessary; return whether all of them are here."""
        if member.folder is None:
            return True
        pieces = member.handle.left_behind(member.folder, END_S)
        for piece in pieces or ():
            put(self.folder, piece)
        return pieces is not None

    def _start(self, members: Iterator[Member]) -> None:
        """Wait until every process has made its repository, so that all actors begin at once."""
        for member in members:
            self.members.append(member)
            if member.host is not None:
                member.host.actors += self._names(member)
            reader = Daemon(member.name, partial(self._read, member))
            self._readers.append(reader)
            reader.start()
        # They connected in any order, but actors are dealt out by number.
        self.members.sort(key=lambda member: member.number)
        deadline = time.monotonic() + START_S
        for member in self.members:
            while not member.ready.wait(TICK_S):
                if member.problem or member.ended.is_set() or time.monotonic() > deadline:
                    raise ProcessNotStarted(member.name, member.problem or _NO_WORD)
        self._time(START_S)
        for member in self._elsewhere():
            if not member.timed.is_set():
                raise ProcessNotStarted(member.name, "it did not say what its clock is")

    def _read(self, member: Member) -> None:
        """Read the messages of one process until its connection ends; body of its reader."""
        try:
            while True:
                for kind, *what in member.connection.recv():
                    self._read_one(member, kind, what)
        except (EOFError, OSError):
            pass  # it ended or was killed; `close` finds out which
        except Exception as exc:  # noqa: BLE001 - reported by the main thread
            self.faults.append(exception_text(exc))
        finally:
            member.ended.set()
            self._gone(member)

    def _read_one(self, member: Member, kind: str, what: list[Any]) -> None:
        """Note a message of a process about itself, or pass it on; called in its reader."""
        if kind == "ready":
            member.folder = None if what[0] is None else Path(what[0])
            member.ready.set()
        elif kind == "failed":
            member.problem = what[0]
        elif kind == "settled":
            member.settled = what[0]
        elif kind == "clock":
            member.heard_clock(*what)
        elif kind == "kept":
            put(self.folder, what[0])
        elif kind == "end":
            stuck, faults = what
            self.unreturned += [Unreturned(actor=a, stack=s) for a, s in stuck.items()]
            self.faults += faults
            member.said_end = True
        else:
            self._hear(member, kind, what)


_NO_WORD = (
    "it ended before it was ready, or took too long. A script that starts processes needs "
    "if __name__ == '__main__': around what it runs"
)
