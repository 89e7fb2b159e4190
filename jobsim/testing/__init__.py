"""Tests for any repository, in a notebook and in pytest, and broken examples to try them on.

In a notebook, `check_repository` takes a class or a function that makes a repository and returns a
report. In pytest, a class with one fixture turns every check into a test; see
`RepositoryConformance`.

An asynchronous repository is tested through a synchronous wrapper. Its coroutines run on one event
loop, in a thread of its own, and interleave where they await:

>>> import asyncio, threading
>>> from jobsim import InMemoryJobRepository
>>> class AsyncRepository:
...     def __init__(self):
...         self._jobs, self._lock = InMemoryJobRepository(), asyncio.Lock()
...     async def create(self, input_hash):
...         await asyncio.sleep(0)
...         return self._jobs.create(input_hash)
...     async def get(self, job_id):
...         return self._jobs.get(job_id)
...     async def update_status(self, job_id, target, result=None, error=None):
...         async with self._lock:
...             await asyncio.sleep(0)
...             return self._jobs.update_status(job_id, target, result, error)
...     async def count(self):
...         return self._jobs.count()
>>> class Waiting:
...     def __init__(self, repository, loop):
...         self._repository, self._loop = repository, loop
...     def _wait(self, coroutine):
...         return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
...     def create(self, input_hash):
...         return self._wait(self._repository.create(input_hash))
...     def get(self, job_id):
...         return self._wait(self._repository.get(job_id))
...     def update_status(self, job_id, target, result=None, error=None):
...         return self._wait(self._repository.update_status(job_id, target, result, error))
...     def count(self):
...         return self._wait(self._repository.count())
>>> loop = asyncio.new_event_loop()
>>> thread = threading.Thread(target=loop.run_forever, daemon=True)
>>> thread.start()
>>> from jobsim.testing import CHECKS
>>> from jobsim.testing.conformance.run_check import run_check
>>> race = next(check for check in CHECKS if check.name == "one_start_wins")
>>> run_check(race, lambda: Waiting(AsyncRepository(), loop)).result
'passed'
>>> _ = loop.call_soon_threadsafe(loop.stop)
>>> thread.join()
>>> loop.close()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobsim.testing.conformance.check_repository import (
        ConformanceReport,
        NotConforming,
        check_repository,
    )
    from jobsim.testing.conformance.checks import CHECKS, Check
    from jobsim.testing.conformance.pressure import Pressure
    from jobsim.testing.conformance.pytest_class import RepositoryConformance
    from jobsim.testing.conformance.run_check import CheckResult
    from jobsim.testing.explore.exploration import Exploration
    from jobsim.testing.explore.explore import explore_repository
    from jobsim.testing.explore.programs import Program
    from jobsim.testing.explore.replay import replay_schedule
    from jobsim.testing.explore.scheduled import ScheduledRun, ScheduleViolation
    from jobsim.testing.explore.token import TokenError

# Imported on first use: only RepositoryConformance needs pytest.
_HOME = {
    "CHECKS": "conformance.checks",
    "Check": "conformance.checks",
    "CheckResult": "conformance.run_check",
    "ConformanceReport": "conformance.check_repository",
    "Exploration": "explore.exploration",
    "NotConforming": "conformance.check_repository",
    "Pressure": "conformance.pressure",
    "Program": "explore.programs",
    "RepositoryConformance": "conformance.pytest_class",
    "ScheduleViolation": "explore.scheduled",
    "ScheduledRun": "explore.scheduled",
    "TokenError": "explore.token",
    "check_repository": "conformance.check_repository",
    "explore_repository": "explore.explore",
    "replay_schedule": "explore.replay",
}

__all__ = [
    "CHECKS",
    "Check",
    "CheckResult",
    "ConformanceReport",
    "Exploration",
    "NotConforming",
    "Pressure",
    "Program",
    "RepositoryConformance",
    "ScheduleViolation",
    "ScheduledRun",
    "TokenError",
    "check_repository",
    "explore_repository",
    "replay_schedule",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'jobsim.testing' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"jobsim.testing.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
