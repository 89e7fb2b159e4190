"""The recorder of one actor: notes each call and its answer as it happens. This is the hot path."""

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

# The codes of expected answers are looked up, not computed.
_CREATED = encode(CREATE, AWAITING, OK, AWAITING)
_UPDATED = {status: encode(UPDATE, number, OK, number) for number, status in enumerate(STATUSES)}
_GOT = {status: encode(GET, NO_STATUS, OK, number) for number, status in enumerate(STATUSES)}
_COUNTED = encode(COUNT, NO_STATUS, OK, NO_STATUS)
_AWAITING_PAYMENT, _RUNNING = JobStatus.AWAITING_PAYMENT, JobStatus.RUNNING
_MAX_ERROR_TEXT = 500
"""Characters kept of an error text: a driver may quote a whole statement with its rows."""

_NO_JOB = (AttributeError, KeyError, TypeError)
"""What reading the attributes of an answer raises if it is not a job."""

_RECORDED = (Exception, KeyboardInterrupt)
"""What ends a call. Ctrl-C does too: left open, the call would be overwritten by the actor's next
one, and whatever it had written would have no writer in the history."""


class BadAnswerError(TypeError):
    """A repository answered a call with something that is not a job (or, for `count`, an int).

    Fix the repository: `create`, `get` and `update_status` return the `Job`.
    """


class Recorder(Protocol):
    """Where the calls of one actor are read from; they may be made in another process."""

    @property
    def name(self) -> str:
        """The actor's name."""

    def kept_from(self, row: int) -> bytearray:
        """Return the calls that have returned, from that row on, as `call_rows.KEPT`."""

    def history(self) -> ActorHistory:
        """Return the calls so far; one that is still open comes last, as PENDING."""


class ActorRecorder:
    """One actor's view of a recorded repository; made by `RecordedRepository.actor`.

    For one thread at a time. Each call costs two clock reads and one append. The only thing that
    recorders share is the table of known jobs, and each use of it is one atomic operation.

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
        # Bound once: looking up a method costs as much as recording the call.
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

    # The four methods repeat themselves: a shared helper would cost one more Python call in each,
    # as much as reading the clock.
    # They first put what they call into a local name: Python 3.11 does not cache the lookup of a
    # callable in a slot.

    def create(self, input_hash: str) -> Job:
        """Create a job on the wrapped repository and note the call."""
        number = next(self._numbers) if self.next_job is None else self.next_job
        create = self._create
        clock_ns = self._clock_ns
        invoked = clock_ns()
        self._op, self._target, self._number = CREATE, _AWAITING_PAYMENT, number
        self._invoked = invoked
        try:
            job = create(input_hash)
        except _RECORDED as exc:
            self._note_failure(exc)
            raise
        returned = clock_ns()
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
        # Not `dict.get`: that method call takes as long as reading the clock.
        try:
            known = self._known[job_id]
        except KeyError:
            known = NOBODY
        # Read before the invocation: only what was known before it bounds the answer.
        number, floor, known_id, input_hash, chain = known
        get = self._get
        clock_ns = self._clock_ns
        invoked = clock_ns()
        self._op, self._target, self._number = GET, None, number
        self._invoked = invoked
        try:
            job = get(job_id)
        except _RECORDED as exc:
            self._note_failure(exc)
            raise
        returned = clock_ns()
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
        update_status = self._update_status
        clock_ns = self._clock_ns
        invoked = clock_ns()
        self._op, self._target, self._number = UPDATE, target, number
        self._invoked = invoked
        try:
            job = update_status(job_id, target, result, error)
        except _RECORDED as exc:
            self._note_failure(exc)
            raise
        returned = clock_ns()
        # COMPLETED and FAILED follow the creation and the start even if the answers of these came
        # while this call was under way. So here everything known by now is a bound.
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
        count_jobs = self._count
        clock_ns = self._clock_ns
        invoked = clock_ns()
        self._op, self._target, self._number = COUNT, None, -1
        self._invoked = invoked
        try:
            count = count_jobs()
        except _RECORDED as exc:
            self._note_failure(exc)
            raise
        returned = clock_ns()
        try:
            self._buffer += pack(_COUNTED, count, invoked, returned)
        except struct.error as exc:
            raise self._bad_answer(count, returned) from exc
        self.returned_ns = returned
        return count

    def noted(self, exc: BaseException) -> bool:
        """Return whether the repository raised `exc`, so that it is in the history."""
        return exc is self._last_error

    def is_inside_call(self) -> bool:
        """Return whether a call is open; may be asked from another thread."""
        rows = self.history().rows
        return len(rows) > 0 and rows["outcome"][-1] == PENDING

    def kept_calls(self) -> int:
        """Return how many calls have returned so far."""
        return len(self._buffer) // KEPT.itemsize

    def kept_from(self, row: int) -> bytearray:
        """Return a copy of the calls from that row on, as `call_rows.KEPT`.

        May be called from another thread at any time.
        """
        # Never a view: a bytearray cannot grow while a view of it exists.
        return self._buffer[row * KEPT.itemsize :]

    def history(self) -> ActorHistory:
        """Return a copy of the calls so far; one that is still open comes last, as PENDING.

        May be called from another thread while the actor is inside a call.
        """
        # The open call is read before the rows. Read after them, a call that returned in between
        # would be missing from both. In this order it may be in both, so it counts as open only
        # if it was invoked after every call in the rows.
        op, target, number, invoked = self._latest()
        rows = decode(np.frombuffer(bytes(self._buffer), dtype=KEPT))
        if invoked > (rows["invoked_ns"][-1] if len(rows) else -1):
            asked = number_of(target)
            row = np.array([(op, asked, PENDING, -1, 0, number, invoked, -1)], dtype=ROW)
            rows = np.concatenate([rows, row])
        return ActorHistory(self.name, rows, dict(self._errors))

    def _latest(self) -> tuple[int, str | None, int, int]:
        """Return operation, target, job and invocation of the call that was invoked last.

        The actor writes these fields without a lock, `_invoked` last, while another thread reads
        them. If `_invoked` is the same before and after, the other fields belong to that call, or
        some of them already to the next one. In the second case the call has been kept, so a
        reader that looks at the kept calls afterwards finds it there and does not use the fields.
        """
        while True:
            invoked = self._invoked
            latest = self._op, self._target, self._number, invoked
            if invoked == self._invoked:
                return latest

    def _unexpected(self, job: Job, job_id: str, known: Known, floor: datetime | None) -> int:
        """Return the code of an answered `get` or update that differs from what was expected."""
        identifiers = known[IDENTIFIERS] if floor is not None else [job_id]
        code = code_of_answer(self._op, self._target, job, identifiers, floor)
        # A faulty answer, of another job or with a time that went back, bounds no later call.
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
            # Only the repository can know that. Any other error leaves the effect of the call open.
            if self._had_no_effect(exc):
                outcome = NO_EFFECT
            # Filed under the row that the call is about to get: the packed row holds no text.
            self._errors[self.kept_calls()] = text[:_MAX_ERROR_TEXT]
        code = encode(self._op, number_of(self._target), outcome, observed)
        self._buffer += pack(code, self._number, self._invoked, returned)
        self.returned_ns = returned
        self._last_error = exc
