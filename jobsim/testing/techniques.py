"""Which technique holds at which isolation level: a table, made by racing on a database."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import NamedTuple, TypeVar

import pandas as pd

from jobsim.domain.marks import INPUT_HASH, end_texts
from jobsim.domain.models import Job, JobStatus
from jobsim.proof.check import check_history
from jobsim.proof.verdict import Verdict
from jobsim.repository.recorded import ActorRecorder, RecordedRepository
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.tables.calls import calls_table
from jobsim.testing.broken_sql import BROKEN_SQL
from jobsim.testing.correct_sql import CORRECT_SQL
from jobsim.testing.pressure import together
from jobsim.testing.sql_steps import AUTOCOMMIT, SQLITE_BEGINS
from jobsim.threads.audit import final_table, look

_R = TypeVar("_R")

ACTORS = 4
"""How many threads race."""

ROUNDS = 5
"""How many jobs they race for."""

TIME_LIMIT_S = 120.0

LEVELS = {
    "postgresql": ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"),
    "sqlite": (AUTOCOMMIT, *SQLITE_BEGINS),
}
"""The isolation levels of the table; for SQLite, how a transaction begins."""

_AT_ITS_OWN_LEVEL = frozenset(
    {
        "acknowledge_before_commit",
        "begin_immediate",
        "delete_then_insert",
        "for_update_in_autocommit",
        "id_from_timestamp",
        "read_replica",
        "stale_identity_map",
    }
)
"""Techniques that choose their isolation level, or to which it makes no difference."""

_AT_ITS_OWN_ON_SQLITE = frozenset({"for_update", "unit_of_work", "update_returning"})
"""Techniques that begin as IMMEDIATE there, or do without a transaction."""

_NOT_RACED = frozenset({"blind_retry", "no_retry"})
"""The first is right unless an answer is lost, the second is `select_then_update` as it stands."""

_END = (JobStatus.COMPLETED, JobStatus.FAILED)

Factory = Callable[[], SqlJobRepository]


class Raced(NamedTuple):
    """What came of a race.

    Attributes
    ----------
    verdict
        On the recorded calls; errors are data.
    errors
        How many calls ended in an exception other than a refusal.
    calls
        How many were made.
    """

    verdict: Verdict
    errors: int
    calls: int


def race(factory: Factory, *, instances: int = 1, rounds: int = ROUNDS) -> Raced:
    """Let threads race for jobs on one or more instances of a repository, and judge the calls.

    In each round all threads create a job, read one that they know, start it, read it, end it and
    read it again, and meet before each of these steps. Every thread uses one instance.

    Parameters
    ----------
    factory
        Makes an instance; all of them are on the same database. They are closed at the end.
    instances
        How many there are: two stand for two processes.

    Raises
    ------
    jobsim.testing.pressure.Hung
        If a thread does not come back.
    """
    with _made(factory, instances) as repositories:
        recorded = RecordedRepository(_Spread(repositories))
        before = repositories[0].count()
        created: list[tuple[int, Job]] = []  # appended to by all threads, atomically
        barrier = threading.Barrier(ACTORS)

        def play(actor: int) -> None:
            recorder = recorded.actor(f"actor-{actor}")
            for turn in range(rounds):
                barrier.wait()
                _create(recorder, turn * ACTORS + actor, created)
                barrier.wait()
                # The job of the first actor in this round is the one that all race for.
                job = dict(created).get(turn * ACTORS)
                for target in (None, JobStatus.RUNNING, None, _END[actor % 2], None):
                    barrier.wait()
                    if job is not None:
                        _ask(recorder, job.job_id, target)
            recorder.next_job = None
            barrier.wait()
            _noted(recorder, recorder.count)

        parts = [(f"actor-{actor}", partial(play, actor)) for actor in range(ACTORS)]
        together(parts, time_limit=TIME_LIMIT_S, abort=barrier.abort)
        verdict = _judged(recorded, created, before, ACTORS * rounds)
        calls = calls_table(recorded)
    return Raced(verdict, int((calls["outcome"] == "error").sum()), len(calls))


class Cell(NamedTuple):
    """A technique, an isolation level (None: its own) and a number of instances."""

    technique: str
    isolation: str | None
    instances: int

    def race(self, url: str, *, rounds: int = ROUNDS) -> Raced:
        """Race the technique on a database."""
        kind = {**BROKEN_SQL, **CORRECT_SQL}[self.technique]

        def make() -> SqlJobRepository:
            return kind(url, isolation=self.isolation)

        return race(make, instances=self.instances, rounds=rounds)


def cells(url: str) -> list[Cell]:
    """Return the rows of `technique_table` for a database."""
    on_sqlite = url.startswith("sqlite")
    levels = LEVELS["sqlite" if on_sqlite else "postgresql"]
    own = _AT_ITS_OWN_LEVEL | (_AT_ITS_OWN_ON_SQLITE if on_sqlite else frozenset())
    found: list[Cell] = []
    for name in (*BROKEN_SQL, *CORRECT_SQL):
        if name in _NOT_RACED:
            continue
        if name in own:
            found.append(Cell(name, None, 1))
        elif name == "lock_in_the_process":
            found += [Cell(name, levels[0], instances) for instances in (1, 2)]
        else:
            found += [Cell(name, level, 1) for level in levels]
    return found


def technique_table(url: str, *, rounds: int = ROUNDS) -> pd.DataFrame:
    """Race every technique at every isolation level of a database.

    Parameters
    ----------
    url
        Of the database, as in `SqlJobRepository`; its table ``jobs`` grows.

    Returns
    -------
    DataFrame
        One row per technique, isolation level and number of instances: `technique`, `isolation`
        (empty: its own), `instances`, `verdict`, `found` (the violated rules) and `errors`
        (``"none"`` or ``"some"``: whether calls ended in an error of the database).
    """
    rows = []
    for cell in cells(url):
        raced = cell.race(url, rounds=rounds)
        found = ", ".join(sorted(raced.verdict.counts))
        errors = "some" if raced.errors else "none"
        rows.append((*cell, raced.verdict.outcome.value, found, errors))
    columns = ["technique", "isolation", "instances", "verdict", "found", "errors"]
    return pd.DataFrame(rows, columns=columns).fillna({"isolation": ""})


class _Spread:
    """Several instances as one repository: each thread stays with the one it met first."""

    def __init__(self, repositories: Sequence[SqlJobRepository]) -> None:
        self._next = itertools.cycle(repositories)  # each use is one atomic operation
        self._of_thread = threading.local()

    def _mine(self) -> SqlJobRepository:
        if not hasattr(self._of_thread, "repository"):
            self._of_thread.repository = next(self._next)
        mine: SqlJobRepository = self._of_thread.repository
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


@contextmanager
def _made(factory: Factory, instances: int) -> Iterator[list[SqlJobRepository]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(factory())) for _ in range(instances)]


def _create(recorder: ActorRecorder, number: int, created: list[tuple[int, Job]]) -> None:
    recorder.next_job = number
    job = _noted(recorder, lambda: recorder.create(INPUT_HASH.format(request=number)))
    if job is not None:
        created.append((number, job))


def _ask(recorder: ActorRecorder, job_id: str, target: JobStatus | None) -> None:
    if target is None:
        _noted(recorder, lambda: recorder.get(job_id))
        return
    result, error = end_texts(target, recorder.name)
    _noted(recorder, lambda: recorder.update_status(job_id, target, result, error))


def _noted(recorder: ActorRecorder, call: Callable[[], _R]) -> _R | None:
    """Return what a call answers; None if it raised, which is in the history."""
    try:
        return call()
    except Exception as exc:
        if not recorder.noted(exc):
            raise
        return None


def _judged(
    recorded: RecordedRepository, created: list[tuple[int, Job]], before: int, jobs: int
) -> Verdict:
    created = sorted(created, key=lambda pair: pair[0])
    looks = [look(recorded, job.job_id) for _, job in created]
    ids = pd.Series({number: job.job_id for number, job in created}, dtype="str")
    return check_history(
        calls_table(recorded),
        final_table([number for number, _ in created], looks),
        count_before=before,
        created=pd.DataFrame({"job_id": ids}).reindex(range(jobs)),
        engine_texts=True,
    )
