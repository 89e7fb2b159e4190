"""One program on a fresh repository: what its threads call, and what was answered."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jobsim.domain.codes import (
    AWAITING,
    COMPLETED,
    ERROR,
    FAILED,
    ILLEGAL,
    NOT_FOUND,
    NUMBER_OF,
    OK,
    PENDING,
    number_of,
)
from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.marks import INPUT_HASH, end_texts
from jobsim.domain.models import JobStatus
from jobsim.repository.adapt import ExceptionTypes, adapt, matcher
from jobsim.testing.explore.judge import NOBODY, Answer, State, Step
from jobsim.testing.explore.programs import MOVES, OTHER, Program
from jobsim.turns.control import Control

TORN, FOREIGN, BACKDATED, NO_JOB = -2, -3, -4, -5
"""In place of a writer in an answer that no order of the calls can explain: its texts do not fit
its status, its identifiers are another job's, its time is before one that was known, or it is not a
job."""

Entry = tuple[int, int, Step, Answer]


@dataclass(frozen=True)
class Raised:
    """An exception of a call that no correct repository raises."""

    thread: int
    call: str
    text: str
    stack: str


def thread_name(number: int) -> str:
    """Return the name of a program's thread in tables and texts."""
    return f"thread-{number}"


@dataclass
class Answers:
    """The answers in one run of a program; written by the thread that has the turn."""

    history: list[Entry] = field(default_factory=list)
    raised: list[Raised] = field(default_factory=list)
    start: State = ((), 0)
    final: int = 0  # how many of the last entries are the final reads
    repeated: str | None = None  # an id that two jobs have


class Play:
    """A program, and how to run it on the repositories that a factory makes.

    Parameters
    ----------
    program
        What the threads call.
    illegal, not_found, retryable
        The repository's own exceptions, as for `check_repository`.
    """

    def __init__(
        self,
        program: Program,
        *,
        illegal: ExceptionTypes = (),
        not_found: ExceptionTypes = (),
        retryable: ExceptionTypes = (),
    ) -> None:
        self.program = program
        self._mapping: dict[str, ExceptionTypes] = {"illegal": illegal, "not_found": not_found}
        self._adapted = bool(illegal or not_found)
        self._is_retryable = matcher("retryable", retryable)
        names = [thread_name(n) for n in range(len(program.threads))]
        self._names = names
        self._texts = [end_texts(target, name) for name in names for target in MOVES.values()]
        self._result_of = {end_texts("completed", name)[0]: n for n, name in enumerate(names)}
        self._error_of = {end_texts("failed", name)[1]: n for n, name in enumerate(names)}
        self._counts = any(
            call in ("create", "count", "snapshot") for some in program.threads for call in some
        )

    @property
    def offers_snapshot(self) -> bool:
        """Whether the repository that was made last has a snapshot."""
        return callable(self._snapshot)

    def set_up(self, control: Control, factory: Callable[[], Any]) -> Answers:
        """Make a repository under control, bring its jobs to the start, spawn the threads."""
        self.answers = answers = Answers()
        control.make(factory, self._open)
        world = control.world
        assert world is not None  # noqa: S101 - made a line before
        self._world = world
        self._clock = itertools.count()
        self._left = len(self._names)
        for number, calls in enumerate(self.program.threads):
            control.spawn(self._names[number], self._body(number, calls))
        return answers

    def _open(self, made: Any) -> None:
        """Prepare the repository before any thread runs, so that this is not explored."""
        self._made = made
        face = adapt(made, **self._mapping) if self._adapted else made
        self._face, self._snapshot = face, getattr(made, "snapshot", None)
        self._jobs = []
        for number in range(self.program.jobs):
            job = face.create(INPUT_HASH.format(request=number))
            if self.program.start is JobStatus.RUNNING:
                face.update_status(job.job_id, JobStatus.RUNNING)
            self._jobs.append(job)
        # A store may hold jobs of earlier runs, which are subtracted from counts.
        self._older = face.count() - len(self._jobs) if self._counts else 0
        status = NUMBER_OF[self.program.start]
        self.answers.start = (tuple((status, NOBODY) for _ in self._jobs), len(self._jobs))
        self._ids = {job.job_id: number for number, job in enumerate(self._jobs)}
        self._created = list(self._jobs)
        self._floor = [job.updated_at for job in self._jobs]

    def _body(self, thread: int, calls: tuple[str, ...]) -> Callable[[], None]:
        """Return the body of a thread. It is planned in advance, so that only schedules differ."""
        plan = [self._planned(call, thread) for call in calls]
        answers, world, note = self.answers, self._world, self._note

        def body() -> None:
            """Make the calls; the last thread reads everything back at the end."""
            first = True
            for call, step, arguments in plan:
                if not first:
                    # Before the invocation: a call of another thread may return before it.
                    world.offer()
                first = False
                note(step, call, arguments)
            self._left -= 1
            if not self._left:
                world.rest()
                before = len(answers.history)
                self._read_at_last(thread)
                self._close(thread)
                answers.final = len(answers.history) - before

        return body

    def _planned(self, call: str, thread: int) -> tuple[Callable[..., Any], Step, tuple[Any, ...]]:
        """Turn a call's name into a function and its arguments, once per run."""
        name = call.removesuffix(OTHER)
        job = int(call != name)
        step = (name, job, thread)
        face = self._face
        if name == "create":
            return face.create, step, (INPUT_HASH.format(request=len(self._jobs) + thread),)
        if name == "get":
            return face.get, step, (self._jobs[job].job_id,)
        if name == "count":
            return face.count, step, ()
        if name == "snapshot":
            return self._snapshot or (lambda: ()), step, ()
        # Every other call is a move, named after its target.
        target = MOVES[name]
        texts = end_texts(target, self._names[thread])
        return face.update_status, step, (self._jobs[job].job_id, target, *texts)

    def _note(self, step: Step, call: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Make a call and record its interval and answer in the terms of the proof."""
        # Read before the call: only what had returned by then bounds the answer.
        floor = self._floor[step[1]]
        world = self._world
        if world.recorder is not None:
            world.recorder.begins(step)
        # A counter serves as the clock: only one thread runs at a time, so it orders all events.
        invoked = next(self._clock)
        try:
            got = call(*arguments)
        except InvalidStateTransitionError as error:
            answer: Answer = (ILLEGAL, number_of(error.from_state))
        except JobNotFoundError:
            answer = (NOT_FOUND,)
        except Exception as error:  # noqa: BLE001 - a repository may raise anything
            if self._is_retryable(error):
                answer = (PENDING,)
            else:
                answer = (ERROR,)
                self.answers.raised.append(_raised(step, error))
        else:
            answer = self._read(step, got, floor)
        self.answers.history.append((invoked, next(self._clock), step, answer))
        if world.recorder is not None:
            world.recorder.returned(step, answer)

    def _read(self, step: Step, got: Any, floor: Any) -> Answer:
        """Return an answer as numbers; a fault is in the place of the writer."""
        name, number, _ = step
        try:
            if name == "count":
                return (OK, got - self._older)
            if name == "snapshot":
                return self._read_snapshot(got)
            if name == "create":
                self._created.append(got)
                return (OK, NUMBER_OF[got.status], self._writer(got))
            return (OK, NUMBER_OF[got.status], self._judged(number, got, floor))
        except (AttributeError, KeyError, TypeError):
            return (OK, NO_JOB, NO_JOB)

    def _judged(self, number: int, got: Any, floor: Any) -> int:
        """Judge what only the repository's own values show: identity and times."""
        mine = self._jobs[number]
        if (got.job_id, got.input_hash, got.blockchain_identifier) != (
            mine.job_id,
            mine.input_hash,
            mine.blockchain_identifier,
        ):
            return FOREIGN
        updated = got.updated_at
        if updated < floor or updated < got.created_at:
            return BACKDATED
        # Later calls must not show an earlier time than this.
        if updated > self._floor[number]:
            self._floor[number] = updated
        return self._writer(got)

    def _writer(self, got: Any) -> int:
        status = NUMBER_OF[got.status]
        result, error = got.result, got.error
        if status == COMPLETED:
            return self._result_of.get(result, TORN) if error is None else TORN
        if status == FAILED:
            return self._error_of.get(error, TORN) if result is None else TORN
        return NOBODY if result is None and error is None else TORN

    def _read_snapshot(self, got: Any) -> Answer:
        jobs = list(got.values() if isinstance(got, Mapping) else got)
        by_id = {job.job_id: job for job in jobs}
        parts = []
        for number, job in enumerate(self._jobs):
            seen = by_id.get(job.job_id)
            if seen is None or len(by_id) < len(jobs):
                return (OK, NO_JOB, NO_JOB)
            parts += [NUMBER_OF[seen.status], self._judged(number, seen, job.created_at)]
        return (OK, len(jobs) - self._older, *parts)

    def _read_at_last(self, thread: int) -> None:
        """Read every job after all threads are done, to see the combined effect of the calls."""
        for number, job in enumerate(self._jobs):
            self._note(("get", number, thread), self._face.get, (job.job_id,))
        fresh = self._created[len(self._jobs) :]
        if not fresh and not self._counts:
            return
        ids = [job.job_id for job in self._created]
        # Reported separately: if two jobs share an id, calls cannot be assigned to jobs.
        if len(set(ids)) < len(ids):
            self.answers.repeated = next(one for one in ids if ids.count(one) > 1)
        if self._counts:
            self._note(("count", 0, thread), self._face.count, ())
        for job in fresh:
            self._look_at(job, thread)

    def _close(self, thread: int) -> None:
        """Close a repository that can be closed, while its threads can still answer."""
        close = getattr(self._made, "close", None)
        if callable(close):
            try:
                close()
            except Exception as error:  # noqa: BLE001 - a repository may raise anything
                self.answers.raised.append(_raised(("close", 0, thread), error))

    def _look_at(self, job: Any, thread: int) -> None:
        """Read a job that a thread created: it has to be there, as it was answered."""
        try:
            got = self._face.get(job.job_id)
        except JobNotFoundError:
            answer: Answer = (NOT_FOUND,)
        except Exception as error:  # noqa: BLE001 - a repository may raise anything
            answer = (ERROR,)
            self.answers.raised.append(_raised(("get", 0, thread), error))
        else:
            same = (got.job_id, got.input_hash) == (job.job_id, job.input_hash)
            answer = (OK, NUMBER_OF.get(got.status, NO_JOB), NOBODY if same else FOREIGN)
        if answer != (OK, AWAITING, NOBODY):
            self.answers.history.append(
                (next(self._clock), next(self._clock), ("created", 0, thread), answer)
            )


def _raised(step: Step, error: BaseException) -> Raised:
    text = traceback.format_exception_only(error)[-1].strip()
    return Raised(step[2], step[0], text, "".join(traceback.format_exception(error)))
