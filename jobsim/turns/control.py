"""Control over the threads of one run after another: starts, watches and ends them."""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TypeVar

from jobsim.domain.exceptions import JobsimError
from jobsim.turns import loops, real
from jobsim.turns.chance import Draws
from jobsim.turns.crew import Crew
from jobsim.turns.deadlock import Deadlock, place_of
from jobsim.turns.farewell import end_threads
from jobsim.turns.here import HERE
from jobsim.turns.monitoring import Monitored
from jobsim.turns.outside import LOOK_S, Watch
from jobsim.turns.points import Points, files_of
from jobsim.turns.protocols import Calendar, Recorder, Schedule
from jobsim.turns.replacement import Replacement
from jobsim.turns.schedules import FirstReady
from jobsim.turns.swap import Swaps, modules_of
from jobsim.turns.threads import run_controlled
from jobsim.turns.tracing import Traced
from jobsim.turns.world import MAKER, Abort, World

HANG_S = 10.0
"""After how long without progress the run ends as a hang."""

SPIN_S = 30.0
"""How long one thread may run without a hand-over before the run ends as a hang."""

CALM_S = 0.03
"""How long a run is not watched at first."""

TELL_S = 0.1
"""How often `on_tick` is called."""

T = TypeVar("T")


class ControlError(JobsimError):
    """Control cannot begin: another run has it, or the run was not opened with `make`."""


class FactoryError(JobsimError):
    """A factory cannot go on under control; the text says which thread waits for what."""


@dataclass(frozen=True)
class End:
    """How a run under control ended.

    Attributes
    ----------
    errors
        What bodies and threads of the repository raised, by thread name.
    deadlock
        Which thread waits for what, if none could go on.
    outside
        Each time that a thread was found blocked where control does not reach: its name and
        the source line. Such a run proves nothing.
    points
        How many points in the repository's own code were passed. If none, nothing was controlled.
    stopped
        None if all bodies ended, else "deadlock", "hang", "time_limit" or "error".
    left
        Threads that had not ended when the run was over, and where they stood.
    unreturned
        Threads that did not end even when they were told to.
    handed
        How often the turn was passed to another thread.
    """

    errors: dict[str, BaseException] = field(default_factory=dict)
    deadlock: Deadlock | None = None
    outside: tuple[tuple[str, str], ...] = ()
    points: int = 0
    stopped: str | None = None
    left: tuple[tuple[str, str], ...] = ()
    unreturned: tuple[str, ...] = ()
    handed: int = 0


@dataclass(frozen=True)
class _Body:
    name: str
    body: Callable[[], object]
    wanted: bool


class Control:
    """Controls the threads of a repository under test, for one run or many.

    Only one can be entered at a time in a process. For the thread that made it; that thread calls
    the factory, and watches while bodies run.

    Parameters
    ----------
    seed
        Seed of the bytes that the code under test draws from `os.urandom`.
    keep_threads
        Whether to keep the threads of bodies for the next run, which is cheaper. It is not done if
        a module under test has a `threading.local`, whose state would be kept too.

    Attributes
    ----------
    world
        The threads of the current run; None before the first `make`.
    points
        The points of all code seen so far.
    same_draws
        Whether every run draws the same bytes. Set it to False for a store that outlives a run:
        it would get the same ids again.
    stuck
        Real locks that were found and could not be replaced: threads may block outside control.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> from jobsim.turns.control import Control
    >>> from jobsim.turns.schedules import Seeded
    >>> with Control(seed=1) as control:
    ...     repository = control.make(InMemoryJobRepository)
    ...     for name in ("a", "b"):
    ...         control.spawn(name, lambda: repository.create("a" * 64))
    ...     end = control.run(Seeded(1))
    >>> end.stopped is None, end.points > 0, repository.count()
    (True, True, 2)
    """

    def __init__(self, *, seed: int = 0, keep_threads: bool = False) -> None:
        self.points = Points()
        self.world: World | None = None
        self.keep_threads = keep_threads
        self._tracer: Traced | Monitored = (
            Monitored(self.points) if sys.version_info >= (3, 12) else Traced(self.points)
        )
        self._draws = Draws(seed)
        self._replacement = Replacement(self._tracer.rearm, self._draws, self.points)
        self._swaps = Swaps(self._replacement.factories)
        self._of_modules = 0  # how many of the swaps are in modules
        self._walks = True  # whether the objects of a repository hold anything to swap
        self._crew = Crew()
        self._kept: set[int] = set()  # numbers of the crew's threads that are in this run
        self._bodies: list[_Body] = []
        self.same_draws = True
        self._runs = 0
        self._blocks = False  # whether a thread has blocked outside control
        self._factory: object = None  # the factory whose modules were searched last

    def __enter__(self) -> Control:
        with _TAKING:
            if HERE.taken:
                raise ControlError(
                    "another run has control of the threads of this process; wait for its end, "
                    "or run one of them in a process of its own"
                )
            HERE.taken = True
        try:
            self._tracer.begin()
            self._replacement.begin()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # The last callback runs first. Each runs even if another raises: nothing stays replaced.
        with contextlib.ExitStack() as undo:
            undo.callback(_let_go)
            undo.callback(self._crew.dismiss)
            undo.callback(self._tracer.end)
            undo.callback(self._replacement.end)
            undo.callback(self._swaps.put_back)
            undo.callback(self.close)

    @property
    def stuck(self) -> tuple[str, ...]:
        """Where real locks were found that could not be replaced."""
        return tuple(self._swaps.stuck)

    def make(self, factory: Callable[[], T], then: Callable[[T], object] | None = None) -> T:
        """Open a new run and call the factory in it, as its thread number 0.

        `then` is called with the repository, still in that thread.

        Threads that the factory starts belong to the run. Before the run begins they only take
        turns while the factory waits for them.

        Raises
        ------
        FactoryError
            If the factory waits for something that never happens.
        """
        self.close()
        if factory is not self._factory:
            self._factory = factory
            self._swaps.put_back()
            self._swaps.swap(vars(module) for module in modules_of(factory))
            self._of_modules = len(self._swaps)
            self._walks = True
        self._runs += 1
        self._draws.restart(0 if self.same_draws else self._runs)
        self._swaps.reset()
        world = self.world = World(FirstReady(), self.points.spans, self._arm, self._tracer.leave)
        world.register("the factory", ready=False)
        world.begin_making(MAKER)
        HERE.world = world
        try:
            made = factory()
            if self._walks:
                self._learn(made)
            if then is not None:
                then(made)
        except Abort:
            raise FactoryError(f"the factory cannot go on\n{world.deadlock}") from None
        finally:
            world.end_making(MAKER)
        return made

    def _learn(self, made: object) -> None:
        """Find out which files are under test, and swap the locks of the repository's objects."""
        if self.points.learn(files_of(made)) or not self.points.of:
            self._tracer.prepare(map(vars, modules_of(made)))
        self._swaps.put_back(self._of_modules)
        # All objects of a factory are taken to be alike: if the first holds nothing, none does.
        self._walks = self._swaps.swap([made]) > 0

    def spawn(self, name: str, body: Callable[[], object], *, wanted: bool = True) -> None:
        """Add a thread to the next run; the run ends when all wanted threads have ended."""
        self._bodies.append(_Body(name, body, wanted))

    def run(
        self,
        schedule: Schedule,
        *,
        calendar: Calendar | None = None,
        recorder: Recorder | None = None,
        time_limit: float | None = None,
        on_tick: Callable[[], None] | None = None,
    ) -> End:
        """Run the bodies to their end, one thread at a time, as the schedule says.

        Parameters
        ----------
        schedule
            Chooses the next thread if several can go on.
        calendar
            Events of virtual time, for when no thread can go on.
        recorder
            Notified of every point and lock.
        time_limit
            Seconds of the wall clock; None for no limit.
        on_tick
            Called in the calling thread every `TELL_S` seconds.

        Raises
        ------
        ControlError
            If `make` was not called before.
        """
        world = self.world
        if world is None:
            raise ControlError("call make before run: it opens the run")
        world.schedule, world.calendar, world.recorder = schedule, calendar, recorder
        bodies, self._bodies = self._bodies, []
        # State of a module's `threading.local` would be kept with a thread.
        kept = self.keep_threads and not self._swaps.local
        self._kept.clear()
        gates = self._crew.gates(len(bodies)) if kept else [None] * len(bodies)
        numbers = [
            world.register(body.name, wanted=body.wanted, gate=gate)
            for body, gate in zip(bodies, gates, strict=True)
        ]
        schedule.begin(world)
        for place, (number, body) in enumerate(zip(numbers, bodies, strict=True)):
            self._start(world, number, body, place if kept else None)
        world.begin()
        stopped = self._watch(world, time_limit, on_tick)
        self._blocks = self._blocks or bool(world.outside)
        left = _left(world)
        unreturned = self.close()
        if stopped is None and world.deadlock is not None:
            stopped = "deadlock"
        if stopped is None and world.spun:
            stopped = "hang"
        if stopped is None and world.failed is not None:
            stopped = "error"
        return End(
            errors={world.names[number]: error for number, error in world.errors.items()},
            deadlock=world.deadlock,
            outside=tuple(world.outside),
            points=world.points,
            stopped=stopped,
            left=left if stopped is not None else (),
            unreturned=unreturned,
            handed=world.handed,
        )

    def _start(self, world: World, number: int, body: _Body, place: int | None) -> None:
        """Give a body to the kept thread at `place`, or to a new one."""
        work = (world, number, body.body)
        if place is None:
            run = threading.Thread(target=run_controlled, args=work, name=body.name, daemon=True)
            real.start(run)
        else:
            # Like a new thread, a kept one begins with no context variable set.
            self._kept.add(number)
            new = contextvars.Context()
            self._crew.give(place, body.name, lambda: new.run(run_controlled, *work, True))

    def _watch(
        self, world: World, time_limit: float | None, on_tick: Callable[[], None] | None
    ) -> str | None:
        """Wait for the end of the run; return why it was stopped from here, if it was."""
        # Most runs are over before a look is needed, and on a busy machine a look costs more than
        # the run. Once threads have blocked outside control, those of later runs will too.
        if world.done.acquire(timeout=LOOK_S if self._blocks else CALM_S):
            return None
        clock = real.CLOCKS["monotonic"]
        watch = Watch(world)
        begun = told = clock()
        while not world.done.acquire(timeout=LOOK_S):
            now = clock()
            if not world.prompting and (watch.look() > HANG_S or watch.spins() > SPIN_S):
                return "hang"
            if time_limit is not None and now - begun > time_limit:
                return "time_limit"
            if on_tick is not None and now - told >= TELL_S:
                told = now
                on_tick()
        return None

    def close(self) -> tuple[str, ...]:
        """End what is left of the current run; return the threads that did not end."""
        world = self.world
        if world is None or (world.aborting and not world.making):
            return ()
        with world.guard:
            world.over = world.aborting = True
            left = [n for n in range(1, len(world.gates)) if n not in world.ended]
        if not left:
            loops.close(world.loops)
            return ()
        stayed = end_threads(world, left)
        loops.close(world.loops)
        if self._kept.intersection(left):
            # A thread that was not waiting at its gate when that was opened has left it open.
            self._crew.abandon()
        return stayed

    def _arm(self, world: World, number: int) -> None:
        self._tracer.thread(world, number)


def _left(world: World) -> tuple[tuple[str, str], ...]:
    numbers = [n for n in sorted(world.wanted) if n not in world.ended]
    return tuple((world.names[n], str(place_of(world.frame_of(n)) or "?")) for n in numbers)


def _let_go() -> None:
    HERE.world = None
    HERE.taken = False


_TAKING = real.Lock()  # held while control is taken; giving it up is a single write
