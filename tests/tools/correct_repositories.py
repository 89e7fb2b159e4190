"""Correct repositories of many makes: no check may find anything wrong with them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import itertools
import logging
import queue
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from threading import Lock as ImportedLock
from time import sleep as imported_sleep

from jobsim.domain.exceptions import JobNotFoundError
from jobsim.domain.models import Job, JobStatus, validate_transition

MODULE_LOCK = threading.Lock()
MODULE_RLOCK = threading.RLock()
log = logging.getLogger(__name__)
log.addHandler(logging.StreamHandler(io.StringIO()))
log.propagate = False
log.setLevel(logging.DEBUG)


def new_job(input_hash):
    job_id = str(uuid.uuid4())
    now = datetime.now(timezone.utc)
    return Job(
        job_id=job_id, status=JobStatus.AWAITING_PAYMENT, input_hash=input_hash,
        blockchain_identifier=f"mock_bc_{job_id[:8]}", created_at=now, updated_at=now,
    )  # fmt: skip


def moved(job, target, result, error):
    validate_transition(job.status, target)
    change = {"status": target, "updated_at": max(job.updated_at, datetime.now(timezone.utc))}
    if result is not None:
        change["result"] = result
    if error is not None:
        change["error"] = error
    return job.model_copy(update=change)


class Guarded:
    """A dictionary, every access to it within `guard`, which each make says for itself."""

    def __init__(self):
        self.jobs = {}

    def create(self, input_hash):
        job = new_job(input_hash)
        with self.guard():
            self.jobs[job.job_id] = job
        return job

    def get(self, job_id):
        with self.guard():
            if job_id not in self.jobs:
                raise JobNotFoundError(job_id)
            return self.jobs[job_id]

    def update_status(self, job_id, target, result=None, error=None):
        with self.guard():
            if job_id not in self.jobs:
                raise JobNotFoundError(job_id)
            self.jobs[job_id] = moved(self.jobs[job_id], target, result, error)
            return self.jobs[job_id]

    def count(self):
        with self.guard():
            return len(self.jobs)


def guarded(name, make_lock):
    def init(self):
        Guarded.__init__(self)
        self.lock = make_lock()

    return type(name, (Guarded,), {"__init__": init, "guard": lambda self: self.lock})


PlainLock = guarded("PlainLock", lambda: threading.Lock())
ReentrantLock = guarded("ReentrantLock", lambda: threading.RLock())
ConditionLock = guarded("ConditionLock", lambda: threading.Condition())
SemaphoreLock = guarded("SemaphoreLock", lambda: threading.Semaphore(1))
BoundedLock = guarded("BoundedLock", lambda: threading.BoundedSemaphore(1))
Imported = guarded("Imported", ImportedLock)
OfModule = guarded("OfModule", lambda: MODULE_LOCK)
OfModuleReentrant = guarded("OfModuleReentrant", lambda: MODULE_RLOCK)


class OfClass(Guarded):
    LOCK = threading.Lock()

    def guard(self):
        return self.LOCK


@dataclass
class Dataclass(Guarded):
    jobs: dict = field(default_factory=dict)
    lock: object = field(default_factory=threading.Lock)

    def guard(self):
        return self.lock


class Slots(Guarded):
    __slots__ = ("lock",)

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    def guard(self):
        return self.lock


class Cached(Guarded):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    @functools.cached_property
    def table_name(self):
        return "jobs"

    def guard(self):
        assert self.table_name == "jobs"
        return self.lock


class Generator(Guarded):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def guard(self):
        self.lock.acquire()
        try:
            yield
        finally:
            self.lock.release()


class Timed(Guarded):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def guard(self):
        assert self.lock.acquire(timeout=60)
        try:
            yield
        finally:
            self.lock.release()


class Spinning(Guarded):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def guard(self):
        while not self.lock.acquire(blocking=False):
            time.sleep(0)
        try:
            yield
        finally:
            self.lock.release()


class Ticket(Guarded):
    """First come first served, with a condition and its waits."""

    def __init__(self):
        super().__init__()
        self.turn = threading.Condition()
        self.next, self.now = itertools.count(), 0

    @contextlib.contextmanager
    def guard(self):
        with self.turn:
            mine = next(self.next)
            self.turn.wait_for(lambda: self.now == mine, timeout=600)
        try:
            yield
        finally:
            with self.turn:
                self.now += 1
                self.turn.notify_all()


class Token(Guarded):
    """Whoever has the one token of a queue may go on."""

    def __init__(self):
        super().__init__()
        self.tokens = queue.Queue(1)
        self.tokens.put(None)

    @contextlib.contextmanager
    def guard(self):
        token = self.tokens.get()
        try:
            yield
        finally:
            self.tokens.put(token)


class Slow(Guarded):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def guard(self):
        with self.lock:
            imported_sleep(0.25)
            yield


class Impatient(Guarded):
    """Reads a clock while it waits."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def guard(self):
        end = time.monotonic() + 3600
        while not self.lock.acquire(timeout=0.1):
            assert time.monotonic() < end
        try:
            yield
        finally:
            self.lock.release()


class Named:
    def __repr__(self):
        return f"{len([1, 2])} things"


class Logging(PlainLock):
    @contextlib.contextmanager
    def guard(self):
        with self.lock:
            log.info("has the lock: %r", Named())
            yield


class Drawing(PlainLock):
    """Takes one way or another, as an id says."""

    def get(self, job_id):
        if int(uuid.uuid4().hex[0], 16) % 2:
            return super().get(job_id)
        with self.lock:
            if job_id in self.jobs:
                return self.jobs[job_id]
        raise JobNotFoundError(job_id)


class Sharded:
    def __init__(self):
        self.shards = [PlainLock() for _ in range(3)]

    def shard(self, job_id):
        return self.shards[sum(map(ord, job_id)) % 3]

    def create(self, input_hash):
        job = new_job(input_hash)
        shard = self.shard(job.job_id)
        with shard.lock:
            shard.jobs[job.job_id] = job
        return job

    def get(self, job_id):
        return self.shard(job_id).get(job_id)

    def update_status(self, job_id, target, result=None, error=None):
        return self.shard(job_id).update_status(job_id, target, result, error)

    def count(self):
        return sum(shard.count() for shard in self.shards)


class LockPerJob(PlainLock):
    def __init__(self):
        super().__init__()
        self.locks = {}

    def update_status(self, job_id, target, result=None, error=None):
        with self.lock:
            lock = self.locks.setdefault(job_id, threading.Lock())
        with lock:
            job = moved(self.get(job_id), target, result, error)
            with self.lock:
                self.jobs[job_id] = job
            return job


class CopyOnWrite(PlainLock):
    """Readers take no lock: they see one whole table or the next."""

    def create(self, input_hash):
        job = new_job(input_hash)
        with self.lock:
            self.jobs = {**self.jobs, job.job_id: job}
        return job

    def get(self, job_id):
        try:
            return self.jobs[job_id]
        except KeyError:
            raise JobNotFoundError(job_id) from None

    def update_status(self, job_id, target, result=None, error=None):
        with self.lock:
            job = moved(self.get(job_id), target, result, error)
            self.jobs = {**self.jobs, job_id: job}
            return job

    def count(self):
        return len(self.jobs)


class CompareAndSwap:
    """No lock: a version is claimed by an operation of the dictionary that is one step."""

    def __init__(self):
        self.versions, self.latest = {}, {}

    def create(self, input_hash):
        job = new_job(input_hash)
        self.versions[job.job_id, 0] = job
        self.latest[job.job_id] = job
        return job

    def newest(self, job_id):
        if (job_id, 0) not in self.versions:
            raise JobNotFoundError(job_id)
        number = 0
        while (job_id, number + 1) in self.versions:
            number += 1
        return number, self.versions[job_id, number]

    def get(self, job_id):
        return self.newest(job_id)[1]

    def update_status(self, job_id, target, result=None, error=None):
        while True:
            number, job = self.newest(job_id)
            new = moved(job, target, result, error)
            if self.versions.setdefault((job_id, number + 1), new) is new:
                return new

    def count(self):
        return len(self.latest)


class ReadWrite(Guarded):
    def __init__(self):
        super().__init__()
        self.changed = threading.Condition(threading.Lock())
        self.readers, self.writing = 0, False

    @contextlib.contextmanager
    def reading(self):
        with self.changed:
            while self.writing:
                self.changed.wait()
            self.readers += 1
        try:
            yield
        finally:
            with self.changed:
                self.readers -= 1
                self.changed.notify_all()

    @contextlib.contextmanager
    def guard(self):
        with self.changed:
            while self.writing or self.readers:
                self.changed.wait()
            self.writing = True
        try:
            yield
        finally:
            with self.changed:
                self.writing = False
                self.changed.notify_all()

    def get(self, job_id):
        with self.reading():
            if job_id not in self.jobs:
                raise JobNotFoundError(job_id)
            return self.jobs[job_id]

    def count(self):
        with self.reading():
            return len(self.jobs)


class Unguarded(Guarded):
    """For one thread alone."""

    def guard(self):
        return contextlib.nullcontext()


class Behind:
    """Hands every call to one thread, and waits for what it says."""

    def create(self, input_hash):
        return self.ask("create", input_hash)

    def get(self, job_id):
        return self.ask("get", job_id)

    def update_status(self, job_id, target, result=None, error=None):
        return self.ask("update_status", job_id, target, result, error)

    def count(self):
        return self.ask("count")


class Actor(Behind):
    kind = queue.Queue

    def __init__(self):
        self.jobs, self.mail = Unguarded(), self.new_queue()
        self.ready = threading.Event()
        threading.Thread(target=self.work, daemon=True).start()
        self.ready.wait()

    def new_queue(self):
        return queue.Queue()

    def work(self):
        self.ready.set()
        while True:
            answer, name, arguments = self.mail.get()
            try:
                answer.put((getattr(self.jobs, name)(*arguments), None))
            except Exception as error:  # noqa: BLE001 - raised where it was asked for
                answer.put((None, error))

    def ask(self, name, *arguments):
        answer = self.new_queue()
        self.mail.put((answer, name, arguments))
        value, error = answer.get()
        if error is not None:
            raise error
        return value


class SimpleActor(Actor):
    def new_queue(self):
        return queue.SimpleQueue()


class Pool(Behind):
    def __init__(self):
        self.jobs, self.pool = Unguarded(), ThreadPoolExecutor(1)

    def ask(self, name, *arguments):
        return self.pool.submit(getattr(self.jobs, name), *arguments).result()


class TwoPools(Pool):
    def __init__(self):
        super().__init__()
        self.jobs, self.other = PlainLock(), ThreadPoolExecutor(2)

    def ask(self, name, *arguments):
        pool = self.other if name == "get" else self.pool
        return pool.submit(getattr(self.jobs, name), *arguments).result()


class Async(Behind):
    def __init__(self):
        self.jobs = Unguarded()
        self.loop = asyncio.new_event_loop()
        self.lock = asyncio.Lock()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def do(self, name, *arguments):
        async with self.lock:
            await asyncio.sleep(0.01)
            return getattr(self.jobs, name)(*arguments)

    def ask(self, name, *arguments):
        return asyncio.run_coroutine_threadsafe(self.do(name, *arguments), self.loop).result()


class Late(PlainLock):
    """Writes behind: a timer takes out what is old, and nothing ever is."""

    def create(self, input_hash):
        job = super().create(input_hash)
        timer = threading.Timer(60, self.jobs.get, (job.job_id,))
        timer.daemon = True
        timer.start()
        return job


def closure():
    """Make a repository of functions that share variables."""
    jobs, lock, number = {}, threading.Lock(), 0

    def create(input_hash):
        nonlocal number
        job = new_job(input_hash)
        with lock:
            jobs[job.job_id] = job
            number += 1
        return job

    def get(job_id):
        with lock:
            if job_id not in jobs:
                raise JobNotFoundError(job_id)
            return jobs[job_id]

    def update_status(job_id, target, result=None, error=None):
        with lock:
            if job_id not in jobs:
                raise JobNotFoundError(job_id)
            jobs[job_id] = moved(jobs[job_id], target, result, error)
            return jobs[job_id]

    def count():
        with lock:
            return number

    class Closure:
        pass

    made = Closure()
    made.create, made.get, made.update_status, made.count = create, get, update_status, count
    return made


CORRECT = {
    kind.__name__: kind
    for kind in (
        PlainLock, ReentrantLock, ConditionLock, SemaphoreLock, BoundedLock, Imported, OfModule,
        OfModuleReentrant, OfClass, Dataclass, Slots, Cached, Generator, Timed, Spinning, Ticket,
        Token, Slow, Impatient, Logging, Drawing, Sharded, LockPerJob, CopyOnWrite, CompareAndSwap,
        ReadWrite, Actor, SimpleActor, Pool, TwoPools, Async, Late, closure,
    )
}  # fmt: skip
"""All of them by name."""
