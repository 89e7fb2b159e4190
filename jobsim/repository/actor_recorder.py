"""What one actor asks of a repository and is answered, noted as it happens: the hot path."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import numpy as np

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
    OK,
    PENDING,
    STATUSES,
    UPDATE,
    number_of,
)
from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import Job, JobStatus
from jobsim.domain.text import exception_text
from jobsim.repository.call_rows import FAULTS_AT, KEPT, ROW, ActorHistory, decode, encode, pack
from jobsim.repository.known_jobs import IDENTIFIERS, NOBODY, UPDATED_AT, Known, code_of_answer
from jobsim.repository.protocol import JobRepository, no_effect_test

# What is expected is looked up, not computed.
_CREATED = encode(CREATE, AWAITING, OK, AWAITING)
_UPDATED = {status: encode(UPDATE, number, OK, number) for number, status in enumerate(STATUSES)}
_GOT = {status: encode(GET, NO_STATUS, OK, number) for number, status in enumerate(STATUSES)}
_COUNTED = encode(COUNT, NO_STATUS, OK, NO_STATUS)
_AWAITING_PAYMENT, _RUNNING = JobStatus.AWAITING_PAYMENT, JobStatus.RUNNING
_MAX_ERROR_TEXT = 500
"""Characters kept of an error: a driver may put a whole statement with its rows into one."""

_NO_JOB = (AttributeError, KeyError, TypeError)
"""What reading an answer as a job raises if it is none."""


class BadAnswerError(TypeError):
    """A repository answered a call with something that is no job (or, for `count`, no number).

    Fix the repository: `create`, `get` and `update_status` return the `Job`.
    """


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
        known: dict[str, Known],
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

    # The calls are written out one by one: a helper that they shared would cost one more call in
    # each, as much as reading the clock.

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
                code = code_of_answer(CREATE, _AWAITING_PAYMENT, job, expected, None)
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
            known = NOBODY
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
            known = NOBODY
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
        # An end comes after the start and the creation, also after those whose answers came while
        # it was under way: so what is known by now bounds it, and not only what was before.
        if target is not _RUNNING:
            floor = known[UPDATED_AT]
        try:
            if (
                job.status is target
                and job.job_id == known_id
                and job.input_hash == input_hash
                and job.blockchain_identifier == chain
                and not (updated_at := job.updated_at) < floor
            ):
                code = _UPDATED[target]
                known[UPDATED_AT] = updated_at
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

    def _unexpected(self, job: Job, job_id: str, known: Known, floor: datetime | None) -> int:
        """Return the code of an answered `get` or update that is not as expected in all things."""
        identifiers = known[IDENTIFIERS] if floor is not None else [job_id]
        code = code_of_answer(self._op, self._target, job, identifiers, floor)
        # What another job's answer says, or one that went back, bounds nothing.
        if self._op == UPDATE and floor is not None and not code >> FAULTS_AT:
            known[UPDATED_AT] = job.updated_at
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
