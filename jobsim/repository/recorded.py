"""A wrapper that notes every call on a repository, cheaply enough to leave on."""

from __future__ import annotations

import itertools
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jobsim.domain.codes import (
    AWAITING,
    COUNT,
    CREATE,
    ERROR,
    GET,
    ILLEGAL,
    NO_EFFECT,
    NO_STATUS,
    NOT_FOUND,
    NUMBER_OF,
    OK,
    PENDING,
    STATUSES,
    UPDATE,
    number_of,
)
from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import Job, JobStatus
from jobsim.domain.text import exception_text
from jobsim.repository.call_rows import (
    BACKDATED,
    CHANGED,
    FAULTS_AT,
    KEPT,
    ROW,
    decode,
    encode,
    pack,
)
from jobsim.repository.protocol import JobRepository, no_effect_test, require_repository

# What is expected is looked up, not computed.
_CREATED = encode(CREATE, AWAITING, OK, AWAITING)
_UPDATED = {status: encode(UPDATE, number, OK, number) for number, status in enumerate(STATUSES)}
_GOT = {status: encode(GET, NO_STATUS, OK, number) for number, status in enumerate(STATUSES)}
_COUNTED = encode(COUNT, NO_STATUS, OK, NO_STATUS)
_AWAITING_PAYMENT = JobStatus.AWAITING_PAYMENT
_MAX_ERROR_TEXT = 500


class BadAnswerError(TypeError):
    """A repository answered a call with something that is no job (or, for `count`, no number).

    Fix the repository: `create`, `get` and `update_status` return the `Job`.
    """


_Known = list[Any]
"""What is known of a created job: its number, the last `updated_at`, its three identifiers.

A list, for one is made per job: an object of a class takes twice the time. The identifiers never
change. `updated_at` is written by accepted updates and needs no lock: whatever value a reader
finds was answered by a call that had returned before, so it bounds every call that the reader
makes afterwards.
"""

_UPDATED_AT = 1
_IDENTIFIERS = slice(2, None)
_NOBODY: _Known = [-1, None, None, None, None]
_NO_JOB = (AttributeError, KeyError, TypeError)
"""What reading an answer as a job raises if it is none."""


def _identifiers(job: Job) -> list[str]:
    return [job.job_id, job.input_hash, job.blockchain_identifier]


def _code_of(
    op: int, target: str | None, job: Job, identifiers: list[str], floor: datetime | None
) -> int:
    """Return the code of a call that answered `job`, whatever it holds; the slow way.

    Without a floor the job is not one that this recorder has seen created, and only the id
    that was asked for can be compared.
    """
    faults = 0
    if _identifiers(job)[: len(identifiers)] != identifiers:
        faults = CHANGED
    if job.updated_at < job.created_at or (floor is not None and job.updated_at < floor):
        faults |= BACKDATED
    return encode(op, number_of(target), OK, NUMBER_OF[job.status], faults)


@dataclass(frozen=True)
class ActorHistory:
    """The calls of one actor: `rows` of dtype `ROW`, and the texts of its errors by row."""

    actor: str
    rows: NDArray[np.void]
    errors: dict[int, str]


class Recorder(Protocol):
    """What one actor's calls are read from, in this process or another."""

    @property
    def name(self) -> str:
        """The actor's name."""

    def kept_from(self, row: int) -> bytearray:
        """Return the calls that have returned, from that row on, as `call_rows.KEPT`."""

    def history(self) -> ActorHistory:
        """Return what was noted so far; a call still open comes last, as PENDING."""


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
        "_clock_ns",
        "_count",
        "_create",
        "_errors",
        "_get",
        "_had_no_effect",
        "_invoked",
        "_known",
        "_last_error",
        "_number",
        "_numbers",
        "_op",
        "_target",
        "_update_status",
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
        clock_ns: Callable[[], int],
    ) -> None:
        self.name = name
        self.next_job: int | None = None
        self.returned_ns = -1
        # Bound once: looking a method up costs as much as the note itself.
        self._create = repository.create
        self._get = repository.get
        self._update_status = repository.update_status
        self._count = repository.count
        self._had_no_effect = no_effect_test(repository)
        self._known = known
        self._numbers = numbers
        self._clock_ns = clock_ns
        self._buffer = bytearray()
        self._errors: dict[int, str] = {}
        # The open call, written in this order, `_invoked` last; see `_latest`.
        self._op = COUNT
        self._target: str | None = None
        self._number = -1
        self._invoked = -1
        self._last_error: BaseException | None = None

    def create(self, input_hash: str) -> Job:
        """Create a job on the wrapped repository and note the call."""
        number = next(self._numbers) if self.next_job is None else self.next_job
        invoked = self._clock_ns()
        self._op, self._target, self._number = CREATE, _AWAITING_PAYMENT, number
        self._invoked = invoked
        try:
            job = self._create(input_hash)
        except Exception as exc:
            self._note_failure(exc)
            raise
        returned = self._clock_ns()
        try:
            job_id, given = job.job_id, job.input_hash
            known = [number, job.updated_at, job_id, given, job.blockchain_identifier]
            if job.status is _AWAITING_PAYMENT and given == input_hash:
                code = _CREATED
            else:
                expected = [job_id, input_hash]
                code = _code_of(CREATE, _AWAITING_PAYMENT, job, expected, None)
        except _NO_JOB as exc:
            raise self._bad_answer(job, returned) from exc
        self._buffer += pack(code, number, invoked, returned)
        self.returned_ns = returned
        self._known[job_id] = known
        return job

    def get(self, job_id: str) -> Job:
        """Get a job from the wrapped repository and note the call."""
        # Not `get` with a default: that call takes as long as reading the clock.
        try:
            known = self._known[job_id]
        except KeyError:
            known = _NOBODY
        # Read before the invocation: only what was known by then bounds the answer.
        number, floor, known_id, input_hash, chain = known
        invoked = self._clock_ns()
        self._op, self._target, self._number = GET, None, number
        self._invoked = invoked
        try:
            job = self._get(job_id)
        except Exception as exc:
            self._note_failure(exc)
            raise
        returned = self._clock_ns()
        try:
            if (
                job.job_id == known_id
                and job.input_hash == input_hash
                and job.blockchain_identifier == chain
                and not (updated_at := job.updated_at) < floor
                and not updated_at < job.created_at
            ):
                code = _GOT[job.status]
            else:
                code = self._unexpected(job, job_id, known, floor)
        except _NO_JOB as exc:
            raise self._bad_answer(job, returned) from exc
        self._buffer += pack(code, number, invoked, returned)
        self.returned_ns = returned
        return job

    def update_status(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None = None,
        error: str | None = None,
    ) -> Job:
        """Update a job on the wrapped repository and note the call."""
        try:
            known = self._known[job_id]
        except KeyError:
            known = _NOBODY
        number, floor, known_id, input_hash, chain = known
        invoked = self._clock_ns()
        self._op, self._target, self._number = UPDATE, target, number
        self._invoked = invoked
        try:
            job = self._update_status(job_id, target, result, error)
        except Exception as exc:
            self._note_failure(exc)
            raise
        returned = self._clock_ns()
        try:
            if (
                job.status is target
                and job.job_id == known_id
                and job.input_hash == input_hash
                and job.blockchain_identifier == chain
                and not (updated_at := job.updated_at) < floor
            ):
                code = _UPDATED[target]
                known[_UPDATED_AT] = updated_at
            else:
                code = self._unexpected(job, job_id, known, floor)
        except _NO_JOB as exc:
            raise self._bad_answer(job, returned) from exc
        self._buffer += pack(code, number, invoked, returned)
        self.returned_ns = returned
        return job

    def count(self) -> int:
        """Count the jobs of the wrapped repository and note the call."""
        invoked = self._clock_ns()
        self._op, self._target, self._number = COUNT, None, -1
        self._invoked = invoked
        try:
            count = self._count()
        except Exception as exc:
            self._note_failure(exc)
            raise
        returned = self._clock_ns()
        try:
            self._buffer += pack(_COUNTED, count, invoked, returned)
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

    def kept_calls(self) -> int:
        """Return how many calls have returned so far."""
        return len(self._buffer) // KEPT.itemsize

    def kept_from(self, row: int) -> bytearray:
        """Return a copy of the calls from that row on, as they are kept: see `call_rows.KEPT`.

        May be called from another thread at any time.
        """
        # Never a view: a bytearray that somebody looks at cannot grow.
        return self._buffer[row * KEPT.itemsize :]

    def history(self) -> ActorHistory:
        """Return a copy of what was noted so far; a call still open comes last, as PENDING.

        May be called from another thread while the actor is inside a call.
        """
        # The open call is read first: had it been read after the rows, a call that returned
        # in between would be in neither. Read like this, it may be in both, or more may have
        # returned since: it is open only if it was invoked after every call that was kept.
        op, target, number, invoked = self._latest()
        rows = decode(np.frombuffer(bytes(self._buffer), dtype=KEPT))
        if invoked > (rows["invoked_ns"][-1] if len(rows) else -1):
            asked = number_of(target)
            row = np.array([(op, asked, PENDING, -1, 0, number, invoked, -1)], dtype=ROW)
            rows = np.concatenate([rows, row])
        return ActorHistory(self.name, rows, dict(self._errors))

    def _latest(self) -> tuple[int, str | None, int, int]:
        """Return the call that was invoked last, its four fields those of one call.

        The actor writes them without a lock while another thread reads, `_invoked` last. If
        `_invoked` is the same before and after, the others are those of that call, or some are
        already those of the next. In that case this call had been kept before, and
        whoever reads the kept calls afterwards finds it there and takes it for returned.
        """
        while True:
            invoked = self._invoked
            latest = self._op, self._target, self._number, invoked
            if invoked == self._invoked:
                return latest

    def _unexpected(self, job: Job, job_id: str, known: _Known, floor: datetime | None) -> int:
        """Return the code of an answered `get` or update that is not as expected in all things."""
        identifiers = known[_IDENTIFIERS] if floor is not None else [job_id]
        code = _code_of(self._op, self._target, job, identifiers, floor)
        # What another job's answer says, or one that went back, bounds nothing.
        if self._op == UPDATE and floor is not None and not code >> FAULTS_AT:
            known[_UPDATED_AT] = job.updated_at
        return code

    def _note_failure(self, exc: BaseException) -> None:
        self._note_error(exc, self._clock_ns())

    def _bad_answer(self, answer: object, returned: int) -> BadAnswerError:
        wanted = "an int" if self._op == COUNT else "a Job"
        error = BadAnswerError(f"the repository answered {answer!r:.200}, not {wanted}")
        self._note_error(error, returned)
        return error

    def _note_error(self, exc: BaseException, returned: int) -> None:
        """Record a call that raised; a refusal is an answer and not an error."""
        outcome, observed = ERROR, NO_STATUS
        if isinstance(exc, JobNotFoundError):
            outcome = NOT_FOUND
        elif isinstance(exc, InvalidStateTransitionError):
            outcome, observed = ILLEGAL, number_of(exc.from_state)
        else:
            text = exception_text(exc)
            # Only the repository can know that; else an error leaves open what became of the call.
            if self._had_no_effect(exc):
                outcome = NO_EFFECT
            # By the row that the call is about to get, for the packed row has no space for text.
            self._errors[self.kept_calls()] = text[:_MAX_ERROR_TEXT]
        code = encode(self._op, number_of(self._target), outcome, observed)
        self._buffer += pack(code, self._number, self._invoked, returned)
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
    clock_ns
        Stamps each call when it begins and when it returns, in nanoseconds; never decreases.
    recorder
        The kind of recorder that each actor gets, such as one that survives its process.

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

    def __init__(
        self,
        repository: JobRepository,
        *,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        recorder: Callable[..., ActorRecorder] = ActorRecorder,
    ) -> None:
        require_repository(repository)
        self._recorder = recorder
        self._clock_ns = clock_ns
        self.repository = repository
        # Shared by all actors without a lock: each use is one atomic operation.
        self._known: dict[str, _Known] = {}
        self._numbers = itertools.count()
        self._actors: list[Recorder] = []
        self._of_thread = threading.local()

    def actor(
        self,
        name: str,
        repository: JobRepository | None = None,
        *,
        kept: Recorder | None = None,
    ) -> ActorRecorder:
        """Return a recorder of its own for one thread, under this name in the history.

        Its calls may go to another instance over the same store than those of other actors.
        Where they are recorded more closely elsewhere, `kept` says where: it stands in the history.
        """
        recorder = self._recorder(
            name,
            self.repository if repository is None else repository,
            self._known,
            self._numbers,
            self._clock_ns,
        )
        self._actors.append(recorder if kept is None else kept)
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

    def changed(self, job_id: str, job: Job) -> bool:
        """Return whether what was answered for an id has other identifiers than were created.

        Raises
        ------
        AttributeError
            If the answer is no job.
        """
        known = self._known.get(job_id, [job_id])
        identifiers: list[str] = known[_IDENTIFIERS] if len(known) > 1 else known
        return _identifiers(job)[: len(identifiers)] != identifiers

    def known(self, job_id: str) -> tuple[Any, ...] | None:
        """Return what is known of a created job, for `learn` in another process."""
        known = self._known.get(job_id)
        return None if known is None else tuple(known)

    def learn(self, known: Sequence[Any]) -> None:
        """Take over what another process knows of a job, so that calls on it are checked here too.

        Whatever led to it had returned there before it was sent, so it bounds every later call.
        """
        number, updated_at, job_id, *_ = known
        mine = self._known.setdefault(job_id, list(known))
        if mine[0] == number and mine[_UPDATED_AT] < updated_at:
            mine[_UPDATED_AT] = updated_at

    def add(self, recorder: Recorder) -> None:
        """Make the calls of an actor that is recorded elsewhere part of this history."""
        self._actors.append(recorder)

    def recorders(self) -> list[Recorder]:
        """Return the recorder of every actor, in the order in which they first appeared."""
        return list(self._actors)

    def histories(self) -> list[ActorHistory]:
        """Return what every actor noted so far, in the same order."""
        return [recorder.history() for recorder in self.recorders()]

    def _current(self) -> ActorRecorder:
        recorder: ActorRecorder | None = getattr(self._of_thread, "recorder", None)
        if recorder is None:
            recorder = self._of_thread.recorder = self.actor(threading.current_thread().name)
        return recorder
