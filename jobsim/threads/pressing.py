"""Load without waiting: clients create, workers work and pollers poll as fast as they can.

The schedule is ignored, and threads wait for work only. So a run measures the repository, and
threads meet in it as often as possible.
"""

from __future__ import annotations

import math
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from jobsim.domain.marks import CLIENT, INPUT_HASH, POLLER, WORKER, end_texts
from jobsim.domain.models import JobStatus
from jobsim.repository.actor_recorder import ActorRecorder
from jobsim.scenario.workload import Workload
from jobsim.services.job_service import advance_job_state, create_job


class Payments(Protocol):
    """Confirmed payments on their way to the workers, first in first out."""

    def put(self, payment: tuple[int, str], /) -> None:
        """Send the number and the id of a paid job."""

    def take(self) -> tuple[int, str] | None:
        """Wait for the next one; None if there will be no more."""

    def retire(self) -> None:
        """Say that one producer will put no more."""

    def close(self) -> None:
        """Make every present and future `take` return None at once."""


class Confirmed:
    """Confirmed payments that wait for a worker, first in first out; thread-safe.

    Built on the library's `SimpleQueue`, without a heap or a condition, so that a run measures the
    repository and not this queue.

    Parameters
    ----------
    producers
        How many threads put payments in. When each has called `retire` and the queue is empty,
        `take` returns None for ever.
    """

    def __init__(self, *, producers: int) -> None:
        self._queue: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._producers = producers  # guarded by _lock
        self._closed = False  # written by `close` only, once
        self.put = self._queue.put

    def take(self) -> tuple[int, str] | None:
        """Wait for the number and the id of the next paid job; None if there will be no more."""
        payment = self._queue.get()
        if payment is None or self._closed:
            self._queue.put(None)  # for the next waiting thread
            return None
        return payment

    def retire(self) -> None:
        """Say that one producer will put no more."""
        with self._lock:
            self._producers -= 1
            if not self._producers:
                self._queue.put(None)

    def close(self) -> None:
        """Make every present and future `take` return None at once."""
        self._closed = True
        self._queue.put(None)


@dataclass
class Press:
    """The state that the actors of one run share.

    Attributes
    ----------
    go, stop
        Set by the main thread when the run begins, and when it must end.
    created
        Number and id of every created job; clients append, pollers read, both atomically.
    """

    workload: Workload
    queue: Payments
    go: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    created: list[tuple[int, str]] = field(default_factory=list)


class Presser(ABC):
    """One thread of a run.

    An exception that the repository raised is data: it is in the history, and the actor goes
    on. Any other exception is a fault of the engine, kept in `fault`.

    Attributes
    ----------
    settled
        How many jobs this actor has settled; written by its thread only.
    fault
        The exception that ended the thread, if one did; read after the thread has ended.
    """

    def __init__(self, index: int, press: Press, recorder: ActorRecorder) -> None:
        self.index = index
        self.press = press
        self.recorder = recorder
        self.settled = 0
        self.fault: BaseException | None = None

    def run(self) -> None:
        """Wait for the start, act, and keep what went wrong; never raises."""
        try:
            self.press.go.wait()
            if not self.press.stop.is_set():
                self.act()
        except BaseException as exc:  # noqa: BLE001 - reported by the main thread
            self.fault = exc

    @abstractmethod
    def act(self) -> None:
        """Do this role's work until there is no more, or the run stops."""

    def _forgive(self, exc: Exception) -> None:
        """Return if the repository raised `exc`; raise it again if the engine did."""
        if not self.recorder.noted(exc):
            raise exc


class Client(Presser):
    """Creates every n-th job, and passes on the confirmations of its payment."""

    def act(self) -> None:
        """Create jobs until there are no more, then retire as a producer of payments."""
        try:
            self._create_all()
        finally:
            self.press.queue.retire()

    def _create_all(self) -> None:
        """Create this client's share of the jobs as fast as the repository lets it."""
        workload, stop, queue_ = self.press.workload, self.press.stop, self.press.queue
        # Dealt out in turn, so that each client has early and late jobs.
        mine = slice(self.index, None, workload.scenario.clients)
        jobs = range(len(workload))[mine]
        columns = zip(workload.delay[mine].tolist(), workload.lag[mine].tolist(), strict=True)
        for job, (delay, lag) in zip(jobs, columns, strict=True):
            if stop.is_set():
                return
            job_id = self._create(job)
            if job_id is None or math.isnan(delay):
                self.settled += 1
                continue
            queue_.put((job, job_id))
            if not math.isnan(lag):
                queue_.put((job, job_id))

    def _create(self, job: int) -> str | None:
        self.recorder.next_job = job
        try:
            job_id = create_job(self.recorder, INPUT_HASH.format(request=job)).job_id
        except Exception as exc:  # noqa: BLE001 - a repository may raise anything
            self._forgive(exc)
            return None
        self.press.created.append((job, job_id))
        return job_id


class Worker(Presser):
    """Takes paid jobs one at a time, first paid first served, and ends them at once."""

    def act(self) -> None:
        """Serve payments until there are no more."""
        # Read through a memoryview, an element is a bool at once, not a numpy scalar.
        fails, take = self.press.workload.fails.data, self.press.queue.take
        done, _ = end_texts(JobStatus.COMPLETED, self.recorder.name)
        _, failed = end_texts(JobStatus.FAILED, self.recorder.name)
        while (payment := take()) is not None:
            job, job_id = payment
            if not self._advance(job_id, JobStatus.RUNNING):
                continue
            if fails[job]:
                self._advance(job_id, JobStatus.FAILED, error=failed)
            else:
                self._advance(job_id, JobStatus.COMPLETED, result=done)
            self.settled += 1

    def _advance(
        self, job_id: str, target: JobStatus, result: str | None = None, error: str | None = None
    ) -> bool:
        """Return whether the repository accepted the step."""
        try:
            advance_job_state(self.recorder, job_id, target, result, error)
        except Exception as exc:  # noqa: BLE001 - a repository may raise anything
            self._forgive(exc)
            return False
        return True


class Poller(Presser):
    """Gets the created jobs in turn, round robin, and counts after each round."""

    def act(self) -> None:
        """Poll until the run ends."""
        # Scenario seconds are wall seconds here, so the interval is in wall seconds too. A poller
        # that never waited would measure only itself.
        interval = self.press.workload.scenario.poll_interval
        stop, created = self.press.stop, self.press.created
        step = self.index
        polled = 0
        while not stop.wait(interval):
            if created:
                self._look(self.recorder.get, created[step % len(created)][1])
                step, polled = step + 1, polled + 1
                if polled % len(created) == 0:
                    self._look(self.recorder.count)

    def _look(self, call: Callable[..., object], *job_id: str) -> None:
        try:
            call(*job_id)
        except Exception as exc:  # noqa: BLE001 - a repository may raise anything
            self._forgive(exc)


ACTORS: dict[str, Callable[[int, Press, ActorRecorder], Presser]] = {
    CLIENT: Client,
    WORKER: Worker,
    POLLER: Poller,
}
"""The class of actor for each role."""
