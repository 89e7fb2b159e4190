"""What the actors of a threaded run with feedback share."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.scenario.dynamics import Retry
from jobsim.tables.derive import jobs_from_calls
from jobsim.threads.actors import Stage
from jobsim.virtual.rules import TOKEN


class Owed:
    """How much is still to come; thread-safe.

    Whatever makes a repository call later (a planned request, a running patience, a queued
    payment, a job that the reaper will fail, a piece of news that a client has not read) holds
    one unit from before it can be the only one. So nothing is owed only when nothing more can
    happen, although unpaid and stuck jobs may be left.

    Parameters
    ----------
    over
        Called once nothing is owed any more.
    """

    def __init__(self, over: Callable[[], None]) -> None:
        self._over = over
        self._lock = threading.Lock()
        self._units = 0  # guarded by _lock

    def add(self, units: int = 1) -> None:
        """Owe more; whoever adds holds a unit already, or the run has not begun."""
        with self._lock:
            self._units += units

    def done(self, units: int = 1) -> None:
        """Owe less."""
        with self._lock:
            self._units -= units
            is_over = not self._units
        if is_over:
            self._over()


class RetryBudget:
    """A bucket of tokens that all clients share; thread-safe. See `Retry`."""

    def __init__(self, retry: Retry | None) -> None:
        # Whole parts of a token, as in virtual time: ten tenths are one.
        budget = None if retry is None else retry.budget
        self._share = None if budget is None else round(budget * TOKEN)
        self._burst = 0 if retry is None else retry.burst * TOKEN
        self._lock = threading.Lock()
        self._parts = self._burst  # guarded by _lock

    def deposit(self) -> None:
        """Put in what a new request is worth."""
        if self._share is not None:
            with self._lock:
                self._parts = min(self._parts + self._share, self._burst)

    def take(self) -> bool:
        """Take a token; return False if there is none."""
        if self._share is None:
            return True
        with self._lock:
            enough = self._parts >= TOKEN
            self._parts -= enough * TOKEN
            return enough


class Running(NamedTuple):
    """A job that a worker moved to RUNNING."""

    job: int
    job_id: str
    started: float


class RunningJobs:
    """The jobs that a reaper has to look at; thread-safe. Each is owed until it is dropped."""

    def __init__(self, owed: Owed) -> None:
        self._owed = owed
        self._lock = threading.Lock()
        self._jobs: dict[int, Running] = {}  # guarded by _lock

    def add(self, running: Running) -> None:
        """Watch a job."""
        self._owed.add()
        with self._lock:
            self._jobs[running.job] = running

    def drop(self, job: int) -> None:
        """Watch a job no more, if anybody did."""
        with self._lock:
            was_there = self._jobs.pop(job, None) is not None
        if was_there:
            self._owed.done()

    def started_by(self, moment: float) -> list[Running]:
        """Return the jobs that were started at a moment or before it, by number."""
        with self._lock:
            found = [running for running in self._jobs.values() if running.started <= moment]
        return sorted(found)


class News(NamedTuple):
    """What a client is told: that a job of its ended, when, and whether it was COMPLETED."""

    job: int
    at: float
    completed: bool


Mailbox = queue.SimpleQueue[News | None]
"""News for one client; None says that the run is over."""


@dataclass
class FeedbackStage(Stage):
    """What the actors of a run with feedback share.

    The arrays have an entry a row of the workload, NaN where it never happened. Each entry is
    written by one thread only, the client or worker that has the job, and read after the end.

    Attributes
    ----------
    intended, asked
        When the client meant to ask, and when it was free to; they differ in a paced loop.
    left
        When the client left for good.
    released, crashed
        When the job's worker let go of it, and whether that is because it died or had to go.
    mailboxes
        One a client.
    """

    owed: Owed = field(kw_only=True)

    def __post_init__(self) -> None:
        workload = self.workload
        rows, scenario = len(workload), workload.scenario
        self.intended = np.full(rows, np.nan)
        self.asked = np.full(rows, np.nan)
        self.left = np.full(rows, np.nan)
        self.released = np.full(rows, np.nan)
        self.crashed = np.zeros(rows, dtype=np.bool_)
        if scenario.users is None:
            first = slice(None, None, workload.attempts)
            self.intended[first] = self.asked[first] = workload.arrival[first]
        self.budget = RetryBudget(scenario.retry)
        # A unit for each client, so that nothing is over before all have begun.
        self.owed.add(scenario.clients)
        self.running = None if scenario.reaper is None else RunningJobs(self.owed)
        self.mailboxes: list[Mailbox] = [queue.SimpleQueue() for _ in range(scenario.clients)]

    def client_of(self, job: int) -> int:
        """Return the client whose job this is."""
        request = job // self.workload.attempts
        users = self.workload.scenario.users
        return (request if users is None else request % users) % len(self.mailboxes)

    def tell(self, news: News) -> None:
        """Let a job's client know that it ended."""
        self.owed.add()
        self.mailboxes[self.client_of(news.job)].put(news)

    def close(self) -> None:
        """Let every actor end."""
        super().close()
        for mailbox in self.mailboxes:
            mailbox.put(None)

    def rows(self) -> NDArray[np.intp]:
        """Return the rows of the workload that were asked for: the jobs of the run."""
        return np.flatnonzero(~np.isnan(self.intended))

    def jobs(self, calls: pd.DataFrame) -> pd.DataFrame:
        """Return the table of jobs, by their numbers in `calls`."""
        rows, attempts = self.rows(), self.workload.attempts
        return jobs_from_calls(
            calls,
            arrival=self.intended[rows],
            asked=self.asked[rows],
            delay=self.workload.delay[rows],
            zero_ns=self.clock.zero_ns,
            seconds_per_ns=self.clock.seconds_per_ns,
            workers=self.workload.scenario.workers,
            request=(rows // attempts).astype(np.int32),
            attempt=(rows % attempts + 1).astype(np.int8),
            released=self.released[rows],
            crashed=self.crashed[rows],
            left=self.left[rows],
        )
