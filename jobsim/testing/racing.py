"""Threads that race on one database, with or without faults, and the verdict on their calls."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from jobsim.display.text import Rows, Shown
from jobsim.domain.marks import AUDITOR, INPUT_HASH, end_texts
from jobsim.domain.models import Job, JobStatus
from jobsim.figures.faulted import fault_rows, unanswered
from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.verdict_value import Verdict
from jobsim.repository.actor_recorder import ActorRecorder
from jobsim.repository.protocol import JobRepository, no_effect_test
from jobsim.repository.recorded import RecordedRepository
from jobsim.tables.calls import calls_table
from jobsim.testing.conformance.pressure import together
from jobsim.threads.audit import AFTER_FAULTS_S, Look, count_until, final_table, look_until

if TYPE_CHECKING:
    from jobsim.testing.faults import Faults  # needs the extra `sql`

_R = TypeVar("_R")

ACTORS = 4
"""How many threads race."""

ROUNDS = 5
"""How many jobs the threads race for."""

TIME_LIMIT_S = 120.0

_END = (JobStatus.COMPLETED, JobStatus.FAILED)

Factory = Callable[[], Any]


@dataclass(frozen=True, repr=False)
class Raced(Shown):
    """The result of a race.

    Attributes
    ----------
    verdict
        On the recorded calls; errors are data.
    calls
        As in `jobsim.tables.schema.CALLS`.
    faults
        As in `jobsim.tables.schema.FAULTS`; None without any.
    """

    verdict: Verdict
    calls: pd.DataFrame
    faults: pd.DataFrame | None = None

    @property
    def note(self) -> str:
        """How the faults affected the clients, as one phrase; empty without faults."""
        if self.faults is None:
            return ""
        rows = fault_rows(self.calls, self.faults)
        return "; ".join(f"{label}: {text}" for label, text in rows)

    @property
    def errors(self) -> int:
        """How many calls ended in an exception other than a refusal."""
        return unanswered(self.calls)

    def _display(self) -> tuple[None, Rows]:
        rows = self.verdict.rows()
        if self.faults is not None:
            rows += fault_rows(self.calls, self.faults)
        return None, rows


def race(
    factory: Factory, *, instances: int = 1, rounds: int = ROUNDS, faults: Faults | None = None
) -> Raced:
    """Let threads race for jobs on one or more instances of a repository, and judge the calls.

    In each round every thread creates a job. Then all read the same one of these, start it, end it
    and read it again. They meet at a barrier before each of these steps, and each thread reads the
    job right after its move has been answered. In every other round half of the threads ask for the
    end while the others ask for the start. Every thread uses one instance.

    Parameters
    ----------
    factory
        Makes an instance; all instances use the same database. They are closed at the end.
    instances
        How many instances there are: two stand for two processes.
    faults
        Injected while the threads race. The final reads and the final count are made when the
        faults are over, and repeated until the server answers.

    Raises
    ------
    jobsim.testing.conformance.pressure.Hung
        If a thread does not return.
    """
    with _made(factory, instances) as repositories:
        recorded = RecordedRepository(_Spread(repositories))
        before = _count(repositories[0])
        created: list[tuple[int, Job]] = []  # appended to by all threads, atomically
        barrier = threading.Barrier(ACTORS)

        def play(actor: int) -> None:
            """Make the calls of one actor; barriers make them meet those of the others."""
            recorder = recorded.actor(f"actor-{actor}")
            for turn in range(rounds):
                if faults is not None:
                    faults.wait_until_up()
                barrier.wait()
                _create(recorder, turn * ACTORS + actor, created)
                barrier.wait()
                # All race for the job of the first actor of this round.
                job = dict(created).get(turn * ACTORS)
                for target in _targets(turn, actor):
                    barrier.wait()
                    if job is not None:
                        _ask(recorder, job.job_id, target)
            # The final count belongs to no job.
            recorder.next_job = None
            barrier.wait()
            _noted(recorder, recorder.count)

        parts = [(f"actor-{actor}", partial(play, actor)) for actor in range(ACTORS)]
        with nullcontext() if faults is None else faults.active():
            together(parts, time_limit=TIME_LIMIT_S, abort=barrier.abort)
        deadline = time.monotonic() + AFTER_FAULTS_S
        count_until(recorded.actor(AUDITOR), deadline)
        created.sort(key=lambda pair: pair[0])
        looks = [look_until(recorded, job.job_id, deadline) for _, job in created]
    table = None if faults is None else faults.table
    calls = calls_table(recorded)
    verdict = _judged(calls, created, looks, before, ACTORS * rounds, table)
    return Raced(verdict, calls, table)


class _Spread:
    """Several instances as one repository: each thread is assigned one, and keeps it."""

    def __init__(self, repositories: Sequence[Any]) -> None:
        self._next = itertools.cycle(repositories)  # each use is one atomic operation
        self._of_thread = threading.local()

    def _mine(self) -> JobRepository:
        if not hasattr(self._of_thread, "repository"):
            self._of_thread.repository = next(self._next)
        mine: JobRepository = self._of_thread.repository
        return mine

    def create(self, input_hash: str) -> Job:
        """Store a new job."""
        return self._mine().create(input_hash)

    def get(self, job_id: str) -> Job:
        """Return the job."""
        return self._mine().get(job_id)

    def update_status(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> Job:
        """Move the job to `target`."""
        return self._mine().update_status(job_id, target, result, error)

    def count(self) -> int:
        """Return how many jobs are stored."""
        return self._mine().count()

    def had_no_effect(self, exc: BaseException) -> bool:
        """Return what the instance of this thread, which raised `exc`, says about it."""
        return no_effect_test(self._mine())(exc)


@contextmanager
def _made(factory: Factory, instances: int) -> Iterator[list[Any]]:
    with ExitStack() as stack:
        made = []
        for _ in range(instances):
            made.append(factory())
            if callable(close := getattr(made[-1], "close", None)):
                stack.callback(close)
        yield made


def _count(repository: JobRepository) -> int | None:
    """Return the count before the race; None if the repository raised, which it may."""
    try:
        return repository.count()
    except Exception:  # noqa: BLE001 - the verdict says that counts are undecided
        return None


def _create(recorder: ActorRecorder, number: int, created: list[tuple[int, Job]]) -> None:
    recorder.next_job = number
    job = _noted(recorder, lambda: recorder.create(INPUT_HASH.format(request=number)))
    if job is not None:
        created.append((number, job))


def _targets(turn: int, actor: int) -> tuple[JobStatus | None, ...]:
    """Return the moves that an actor asks for in a turn, in order; None is a read.

    In every other turn half of the actors ask for the end while the others ask for the start. An
    end that waits for the start to be committed is accepted, and must not be dated before it. No
    actor asks for the same move twice: a caller whose answer was lost may recognise its own write
    by its text.
    """
    moves = [JobStatus.RUNNING, _END[actor // 2 % 2]]
    if turn % 2 and actor % 2:
        moves.reverse()
    return None, *moves, None


def _ask(recorder: ActorRecorder, job_id: str, target: JobStatus | None) -> None:
    """Move a job and read it at once, so that refused actors read while the winner still runs."""
    if target is not None:
        result, error = end_texts(target, recorder.name)
        _noted(recorder, lambda: recorder.update_status(job_id, target, result, error))
    _noted(recorder, lambda: recorder.get(job_id))


def _noted(recorder: ActorRecorder, call: Callable[[], _R]) -> _R | None:
    """Return what a call answers; None if it raised, which is in the history."""
    try:
        return call()
    except Exception as exc:
        if not recorder.noted(exc):
            raise
        return None


def _judged(
    calls: pd.DataFrame,
    created: list[tuple[int, Job]],
    looks: list[Look],
    before: int | None,
    jobs: int,
    faults: pd.DataFrame | None,
) -> Verdict:
    """Return the verdict on what was recorded."""
    ids = pd.Series({number: job.job_id for number, job in created}, dtype="str")
    return check_history(
        calls,
        final_table([number for number, _ in created], looks),
        count_before=before,
        created=pd.DataFrame({"job_id": ids}).reindex(range(jobs)),
        faults=faults,
        engine_texts=True,
    )
