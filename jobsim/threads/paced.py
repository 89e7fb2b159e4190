"""The calendar on the wall clock: calls fall due as time passes, several are under way at once.

The calendar and its rules belong to one lock; calls are made outside it. One thread, the
timekeeper, waits for the moment at which the next entry of the calendar is due, and lays calls on
the desks of their actors. Every other thread waits before a gate of its own, a plain lock that is
closed (acquired) except while its actor is being woken. That is all the waiting there is.

No wake-up is lost: an actor looks at its desk, and says that it waits, under the lock. Whoever
lays a call there does so under the lock as well, so either the actor finds the call, or it is seen
to wait, and its gate is opened, once, for `_waits` is cleared with it.

Nor does the timekeeper oversleep: whoever answers a call may have put something earlier into the
calendar than what it waits for, and notifies it then, under the lock that its wait gives back.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from jobsim.threads.clock import WallClock
from jobsim.threads.play import POLL, Call, Play
from jobsim.virtual.state import FAR


class PacedDesk:
    """Gives actors their calls when the wall clock says so; thread-safe.

    Parameters
    ----------
    play
        What is going to happen; guarded by the lock of this desk from `keep_time` on.
    clock
        The run's.
    over
        Called once when nothing more can happen, by some thread, under the lock.

    Attributes
    ----------
    fault
        The exception that ended the timekeeper, if one did.
    """

    def __init__(self, play: Play, clock: WallClock, *, over: Callable[[], None]) -> None:
        self._play = play
        self._clock = clock
        self._over = over
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)  # for the timekeeper alone
        self._calls: list[deque[Call]] = [deque() for _ in range(play.actors)]  # guarded by _lock
        self._waits = [False] * play.actors  # who stands before its gate; guarded by _lock
        self._gates = [threading.Lock() for _ in range(play.actors)]
        self._due = FAR  # what the timekeeper waits for; guarded by _lock
        self._begun = False  # guarded by _lock
        self._closed = False  # guarded by _lock
        self.fault: BaseException | None = None
        for gate in self._gates:
            gate.acquire()

    def keep_time(self) -> None:
        """Lay out calls as they fall due, until the run is over: body of the timekeeper."""
        try:
            with self._lock:
                self._begun = True
                while not self._closed:
                    self._lay_out()
                    self._due = self._play.next_due()
                    wait = None if self._due == FAR else self._clock.remaining(self._due)
                    if wait is None or wait > 0:
                        self._clock.source.wait(self._changed, wait)
        except Exception as exc:  # noqa: BLE001 - reported by the main thread
            self.fault = exc
            self._over()

    def next(self, actor: int) -> Call | None:
        """Wait for the actor's next call; None if there will be no more."""
        while True:
            with self._lock:
                if self._closed:
                    return None
                if self._calls[actor]:
                    return self._calls[actor].popleft()
                self._waits[actor] = True
            self._gates[actor].acquire()

    def done(self, call: Call, outcome: int, returned_ns: int) -> None:
        """Let the rules go on from an answer, and lay out what has fallen due."""
        with self._lock:
            self._play.answer(call, outcome, self._clock.tick(returned_ns))
            self._lay_out()
            if self._play.next_due() < self._due:
                self._changed.notify()

    def abandon(self, call: Call) -> None:
        """Take note that a call will have no answer: its actor is gone, and makes no more.

        To the rules it is for ever inside that call, so they ask it for nothing else that waits
        for it; but the run need not wait for it.
        """
        with self._lock:
            self._play.open_calls -= call.what != POLL
            if self._play.over:
                self._over()

    def close(self) -> None:
        """Let every present and future `next` return None, and the timekeeper end."""
        with self._lock:
            self._closed = True
            self._changed.notify()
            for actor in range(len(self._gates)):
                self._wake(actor)

    def _lay_out(self) -> None:
        """Lay what is due on the desks of its actors; called under _lock."""
        now = self._clock.tick(self._clock.now_ns())
        while self._begun and not self._closed and (due := self._play.next(now)) is not None:
            actor, call = due
            self._calls[actor].append(call)
            self._wake(actor)
        if self._play.over:
            self._over()

    def _wake(self, actor: int) -> None:
        if self._waits[actor]:
            self._waits[actor] = False
            self._gates[actor].release()
