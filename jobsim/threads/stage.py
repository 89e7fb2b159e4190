"""What a session runs: the actors of one run, their beginning and end, and their results."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from jobsim.domain.marks import actor_name
from jobsim.repository.recorded import RecordedRepository
from jobsim.run.hosts import RemoteHost
from jobsim.run.info import Unreturned
from jobsim.scenario.workload import Workload
from jobsim.threads import pressing
from jobsim.threads.actor import Actor, Created
from jobsim.threads.cast import cast
from jobsim.threads.clock import WallClock
from jobsim.threads.paced import PacedDesk
from jobsim.threads.play import Play


class Calling(Protocol):
    """What the main thread uses of an actor's recorder."""

    @property
    def name(self) -> str:
        """The actor's name."""

    def is_inside_call(self) -> bool:
        """Return whether a call is open."""


class Player(Protocol):
    """One thread of a run: `run` is its body, `fault` the exception that ended it, if one did."""

    fault: BaseException | None

    @property
    def recorder(self) -> Calling:
        """What makes its calls."""

    def run(self) -> None:
        """Act until there is no more to do; never raises."""


class Setting(NamedTuple):
    """What every stage is made from.

    Attributes
    ----------
    workload
        The jobs.
    recorded
        Records the calls.
    clock
        Decides when calls are due, and stamps them.
    over
        Called when nothing more can happen, from any thread and perhaps more than once.
    """

    workload: Workload
    recorded: RecordedRepository
    clock: WallClock
    over: Callable[[], None]


class Stage(ABC):
    """The actors of one run; every method is for the main thread.

    Attributes
    ----------
    actors
        In the order in which they are started.
    play
        The calendar and its rules; None if the run ignores its schedule. Read after the last actor
        has ended.
    processes
        How many processes the actors are spread over.
    died, lost
        The processes that ended during the run, one phrase each, and the names of those whose last
        calls are not known; read after `close`.
    hosts
        Hosts with another clock; read after `close`.
    unreturned
        Actors of other processes that never returned from a call; read after `close`.
    """

    clock: WallClock
    play: Play | None = None
    actors: Sequence[Player]
    processes: int = 1
    died: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    hosts: tuple[RemoteHost, ...] = ()
    unreturned: tuple[Unreturned, ...] = ()

    @abstractmethod
    def begin(self) -> None:
        """Let the actors act; all of their threads have been started."""

    @abstractmethod
    def close(self) -> None:
        """Let every actor end."""

    @abstractmethod
    def settled(self) -> int:
        """Return how many requests are settled."""

    @abstractmethod
    def created(self) -> dict[int, str]:
        """Return the id of every created job by its row, in order."""

    def faults(self) -> Iterator[BaseException]:
        """Return the faults of the engine."""
        return (actor.fault for actor in self.actors if actor.fault is not None)


class Pressed(Stage):
    """Threads that never wait: see `jobsim.threads.pressing`."""

    def __init__(self, setting: Setting) -> None:
        workload, recorded, self.clock, self._over = setting
        scenario = workload.scenario
        queue = pressing.Confirmed(producers=scenario.clients)
        self._press = pressing.Press(workload, queue)
        self.actors: list[pressing.Presser] = [
            pressing.ACTORS[role](index, self._press, recorded.actor(actor_name(role, index)))
            for role, index in cast(scenario)
        ]

    def begin(self) -> None:
        """Let the actors act."""
        self.clock.start()
        self._press.go.set()

    def close(self) -> None:
        """Let every actor end."""
        # In this order: a thread that `go` or the queue wakes finds `stop` set.
        self._press.stop.set()
        self._press.go.set()
        self._press.queue.close()

    def settled(self) -> int:
        """Return how many jobs are settled."""
        return sum(actor.settled for actor in self.actors)

    def created(self) -> dict[int, str]:
        """Return the id of every created job by its row, in order."""
        return dict(sorted(self._press.created))


class Paced(Stage):
    """Threads that play the calendar on the wall clock: see `jobsim.threads.paced`."""

    def __init__(self, setting: Setting) -> None:
        workload, recorded, self.clock, over = setting
        self.play: Play = Play(workload, restless=True)
        self._created = Created()
        self._desk = PacedDesk(self.play, self.clock, over=over)
        self.actors = [
            self._actor(number, role, index, recorded)
            for number, (role, index) in enumerate(cast(workload.scenario))
        ]
        self._timekeeper = threading.Thread(
            target=self._desk.keep_time, name="jobsim timekeeper", daemon=True
        )

    def _actor(self, number: int, role: str, index: int, recorded: RecordedRepository) -> Actor:
        recorder = recorded.actor(actor_name(role, index))
        return Actor(number, self.play, self._desk, recorder, self._created)

    def begin(self) -> None:
        """Start time, and with it the calls of the actors."""
        # The clock first: the timekeeper uses it to wait for the first event.
        self.clock.start()
        self._timekeeper.start()

    def close(self) -> None:
        """Let every actor and the timekeeper end."""
        self._desk.close()
        if self._timekeeper.ident is not None:
            self._timekeeper.join()  # it makes no repository call, so it cannot hang in one

    def settled(self) -> int:
        """Return how many requests are settled."""
        return self.play.settled

    def created(self) -> dict[int, str]:
        """Return the id of every created job by its row, in order."""
        return dict(sorted(self._created.id_of.items()))

    def faults(self) -> Iterator[BaseException]:
        """Return the faults of the engine."""
        yield from super().faults()
        if self._desk.fault is not None:
            yield self._desk.fault


MakeStage = Callable[[Setting], Stage]
"""Makes a stage."""
