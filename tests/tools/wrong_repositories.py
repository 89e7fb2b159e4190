"""Wrong repositories by kind of mistake: another's answer, errors, too few or too small, texts,
several instances over one store. `SHOWN_BY` names a check that shows each."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from odd_repositories import COMPLETED, FAILED, fresh, moved, utc

from jobsim.domain.exceptions import JobNotFoundError
from jobsim.domain.models import Job
from jobsim.repository.job_repo import InMemoryJobRepository


class Base(InMemoryJobRepository):
    """A right repository in small steps, for others to get one of them wrong."""

    def find(self, job_id):
        try:
            return self._store[job_id]
        except KeyError:
            raise JobNotFoundError(job_id) from None

    def get(self, job_id):
        return self.find(job_id)

    def keep(self, job):
        self._store[job.job_id] = job
        return job

    def update_status(self, job_id, target, result=None, error=None):
        with self._lock:
            return self.keep(moved(self.find(job_id), target, result, error))


# Another job's answer


class AnswersAnother(Base):
    """An accepted update answers the last job that was created."""

    def create(self, input_hash):
        self.last = super().create(input_hash)
        return self.last

    def update_status(self, job_id, target, result=None, error=None):
        job = super().update_status(job_id, target, result, error)
        change = {"job_id": self.last.job_id, "input_hash": self.last.input_hash}
        return job.model_copy(update=change)


class AnswersAnotherHash(Base):
    def update_status(self, job_id, target, result=None, error=None):
        job = super().update_status(job_id, target, result, error)
        return job.model_copy(update={"input_hash": "b" * 64})


class GetsTheNeighbour(Base):
    """An index that is off by one, once the table is large."""

    def get(self, job_id):
        job = self.find(job_id)
        if len(self._store) > 500:
            return list(self._store.values())[-1]
        return job


class CutsTheHash(Base):
    def create(self, input_hash):
        return super().create(input_hash[-40:])


class NewChainEachTime(Base):
    def keep(self, job):
        return super().keep(job.model_copy(update={"blockchain_identifier": f"bc{time.time()}"}))


class BornAgain(Base):
    def keep(self, job):
        return super().keep(job.model_copy(update={"created_at": job.updated_at}))


class IdsByTheClock(Base):
    """Two jobs of one hundredth of a second share an id."""

    def create(self, input_hash):
        job = fresh(input_hash, f"job-{int(time.time() * 100)}")
        with self._lock:
            return self.keep(job)


class InventsUnknownJobs(Base):
    def get(self, job_id):
        return self._store.get(job_id) or fresh("", job_id)


# Errors


class FailsHalf(Base):
    def __init__(self):
        super().__init__()
        self.calls = itertools.count()

    def get(self, job_id):
        if next(self.calls) % 2:
            raise OSError("connection reset")
        return super().get(job_id)


class FailsNowAndThen(Base):
    def __init__(self):
        super().__init__()
        self.calls = itertools.count(1)

    def update_status(self, job_id, target, result=None, error=None):
        if next(self.calls) % 500 == 0:
            raise OSError("connection reset")
        return super().update_status(job_id, target, result, error)


class ChangedSizeDuringIteration(Base):
    """Counts by walking through the table, which others are writing to."""

    def count(self):
        return sum(1 for _ in self._store)


class CreatesNothing(Base):
    def create(self, input_hash):
        super().create(input_hash)


class CreatesADictionary(Base):
    def create(self, input_hash):
        return super().create(input_hash).model_dump()


class UpdatesAnswerNothing(Base):
    def update_status(self, job_id, target, result=None, error=None):
        super().update_status(job_id, target, result, error)


class CountsInWords(Base):
    def count(self):
        return f"{super().count()} jobs"


class ShoutsTheStatus(Base):
    def get(self, job_id):
        job = super().get(job_id)
        return job.model_copy(update={"status": job.status.name})


# Too few, too small


class FiveAtOnce(Base):
    """A semaphore with the size of the connection pool, where a lock belongs."""

    def __init__(self):
        super().__init__()
        self.slots = threading.Semaphore(5)

    def update_status(self, job_id, target, result=None, error=None):
        with self.slots:
            return self.keep(moved(self.find(job_id), target, result, error))


class ForgetsAfterTwoThousand(Base):
    def create(self, input_hash):
        job = super().create(input_hash)
        with self._lock:
            while len(self._store) > 2_000:
                del self._store[next(iter(self._store))]
        return job


class LosesEachThousandth(Base):
    def __init__(self):
        super().__init__()
        self.writes = itertools.count(1)

    def keep(self, job):
        return job if next(self.writes) % 1_000 == 0 else super().keep(job)


class CountsThreeDigits(Base):
    def count(self):
        return super().count() % 1_000


class LockPerThread(Base):
    def __init__(self):
        super().__init__()
        self.own = threading.local()

    def update_status(self, job_id, target, result=None, error=None):
        with self.own.__dict__.setdefault("lock", threading.Lock()):
            return self.keep(moved(self.find(job_id), target, result, error))


class StaleForAMoment(Base):
    """A cache that is right again after five milliseconds."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def get(self, job_id):
        job, until = self.seen.get(job_id, (None, 0.0))
        if time.monotonic() > until:
            job = self.find(job_id)
            self.seen[job_id] = (job, time.monotonic() + 0.005)
        return job


class GoneInTheMiddle(Base):
    def keep(self, job):
        del self._store[job.job_id]
        return super().keep(job)


class CountsTheOpen(Base):
    def count(self):
        with self._lock:
            return sum(job.status not in (COMPLETED, FAILED) for job in self._store.values())


class MayBeCancelled(Base):
    """An unpaid job may fail, too."""

    def update_status(self, job_id, target, result=None, error=None):
        with self._lock:
            job = self.find(job_id)
            if (job.status, target) == ("awaiting_payment", FAILED):
                change = {"status": FAILED, "error": error, "updated_at": utc()}
                return self.keep(job.model_copy(update=change))
            return self.keep(moved(job, target, result, error))


class WholeSeconds(Base):
    """A column of whole seconds, read back at once."""

    def keep(self, job):
        change = {"updated_at": job.updated_at.replace(microsecond=0)}
        return super().keep(job.model_copy(update=change))


# Texts


class EmptyIsNothing(Base):
    def update_status(self, job_id, target, result=None, error=None):
        return super().update_status(job_id, target, result or None, error or None)


class Latin1(Base):
    def update_status(self, job_id, target, result=None, error=None):
        text = None if result is None else result.encode("latin-1", "replace").decode("latin-1")
        return super().update_status(job_id, target, text, error)


class SixtyFourKilobytes(Base):
    def update_status(self, job_id, target, result=None, error=None):
        return super().update_status(job_id, target, result and result[:65_536], error)


class EndsAtNul(Base):
    def update_status(self, job_id, target, result=None, error=None):
        return super().update_status(job_id, target, result and result.split("\0")[0], error)


class RefusesTooLate(Base):
    """Encodes the text after the status was written."""

    def update_status(self, job_id, target, result=None, error=None):
        job = super().update_status(job_id, target, result, error)
        (result or "").encode()
        return job


class ErrorIntoResult(Base):
    def update_status(self, job_id, target, result=None, error=None):
        return super().update_status(job_id, target, result or error, None)


class LosersText(Base):
    """The text goes first, the status is checked after: the loser's text stays."""

    def __init__(self):
        super().__init__()
        self.texts = {}

    def update_status(self, job_id, target, result=None, error=None):
        if result is not None:
            self.texts[job_id] = result
        return super().update_status(job_id, target, result, error)

    def get(self, job_id):
        job = super().get(job_id)
        if job.result is None:
            return job
        return job.model_copy(update={"result": self.texts[job_id]})


class OneScratchBuffer(Base):
    """Every caller's text passes through one attribute."""

    def update_status(self, job_id, target, result=None, error=None):
        self.result, self.error = result, error
        with self._lock:
            return self.keep(moved(self.find(job_id), target, self.result, self.error))


# Several instances over one store


class Shared(Base):
    """A right repository over a store that its instances share."""

    store: dict[str, Job]
    lock: Any

    def __init__(self):
        self._store, self._lock = self.store, self.lock


class LockOfItsOwn(Shared):
    """The lock is the instance's, the store is everybody's."""

    def __init__(self):
        super().__init__()
        self._lock = threading.Lock()


class CacheOfItsOwn(Shared):
    def __init__(self):
        super().__init__()
        self.seen = {}

    def get(self, job_id):
        if job_id not in self.seen:
            self.seen[job_id] = self.find(job_id)
        return self.seen[job_id]

    def keep(self, job):
        self.seen[job.job_id] = job
        return super().keep(job)


class CountOfItsOwn(Shared):
    created = 0

    def create(self, input_hash):
        job = super().create(input_hash)
        with self._lock:
            self.created += 1
        return job

    def count(self):
        return self.created


class NumbersOfItsOwn(Shared):
    def __init__(self):
        super().__init__()
        self.numbers = itertools.count()

    def create(self, input_hash):
        with self._lock:
            return self.keep(fresh(input_hash, f"job-{next(self.numbers)}"))


class LockedSelectAndUpdate:
    """SQLite, and a `threading.Lock` around SELECT and UPDATE: right for one instance only."""

    path: str

    def __init__(self):
        self.lock = threading.Lock()
        with closing(self.connect()) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("CREATE TABLE IF NOT EXISTS job (job_id TEXT PRIMARY KEY, job TEXT)")

    def connect(self):
        return sqlite3.connect(self.path, timeout=30, isolation_level=None)

    def create(self, input_hash):
        job = fresh(input_hash)
        with closing(self.connect()) as db:
            db.execute("INSERT INTO job VALUES (?, ?)", (job.job_id, job.model_dump_json()))
        return job

    def read(self, db, job_id):
        row = db.execute("SELECT job FROM job WHERE job_id = ?", (job_id,)).fetchone()
        if row is None:
            raise JobNotFoundError(job_id)
        return Job.model_validate_json(row[0])

    def get(self, job_id):
        with closing(self.connect()) as db:
            return self.read(db, job_id)

    def update_status(self, job_id, target, result=None, error=None):
        with self.lock, closing(self.connect()) as db:
            job = moved(self.read(db, job_id), target, result, error)
            text = job.model_dump_json()
            db.execute("UPDATE job SET job = ? WHERE job_id = ?", (text, job_id))
        return job

    def count(self):
        with closing(self.connect()) as db:
            return db.execute("SELECT count(*) FROM job").fetchone()[0]


class TransactionPerUpdate(LockedSelectAndUpdate):
    """The same in a transaction that takes the write lock first: right for any number."""

    def update_status(self, job_id, target, result=None, error=None):
        with closing(self.connect()) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                job = moved(self.read(db, job_id), target, result, error)
                text = job.model_dump_json()
                db.execute("UPDATE job SET job = ? WHERE job_id = ?", (text, job_id))
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        return job


def over_one_store(kind: type, folder: Path) -> Callable[[], object]:
    """Return a factory whose instances share one store, in the folder if it is a file."""
    if issubclass(kind, LockedSelectAndUpdate):
        return type(kind.__name__, (kind,), {"path": str(folder / "jobs.db")})
    return type(kind.__name__, (kind,), {"store": {}, "lock": threading.Lock()})


SHOWN_BY = {
    AnswersAnother: "one_start_wins", AnswersAnotherHash: "identity_never_changes",
    GetsTheNeighbour: "many_jobs", CutsTheHash: "create_awaits_payment",
    NewChainEachTime: "identity_never_changes", BornAgain: "identity_never_changes",
    IdsByTheClock: "ids_are_unique", InventsUnknownJobs: "unknown_id_is_not_found",
    FailsHalf: "get_answers_what_create_did", FailsNowAndThen: "many_jobs",
    ChangedSizeDuringIteration: "counts_during_creates", CreatesNothing: "create_awaits_payment",
    CreatesADictionary: "create_awaits_payment", UpdatesAnswerNothing: "sixteen_transitions",
    CountsInWords: "count_counts_jobs", ShoutsTheStatus: "get_answers_what_create_did",
    FiveAtOnce: "one_start_wins", ForgetsAfterTwoThousand: "many_jobs",
    LosesEachThousandth: "many_jobs", CountsThreeDigits: "many_jobs",
    LockPerThread: "one_start_wins", StaleForAMoment: "reads_during_writes",
    GoneInTheMiddle: "reads_during_writes", CountsTheOpen: "count_counts_jobs",
    MayBeCancelled: "sixteen_transitions", WholeSeconds: "identity_never_changes",
    EmptyIsNothing: "texts_are_kept", Latin1: "texts_are_kept",
    SixtyFourKilobytes: "texts_are_kept", EndsAtNul: "odd_texts_are_kept_or_refused",
    RefusesTooLate: "odd_texts_are_kept_or_refused", ErrorIntoResult: "texts_are_kept",
    LosersText: "one_end_wins", OneScratchBuffer: "one_end_wins",
}  # fmt: skip

WITH_TWO_INSTANCES = {
    LockOfItsOwn: "one_start_wins", CacheOfItsOwn: "writes_reach_other_threads",
    CountOfItsOwn: "writes_reach_other_threads", NumbersOfItsOwn: "concurrent_creates",
    LockedSelectAndUpdate: "one_start_wins",
}  # fmt: skip
