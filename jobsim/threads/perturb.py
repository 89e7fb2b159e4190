"""Thread switches at random moments inside the repository under test, to expose its races.

Under the global interpreter lock a thread is rarely interrupted between the check and the act of
a repository that lacks a lock. So a thread yields at random moments, also in the middle of source
lines: Python may interrupt anything there that it does not guarantee to be atomic. A correct
repository gives the same answers, only later.
"""

from __future__ import annotations

import os
import random
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, ParamSpec, TypeVar

from jobsim.domain.models import Job, JobStatus
from jobsim.repository.adapt import AdaptedRepository
from jobsim.repository.protocol import JobRepository, no_effect_test
from jobsim.repository.recorded import RecordedRepository
from jobsim.turns.tool_ids import sys_monitoring, take_tool

YIELD = 0.02
"""The probability that a thread yields before an instruction; a source line has about ten."""

NAP = 0.25
"""The share of yields that sleep for `NAP_S`, so that other threads get well ahead."""

NAP_S = 50e-6

_P = ParamSpec("_P")
_R = TypeVar("_R")

_TOOL_IDS = (4, 3, 2)
"""Ids of `sys.monitoring` without a fixed meaning first, then the profiler's."""

_INSTEAD = "leave out the perturbation, or turn off a profiler or debugger"

_LIBRARY = tuple(
    f"{Path(sysconfig.get_path(name)).resolve()}{os.sep}"
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_OWN = f"{Path(__file__).resolve().parents[1]}{os.sep}"


class Perturbation:
    """A context that switches threads at random moments in a repository's own code.

    Its own code is the files that define its class and the base classes, and any other user code
    that it calls, but not the standard library, installed packages or the rest of jobsim. Only
    calls made through `call` are perturbed.

    On Python 3.12 and later it takes a tool id of `sys.monitoring`. On older versions it sets a
    trace function during each call, which hides the repository's code from a debugger or a coverage
    measurement; their trace function is restored when the call ends. Nothing is left behind after
    the exit.

    Parameters
    ----------
    repository
        The repository under test, possibly inside wrappers of jobsim.
    seed
        Each thread draws from a generator of its own, made from this and the thread's name.

    Raises
    ------
    RuntimeError
        On entry, if no tool id of `sys.monitoring` is free.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> repository = InMemoryJobRepository()
    >>> with Perturbation(repository, seed=1) as perturbation:
    ...     perturbation.call(repository.create, "a" * 64).status.value
    'awaiting_payment'
    """

    def __init__(self, repository: object, seed: int) -> None:
        self._seed = seed
        self._active = False  # written by the thread that enters, read by all
        self._own = _files_of(_unwrapped(repository))
        self._interesting: dict[str, bool] = {}  # each use is one atomic operation
        self._of_thread = threading.local()
        self._switch: _Switch = _Monitored(self) if sys.version_info >= (3, 12) else _Traced(self)

    def __enter__(self) -> Perturbation:
        self._switch.on()
        self._active = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._active = False
        self._switch.off()

    def call(self, function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call the function in this thread, perturbed while the context is entered."""
        if not self._active:
            return function(*args, **kwargs)
        mine = self._of_thread
        if not hasattr(mine, "random"):
            mine.random = random.Random(f"{self._seed} {threading.current_thread().name}")  # noqa: S311 - no secret
        mine.inside = True
        try:
            return self._switch.call(function, *args, **kwargs)
        finally:
            mine.inside = False

    def concerns(self, code: CodeType) -> bool:
        """Return whether this is code of the repository under test."""
        name = code.co_filename
        found = self._interesting.get(name)
        if found is None:
            found = self._interesting[name] = name in self._own or not _is_library(name)
        return found

    def maybe_yield(self) -> None:
        """Yield to other threads now and then, if this thread is inside a perturbed call."""
        mine = self._of_thread
        if not getattr(mine, "inside", False) or mine.random.random() >= YIELD:
            return
        time.sleep(NAP_S if mine.random.random() < NAP else 0)


class PerturbedRepository:
    """A repository whose calls are perturbed; thread-safe if the wrapped one is."""

    def __init__(self, repository: JobRepository, perturbation: Perturbation) -> None:
        self.repository = repository
        self._call = perturbation.call

    def create(self, input_hash: str) -> Job:
        """Store a new job."""
        return self._call(self.repository.create, input_hash)

    def get(self, job_id: str) -> Job:
        """Return the job."""
        return self._call(self.repository.get, job_id)

    def update_status(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None = None,
        error: str | None = None,
    ) -> Job:
        """Move the job to `target`."""
        return self._call(self.repository.update_status, job_id, target, result=result, error=error)

    def count(self) -> int:
        """Return how many jobs are stored."""
        return self._call(self.repository.count)

    def had_no_effect(self, exc: BaseException) -> bool:
        """Return whether the repository knows that its call that raised `exc` changed nothing."""
        return no_effect_test(self.repository)(exc)


class _Switch:
    """How a perturbation is notified of instructions; turned on and off by one thread."""

    def __init__(self, perturbation: Perturbation) -> None:
        self._perturbation = perturbation

    def on(self) -> None:
        """Start listening."""

    def off(self) -> None:
        """Stop listening and restore everything."""

    def call(self, function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call the function, listening to this thread during the call."""
        return function(*args, **kwargs)


class _Monitored(_Switch):
    """Listens with `sys.monitoring` to every thread, in the repository's own code."""

    def __init__(self, perturbation: Perturbation) -> None:
        super().__init__(perturbation)
        self._tool: int | None = None
        self._heard: set[CodeType] = set()

    def on(self) -> None:
        """Start listening, completely or not at all: a leftover would slow the process for good."""
        monitoring = sys_monitoring()
        self._tool = take_tool(_TOOL_IDS, _INSTEAD)
        events = monitoring.events
        try:
            monitoring.register_callback(self._tool, events.PY_START, self._enter)
            monitoring.register_callback(self._tool, events.INSTRUCTION, self._step)
            monitoring.set_events(self._tool, events.PY_START)
        except BaseException:
            self.off()
            raise

    def off(self) -> None:
        """Stop listening and free the tool id; also after a start that failed midway."""
        monitoring, tool = sys_monitoring(), self._tool
        if tool is None:
            return
        self._tool = None
        monitoring.set_events(tool, 0)
        # A copy: a thread that is still inside may add to it.
        for code in tuple(self._heard):
            monitoring.set_local_events(tool, code, 0)
        for event in (monitoring.events.PY_START, monitoring.events.INSTRUCTION):
            monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)
        self._heard.clear()

    def _enter(self, code: CodeType, _offset: int) -> None:
        tool = self._tool
        if tool is None or code in self._heard or not self._perturbation.concerns(code):
            return
        self._heard.add(code)
        monitoring = sys_monitoring()
        monitoring.set_local_events(tool, code, monitoring.events.INSTRUCTION)

    def _step(self, _code: CodeType, _offset: int) -> None:
        self._perturbation.maybe_yield()


class _Traced(_Switch):
    """Listens with `sys.settrace`, within each call and its thread only."""

    def call(self, function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(before)
            # A tracer in C, such as coverage's, resumes at the next call event. Make one here, so
            # that it sees the returns of all calls whose beginning it saw.
            _nothing()

    def _enter(self, frame: FrameType, _event: str, _arg: object) -> Any:
        if not self._perturbation.concerns(frame.f_code):
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        return self._step

    def _step(self, _frame: FrameType, event: str, _arg: object) -> Any:
        if event == "opcode":
            self._perturbation.maybe_yield()
        return self._step


def _nothing() -> None:
    pass


def _unwrapped(repository: object) -> object:
    wrappers = (AdaptedRepository, RecordedRepository, PerturbedRepository)
    while isinstance(repository, wrappers):
        repository = repository.repository
    return repository


def _files_of(repository: object) -> frozenset[str]:
    """Return the file names in the code objects that define the repository's class."""
    return frozenset(
        code.co_filename
        for base in type(repository).__mro__
        for code in map(_code_of, vars(base).values())
        if code is not None
    )


def _code_of(member: object) -> CodeType | None:
    """Return the code of a member that is the repository's own, None for all others."""
    if isinstance(member, property):
        member = member.fget
    member = getattr(member, "__func__", member)  # of a class or static method
    # A decorator's own code is not what is to be perturbed.
    while hasattr(member, "__wrapped__"):
        member = member.__wrapped__
    code = getattr(member, "__code__", None)
    if not isinstance(code, CodeType):
        return None
    # A class may contain functions of the library, for example if it inherits typing.Protocol.
    module = str(getattr(member, "__module__", ""))
    return None if module.partition(".")[0] in sys.stdlib_module_names else code


def _is_library(name: str) -> bool:
    # Code made by exec, such as a dataclass's __init__, has a name in angle brackets. So have the
    # cells of a notebook in some shells, which are the user's code.
    if name.startswith("<"):
        return not name.startswith("<ipython-input")
    path = str(Path(name).resolve())
    return path.startswith((*_LIBRARY, _OWN))
