"""One process of a run on several: its actors, its recording, and its line to the first process.

The first process keeps the calendar, or the queue of payments. What passes between the two is
tuples on one connection, the first item of which says what it is:

====================================  =========================================================
to this process                       from it
====================================  =========================================================
("go",)                               ("ready",), ("failed", text), ("idle",), ("settled", n)
("created", row, known)               ("created", row, known), ("paid", row)
("paid", row, known), ("over",)       ("take",), ("retired",)
("call", actor, request)              ("answer", actor, answer)
("clock", sent)                       ("clock", sent, now)
("stop",)                             ("end", unreturned, faults)
====================================  =========================================================

`known` is what `RecordedRepository.known` says of a job. No lock is shared between processes, for
one that is killed would never give it back.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.marks import CLIENT, POLLER, WORKER, actor_name
from jobsim.domain.models import Job
from jobsim.domain.text import exception_text
from jobsim.repository.actor_recorder import ActorRecorder
from jobsim.repository.journal import JournalledRecorder
from jobsim.repository.protocol import require_repository
from jobsim.repository.recorded import RecordedRepository
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.threads import pressing
from jobsim.threads.daemons import TICK_S, Daemon, stacks, wait_all
from jobsim.threads.stage import cast
from jobsim.threads.travel import unpacked

GRACE_S = 1.0
"""How long after the end of a run an actor may stay inside a repository call."""

Send = Callable[[tuple[Any, ...]], None]


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
        What makes its repository, as `jobsim.threads.travel.packed` gives it.
    folder
        Where its actors' calls are kept.
    pressed
        Whether actors never wait; otherwise they make the calls that they are told to.
    """

    number: int
    processes: int
    workload: Workload
    factory: bytes
    folder: Path
    pressed: bool


def cast_of(scenario: Scenario, number: int, processes: int) -> list[tuple[int, str, int]]:
    """Return number in the run, role and index of each actor of one process.

    Those of each role are dealt out one by one, so that every process gets its share of each.
    """
    return [
        (actor, role, index)
        for actor, (role, index) in enumerate(cast(scenario))
        if index % processes == number
    ]


class Request(NamedTuple):
    """A call for an actor of another process: a method, its arguments, and what they need.

    `known` is what is known of the job that it is about, None for a create; `row` is the number
    of the job that a create makes.
    """

    method: str
    arguments: tuple[Any, ...]
    known: tuple[Any, ...] | None = None
    row: int | None = None


class Answer(NamedTuple):
    """What came of a request: what was answered, or the kind of exception, and when."""

    answer: Job | int | None
    raised: tuple[str, ...] | None
    returned_ns: int


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


class _Created(list[tuple[int, str]]):
    """The jobs that this process knows; what its own clients create, the others hear of."""

    def __init__(self, send: Send, recorded: RecordedRepository) -> None:
        super().__init__()
        self._send, self._recorded = send, recorded

    def append(self, created: tuple[int, str]) -> None:
        self._send(("created", created[0], self._recorded.known(created[1])))
        super().append(created)

    def hear(self, row: int, known: tuple[Any, ...]) -> None:
        self._recorded.learn(known)
        super().append((row, known[2]))


class Caller:
    """An actor that makes the calls which the first process asks for, one at a time."""

    def __init__(self, number: int, recorder: ActorRecorder, send: Send, learn: Any) -> None:
        self.number, self.recorder = number, recorder
        self.fault: BaseException | None = None
        self.settled = 0
        self.asked: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._send, self._learn = send, learn

    def run(self) -> None:
        """Answer requests until there are no more."""
        while (request := self.asked.get()) is not None:
            if request.known is not None:
                self._learn(request.known)
            self.recorder.next_job = request.row
            answer: Job | int | None = None
            raised: tuple[str, ...] | None = None
            try:
                answer = getattr(self.recorder, request.method)(*request.arguments)
            except InvalidStateTransitionError as exc:
                raised = ("illegal", str(exc.from_state), str(exc.to_state))
            except JobNotFoundError:
                raised = ("not_found",)
            except Exception as exc:  # noqa: BLE001 - a repository may raise anything
                raised = ("error", exception_text(exc))
            self._send(("answer", self.number, Answer(answer, raised, self.recorder.returned_ns)))


class Part:
    """The actors of one process. All methods but `now_ns` are for its main thread.

    Parameters
    ----------
    connection
        To the first process. When it breaks, that process is gone, and this one ends.
    task
        What to do.
    now_ns
        The clock of this host.
    """

    def __init__(
        self, connection: Connection, task: Task, now_ns: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        self._connection, self._task, self._now_ns = connection, task, now_ns
        self._sending = threading.Lock()  # several actors send on one connection
        self._lock = threading.Lock()
        self._at_work = 0  # clients and workers that have not ended; guarded by _lock
        self._told = -1

    def run(self) -> None:
        """Play until the first process says stop, or is gone."""
        task = self._task
        try:
            repository = unpacked(task.factory)()
            require_repository(repository)
            recorded = RecordedRepository(
                repository,
                clock_ns=self._now_ns,
                recorder=lambda name, *rest: JournalledRecorder(task.folder / name, name, *rest),
            )
        except Exception as exc:  # noqa: BLE001 - told to the user by the first process
            self._send(("failed", exception_text(exc)))
            return
        self._recorded = recorded
        self._payments = SharedPayments(self._send, recorded)
        self._created = _Created(self._send, recorded)
        self._press = pressing.Press(task.workload, self._payments, created=self._created)
        self._actors = self._cast()
        self._daemons = [
            Daemon(actor.recorder.name, partial(self._play, actor)) for actor in self._actors
        ]
        for daemon in self._daemons:
            daemon.start()
        self._send(("ready",))
        try:
            self._listen()
        except (EOFError, OSError):
            return  # nobody is left to tell
        self._end()

    def _cast(self) -> list[Any]:
        """Return the actors: those that act by themselves, or those that are told each call."""
        task = self._task
        actors: list[Any] = []
        for number, role, index in cast_of(task.workload.scenario, task.number, task.processes):
            recorder = self._recorded.actor(actor_name(role, index))
            self._at_work += role in (CLIENT, WORKER)
            if task.pressed:
                actors.append(pressing.ACTORS[role](index, self._press, recorder))
            else:
                actors.append(Caller(number, recorder, self._send, self._recorded.learn))
        return actors

    def _play(self, actor: Any) -> None:
        actor.run()
        if not actor.recorder.name.startswith(POLLER):
            with self._lock:
                self._at_work -= 1
                idle = not self._at_work
            if idle:
                self._send(("idle",))

    def _listen(self) -> None:
        """Do what the first process says, until it says stop; raise once it is gone."""
        callers = {actor.number: actor for actor in self._actors if isinstance(actor, Caller)}
        does: dict[str, Callable[..., object]] = {
            "call": lambda actor, request: callers[actor].asked.put(request),
            "paid": self._payments.give,
            "created": self._created.hear,
            "clock": lambda sent: self._send(("clock", sent, self._now_ns())),
            "over": self._payments.over,
            "go": self._press.go.set,
        }
        if not self._at_work:
            self._send(("idle",))
        told_at = 0.0
        while True:
            if time.monotonic() - told_at > TICK_S:
                told_at = time.monotonic()
                self._tell()
            if not self._connection.poll(TICK_S):
                continue
            kind, *what = self._connection.recv()
            if kind == "stop":
                return
            does[kind](*what)

    def _tell(self) -> None:
        settled = sum(actor.settled for actor in self._actors)
        if settled != self._told:
            self._told = settled
            self._send(("settled", settled))

    def _end(self) -> None:
        """End the actors, and tell which of them never came back, and what failed."""
        self._press.stop.set()
        self._press.go.set()
        self._payments.close()
        for actor in self._actors:
            if isinstance(actor, Caller):
                actor.asked.put(None)
        wait_all(self._daemons, GRACE_S)
        self._tell()
        faults = [exception_text(a.fault) for a in self._actors if a.fault is not None]
        self._send(("end", stacks(self._daemons), faults))

    def _send(self, message: tuple[Any, ...]) -> None:
        with self._sending:
            try:
                self._connection.send(message)
            except OSError:
                return  # the first process is gone: `_listen` finds out, and ends this one


def begin(connection: Connection, task: Task) -> None:
    """Be one process of a run: what a spawned process does."""
    # Ctrl-C goes to all processes of a terminal; the first one says stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Part(connection, task).run()
    connection.close()
    os._exit(0)  # threads that are stuck in a repository keep no process alive
