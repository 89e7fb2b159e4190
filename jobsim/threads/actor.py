"""One actor of a run: it gets calls, makes them on the repository, and reports their outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from jobsim.domain.codes import ERROR, ILLEGAL, OK
from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.marks import INPUT_HASH, end_texts
from jobsim.domain.models import JobStatus
from jobsim.repository.actor_recorder import ActorRecorder
from jobsim.services.job_service import advance_job_state, create_job
from jobsim.threads.play import POLL, SERVED, Call, Play
from jobsim.virtual.state import CREATE, START


@dataclass
class Created:
    """The jobs that a run has created; clients add to it with atomic operations."""

    id_of: dict[int, str] = field(default_factory=dict)  # by row
    ids: list[str] = field(default_factory=list)

    def add(self, row: int, job_id: str) -> None:
        """Note a job. Its row comes first, so that it is known before a poller can see the job."""
        self.id_of[row] = job_id
        self.ids.append(job_id)


class Desk(Protocol):
    """Where actors get their calls, and the only place where they wait."""

    def next(self, actor: int) -> Call | None:
        """Wait for the actor's next call; None if there will be no more."""

    def done(self, call: Call, outcome: int, returned_ns: int) -> None:
        """Take note of the outcome of a call, and of when it returned."""


class Actor:
    """A client, a worker, the reaper or a poller: one thread of a run.

    An exception that the repository raised is data: it is in the history, and the actor goes
    on. Any other exception is a fault of the engine, kept in `fault`.

    Parameters
    ----------
    number
        The actor's number in the play.
    play
        The state of the run; the actor only uses what is for any thread.
    desk
        Hands out calls.
    recorder
        Makes the calls.
    created
        Shared by all actors of a run.

    Attributes
    ----------
    fault
        The exception that ended the thread, if one did; read after the thread has ended.
    """

    def __init__(
        self,
        number: int,
        play: Play,
        desk: Desk,
        recorder: ActorRecorder,
        created: Created,
    ) -> None:
        self.number = number
        self.recorder = recorder
        self.fault: BaseException | None = None
        self._known = play
        self._desk = desk
        self._created = created
        self._ends = {
            status: end_texts(status, recorder.name)
            for status in (JobStatus.RUNNING, JobStatus.COMPLETED, JobStatus.FAILED)
        }
        self._polled = number  # pollers begin at different jobs

    def run(self) -> None:
        """Make calls until there are no more, and keep what went wrong; never raises.

        A SystemExit of the repository is kept too: the call that it ended is never answered, so
        the run would wait for ever.
        """
        try:
            self.play()
        except BaseException as exc:  # noqa: BLE001 - reported by the main thread
            self.fault = exc

    def play(self) -> None:
        """Make calls until there are no more."""
        desk, number = self._desk, self.number
        while (call := desk.next(number)) is not None:
            outcome = self.perform(call)
            desk.done(call, outcome, self.recorder.returned_ns)

    def perform(self, call: Call) -> int:
        """Make a call on the repository and return its outcome."""
        what, row = call.what, call.number
        if what == CREATE:
            return self._create(row)
        if what == POLL:
            return self._poll()
        if what == START:
            target = JobStatus.RUNNING
        else:
            target = JobStatus.FAILED
            if call.worker >= 0 and not self._known.sim.jobs[row].fails:
                target = JobStatus.COMPLETED
        result, error = self._ends[target]
        job_id = self._created.id_of[row]
        return self._outcome(
            lambda: advance_job_state(self.recorder, job_id, target, result, error)
        )

    def _create(self, row: int) -> int:
        """Create a job, unless an earlier attempt has succeeded by now."""
        if self._has_succeeded(row):
            return SERVED
        recorder, request = self.recorder, row // self._known.attempts
        recorder.next_job = row

        def create() -> None:
            job = create_job(recorder, INPUT_HASH.format(request=request))
            self._created.add(row, job.job_id)

        return self._outcome(create)

    def _has_succeeded(self, row: int) -> bool:
        """Read the earlier attempts that may still end, and return whether one has succeeded.

        The rules learn of a success a moment after the repository answered. In between, a client
        could ask again after a success.
        """
        for earlier in self._known.open_attempts(row):
            job_id = self._created.id_of.get(earlier)
            if job_id is not None and self._is_completed(job_id):
                return True
        return self._known.is_settled(row)

    def _is_completed(self, job_id: str) -> bool:
        try:
            return self.recorder.get(job_id).status is JobStatus.COMPLETED
        except Exception as exc:  # noqa: BLE001 - a repository may raise anything
            self._forgive(exc)
            return False

    def _poll(self) -> int:
        """Get the next created job, round robin, and count the jobs after each round."""
        ids = self._created.ids
        if not ids:
            return OK
        job_id = ids[self._polled % len(ids)]
        self._polled += 1
        outcome = self._outcome(lambda: self.recorder.get(job_id))
        if self._polled % len(ids) == 0:
            self._outcome(self.recorder.count)
        return outcome

    def _outcome(self, call: Callable[[], object]) -> int:
        try:
            call()
        except (InvalidStateTransitionError, JobNotFoundError) as exc:
            self._forgive(exc)
            return ILLEGAL
        except Exception as exc:  # noqa: BLE001 - a repository may raise anything
            self._forgive(exc)
            return ERROR
        return OK

    def _forgive(self, exc: Exception) -> None:
        """Return if the repository raised `exc`; raise it again if the engine did."""
        if not self.recorder.noted(exc):
            raise exc
