"""Right repositories of different make: none of them may be blamed."""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

from odd_repositories import fresh, moved
from wrong_repositories import Base

from jobsim.domain.exceptions import JobNotFoundError
from jobsim.repository.job_repo import InMemoryJobRepository


class OneBigLock(Base):
    """Every method under one reentrant lock."""

    def __init__(self):
        super().__init__()
        self._lock = threading.RLock()

    def get(self, job_id):
        with self._lock:
            return super().get(job_id)


class Sharded(Base):
    """A table and a lock for each of seven shards, a count of its own under a lock."""

    def __init__(self):
        self.shards = [({}, threading.Lock()) for _ in range(7)]
        self.jobs, self.counting = 0, threading.Lock()

    def shard(self, job_id):
        return self.shards[hash(job_id) % len(self.shards)]

    def create(self, input_hash):
        job = fresh(input_hash)
        table, lock = self.shard(job.job_id)
        with lock, self.counting:
            table[job.job_id] = job
            self.jobs += 1
        return job

    def get(self, job_id):
        table, lock = self.shard(job_id)
        with lock:
            if job_id not in table:
                raise JobNotFoundError(job_id)
            return table[job_id]

    def update_status(self, job_id, target, result=None, error=None):
        table, lock = self.shard(job_id)
        with lock:
            if job_id not in table:
                raise JobNotFoundError(job_id)
            job = table[job_id] = moved(table[job_id], target, result, error)
            return job

    def count(self):
        with self.counting:
            return self.jobs

    snapshot = None


class CopyOnWrite(Base):
    """Writers swap in a new table under a lock, readers take whatever is there."""

    def create(self, input_hash):
        job = fresh(input_hash)
        with self._lock:
            self._store = self._store | {job.job_id: job}
        return job

    def keep(self, job):
        self._store = self._store | {job.job_id: job}
        return job

    def count(self):
        return len(self._store)


class CompareAndSwap(Base):
    """Looks without a lock, and writes only if nobody else has meanwhile."""

    def update_status(self, job_id, target, result=None, error=None):
        while True:
            seen = self.find(job_id)
            job = moved(seen, target, result, error)
            with self._lock:
                if self._store[job_id] is seen:
                    return self.keep(job)


class ActorThread:
    """One thread does it all, callers wait for their answer."""

    def __init__(self):
        self.inner = InMemoryJobRepository()
        self.calls = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while (call := self.calls.get()) is not None:
            answer, function, arguments = call
            try:
                answer.set_result(function(*arguments))
            except Exception as exc:  # noqa: BLE001 - the caller's to see
                answer.set_exception(exc)

    def ask(self, function, *arguments):
        answer = Future()
        self.calls.put((answer, function, arguments))
        return answer.result()

    def create(self, input_hash):
        return self.ask(self.inner.create, input_hash)

    def get(self, job_id):
        return self.ask(self.inner.get, job_id)

    def update_status(self, job_id, target, result=None, error=None):
        return self.ask(self.inner.update_status, job_id, target, result, error)

    def count(self):
        return self.ask(self.inner.count)

    def close(self):
        self.calls.put(None)
        self.thread.join(5)


class Pool(ActorThread):
    """Calls are made by the threads of a pool."""

    def __init__(self):
        self.inner = InMemoryJobRepository()
        self.pool = ThreadPoolExecutor(3)

    def ask(self, function, *arguments):
        return self.pool.submit(function, *arguments).result()

    def close(self):
        self.pool.shutdown()


class ReadersAndWriters(Base):
    """Many readers or one writer."""

    def __init__(self):
        super().__init__()
        self.change = threading.Condition()
        self.readers = 0

    @contextmanager
    def reading(self):
        with self.change:
            self.readers += 1
        try:
            yield
        finally:
            with self.change:
                self.readers -= 1
                self.change.notify_all()

    @contextmanager
    def writing(self):
        with self.change:
            self.change.wait_for(lambda: not self.readers)
            yield

    def create(self, input_hash):
        job = fresh(input_hash)
        with self.writing():
            return self.keep(job)

    def get(self, job_id):
        with self.reading():
            return self.find(job_id)

    def update_status(self, job_id, target, result=None, error=None):
        with self.writing():
            return self.keep(moved(self.find(job_id), target, result, error))

    def count(self):
        with self.reading():
            return len(self._store)

    def snapshot(self):
        with self.reading():
            return list(self._store.values())


class PlainObjects(Base):
    """Answers are plain objects with the attributes of a job, a new one each time."""

    def create(self, input_hash):
        return SimpleNamespace(**super().create(input_hash).model_dump())

    def get(self, job_id):
        return SimpleNamespace(**super().get(job_id).model_dump())

    def update_status(self, job_id, target, result=None, error=None):
        job = super().update_status(job_id, target, result, error)
        return SimpleNamespace(**job.model_dump())


class ForgetfulCache(Base):
    """A small cache in front of the table, written under the same lock."""

    def __init__(self):
        super().__init__()
        self.cache = OrderedDict()

    def get(self, job_id):
        with self._lock:
            job = self.cache[job_id] = self.find(job_id)
            if len(self.cache) > 10:
                self.cache.popitem(last=False)
            return job


class Slow(Base):
    """A millisecond a call, as over a network."""

    def create(self, input_hash):
        time.sleep(0.001)
        return super().create(input_hash)

    def get(self, job_id):
        time.sleep(0.001)
        return super().get(job_id)

    def update_status(self, job_id, target, result=None, error=None):
        time.sleep(0.001)
        return super().update_status(job_id, target, result, error)


class Locked(Base):
    """A database that is locked now and then, says so, and has changed nothing."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def maybe(self):
        self.calls += 1
        if self.calls % 20 == 0:
            raise sqlite3.OperationalError("database is locked")

    def create(self, input_hash):
        self.maybe()
        return super().create(input_hash)

    def get(self, job_id):
        self.maybe()
        return super().get(job_id)

    def update_status(self, job_id, target, result=None, error=None):
        self.maybe()
        return super().update_status(job_id, target, result, error)

    def count(self):
        self.maybe()
        return super().count()


RIGHT = (
    InMemoryJobRepository, OneBigLock, Sharded, CopyOnWrite, CompareAndSwap, ActorThread, Pool,
    ReadersAndWriters, PlainObjects, ForgetfulCache, Slow,
)  # fmt: skip
