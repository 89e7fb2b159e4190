"""A wrapper that records every call on a repository, cheaply enough to leave on."""

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
    """Any repository, with every call recorded: who called, what, when, and with which outcome.

    Thread-safe if the wrapped repository is: each thread writes to a buffer of its own and takes
    no lock. Answers and exceptions are passed on unchanged.

    Parameters
    ----------
    repository
        Any object with the four methods of `JobRepository`.
    clock_ns
        Returns nanoseconds that never decrease; called when a call begins and when it returns.
    recorder
        Makes the recorder of each actor, such as one whose records survive its process.

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
        """Return a new recorder for one thread, under this name in the history.

        Its calls may go to another instance over the same store than those of other actors.
        `kept` replaces the recorder in the history, where another process records the same calls
        more closely.
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
        """Return whether an answer for an id has other identifiers than the created job.

        Raises
        ------
        AttributeError
            If the answer is not a job.
        """
        known = self._known.get(job_id, [job_id])
        identifiers: list[str] = known[IDENTIFIERS] if len(known) > 1 else known
        return identifiers_of(job)[: len(identifiers)] != identifiers

    def known(self, job_id: str) -> tuple[Any, ...] | None:
        """Return what is known about a created job, for `learn` in another process.

        `updated_at` is sent as microseconds: a datetime takes ten times as long to pickle as the
        rest.
        """
        known = self._known.get(job_id)
        if known is None:
            return None
        number, updated_at, *identifiers = known
        if updated_at.tzinfo is not None:
            updated_at = (updated_at - _EPOCH) // _MICROSECOND
        return number, updated_at, *identifiers

    def learn(self, known: Sequence[Any]) -> None:
        """Take over what another process knows about a job, so that calls on it are checked here.

        The calls behind it had returned before it was sent, so it bounds every later call.
        """
        number, updated_at, job_id, *_ = known
        if isinstance(updated_at, int):
            updated_at = _EPOCH + updated_at * _MICROSECOND
        mine = self._known.setdefault(job_id, [number, updated_at, *known[2:]])
        if mine[0] == number and mine[UPDATED_AT] < updated_at:
            mine[UPDATED_AT] = updated_at

    def add(self, recorder: Recorder) -> None:
        """Add the calls of an actor that is recorded elsewhere to this history."""
        self._actors.append(recorder)

    def recorders(self) -> list[Recorder]:
        """Return the recorders of all actors, in the order in which they were added."""
        return list(self._actors)

    def histories(self) -> list[ActorHistory]:
        """Return the history of every actor so far, in the same order."""
        return [recorder.history() for recorder in self.recorders()]

    def _current(self) -> ActorRecorder:
        recorder: ActorRecorder | None = getattr(self._of_thread, "recorder", None)
        if recorder is None:
            recorder = self._of_thread.recorder = self.actor(threading.current_thread().name)
        return recorder
