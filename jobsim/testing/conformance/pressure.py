"""Threads that race in a repository, and what makes races more likely."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum

from jobsim.threads.daemons import Daemon, stacks, wait_all
from jobsim.threads.perturb import Perturbation

SWITCH_S = 1e-5
"""The switch interval of the interpreter under pressure; usually it is 5 ms."""

GRACE_S = 0.1
"""How long a thread that was told to end may take."""


class Pressure(str, Enum):  # noqa: UP042 - like JobStatus: str first, then Enum
    """What is done to make races likely; each level adds to the one before.

    With `THREADS` they run freely. With `BARRIER` all threads meet before each round, and the
    interpreter switches threads every `SWITCH_S`. `PERTURBED` also switches them at random moments
    inside the repository's own code.
    """

    THREADS = "threads"
    BARRIER = "barrier"
    PERTURBED = "perturbed"


class Hung(Exception):  # noqa: N818 - says what happened
    """Threads did not return within the time limit; `stacks` has one text per thread."""

    def __init__(self, time_limit: float, stacks: dict[str, str]) -> None:
        super().__init__(time_limit, stacks)
        self.time_limit, self.stacks = time_limit, stacks

    def __str__(self) -> str:
        return (
            f"no answer within {self.time_limit:g} s, {', '.join(self.stacks)} never came back; "
            "a deadlock, or a time_limit that is too short for this repository"
        )


class Rounds:
    """The rounds of a race: whether there is a next one, and the barrier before it.

    Parameters
    ----------
    actors
        How many threads take part.
    budget
        Seconds after which no further round begins: a slow repository gets fewer rounds.
    meet
        Whether the threads wait for each other before each round.
    """

    def __init__(self, actors: int, budget: float, *, meet: bool) -> None:
        self._end = time.monotonic() + budget
        self._over = False  # written by one thread while all others wait at the barrier
        self._barrier = threading.Barrier(actors, self._look_at_clock) if meet else None

    def begin(self) -> bool:
        """Return whether one more round is to be played."""
        if self._barrier is None:
            return time.monotonic() < self._end
        try:
            self._barrier.wait()
        except threading.BrokenBarrierError:
            return False
        return not self._over

    def abort(self) -> None:
        """Release all waiting threads."""
        if self._barrier is not None:
            self._barrier.abort()

    def _look_at_clock(self) -> None:
        self._over = time.monotonic() >= self._end


@contextmanager
def applied(pressure: Pressure | None, perturbation: Perturbation) -> Iterator[None]:
    """Put the process under a pressure during the context, and restore it in any case."""
    if pressure in (None, Pressure.THREADS):
        yield
        return
    # The switch interval is global: no other check may run meanwhile.
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        if pressure is Pressure.PERTURBED:
            with perturbation:
                yield
        else:
            yield
    finally:
        sys.setswitchinterval(before)


def together(
    parts: Sequence[tuple[str, Callable[[], None]]],
    *,
    time_limit: float,
    abort: Callable[[], None] = lambda: None,
) -> None:
    """Run each named part in a daemon thread of its own, and wait for all of them.

    Parameters
    ----------
    parts
        Names of threads and what they do.
    time_limit
        Seconds after which threads that have not ended are left behind.
    abort
        Called when a part has failed or the time is up, so that others do not wait for it.

    Raises
    ------
    Hung
        If the time is up, with the stacks of the threads that are left.
    BaseException
        The first exception that a part raised.
    """
    faults: list[BaseException] = []  # the first is the cause: others may follow from the abort

    def failed(exc: BaseException) -> None:
        faults.append(exc)
        abort()

    daemons = [Daemon(name, part, failed) for name, part in parts]
    try:
        for daemon in daemons:
            daemon.start()
        wait_all(daemons, time_limit)
    finally:
        abort()
    wait_all(daemons, GRACE_S)  # threads that only waited for others end now
    left = stacks(daemons)
    if faults:
        raise faults[0]
    if left:
        raise Hung(time_limit, left)
