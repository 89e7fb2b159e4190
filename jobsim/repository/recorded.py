"""A wrapper that notes every call on a repository, cheaply enough to leave on."""

from __future__ import annotations

import itertools
import struct
import threading
import time
import traceback
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import Job, JobStatus
from jobsim.repository.protocol import JobRepository, require_repository

ROW = np.dtype(
    [
        ("op", "i1"),  # CREATE, GET, UPDATE or COUNT
        ("target", "i1"),  # number of the status asked for, in lifecycle order; -1 none
        ("outcome", "i1"),  # OK ... PENDING
        ("observed", "i1"),  # number of the status that the answer revealed; -1 none
        ("faults", "i1"),  # CHANGED and BACKDATED, or 0
        ("job", "i4"),  # number of the job, -1 unknown; for COUNT the answer
        ("invoked_ns", "i8"),
        ("returned_ns", "i8"),  # -1 while pending
    ]
)
"""One recorded call: 25 bytes, times on the clock of `time.perf_counter_ns`."""

CREATE, GET, UPDATE, COUNT = range(4)
OK, ILLEGAL, NOT_FOUND, ERROR, PENDING = range(5)
CHANGED, BACKDATED = 1, 2

_pack = struct.Struct("=bbbbbiqq").pack
_NUMBER_OF: dict[str, int] = {status.value: number for number, status in enumerate(JobStatus)}
_clock_ns = time.perf_counter_ns
_MAX_ERROR_TEXT = 500


class BadAnswerError(TypeError):
    """A repository answered a call with something that is no job (or, for `count`, no number).

    Fix the repository: `create`, `get` and `update_status` return the `Job`.
    """


class _Known:
    """What is known of a created job; written by its creator and by accepted updates.

    `updated_at` needs no lock: whatever value a reader finds was answered by a call that
    had returned before, so it bounds every call that the reader makes afterwards.
    """

    __slots__ = ("blockchain_identifier", "input_hash", "job_id", "number", "updated_at")

    def __init__(self, number: int, job: Job) -> None:
        self.number = number
        self.job_id = job.job_id
        self.input_hash = job.input_hash
        self.blockchain_identifier = job.blockchain_identifier
        self.updated_at = job.updated_at


@dataclass(frozen=True)
class ActorHistory:
    """The calls of one actor: `rows` of dtype `ROW`, and the texts of its errors by row."""

    actor: str
    rows: NDArray[np.void]
    errors: dict[int, str]


class ActorRecorder:
    """One actor's view of a recorded repository; made by `RecordedRepository.actor`.

    For one thread at a time. Costs two clock reads and one append a call; nothing that it
    writes is shared but the table of known jobs, one atomic dictionary operation each.

    Attributes
    ----------
    name
        The actor's name in the history.
    next_job
        The number that the next created job gets; None takes the recorder's next one.
    returned_ns
        When the last call returned.
    """

    __slots__ = (
        "_buffer",
        "_errors",
        "_known",
        "_last_error",
        "_numbers",
        "_open",
        "_repository",
        "name",
        "next_job",
        "returned_ns",
    )

    def __init__(
        self,
        name: str,
        repository: JobRepository,
        known: dict[str, _Known],
        numbers: itertools.count[int],
    ) -> None:
        self.name = name
        self.next_job: int | None = None
        self.returned_ns = -1
        self._repository = repository
        self._known = known
        self._numbers = numbers
        self._buffer = bytearray()
        self._errors: dict[int, str] = {}
        self._open: tuple[int, int, int, int] | None = None
        self._last_error: BaseException | None = None

    def create(self, input_hash: str) -> Job:
        """Create a job on the wrapped repository and note the call."""
        number = next(self._numbers) if self.next_job is None else self.next_job
        invoked = _clock_ns()
        self._open = (CREATE, 0, number, invoked)
        try:
            job = self._repository.create(input_hash)
        except BaseException as exc:
            self._note_failure(exc)
            raise
        returned = _clock_ns()
        try:
            known = _Known(number, job)
        except AttributeError as exc:
            raise self._bad_answer(job, returned) from exc
        self._note_answer(job, known, known.updated_at, returned)
        self._known[job.job_id] = known
        return job

    def get(self, job_id: str) -> Job:
        """Get a job from the wrapped repository and note the call."""
        known = self._known.get(job_id)
        # Read before the invocation: only what was known by then bounds the answer.
        number, floor = (-1, None) if known is None else (known.number, known.updated_at)
        self._open = (GET, -1, number, _clock_ns())
        try:
            job = self._repository.get(job_id)
        except BaseException as exc:
            self._note_failure(exc)
            raise
        self._note_answer(job, known, floor, _clock_ns())
        return job

    def update_status(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None = None,
        error: str | None = None,
    ) -> Job:
        """Update a job on the wrapped repository and note the call."""
        known = self._known.get(job_id)
        number, floor = (-1, None) if known is None else (known.number, known.updated_at)
        self._open = (UPDATE, _NUMBER_OF.get(target, -1), number, _clock_ns())
        try:
            job = self._repository.update_status(job_id, target, result=result, error=error)
        except BaseException as exc:
            self._note_failure(exc)
            raise
        self._note_answer(job, known, floor, _clock_ns())
        if known is not None:
            known.updated_at = job.updated_at
        return job

    def count(self) -> int:
        """Count the jobs of the wrapped repository and note the call."""
        invoked = _clock_ns()
        self._open = (COUNT, -1, -1, invoked)
        try:
            count = self._repository.count()
        except BaseException as exc:
            self._note_failure(exc)
            raise
        returned = _clock_ns()
        try:
            self._buffer += _pack(COUNT, -1, OK, -1, 0, count, invoked, returned)
        except struct.error as exc:
            raise self._bad_answer(count, returned) from exc
        self.returned_ns = returned
        return count

    def noted(self, exc: BaseException) -> bool:
        """Return whether `exc` came out of the repository: it is then in the history."""
        return exc is self._last_error

    def is_inside_call(self) -> bool:
        """Return whether a call is open; may be asked from another thread."""
        rows = self.history().rows
        return len(rows) > 0 and rows["outcome"][-1] == PENDING

    def history(self) -> ActorHistory:
        """Return a copy of what was noted so far; a call still open comes last, as PENDING.

        May be called from another thread while the actor is inside a call.
        """
        # The open call is read first: had it been read after the rows, a call that returned
        # in between would be in neither.
        pending, rows = self._open, np.frombuffer(bytes(self._buffer), dtype=ROW)
        if pending is not None:
            op, target, number, invoked = pending
            if not len(rows) or rows["invoked_ns"][-1] != invoked:
                row = np.array([(op, target, PENDING, -1, 0, number, invoked, -1)], dtype=ROW)
                rows = np.concatenate([rows, row])
        return ActorHistory(self.name, rows, dict(self._errors))

    def _note_answer(
        self, job: Job, known: _Known | None, floor: datetime | None, returned: int
    ) -> None:
        assert self._open is not None  # noqa: S101 - set by the caller, tells mypy so
        op, target, number, invoked = self._open
        faults = 0
        try:
            observed = _NUMBER_OF[job.status]
            if known is not None and floor is not None:
                if (
                    job.job_id != known.job_id
                    or job.input_hash != known.input_hash
                    or job.blockchain_identifier != known.blockchain_identifier
                ):
                    faults = CHANGED
                if job.updated_at < floor or job.updated_at < job.created_at:
                    faults |= BACKDATED
        except (AttributeError, KeyError, TypeError) as exc:
            raise self._bad_answer(job, returned) from exc
        self._buffer += _pack(op, target, OK, observed, faults, number, invoked, returned)
        self.returned_ns = returned

    def _note_failure(self, exc: BaseException) -> None:
        self._note_error(exc, _clock_ns())

    def _bad_answer(self, answer: object, returned: int) -> BadAnswerError:
        wanted = "an int" if self._open is not None and self._open[0] == COUNT else "a Job"
        error = BadAnswerError(f"the repository answered {answer!r:.200}, not {wanted}")
        self._note_error(error, returned)
        return error

    def _note_error(self, exc: BaseException, returned: int) -> None:
        assert self._open is not None  # noqa: S101 - set by the caller, tells mypy so
        op, target, number, invoked = self._open
        outcome, observed = ERROR, -1
        if isinstance(exc, JobNotFoundError):
            outcome = NOT_FOUND
        elif isinstance(exc, InvalidStateTransitionError):
            outcome, observed = ILLEGAL, _NUMBER_OF.get(exc.from_state, -1)
        else:
            # format_exception_only also copes with an exception whose own text fails.
            text = traceback.format_exception_only(exc)[-1].strip()
            self._errors[len(self._buffer) // ROW.itemsize] = text[:_MAX_ERROR_TEXT]
        self._buffer += _pack(op, target, outcome, observed, 0, number, invoked, returned)
        self.returned_ns = returned
        self._last_error = exc


class RecordedRepository:
    """Any repository, with every call on it noted: who, what, when, and what came of it.

    Thread-safe if the wrapped repository is: each thread writes to a buffer of its own, no
    lock is taken, and what a call answers or raises is passed on unchanged.

    Parameters
    ----------
    repository
        Any object with the four methods of `JobRepository`.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> recorded = RecordedRepository(InMemoryJobRepository())
    >>> job = recorded.create("a" * 64)
    >>> recorded.get(job.job_id) is job
    True
    >>> [len(history.rows) for history in recorded.histories()]
    [2]
    """

    def __init__(self, repository: JobRepository) -> None:
        require_repository(repository)
        self.repository = repository
        # Shared by all actors without a lock: each use is one atomic operation.
        self._known: dict[str, _Known] = {}
        self._numbers = itertools.count()
        self._actors: list[ActorRecorder] = []
        self._of_thread = threading.local()

    def actor(self, name: str) -> ActorRecorder:
        """Return a recorder of its own for one thread, under this name in the history."""
        recorder = ActorRecorder(name, self.repository, self._known, self._numbers)
        self._actors.append(recorder)
        return recorder

    def create(self, input_hash: str) -> Job:
        """Create a job and note the call under the current thread's name."""
        return self._current().create(input_hash)

    def get(self, job_id: str) -> Job:
        """Get a job and note the call under the current thread's name."""
        return self._current().get(job_id)

    def update_status(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None = None,
        error: str | None = None,
    ) -> Job:
        """Update a job and note the call under the current thread's name."""
        return self._current().update_status(job_id, target, result=result, error=error)

    def count(self) -> int:
        """Count the jobs and note the call under the current thread's name."""
        return self._current().count()

    def histories(self) -> list[ActorHistory]:
        """Return what every actor noted so far, in the order in which they first appeared."""
        return [recorder.history() for recorder in list(self._actors)]

    def _current(self) -> ActorRecorder:
        recorder: ActorRecorder | None = getattr(self._of_thread, "recorder", None)
        if recorder is None:
            recorder = self._of_thread.recorder = self.actor(threading.current_thread().name)
        return recorder
