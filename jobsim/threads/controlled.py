"""A run whose threads take turns: in scenario time, repeatable, also inside the repository."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import Any, Literal, TypeVar

from jobsim.display.progress import LiveProgress
from jobsim.domain.marks import AUDITOR, actor_name
from jobsim.domain.models import Job, JobStatus
from jobsim.repository.protocol import (
    JobRepository,
    RepositoryFactory,
    no_effect_test,
    require_repository,
)
from jobsim.repository.recorded import RecordedRepository
from jobsim.run.info import Ended, RunInfo, Unreturned
from jobsim.run.interrupts import Interrupts
from jobsim.run.run import Run, RunFailed
from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.scenario.workload import Workload
from jobsim.threads.actor import Actor, Created
from jobsim.threads.audit import Look, count_all, look
from jobsim.threads.cast import cast
from jobsim.threads.jumping import Stamps, TurnsDesk
from jobsim.threads.live import View, view
from jobsim.threads.play import POLL, Call, Play
from jobsim.threads.run_tables import run_of
from jobsim.turns.control import Control, End
from jobsim.turns.schedules import FirstReady, Seeded
from jobsim.turns.world import World

FAIR: Literal["fair"] = "fair"
"""The schedule that hands out one call at a time, in the order of the calendar."""

OWN = "jobsim "
"""The prefix of the names of the engine's threads; a repository may have threads of its own."""

TYPICAL_POINTS = 16
"""The number of points over which the time of the first call of each kind is spread."""

T = TypeVar("T")

_ENDED: dict[str | None, Ended] = {
    None: "complete",
    "time_limit": "time_limit",
    "deadlock": "deadlock",
    "hang": "hang",
    "error": "failed",
}


class Controlled:
    """The threads of one run that take turns, and the main thread's part in it.

    Parameters
    ----------
    workload
        What is run.
    factory
        Makes the repository; called once, under control.
    schedule
        "fair", or the seed of a random one.
    """

    def __init__(
        self, workload: Workload, factory: RepositoryFactory, schedule: int | Literal["fair"]
    ) -> None:
        self._workload = workload
        self._factory = factory
        self._schedule: int | Literal["fair"] = schedule
        self._fair = schedule == FAIR
        self._play = Play(workload, restless=False)
        self._created = Created()
        self._looks: dict[int, Look] = {}  # written by the auditor, read when it has ended
        self._count_before: int | None = None
        self._name = ""

    def run(self, progress: LiveProgress, wall_limit: float | None) -> Run:
        """Run the workload to its end, or to an early one, and return what was recorded."""
        started_at = datetime.now(timezone.utc)
        # The display goes on until the run is made, control only while threads take turns.
        with Interrupts() as interrupts, ExitStack() as display:
            with Control(seed=0 if self._fair else int(self._schedule)) as control:
                with interrupts.heard():  # a factory may hang, and there is nothing to keep yet
                    repository = control.make(self._factory)
                recorded, stamps = self._prepare(control, repository)
                shown = view(recorded, stamps, requests=self._workload.requests, progress=progress)
                display.enter_context(shown)
                before = time.perf_counter()
                end, ended = self._play_out(control, shown, wall_limit, interrupts)
                wall_seconds = time.perf_counter() - before
            shown.finish(self._play.settled)
            errors = (error for name, error in end.errors.items() if name.startswith(OWN))
            fault = next(errors, None)
            info = RunInfo(
                engine="threads",
                ended="failed" if fault is not None else ended,
                speedup=math.inf,
                started_at=started_at,
                wall_seconds=wall_seconds,
                repository=self._name,
                count_before=self._count_before,
                unreturned=_unreturned(end),
                schedule=self._schedule,
                points=end.points,
                outside=tuple(
                    f"{name.removeprefix(OWN)} at {where}" for name, where in end.outside
                ),
                deadlock="" if end.deadlock is None else str(end.deadlock),
            )
            run = run_of(
                self._workload,
                info,
                recorded,
                self._looks,
                created=dict(sorted(self._created.id_of.items())),
                clock=stamps,
                play=self._play,
            )
        if fault is not None:
            raise RunFailed(f"{type(fault).__name__}: {fault}", run) from fault
        return run

    def _prepare(
        self, control: Control, repository: JobRepository
    ) -> tuple[RecordedRepository, Stamps]:
        """Wrap the repository for recording, and make a thread for every actor."""
        require_repository(repository)
        self._name = type(repository).__qualname__
        world = control.world
        assert world is not None  # noqa: S101 - `make` has opened it
        stamps, timed = Stamps(world), TimedRepository(repository, world)
        wanted = repository if self._workload.call_time is None else timed
        recorded = RecordedRepository(wanted, clock_ns=stamps.now_ns)
        self._desk = TurnsDesk(self._play, world, fair=self._fair)
        self._cast(control, self._desk, recorded, timed)
        return recorded, stamps

    def _play_out(
        self, control: Control, shown: View, wall_limit: float | None, interrupts: Interrupts
    ) -> tuple[End, Ended]:
        """Let the threads run until the end, the limit or Ctrl-C."""
        schedule = FirstReady() if self._fair else Seeded(int(self._schedule))
        try:
            with interrupts.heard():
                end = control.run(
                    schedule,
                    calendar=self._desk,
                    time_limit=wall_limit,
                    on_tick=lambda: shown.update_to(self._play.settled),
                )
        except KeyboardInterrupt:
            return End(unreturned=control.close()), "interrupted"
        return end, _ENDED[end.stopped]

    def _cast(
        self,
        control: Control,
        desk: TurnsDesk,
        recorded: RecordedRepository,
        timed: TimedRepository,
    ) -> None:
        """Make a thread for every actor, and one that counts before the run and reads after it."""
        auditor = recorded.actor(AUDITOR)

        def audit() -> None:
            self._count_before = count_all(auditor)
            desk.begin()
            desk.wait_for_end()
            for row, job_id in sorted(self._created.id_of.items()):
                self._looks[row] = look(recorded, job_id)

        control.spawn(f"{OWN}{AUDITOR}", audit)
        call_time = self._workload.call_time
        ticks = None if call_time is None else (call_time * TICKS_PER_SECOND).astype(int).tolist()
        for number, (role, index) in enumerate(cast(self._workload.scenario)):
            recorder = recorded.actor(actor_name(role, index))
            actor: Actor = Actor(number, self._play, desk, recorder, self._created)
            if ticks is not None:
                actor = TimedActor(number, self._play, desk, recorder, self._created)
                actor.ticks, actor.timed = ticks, timed
            control.spawn(f"{OWN}{recorder.name}", actor.play)


class TimedActor(Actor):
    """An actor whose calls take scenario time according to `call_time`; polls take none."""

    ticks: list[int]  # by row
    timed: TimedRepository

    def perform(self, call: Call) -> int:
        """Make a call and return its outcome."""
        self.timed.take(0 if call.what == POLL else self.ticks[call.number])
        return super().perform(call)


class TimedRepository:
    """A repository whose calls take scenario time; for threads that take turns.

    The time of a call is spread over the points of the repository's code. Their number is taken
    from the last call of the same kind. So calls overlap in the middle of that code, also while
    they hold a lock.
    """

    def __init__(self, repository: JobRepository, world: World) -> None:
        self.repository = repository
        self._world = world
        self._ticks: dict[int | None, int] = {}  # by thread
        self._points: dict[str, int] = {}  # of the last call of each kind

    def take(self, ticks: int) -> None:
        """Let each call that this thread makes from now on take this many ticks."""
        self._ticks[self._world.me()] = ticks

    def create(self, input_hash: str) -> Job:
        """Store a new job."""
        return self._timed("create", self.repository.create, input_hash)

    def get(self, job_id: str) -> Job:
        """Return the job."""
        return self._timed("get", self.repository.get, job_id)

    def update_status(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None = None,
        error: str | None = None,
    ) -> Job:
        """Move the job to `target`."""
        update = self.repository.update_status
        return self._timed(target.value, update, job_id, target, result=result, error=error)

    def count(self) -> int:
        """Return how many jobs are stored."""
        return self._timed("count", self.repository.count)

    def had_no_effect(self, exc: BaseException) -> bool:
        """Return whether the repository knows that its call that raised `exc` changed nothing."""
        return no_effect_test(self.repository)(exc)

    def _timed(self, kind: str, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        ticks = self._ticks.get(self._world.me(), 0)
        if not ticks:
            return call(*args, **kwargs)
        self._world.take(ticks, self._points.get(kind, TYPICAL_POINTS))
        try:
            return call(*args, **kwargs)
        finally:
            self._points[kind] = self._world.taken()


def _unreturned(end: End) -> tuple[Unreturned, ...]:
    """Return the actors that had not returned from a call, with the line where they stood."""
    names = dict.fromkeys(end.unreturned, "") | dict(end.left)
    return tuple(
        Unreturned(actor=name.removeprefix(OWN), stack=where) for name, where in names.items()
    )
