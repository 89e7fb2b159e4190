"""One process of a run on several: its actors, its recording, and its tie to the first process.

The first process keeps the calendar, or the queue of payments. The two exchange lists of tuples on
one connection; the first item of a tuple says what it is:

====================================  =========================================================
to this process                       from it
====================================  =========================================================
("go",)                               ("ready", left), ("failed", text), ("idle",),
                                      ("settled", n)
("created", row, known)               ("created", row, known), ("paid", row, known)
("paid", row, known), ("over",)       ("take", how_many), ("retired",)
("call", actor, request)              ("answer", actor, answer)
("clock", sent)                       ("clock", sent, now)
("stop",)                             ("kept", piece), ("end", unreturned, faults)
====================================  =========================================================

`known` is what `RecordedRepository.known` returns for a job; ``created`` or ``paid`` reports it
right after the job was created. `left` is the folder of the calls if they are sent as pieces of
files, and None if the first process reads the files itself. Processes share no lock, since one that
is killed would never release it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from jobsim.domain.marks import CLIENT, POLLER, WORKER, actor_name
from jobsim.domain.text import exception_text
from jobsim.repository.journal import JournalledRecorder
from jobsim.repository.protocol import require_repository
from jobsim.repository.recorded import RecordedRepository
from jobsim.scenario.workload import Workload
from jobsim.threads import pressing
from jobsim.threads.caller import Caller
from jobsim.threads.cast import cast_of
from jobsim.threads.daemons import TICK_S, Daemon, stacks, wait_all
from jobsim.threads.outgoing import Outgoing
from jobsim.threads.shared_payments import CreatedHere, SharedPayments
from jobsim.threads.shipping import Outbox, Place, place_for, seal
from jobsim.threads.travel import unpacked

GRACE_S = 1.0
"""How long after the end of a run an actor may stay inside a repository call."""

_BUSY_S = 10.0
"""How long an actor may take to end outside a repository call."""


@dataclass(frozen=True)
class Task:
    """What one process is to do.

    Attributes
    ----------
    number, processes
        Which process it is, and of how many.
    workload
        All jobs of the run.
    factory
        The factory of its repository, as `jobsim.threads.travel.packed` returns it.
    place
        Where the first process reads the calls of its actors.
    pressed
        Whether actors never wait; otherwise they make the calls that the first process requests.
    same_clock
        Whether it reads the same clock as the first process.
    """

    number: int
    processes: int
    workload: Workload
    factory: bytes
    place: Place
    pressed: bool
    same_clock: bool = True


class Part:
    """The actors of one process. All methods but `now_ns` are for its main thread.

    Parameters
    ----------
    connection
        To the first process. If it breaks, that process is gone, and this one ends.
    task
        What to do.
    now_ns
        The clock of this host.
    """

    def __init__(
        self, connection: Connection, task: Task, now_ns: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        self._connection, self._task, self._now_ns = connection, task, now_ns
        self._out = Outgoing(connection)
        self._lock = threading.Lock()
        self._at_work = 0  # clients and workers that have not ended; guarded by _lock
        self._told = -1
        self._outbox: Outbox | None = None

    def run(self) -> None:
        """Run the actors until the first process says stop, or is gone."""
        task = self._task
        folder = place_for(task.place, here=task.same_clock)
        self._outbox = None if folder == task.place.folder else Outbox(folder)
        try:
            repository = unpacked(task.factory)()
            require_repository(repository)
            recorded = RecordedRepository(
                repository,
                clock_ns=self._now_ns,
                recorder=lambda name, *rest: JournalledRecorder(folder / name, name, *rest),
            )
        except Exception as exc:  # noqa: BLE001 - told to the user by the first process
            self._out.send_last("failed", exception_text(exc))
            return
        self._recorded = recorded
        mine = cast_of(task.workload.scenario, task.number, task.processes)
        workers = sum(role == WORKER for _, role, _ in mine)
        self._payments = SharedPayments(self._out, recorded, task.workload, workers)
        self._created = CreatedHere(self._out, recorded, task.workload)
        self._press = pressing.Press(task.workload, self._payments, created=self._created)
        self._actors = self._cast()
        self._daemons = [
            Daemon(actor.recorder.name, partial(self._play, actor)) for actor in self._actors
        ]
        for daemon in self._daemons:
            daemon.start()
        self._out.send("ready", None if self._outbox is None else str(folder))
        # If the connection breaks there is nobody to report to. The actors end all the same, and
        # their calls are in files.
        with contextlib.suppress(EOFError, OSError):
            self._listen()
        self._end()
        self._leave(repository, folder)

    def _cast(self) -> list[Any]:
        """Return the actors: independent ones, or ones that are told each call."""
        task = self._task
        actors: list[Any] = []
        for number, role, index in cast_of(task.workload.scenario, task.number, task.processes):
            recorder = self._recorded.actor(actor_name(role, index))
            self._at_work += role in (CLIENT, WORKER)
            if task.pressed:
                actors.append(pressing.ACTORS[role](index, self._press, recorder))
            else:
                actors.append(Caller(number, recorder, self._out, self._recorded.learn))
        return actors

    def _play(self, actor: Any) -> None:
        actor.run()
        if not actor.recorder.name.startswith(POLLER):
            with self._lock:
                self._at_work -= 1
                idle = not self._at_work
            if idle:
                self._out.send("idle")

    def _listen(self) -> None:
        """Handle messages of the first process until it says stop; raise if it is gone."""
        callers = {actor.number: actor for actor in self._actors if isinstance(actor, Caller)}
        does: dict[str, Callable[..., object]] = {
            "call": lambda actor, request: callers[actor].asked.put(request),
            "paid": self._payments.give,
            "created": self._created.hear,
            "clock": lambda sent: self._out.send("clock", sent, self._now_ns()),
            "over": self._payments.over,
            "go": self._press.go.set,
        }
        if not self._at_work:
            self._out.send("idle")
        told_at = 0.0
        while True:
            if time.monotonic() - told_at > TICK_S:
                told_at = time.monotonic()
                self._tell()
            if not self._connection.poll(TICK_S):
                continue
            for kind, *what in self._connection.recv():
                if kind == "stop":
                    return
                does[kind](*what)

    def _tell(self) -> None:
        """Report progress, and send the calls if the first process cannot read the files."""
        for piece in self._outbox.new() if self._outbox else ():
            self._out.send("kept", piece)
        settled = sum(actor.settled for actor in self._actors)
        if settled != self._told:
            self._told = settled
            self._out.send("settled", settled)

    def _end(self) -> None:
        """End the actors, and report which of them never returned, and what failed."""
        self._press.stop.set()
        self._press.go.set()
        self._payments.close()
        for actor in self._actors:
            if isinstance(actor, Caller):
                actor.asked.put(None)
        wait_all(self._daemons, GRACE_S)
        for daemon, actor in zip(self._daemons, self._actors, strict=True):
            if not actor.recorder.is_inside_call():
                daemon.wait(_BUSY_S)  # it is about to end, which may take long on a busy machine
        self._tell()
        faults = [exception_text(a.fault) for a in self._actors if a.fault is not None]
        self._out.send_last("end", stacks(self._daemons), faults)

    def _leave(self, repository: Any, folder: Path) -> None:
        """Close what is no longer used: a worker of a cluster goes on after the run."""
        back = [not daemon.stack() for daemon in self._daemons]
        for actor, is_back in zip(self._actors, back, strict=True):
            if is_back:
                actor.recorder.close()
        if all(back) and callable(close := getattr(repository, "close", None)):
            closing = Daemon("close", close)
            closing.start()
            closing.wait(GRACE_S)
        if self._out.broken:
            seal(folder, self._task.number)  # complete: another process may fetch it
        elif self._outbox is not None:
            shutil.rmtree(folder, ignore_errors=True)


def begin(connection: Connection, task: Task) -> None:
    """Run one process of a run; the body of a spawned process."""
    # Ctrl-C goes to all processes of a terminal; the first one says stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Part(connection, task).run()
    connection.close()
    os._exit(0)  # so that threads stuck in a repository do not keep the process alive
