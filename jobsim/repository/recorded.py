"""A wrapper that notes every call on a repository, cheaply enough to leave on."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from jobsim.domain.models import Job, JobStatus
from jobsim.repository.actor_recorder import ActorRecorder, Recorder
from jobsim.repository.call_rows import ActorHistory
from jobsim.repository.known_jobs import IDENTIFIERS, UPDATED_AT, Known, identifiers_of
from jobsim.repository.protocol import JobRepository, require_repository

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


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
        self._known: dict[str, Known] = {}
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
        identifiers: list[str] = known[IDENTIFIERS] if len(known) > 1 else known
        return identifiers_of(job)[: len(identifiers)] != identifiers

    def known(self, job_id: str) -> tuple[Any, ...] | None:
        """Return what is known of a created job, for `learn` in another process.

        Its moment goes as microseconds: a datetime takes ten times as long to pickle as the rest.
        """
        known = self._known.get(job_id)
        if known is None:
            return None
        number, updated_at, *identifiers = known
        if updated_at.tzinfo is not None:
            updated_at = (updated_at - _EPOCH) // _MICROSECOND
        return number, updated_at, *identifiers

    def learn(self, known: Sequence[Any]) -> None:
        """Take over what another process knows of a job, so that calls on it are checked here too.

        Whatever led to it had returned there before it was sent, so it bounds every later call.
        """
        number, updated_at, job_id, *_ = known
        if isinstance(updated_at, int):
            updated_at = _EPOCH + updated_at * _MICROSECOND
        mine = self._known.setdefault(job_id, [number, updated_at, *known[2:]])
        if mine[0] == number and mine[UPDATED_AT] < updated_at:
            mine[UPDATED_AT] = updated_at

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
