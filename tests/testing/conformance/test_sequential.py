"""Each thing that one thread may expect, and a repository that does not do it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import JobStatus
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.known_jobs import UPDATED_AT
from jobsim.testing import CHECKS
from jobsim.testing.conformance.run_check import run_check

BY_NAME = {check.name: check for check in CHECKS}


def answering(**change):
    """Return a repository whose create stores and answers a job with these fields changed."""

    class Changed(InMemoryJobRepository):
        def create(self, input_hash):
            job = super().create(input_hash).model_copy(update=change)
            self._store[job.job_id] = job
            return job

    return Changed


class NoCreate(InMemoryJobRepository):
    def create(self, input_hash):
        raise OSError("disk full")


class FindsAll(InMemoryJobRepository):
    """An unknown id adds to the count."""

    extra = 0

    def get(self, job_id):
        try:
            return super().get(job_id)
        except JobNotFoundError:
            self.extra += 1
            raise

    def count(self):
        return super().count() + self.extra


class CountsRefusals(InMemoryJobRepository):
    extra = 0

    def update_status(self, job_id, target, result=None, error=None):
        try:
            return super().update_status(job_id, target, result, error)
        except InvalidStateTransitionError:
            self.extra += 1
            raise

    def count(self):
        return super().count() + self.extra


class AnyWord(InMemoryJobRepository):
    def update_status(self, job_id, target, result=None, error=None):
        if target == "paused":
            return self.get(job_id)
        return super().update_status(job_id, target, result, error)


class WrongState(InMemoryJobRepository):
    """Says that it refused from another state than it did."""

    def update_status(self, job_id, target, result=None, error=None):
        try:
            return super().update_status(job_id, target, result, error)
        except InvalidStateTransitionError:
            raise InvalidStateTransitionError(JobStatus.FAILED, target) from None


class NoStart(InMemoryJobRepository):
    def update_status(self, job_id, target, result=None, error=None):
        raise OSError("read-only")


class Renames(InMemoryJobRepository):
    def update_status(self, job_id, target, result=None, error=None):
        job = super().update_status(job_id, target, result, error)
        job = self._store[job_id] = job.model_copy(update={"input_hash": "other"})
        return job


class MyCount(InMemoryJobRepository):
    """Each thread counts for itself."""

    def __init__(self):
        super().__init__()
        import threading

        self.mine = threading.local()

    def create(self, input_hash):
        self.mine.jobs = self.count() + 1
        return super().create(input_hash)

    def count(self):
        return getattr(self.mine, "jobs", 0)


class Touches(InMemoryJobRepository):
    """Writes to all jobs when it writes to one."""

    def update_status(self, job_id, target, result=None, error=None):
        job = super().update_status(job_id, target, result, error)
        for key, other in self._store.items():
            self._store[key] = other.model_copy(update={"updated_at": job.updated_at})
        return job


class Twins(InMemoryJobRepository):
    """One id for one input hash."""

    def create(self, input_hash):
        job = super().create(input_hash)
        job = job.model_copy(update={"job_id": input_hash})
        self._store[input_hash] = job
        return job


class NeverFewer(InMemoryJobRepository):
    def count(self):
        return super().count() // 20


EARLY = datetime(2020, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("name", "factory", "problem"),
    [
        ("create_awaits_payment", NoCreate, "create raised"),
        ("create_awaits_payment", answering(input_hash="x"), "create answered input_hash 'x'"),
        ("create_awaits_payment", answering(result=""), "create answered result '', not None"),
        ("create_awaits_payment", answering(blockchain_identifier=""), "give every job one"),
        ("create_awaits_payment", answering(updated_at=EARLY), "before 20"),
        (
            "create_awaits_payment",
            answering(created_at=datetime(2020, 1, 1), updated_at=datetime(2020, 1, 1)),  # noqa: DTZ001 - wrong on purpose
            "has no time zone",
        ),
        ("create_awaits_payment", answering(updated_at=None), "updated_at None; it is a datetime"),
        ("identity_never_changes", answering(updated_at=None), "updated_at None; it is a datetime"),
        ("ids_are_unique", Twins, "the same id"),
        ("ids_are_unique", NeverFewer, "count answered 1 after 20 creates"),
        ("unknown_id_is_not_found", FindsAll, "count is another after calls with an unknown id"),
        ("sixteen_transitions", WrongState, "was refused from 'failed', but the job was"),
        ("sixteen_transitions", NoStart, "raised OSError: read-only"),
        ("refusal_changes_nothing", CountsRefusals, "count is another after a refused update"),
        ("refusal_changes_nothing", AnyWord, "update_status(paused) of a job that was"),
        ("identity_never_changes", Renames, "update_status answered input_hash 'other'"),
        ("jobs_do_not_touch_each_other", Touches, "get of another job answered updated_at"),
        ("writes_reach_other_threads", MyCount, "count in another thread found 0 new jobs"),
        ("one_start_wins", NoCreate, "create(awaiting_payment) raised OSError: disk full"),
    ],
)
def test_what_is_wrong_is_told(name, factory, problem):
    result = run_check(BY_NAME[name], factory)
    assert result.result == "failed"
    assert problem in result.problem
    assert 1 <= len(result.timeline) <= 2


def test_an_end_that_is_dated_before_its_start_is_told():
    class Backwards(InMemoryJobRepository):
        """Its RUNNING is dated ahead, and its ends are right."""

        def update_status(self, job_id, target, result=None, error=None):
            with self._lock:
                job = self._store[job_id]
                later = job.created_at + timedelta(seconds=5 if target == "running" else 1)
                job = job.model_copy(
                    update={"status": target, "updated_at": later, "result": result, "error": error}
                )
                self._store[job_id] = job
                return job

    def scenario(trial):
        ids = trial.create_jobs(1, JobStatus.RUNNING)
        # As if the end had been invoked before RUNNING was known to the recorder.
        known = trial.recorded._known[ids[0]]
        known[UPDATED_AT] = trial.notes.created[0][1].updated_at
        trial.turns((1, lambda player: player.move(ids[0], JobStatus.COMPLETED)))
        trial.judge()

    check = type(CHECKS[0])("dates", "Dates.", scenario)
    result = run_check(check, Backwards)
    assert "completed came after running, but its updated_at lies 0:00:04 before" in result.problem
    assert [call.target for call in result.calls] == ["running", "completed"]


def test_what_the_history_does_not_tell_is_no_pass():
    def count_only(trial):
        trial.turns((0, lambda player: player.count()))
        trial.judge()

    result = run_check(type(CHECKS[0])("count", "Count.", count_only), InMemoryJobRepository)
    assert result.problem.startswith("not decided: answers of count")
