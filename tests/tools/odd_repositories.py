"""Wrong repositories that are not in the gallery, written without a look at the checks."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import uuid
from contextlib import closing
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import LEGAL_TRANSITIONS, Job, JobStatus, validate_transition
from jobsim.repository.job_repo import InMemoryJobRepository

AWAITING, RUNNING, COMPLETED, FAILED = JobStatus


def utc():
    return datetime.now(timezone.utc)


def fresh(input_hash, job_id=None):
    job_id = job_id or str(uuid.uuid4())
    now = utc()
    return Job(
        job_id=job_id,
        status=AWAITING,
        input_hash=input_hash,
        blockchain_identifier="bc" + job_id,
        created_at=now,
        updated_at=now,
    )


def moved(job, target, result=None, error=None, **more):
    validate_transition(job.status, target)
    change = {"status": target, "result": result, "error": error, "updated_at": utc()}
    return job.model_copy(update=change | more)


class Mutable(InMemoryJobRepository):
    """Jobs are plain objects, changed in place field by field; get hands them out."""

    def create(self, input_hash):
        job = SimpleNamespace(**fresh(input_hash).model_dump())
        with self._lock:
            self._store[job.job_id] = job
        return job

    def update_status(self, job_id, target, result=None, error=None):
        with self._lock:
            job = self._store.get(job_id)
            if job is None:
                raise JobNotFoundError(job_id)
            validate_transition(job.status, target)
            job.status = target
            job.updated_at = utc()
            job.result, job.error = result or job.result, error or job.error
            return job


class CopiesOfMutable(Mutable):
    """The same, but answers are copies; made without the lock, while a writer is at work."""

    def create(self, input_hash):
        return SimpleNamespace(**vars(super().create(input_hash)))

    def get(self, job_id):
        try:
            return SimpleNamespace(**dict(vars(self._store[job_id]).items()))
        except KeyError:
            raise JobNotFoundError(job_id) from None

    def update_status(self, job_id, target, result=None, error=None):
        return SimpleNamespace(**vars(super().update_status(job_id, target, result, error)))


class Tally(InMemoryJobRepository):
    """Counts in an attribute of its own, one line outside the lock."""

    jobs = 0

    def create(self, input_hash):
        job = super().create(input_hash)
        self.jobs += 1
        return job

    def count(self):
        return self.jobs


class CachedCount(InMemoryJobRepository):
    """Counts only once in a while."""

    cached = None

    def count(self):
        if self.cached is None:
            self.cached = super().count()
        return self.cached


class Swallows(InMemoryJobRepository):
    """Never bothers its callers with an error."""

    def update_status(self, job_id, target, result=None, error=None):
        try:
            return super().update_status(job_id, target, result, error)
        except InvalidStateTransitionError:
            return self.get(job_id)


class AnswersOld(InMemoryJobRepository):
    """Answers the job as it was found."""

    def update_status(self, job_id, target, result=None, error=None):
        old = self.get(job_id)
        super().update_status(job_id, target, result, error)
        return old


class LosesResult(InMemoryJobRepository):
    def update_status(self, job_id, target, result=None, error=None):
        return super().update_status(job_id, target, error=error)


class ResultLater(InMemoryJobRepository):
    """Status first, text in a second step."""

    def update_status(self, job_id, target, result=None, error=None):
        job = super().update_status(job_id, target)
        with self._lock:
            job = self._store[job_id] = job.model_copy(update={"result": result, "error": error})
        return job


class EarlyClock(InMemoryJobRepository):
    """Reads the clock before it waits for the lock."""

    def update_status(self, job_id, target, result=None, error=None):
        now = utc()
        with self._lock:
            if job_id not in self._store:
                raise JobNotFoundError(job_id)
            job = moved(self._store[job_id], target, result, error, updated_at=now)
            self._store[job_id] = job
            return job


class LocalTime(InMemoryJobRepository):
    """Its updates are an hour early."""

    def update_status(self, job_id, target, result=None, error=None):
        with self._lock:
            if job_id not in self._store:
                raise JobNotFoundError(job_id)
            early = utc() - timedelta(hours=1)
            job = moved(self._store[job_id], target, result, error, updated_at=early)
            self._store[job_id] = job
            return job


class Waits(InMemoryJobRepository):
    """Lets go of its lock in the middle, in Condition.wait."""

    def __init__(self):
        super().__init__()
        self.room = threading.Condition(self._lock)

    def update_status(self, job_id, target, result=None, error=None):
        with self.room:
            if job_id not in self._store:
                raise JobNotFoundError(job_id)
            job = moved(self._store[job_id], target, result, error)
            self.room.wait(timeout=1e-4)
            self._store[job_id] = job
            return job


class ForgetsTheLock(InMemoryJobRepository):
    """No finally."""

    def update_status(self, job_id, target, result=None, error=None):
        self._lock.acquire()
        job = self._store.get(job_id)
        if job is None:
            self._lock.release()
            raise JobNotFoundError(job_id)
        job = self._store[job_id] = moved(job, target, result, error)
        self._lock.release()
        return job


class TwoOrders(InMemoryJobRepository):
    """Two locks, taken in either order."""

    def __init__(self):
        super().__init__()
        self.other = threading.Lock()

    def get(self, job_id):
        with self.other:
            return super().get(job_id)

    def update_status(self, job_id, target, result=None, error=None):
        with self._lock, self.other:
            if job_id not in self._store:
                raise JobNotFoundError(job_id)
            job = self._store[job_id] = moved(self._store[job_id], target, result, error)
            return job


class ImpatientLock(InMemoryJobRepository):
    """Goes on without the lock if it does not come soon."""

    def update_status(self, job_id, target, result=None, error=None):
        held = self._lock.acquire(timeout=1e-5)
        try:
            if job_id not in self._store:
                raise JobNotFoundError(job_id)
            job = moved(self._store[job_id], target, result, error)
            self._store[job_id] = job
            return job
        finally:
            if held:
                self._lock.release()


class Idempotent(InMemoryJobRepository):
    """Asking twice for the same state is fine."""

    def update_status(self, job_id, target, result=None, error=None):
        job = self.get(job_id)
        return job if job.status == target else super().update_status(job_id, target, result, error)


class Versioned(InMemoryJobRepository):
    """Compares a version and sets it; but not at one instant."""

    def __init__(self):
        super().__init__()
        self.version = {}

    def update_status(self, job_id, target, result=None, error=None):
        while True:
            seen = self.version.get(job_id, 0)
            job = moved(self.get(job_id), target, result, error)
            if self.version.get(job_id, 0) == seen:
                self.version[job_id] = seen + 1
                self._store[job_id] = job
                return job


class Upserts(InMemoryJobRepository):
    """Creates what it does not know."""

    def update_status(self, job_id, target, result=None, error=None):
        if job_id not in self._store:
            with self._lock:
                self._store[job_id] = fresh("", job_id)
        return super().update_status(job_id, target, result, error)


class AnswersNothing(InMemoryJobRepository):
    def get(self, job_id):
        return self._store.get(job_id)


class HalvesOfSnapshot(InMemoryJobRepository):
    """Two pages, each under the lock."""

    def snapshot(self):
        with self._lock:
            ids = list(self._store)
            first = [self._store[job_id] for job_id in ids[: len(ids) // 2]]
        with self._lock:
            return first + [self._store[job_id] for job_id in ids[len(ids) // 2 :]]


class FewIds(InMemoryJobRepository):
    """Short ids are easier to read aloud."""

    def create(self, input_hash):
        job = fresh(input_hash, uuid.uuid4().hex[:3])
        with self._lock:
            self._store[job.job_id] = job
        return job


class EvictsOld(InMemoryJobRepository):
    """Keeps the last hundred jobs only."""

    def create(self, input_hash):
        with self._lock:
            if len(self._store) >= 100:
                del self._store[next(iter(self._store))]
        return super().create(input_hash)


class OneStepLater(InMemoryJobRepository):
    """RUNNING may be left in any direction, AWAITING_PAYMENT too."""

    def update_status(self, job_id, target, result=None, error=None):
        with self._lock:
            job = self._store.get(job_id)
            if job is None:
                raise JobNotFoundError(job_id)
            if job.status in (COMPLETED, FAILED) or target == job.status:
                raise InvalidStateTransitionError(job.status, target)
            change = {"status": target, "result": result, "error": error, "updated_at": utc()}
            job = self._store[job_id] = job.model_copy(update=change)
            return job


class ReadersUnlocked(InMemoryJobRepository):
    """A table that is rebuilt for each write, with readers that see it half built."""

    def get(self, job_id):
        try:
            return self._store[job_id]
        except KeyError:
            raise JobNotFoundError(job_id) from None

    def update_status(self, job_id, target, result=None, error=None):
        with self._lock:
            if job_id not in self._store:
                raise JobNotFoundError(job_id)
            job = moved(self._store[job_id], target, result, error)
            rest = dict(self._store) | {job_id: job}
            self._store.clear()
            self._store.update(rest)
            return job


class Waiting:
    """A synchronous face of an asynchronous repository that awaits between check and act."""

    loop = None

    def __init__(self):
        self.jobs = {}

    def _wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def create(self, input_hash):
        async def create():
            job = fresh(input_hash)
            self.jobs[job.job_id] = job
            return job

        return self._wait(create())

    def get(self, job_id):
        async def get():
            if job_id not in self.jobs:
                raise JobNotFoundError(job_id)
            return self.jobs[job_id]

        return self._wait(get())

    def update_status(self, job_id, target, result=None, error=None):
        async def update():
            job = self.jobs.get(job_id)
            if job is None:
                raise JobNotFoundError(job_id)
            job = moved(job, target, result, error)
            await asyncio.sleep(0)
            self.jobs[job_id] = job
            return job

        return self._wait(update())

    def count(self):
        async def count():
            return len(self.jobs)

        return self._wait(count())


class SqlConflict(Exception):
    pass


class Sqlite:
    """A connection a call; `guarded` puts the state into the WHERE of the update."""

    guarded = False

    def __init__(self, path):
        self.path = path
        with closing(self._connect()) as db, db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(
                "CREATE TABLE job (job_id TEXT PRIMARY KEY, status TEXT, input_hash TEXT,"
                " blockchain_identifier TEXT, created_at TEXT, updated_at TEXT, result TEXT,"
                " error TEXT)"
            )

    def _connect(self):
        return sqlite3.connect(self.path, timeout=30)

    def create(self, input_hash):
        job = fresh(input_hash)
        with closing(self._connect()) as db, db:
            row = job.model_dump(mode="json")
            db.execute(
                "INSERT INTO job VALUES (:job_id, :status, :input_hash, :blockchain_identifier,"
                " :created_at, :updated_at, :result, :error)",
                row,
            )
        return job

    def _read(self, db, job_id):
        db.row_factory = sqlite3.Row
        row = db.execute("SELECT * FROM job WHERE job_id = ?", (job_id,)).fetchone()
        if row is None:
            raise KeyError(job_id)
        return Job(**dict(row))

    def get(self, job_id):
        with closing(self._connect()) as db:
            return self._read(db, job_id)

    def update_status(self, job_id, target, result=None, error=None):
        with closing(self._connect()) as db, db:
            if self.guarded:
                db.execute("BEGIN IMMEDIATE")
            job = self._read(db, job_id)
            if target not in LEGAL_TRANSITIONS[job.status]:
                raise SqlConflict(job_id)
            change = {"status": target, "result": result, "error": error, "updated_at": utc()}
            job = Job(**job.model_dump() | change)
            db.execute(
                "UPDATE job SET status = ?, updated_at = ?, result = ?, error = ? WHERE job_id = ?",
                (job.status.value, job.updated_at.isoformat(), result, error, job_id),
            )
        return job

    def count(self):
        with closing(self._connect()) as db:
            return db.execute("SELECT count(*) FROM job").fetchone()[0]


class GuardedSqlite(Sqlite):
    guarded = True


HANGING = {ForgetsTheLock, TwoOrders}

SHOWN_BY = {
    Mutable: "answers_stay_as_they_are", CopiesOfMutable: "reads_during_writes",
    Tally: "counts_during_creates", CachedCount: "count_counts_jobs",
    Swallows: "sixteen_transitions", AnswersOld: "sixteen_transitions",
    LosesResult: "texts_are_kept", ResultLater: "reads_during_writes",
    EarlyClock: "linearizable_perturbed", LocalTime: "identity_never_changes",
    Waits: "one_start_wins", ForgetsTheLock: "errors_leave_no_lock_held",
    TwoOrders: "reads_during_writes", ImpatientLock: "one_start_wins",
    Idempotent: "sixteen_transitions", Versioned: "one_start_wins",
    Upserts: "unknown_id_is_not_found", AnswersNothing: "unknown_id_is_not_found",
    HalvesOfSnapshot: "snapshot_is_one_instant", FewIds: "concurrent_creates",
    EvictsOld: "concurrent_creates", OneStepLater: "sixteen_transitions",
    ReadersUnlocked: "reads_during_writes",
}  # fmt: skip
