"""The threads of a check: the calls that they make, and the answers that they note."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.marks import INPUT_HASH, end_texts
from jobsim.domain.models import Job, JobStatus
from jobsim.repository.actor_recorder import ActorRecorder

RETRIES = 50
"""How often a call that raised a retryable exception is repeated."""

RETRY_PAUSE_S = 0.002
"""Seconds between two attempts: long enough for the other transaction to end."""


@dataclass(frozen=True)
class Answer:
    """An answer that is judged after the race: the actor, the row of the call, and the job."""

    actor: str
    row: int
    job: Job


@dataclass
class Notes:
    """What the players of a check noted besides the history.

    Players append from their threads by atomic operations; it is read when none is at work.

    Attributes
    ----------
    created
        Number and first answer of every job.
    accepted
        Id, target and `updated_at` of every accepted transition.
    torn
        Answers whose texts do not match their status.
    ended
        Answers that show an ended job; their texts must be those of the call that ended it.
    raised
        Actor, row and exception of every call that raised something that is not allowed.
    forgiven
        The actor of every call that raised a retryable exception.
    """

    numbers: itertools.count[int] = field(default_factory=itertools.count)
    created: list[tuple[int, Job]] = field(default_factory=list)
    accepted: list[tuple[str, JobStatus, Any]] = field(default_factory=list)
    torn: list[Answer] = field(default_factory=list)
    ended: list[Answer] = field(default_factory=list)
    raised: list[tuple[str, int, BaseException]] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)


class Player:
    """One thread of a check; every call is recorded.

    Exceptions of the repository are in the history and in the notes, and the player goes on.
    """

    def __init__(
        self, notes: Notes, recorder: ActorRecorder, is_retryable: Callable[[Exception], bool]
    ) -> None:
        self.name = recorder.name
        self.recorder = recorder
        self.error: BaseException | None = None  # what the last call that failed raised
        self._notes = notes
        self._is_retryable = is_retryable

    def create(self) -> Job | None:
        """Create the next job; None if the repository raised."""
        # `next` of an `itertools.count` is atomic, so no two threads get the same number.
        number = next(self._notes.numbers)
        # Before the call, since a create that never returns needs a number too.
        self.recorder.next_job = number
        job: Job | None = self._attempt(self.recorder.create, INPUT_HASH.format(request=number))
        if job is not None:
            self._notes.created.append((number, job))
        return job

    def get(self, job_id: str) -> Job | None:
        """Get a job; None if the repository raised."""
        return self._see(self._attempt(self.recorder.get, job_id))

    def move(self, job_id: str, target: JobStatus) -> Job | None:
        """Ask for a transition, with the text that belongs to it; None if the repository raised."""
        result, error = end_texts(target, self.name)
        update = self.recorder.update_status
        job = self._see(self._attempt(update, job_id, target, result=result, error=error))
        # A time of another type is reported by a check of its own.
        if job is not None and isinstance(job.updated_at, datetime):
            self._notes.accepted.append((job_id, target, job.updated_at))
        return job

    def surely_create(self) -> Job | None:
        """Create the next job; repeat that while the repository raises retryable exceptions."""
        for _ in range(RETRIES):
            before = len(self._notes.forgiven)
            job = self.create()
            if job is not None or len(self._notes.forgiven) == before:
                return job
            time.sleep(RETRY_PAUSE_S)
        return None

    def bring(self, job_id: str, target: JobStatus) -> None:
        """Ask for a transition until it is answered, or raises something that is not retryable."""
        for _ in range(RETRIES):
            before = len(self._notes.forgiven)
            if self.move(job_id, target) is not None or len(self._notes.forgiven) == before:
                return
            time.sleep(RETRY_PAUSE_S)

    def count(self) -> int | None:
        """Count the jobs; None if the repository raised."""
        count: int | None = self._attempt(self.recorder.count)
        return count

    def insist(self, call: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        """Make a recorded call; repeat it while it raises retryable exceptions."""
        # The last attempt raises the repository's own exception.
        for attempt in itertools.count():
            try:
                return call(*args, **kwargs)
            except Exception as exc:
                if not (self.recorder.noted(exc) and self._is_retryable(exc)):
                    raise
                self._notes.forgiven.append(self.name)
                if attempt == RETRIES:
                    raise
                time.sleep(RETRY_PAUSE_S)
        raise AssertionError  # not reached: the attempts have no end of their own

    def _attempt(self, call: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        """Make a call; note what the repository raises, by kind, and return None then."""
        try:
            return call(*args, **kwargs)
        except BaseException as exc:
            if not self.recorder.noted(exc):
                raise
            self.error = exc
            if isinstance(exc, Exception) and self._is_retryable(exc):
                self._notes.forgiven.append(self.name)
            # Refusals are answers: the history says whether they were right.
            elif not isinstance(exc, JobNotFoundError | InvalidStateTransitionError):
                self._notes.raised.append((self.name, self._last_row(), exc))
            return None

    def _see(self, job: Job | None) -> Job | None:
        if job is not None:
            # Whether there is a text can be checked at once; whose it should be, only at the end.
            if _is_torn(job):
                self._notes.torn.append(Answer(self.name, self._last_row(), job))
            elif job.status in (JobStatus.COMPLETED, JobStatus.FAILED):
                self._notes.ended.append(Answer(self.name, self._last_row(), job))
        return job

    def _last_row(self) -> int:
        return self.recorder.kept_calls() - 1


def _is_torn(job: Job) -> bool:
    has = (job.result is not None, job.error is not None)
    wanted = {JobStatus.COMPLETED: (True, False), JobStatus.FAILED: (False, True)}
    return has != wanted.get(job.status, (False, False))
