"""The calendar on the wall clock: calls fall due as time passes, several are under way at once.

One lock guards the calendar and its rules; calls are made outside it. One thread, the timekeeper,
waits until the next entry of the calendar is due, and puts calls into the queues of their actors.
Every other thread waits at a gate of its own, a plain lock that is closed (acquired) except while
its actor is being woken. There is no other waiting.

No wake-up is lost: under the lock, an actor looks into its queue and notes that it waits. A call is
queued under the lock as well, so either the actor finds it, or the actor is seen to wait and its
gate is opened. The gate is opened only once, since `_waits` is cleared at the same time.

Nor does the timekeeper oversleep: an answer may add an entry to the calendar that is due earlier
than what the timekeeper waits for. Then it is notified, under the lock that its wait releases.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from jobsim.threads.clock import WallClock
from jobsim.threads.play import POLL, Call, Play
from jobsim.virtual.state import FAR


class PacedDesk:
    """Hands out calls when they are due on the wall clock; thread-safe.

    Parameters
    ----------
    play
        The calendar and its rules; guarded by the lock of this desk from `keep_time` on.
    clock
        The clock of the run.
    over
        Called when nothing more can happen, or the timekeeper fails: from any thread, perhaps
        under the lock, and perhaps more than once.

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
        self._waits = [False] * play.actors  # which actors wait at their gates; guarded by _lock
        self._gates = [threading.Lock() for _ in range(play.actors)]
        self._due = FAR  # what the timekeeper waits for; guarded by _lock
        self._begun = False  # guarded by _lock
        self._closed = False  # guarded by _lock
        self.fault: BaseException | None = None
        for gate in self._gates:
            gate.acquire()

    def keep_time(self) -> None:
        """Queue calls as they fall due, until the run is over; body of the timekeeper."""
        try:
            with self._lock:
                self._begun = True
                while not self._closed:
                    self._queue_due()
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
        """Apply the rules to an answer, and queue the calls that have fallen due."""
        with self._lock:
            self._play.answer(call, outcome, self._clock.tick(returned_ns))
            self._queue_due()
            if self._play.next_due() < self._due:
                self._changed.notify()

    def abandon(self, call: Call) -> None:
        """Take note that a call will have no answer, since its actor is gone.

        For the rules the actor stays inside that call for ever, so they give it no more calls. The
        run does not wait for it.
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

    def _queue_due(self) -> None:
        """Queue the calls that are due, and wake their actors; called under _lock."""
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
