"""Factories of repositories for tests of several processes: they can be imported there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobsim.domain.models import Job, JobStatus
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.testing.broken_sql import LockInTheProcess
from jobsim.testing.sql_steps import AUTOCOMMIT


def lock_in_the_process(url: str) -> LockInTheProcess:
    """Return SELECT then UPDATE under a lock that no other process sees."""
    return LockInTheProcess(url, isolation=AUTOCOMMIT)


class Killed(SqlJobRepository):
    """Right, but in one process SIGKILL comes at the n-th update: before it, or after it.

    That is the last one, or that of `pid`. The updates of the others wait for that, so it comes to
    its n-th and leaves work.
    """

    def __init__(self, url: str, killed: Path, nth: int, after: bool, pid: int = 0) -> None:
        super().__init__(url)
        self._killed, self._nth, self._after = killed, nth, after
        self._mine = os.getpid() == pid or multiprocessing.current_process().name == "jobsim-1"
        self._lock = threading.Lock()
        self._updates = 0  # guarded by _lock

    def update_status(self, job_id: str, target: JobStatus, *more: Any, **texts: Any) -> Job:
        """Update, unless that is too much to ask."""
        while not self._mine and not self._killed.exists():
            time.sleep(0.001)
        with self._lock:
            self._updates += 1
            now = self._mine and self._updates == self._nth
        if now and not self._after:
            self._kill()
        job = super().update_status(job_id, target, *more, **texts)
        if now:
            self._kill()
        return job

    def _kill(self) -> None:
        self._killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)


class Orphaned(SqlJobRepository):
    """Right, but the first process is killed at the n-th update of the second."""

    def __init__(self, url: str, nth: int) -> None:
        super().__init__(url)
        self._left = nth  # guarded by _lock
        self._lock = threading.Lock()

    def update_status(self, job_id: str, target: JobStatus, *more: Any, **texts: Any) -> Job:
        """Update, and kill."""
        job = super().update_status(job_id, target, *more, **texts)
        with self._lock:
            self._left -= 1
            now = not self._left
        if now and multiprocessing.current_process().name == "jobsim-1":
            os.kill(os.getppid(), signal.SIGKILL)
        return job


class Hung(SqlJobRepository):
    """Right, but no update comes back in the second process."""

    def update_status(self, job_id: str, target: JobStatus, *more: Any, **texts: Any) -> Job:
        """Hang, or update."""
        while multiprocessing.current_process().name == "jobsim-1":
            time.sleep(1.0)
        return super().update_status(job_id, target, *more, **texts)


class Cut(SqlJobRepository):
    """Right; at the n-th update in this process, `cut` is called, once."""

    cut: Callable[[], None]
    left = 0  # updates until then; guarded by lock
    lock = threading.Lock()

    def update_status(self, job_id: str, target: JobStatus, *more: Any, **texts: Any) -> Job:
        """Update."""
        with Cut.lock:
            Cut.left -= 1
            if not Cut.left:
                Cut.cut()
        return super().update_status(job_id, target, *more, **texts)


class Stuck(SqlJobRepository):
    """Right, but no update comes back until `until` is set."""

    until: threading.Event

    def update_status(self, job_id: str, target: JobStatus, *more: Any, **texts: Any) -> Job:
        """Wait, and update."""
        self.until.wait()
        return super().update_status(job_id, target, *more, **texts)


def no_route(url: str) -> SqlJobRepository:
    """Raise."""
    raise ConnectionError(f"no route to {url}")
