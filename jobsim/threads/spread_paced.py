"""The stage of a run that keeps to its schedule, with calls made in other processes.

The calendar and a thread for each actor are here, in the first process, as in any such run. Only
the calls themselves are made in other processes.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.marks import actor_name
from jobsim.domain.models import Job, JobStatus
from jobsim.repository.actor_recorder import ActorRecorder
from jobsim.repository.recorded import RecordedRepository
from jobsim.threads.actor import Actor, Created
from jobsim.threads.caller import Answer, Request
from jobsim.threads.crew import Crew
from jobsim.threads.member import Member
from jobsim.threads.paced import PacedDesk
from jobsim.threads.play import Play
from jobsim.threads.spread import EngineFault, note_ends
from jobsim.threads.stage import Paced, Setting


class RepositoryError(Exception):
    """The repository raised something in another process; its text is in the history there."""


class ActorGone(BaseException):
    """The process of an actor is gone, and with it the call; this is no error of the repository."""


class RemoteRepository:
    """The repository of another process, as one actor calls it; for that actor's thread.

    Attributes
    ----------
    answers
        The answers of that actor; None once its process is gone.
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
        """Return the answer; raise the same kind of exception as the repository did there."""
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
        """Make calls until there are no more; calls of a process that is gone stay unanswered."""
        desk = self._paced
        while (call := desk.next(self.number)) is not None:
            # So that the other process gives a new job the same number as the rules here.
            self._repository.next_row = call.number
            try:
                outcome = self.perform(call)
            except ActorGone:
                desk.abandon(call)
            else:
                desk.done(call, outcome, self.recorder.returned_ns)


class SpreadPaced(Paced):
    """Actors that play the calendar here, and make their calls in other processes.

    An actor whose process dies never returns from its call: a worker is lost with its job, a
    client makes no more requests, and the others go on.

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
        note_ends(self, self._crew)

    def created(self) -> dict[int, str]:
        """Return the id of every created job by its row, in order."""
        return dict(sorted((self._crew.created_by_died() | super().created()).items()))

    def faults(self) -> Iterator[BaseException]:
        """Return what is the engine's own fault."""
        yield from super().faults()
        yield from (EngineFault(text) for text in self._crew.faults)

    def _actor(self, number: int, role: str, index: int, recorded: RecordedRepository) -> Actor:
        member = self._crew.members[index % self._crew.processes]
        repository = self._remote[number] = RemoteRepository(number, member, recorded)
        # What is recorded here would count the round trip between processes as part of the call.
        recorder = recorded.actor(
            actor_name(role, index), repository, kept=self._crew.reader(role, index)
        )
        return _RemoteActor(repository, number, self.play, self._desk, recorder, self._created)

    def _hear(self, _member: Member, kind: str, what: list[Any]) -> None:
        if kind == "answer":  # "idle" is of no use here: the calendar knows when actors are idle
            number, answer = what
            self._remote[number].answers.put(answer)

    def _gone(self, member: Member) -> None:
        for repository in self._remote.values():
            if repository.member is member:
                repository.answers.put(None)
