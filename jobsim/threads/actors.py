"""The roles of a threaded run: clients create, workers work, pollers look."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.domain.marks import CLIENT, ERROR_TEXT, INPUT_HASH, POLLER, RESULT_TEXT, WORKER
from jobsim.domain.models import JobStatus
from jobsim.repository.recorded import ActorRecorder
from jobsim.scenario.workload import Workload
from jobsim.services.job_service import advance_job_state, create_job
from jobsim.tables.derive import jobs_from_calls
from jobsim.threads.clock import Clock
from jobsim.threads.payments import Payments


@dataclass
class Stage:
    """What the actors of one run share.

    Attributes
    ----------
    go, stop
        Set by the main thread when the run begins, and when it must end.
    created
        Number and id of every created job; clients append, pollers read, both atomically.
    """

    workload: Workload
    clock: Clock
    queue: Payments
    go: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    created: list[tuple[int, str]] = field(default_factory=list)

    def close(self) -> None:
        """Let every actor end."""
        self.stop.set()
        self.go.set()
        self.queue.close()

    def rows(self) -> NDArray[np.intp] | None:
        """Return which rows of the workload are the jobs of the run; None if all are."""
        return None

    def jobs(self, calls: pd.DataFrame) -> pd.DataFrame:
        """Return the table of jobs, as the calls tell it."""
        clock = self.clock
        return jobs_from_calls(
            calls,
            arrival=self.workload.arrival,
            delay=self.workload.delay,
            zero_ns=clock.zero_ns,
            seconds_per_ns=clock.seconds_per_ns,
            workers=self.workload.scenario.workers,
            never_waited=clock.never_waits,
        )


class Actor(ABC):
    """One thread of a run.

    An exception that the repository raised is data: it is in the history, and the actor goes
    on. Any other exception is a fault of the engine, kept in `fault`.

    Attributes
    ----------
    settled
        How many jobs came to rest by this actor's hand; written by its thread only.
    fault
        The exception that ended the thread, if one did; read after the thread has ended.
    """

    role: ClassVar[str]

    def __init__(self, index: int, stage: Stage, recorder: ActorRecorder) -> None:
        self.index = index
        self.stage = stage
        self.recorder = recorder
        self.settled = 0
        self.fault: BaseException | None = None

    def run(self) -> None:
        """Wait for the start, act, and keep what went wrong; never raises."""
        try:
            self.stage.go.wait()
            if not self.stage.stop.is_set():
                self.act()
        except BaseException as exc:  # noqa: BLE001 - reported by the main thread
            self.fault = exc

    @abstractmethod
    def act(self) -> None:
        """Do this role's work until there is no more, or the run stops."""

    def _forgive(self, exc: Exception) -> None:
        """Return if the repository raised `exc`, raise it again if the engine did."""
        if not self.recorder.noted(exc):
            raise exc

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


class Client(Actor):
    """Creates every n-th job at its arrival and sends on the confirmations of its payment."""

    role = CLIENT

    def act(self) -> None:
        """Create jobs until the schedule ends, then retire as a producer of payments."""
        try:
            self._create_all()
        finally:
            self.stage.queue.retire()

    def _create_all(self) -> None:
        workload, clock, stop = self.stage.workload, self.stage.clock, self.stage.stop
        mine = slice(self.index, None, workload.scenario.clients)
        jobs = range(len(workload))[mine]
        columns = (workload.arrival, workload.delay, workload.lag)
        schedule = zip(jobs, *(column[mine].tolist() for column in columns), strict=True)
        for job, arrival, delay, lag in schedule:
            if not clock.wait_until(arrival, stop):
                return
            job_id = self._create(job, request=job)
            if job_id is None or math.isnan(delay):
                self.settled += 1
                continue
            self._confirm(arrival + delay, job, job_id)
            if not math.isnan(lag):
                self._confirm(arrival + delay + lag, job, job_id)

    def _create(self, job: int, *, request: int) -> str | None:
        self.recorder.next_job = job
        try:
            job_id = create_job(self.recorder, INPUT_HASH.format(request=request)).job_id
        except Exception as exc:  # noqa: BLE001 - a repository may raise anything
            self._forgive(exc)
            return None
        self.stage.created.append((job, job_id))
        return job_id

    def _confirm(self, due: float, job: int, job_id: str) -> None:
        if not self.stage.clock.never_waits:
            # A confirmation that comes before its job exists is delivered once it does.
            due = max(due, self.stage.clock.at(self.recorder.returned_ns))
        self.stage.queue.put((due, job, job_id))


class Worker(Actor):
    """Takes paid jobs one at a time, first paid first served, and works on them."""

    role = WORKER

    def act(self) -> None:
        """Serve payments until there are no more."""
        # Read through a memoryview, an element is a float at once, not a numpy scalar.
        service = self.stage.workload.service.data
        fails = self.stage.workload.fails.data
        done = RESULT_TEXT.format(actor=self.recorder.name)
        failed = ERROR_TEXT.format(actor=self.recorder.name)
        clock, stop, take = self.stage.clock, self.stage.stop, self.stage.queue.take
        while (payment := take()) is not None:
            _, job, job_id = payment
            if not self._advance(job_id, JobStatus.RUNNING):
                continue
            if not clock.never_waits:
                end = clock.at(self.recorder.returned_ns) + service[job]
                if not clock.wait_until(end, stop):
                    return
            if fails[job]:
                self._advance(job_id, JobStatus.FAILED, error=failed)
            else:
                self._advance(job_id, JobStatus.COMPLETED, result=done)
            self.settled += 1


class Poller(Actor):
    """Gets one created job after the other, round robin, and counts after each round."""

    role = POLLER

    def act(self) -> None:
        """Poll until the run ends."""
        interval = self.stage.workload.scenario.poll_interval
        clock, stop, created = self.stage.clock, self.stage.stop, self.stage.created
        # At a speed-up of infinity scenario seconds are wall seconds, and so is the interval:
        # a poller that never waited would measure nothing but itself.
        wall_interval = interval if clock.never_waits else interval / clock.speedup
        step = self.index
        polled = 0
        while not stop.wait(wall_interval):
            if created:
                self._poll(created[step % len(created)][1])
                step, polled = step + 1, polled + 1
                if polled % len(created) == 0:
                    self._count()

    def _poll(self, job_id: str) -> None:
        try:
            self.recorder.get(job_id)
        except Exception as exc:  # noqa: BLE001 - a repository may raise anything
            self._forgive(exc)

    def _count(self) -> None:
        try:
            self.recorder.count()
        except Exception as exc:  # noqa: BLE001 - a repository may raise anything
            self._forgive(exc)
