"""Stages whose actors are in other processes.

A run that keeps to its schedule has its calendar here, in the first process, and one thread for
each actor, as any such run; only the call itself is made in another process. A run that never waits
has its actors in the other processes, and only the queue of payments here: so it measures the
repository and not this process.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.marks import CLIENT, POLLER, actor_name
from jobsim.domain.models import Job, JobStatus
from jobsim.repository.actor_recorder import ActorRecorder
from jobsim.repository.recorded import RecordedRepository
from jobsim.threads.actor import Actor, Created
from jobsim.threads.caller import Answer, Request
from jobsim.threads.cast import cast, cast_of
from jobsim.threads.crew import Crew
from jobsim.threads.member import Member
from jobsim.threads.paced import PacedDesk
from jobsim.threads.play import Play
from jobsim.threads.stage import Paced, Setting, Stage


class EngineFault(Exception):  # noqa: N818 - becomes the cause of a RunFailed
    """What of the engine failed in another process."""


class RepositoryError(Exception):
    """The repository raised something in another process; its text is in the history there."""


class ActorGone(BaseException):
    """The process of an actor is gone, and its calls with it; no error of the repository."""


class RemoteRepository:
    """The repository of another process, as one actor calls it; for that actor's thread.

    Attributes
    ----------
    answers
        What that actor answers; None once its process is gone.
    """

    def __init__(self, actor: int, member: Member, recorded: RecordedRepository) -> None:
        self.actor, self.member = actor, member
        self.answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self.next_row: int | None = None
        self._recorded = recorded

    def create(self, input_hash: str) -> Job:
        """Create a job there."""
        job: Job = self._ask(Request("create", (input_hash,), row=self.next_row))
        return job

    def get(self, job_id: str) -> Job:
        """Get a job there."""
        job: Job = self._ask(Request("get", (job_id,), self._recorded.known(job_id)))
        return job

    def update_status(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None = None,
        error: str | None = None,
    ) -> Job:
        """Update a job there."""
        arguments = (job_id, target, result, error)
        known = self._recorded.known(job_id)
        job: Job = self._ask(Request("update_status", arguments, known))
        return job

    def count(self) -> int:
        """Count the jobs there."""
        count: int = self._ask(Request("count", ()))
        return count

    def _ask(self, request: Request) -> Any:
        """Return what was answered; raise what was raised, as the rules have to know it."""
        if self.member.ended.is_set():
            raise ActorGone
        self.member.out.send("call", self.actor, request)
        answer = self.answers.get()
        if answer is None:
            raise ActorGone
        if answer.raised is None:
            return answer.answer
        kind, *what = answer.raised
        if kind == "illegal":
            raise InvalidStateTransitionError(*what)
        if kind == "not_found":
            raise JobNotFoundError(request.arguments[0])
        raise RepositoryError(*what)


class _RemoteActor(Actor):
    """An actor of the calendar whose calls are made in another process."""

    def __init__(
        self,
        repository: RemoteRepository,
        number: int,
        play: Play,
        desk: PacedDesk,
        recorder: ActorRecorder,
        created: Created,
    ) -> None:
        super().__init__(number, play, desk, recorder, created)
        self._repository, self._paced = repository, desk

    def play(self) -> None:
        """Make calls until there are no more; once the process is gone, leave them unanswered."""
        desk = self._paced
        while (call := desk.next(self.number)) is not None:
            # What a create makes is numbered there as the rules number it here.
            self._repository.next_row = call.number
            try:
                outcome = self.perform(call)
            except ActorGone:
                desk.abandon(call)
            else:
                desk.done(call, outcome, self.recorder.returned_ns)


class SpreadPressed(Stage):
    """Actors that never wait, in other processes; their payments go through here, in order.

    A process that dies takes with it the payments that its workers held, as it does in life.

    Parameters
    ----------
    crew
        The processes, ready.
    setting
        As for any stage.
    """

    def __init__(self, crew: Crew, setting: Setting) -> None:
        workload, recorded, self.clock, self._over = setting
        self.processes = crew.processes
        self.actors = []
        self._crew, self._recorded = crew, recorded
        self._lock = threading.Lock()
        self._payments: deque[int] = deque()  # rows; guarded by _lock
        # How many each asked for and has not got; guarded by _lock.
        self._wanted = dict.fromkeys(crew.members, 0)
        self._turns = list(crew.members)  # who was served longest ago comes first; guarded by _lock
        self._told: set[Member] = set()  # who was given something; guarded by _lock
        self._known: dict[int, tuple[Any, ...]] = {}  # by row; guarded by _lock
        self._busy = set(crew.members)  # whose clients and workers go on; guarded by _lock
        casts = {m: cast_of(workload.scenario, m.number, crew.processes) for m in crew.members}
        # How many clients of each have not retired; guarded by _lock.
        self._clients = {m: sum(who[1] == CLIENT for who in casts[m]) for m in crew.members}
        self._looking = [m for m in crew.members if any(who[1] == POLLER for who in casts[m])]
        self._closed_queue = False  # guarded by _lock
        for role, index in cast(workload.scenario):
            recorded.add(crew.reader(role, index))
        crew.serve(self._hear, self._gone)

    def begin(self) -> None:
        """Let the actors act."""
        self.clock.start()
        self._crew.go()

    def close(self) -> None:
        """Let every actor end, and every process."""
        self._crew.close()
        _note(self, self._crew)

    def faults(self) -> Iterator[BaseException]:
        """Return what is the engine's own fault."""
        return (EngineFault(text) for text in self._crew.faults)

    def settled(self) -> int:
        """Return how many jobs have come to rest."""
        return sum(member.settled for member in self._crew.members)

    def created(self) -> dict[int, str]:
        """Return the id of every created job by its row, in order."""
        with self._lock:
            return {row: known[2] for row, known in sorted(self._known.items())}

    def _hear(self, member: Member, kind: str, what: list[Any]) -> None:
        """Do what a process asks for; called in its reader."""
        with self._lock:
            if kind in ("created", "paid"):
                self._note_job(member, *what)
            if kind == "paid":
                self._payments.append(what[0])
            elif kind == "take":
                self._wanted[member] += what[0]
            elif kind == "retired":
                self._clients[member] -= 1
            elif kind == "idle":
                self._busy.discard(member)
            told = self._hand_out()
        for other in told:
            other.out.flush()

    def _note_job(self, member: Member, row: int, known: tuple[Any, ...]) -> None:
        """Take note of a job the first time that it is told of; called under _lock."""
        if row in self._known:  # its payment was confirmed twice
            return
        self._known[row] = known
        self._recorded.learn(known)
        for other in self._looking:
            if other is not member:
                other.out.post("created", row, known)
                self._told.add(other)

    def _gone(self, member: Member) -> None:
        """Go on without a process: its clients put no more, its workers take no more."""
        with self._lock:
            self._clients[member] = self._wanted[member] = 0
            self._busy.discard(member)
            told = self._hand_out()
        for other in told:
            other.out.flush()

    def _hand_out(self) -> set[Member]:
        """Give payments to who asked for them, first come first served; called under _lock.

        To the process that asked for most, and of those to the one that was served longest ago: so
        two confirmations of one job meet in two processes. What is given under the lock keeps its
        order; it is sent after, to those that are returned, for a process that reads slowly is to
        keep nobody waiting.
        """
        told, self._told = self._told, set()
        while self._payments:
            # The first of the largest: of the others each was served later.
            member = max(self._turns, key=self._wanted.__getitem__)
            if not self._wanted[member]:
                break
            self._wanted[member] -= 1
            self._turns.remove(member)
            self._turns.append(member)
            row = self._payments.popleft()
            member.out.post("paid", row, self._known[row])
            told.add(member)
        if not self._payments and not any(self._clients.values()) and not self._closed_queue:
            self._closed_queue = True
            for member in self._crew.members:
                member.out.post("over")
                told.add(member)
        if not self._busy:
            self._over()
        return told


class SpreadPaced(Paced):
    """Actors that play the calendar here, and make their calls in other processes.

    An actor whose process dies never comes back from its call: a worker is lost with its job, a
    client asks no more, and the rest goes on.

    Parameters
    ----------
    crew
        The processes, ready.
    setting
        As for any stage.
    """

    def __init__(self, crew: Crew, setting: Setting) -> None:
        self._crew = crew
        self._remote: dict[int, RemoteRepository] = {}
        super().__init__(setting)
        self.processes = crew.processes
        crew.serve(self._hear, self._gone)

    def begin(self) -> None:
        """Let time begin, and with it the calls of the actors."""
        self._crew.go()
        super().begin()

    def close(self) -> None:
        """Let every actor end, and every process."""
        super().close()
        self._crew.close()
        _note(self, self._crew)

    def faults(self) -> Iterator[BaseException]:
        """Return what is the engine's own fault."""
        yield from super().faults()
        yield from (EngineFault(text) for text in self._crew.faults)

    def _actor(self, number: int, role: str, index: int, recorded: RecordedRepository) -> Actor:
        member = self._crew.members[index % self._crew.processes]
        repository = self._remote[number] = RemoteRepository(number, member, recorded)
        # What is recorded here takes the way there and back for a part of the call.
        recorder = recorded.actor(
            actor_name(role, index), repository, kept=self._crew.reader(role, index)
        )
        return _RemoteActor(repository, number, self.play, self._desk, recorder, self._created)

    def _hear(self, _member: Member, kind: str, what: list[Any]) -> None:
        if kind == "answer":  # when its actors are idle, the calendar knows
            number, answer = what
            self._remote[number].answers.put(answer)

    def _gone(self, member: Member) -> None:
        for repository in self._remote.values():
            if repository.member is member:
                repository.answers.put(None)


def _note(stage: Stage, crew: Crew) -> None:
    """Keep what is to be told of the processes of a run, all of them ended."""
    stage.died, stage.lost, stage.hosts = crew.died, crew.lost, crew.hosts()
    stage.unreturned = tuple(crew.unreturned)
