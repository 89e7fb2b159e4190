"""Passing the turn: one thread has it, and every other thread waits at a gate.

A thread under control has a number and a gate, a plain lock that is normally closed (acquired). The
turn is passed to a thread by opening (releasing) its gate once, and the thread closes the gate by
passing it. So no gate is opened twice without being passed in between: only the thread that has the
turn opens gates, and after opening one it waits or ends.

Two more kinds of thread use a world. A thread that is not under control may release a lock that a
controlled one waits for (`wake`). And the thread that called `Control.run` takes the turn from a
thread that blocks where control does not reach, and gives it to another (`set_aside`). Because of
these two, all state that decides which thread may go on is guarded by `guard`.

This file is long on purpose. Whether a hand-over can be lost, or two threads can have the turn, is
easiest to check with every place that opens a gate or writes `current` and `ready` in one file.
What they use is in files of its own: `waits`, `polling`, `call_time`, `protocols`, `here`.
"""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable, Hashable, Mapping
from types import FrameType
from typing import Any

from jobsim.turns import real
from jobsim.turns.call_time import CallTime
from jobsim.turns.deadlock import Deadlock, describe
from jobsim.turns.polling import Polling
from jobsim.turns.protocols import Calendar, Recorder, Schedule
from jobsim.turns.waits import Waiting, Waits

MAKER = 0
"""The number of the thread that calls the factory."""

TIMED_OUT, WOKEN, NOT_NEEDED = range(3)
"""How a wait ended."""

PATIENCE = 10_000
"""How often `Abort` is raised in threads that catch it and go on."""


class Abort(BaseException):
    """Ends a controlled thread whose run is over; the code under test should not catch it."""


class World:
    """The threads of one run, what each waits for, and the virtual time.

    Made by `Control`. Every method is for the thread that has the turn unless it says otherwise.

    Attributes
    ----------
    now
        Virtual time in ticks; jumps when no thread can go on, and stands still otherwise.
    held
        While above 0, no point offers the turn.
    """

    def __init__(
        self,
        schedule: Schedule,
        spans: Mapping[int, frozenset[int]],
        arm: Callable[[World, int], None],
        disarm: Callable[[], None],
    ) -> None:
        self.schedule = schedule
        self.arm = arm  # called in each controlled thread when it begins
        self._disarm = disarm
        self.spans = spans  # offsets of calls and `with`, by the id of a code object
        self.recorder: Recorder | None = None
        self.calendar: Calendar | None = None
        self.now = 0
        self.held = 0
        self.points = 0  # in the repository's own code
        self.spun = False  # whether there were more points than the schedule allows
        self.silent = False  # whether points are no longer counted
        self.handed = 0
        # Reentrant, since a calendar wakes threads while it is called under the guard.
        self.guard = real.RLock()
        self.current: int | None = None  # the thread that has the turn; guarded by guard
        self.ready: list[int] = []  # the others that can go on, longest first; guarded by guard
        self.waits = Waits()  # guarded by guard
        self._polling = Polling()
        self.aside: set[int] = set()  # blocked outside control; guarded by guard
        self.outside: list[tuple[str, str]] = []  # every time that happened: thread, where
        self.numbers: dict[int, int] = {}  # by thread ident; one atomic operation each
        self.names: list[str] = []
        self.gates: list[Any] = []
        # By thread; written by the thread that has the turn.
        self.fresh: list[bool] = []  # whether it has touched nothing since it was chosen
        self.asked: list[bool] = []  # whether the schedule was asked at its last point
        self.wants: dict[int, Any] = {}  # the real lock that it is about to take
        self.ended: set[int] = set()
        self.wanted: set[int] = set()  # the run goes on until these have ended
        self.errors: dict[int, BaseException] = {}
        self.failed: int | None = None  # the body that raised first
        self.prompting = False  # a debugger waits for a person
        self.deadlock: Deadlock | None = None
        self.running = False  # whether the turn may be given to a thread; guarded by guard
        self.making = False  # whether the factory is being called
        self.over = False  # whether no thread may go on any more; written under guard
        self.aborting = False
        self.done = real.allocate_lock()  # opened once, when the run is over
        self.done.acquire()
        # Numbers of threads that end after an abort.
        self.farewell: queue.SimpleQueue[int] = real.SimpleQueue()
        self._refused = 0
        self.loops: list[Any] = []  # event loops that were made in this run
        self._taking: dict[int, CallTime] = {}  # by thread; each writes its own entry

    # Threads.

    def register(
        self, name: str, *, wanted: bool = False, ready: bool = True, gate: Any = None
    ) -> int:
        """Give a new thread a number and a closed gate; the thread itself need not run yet.

        A thread that is kept between runs already waits at its own `gate`.
        """
        if gate is None:
            gate = real.allocate_lock()
            gate.acquire()
        with self.guard:
            number = len(self.gates)
            self.gates.append(gate)
            self.names.append(name)
            self.fresh.append(True)
            self.asked.append(False)
            if wanted:
                self.wanted.add(number)
            if ready:
                self.ready.append(number)
        return number

    def me(self) -> int | None:
        """Return the calling thread's number, None if it is not under control; any thread."""
        return self.numbers.get(real.get_ident())

    def enter(self, number: int, *, through: bool) -> None:
        """Wait at the gate for the first turn, unless the thread is already `through` it."""
        self.numbers[real.get_ident()] = number
        if not through:
            self._pass(number)
        elif self.aborting:
            raise Abort

    def leave(self, number: int) -> None:
        """End this thread: pass the turn on, and wake the threads that join this one."""
        with self.guard:
            self.ended.add(number)
            self.numbers.pop(real.get_ident(), None)
            self.waits.forget(number)
            self.wake(("join", number))
            if self.aborting:
                self.farewell.put(number)
                return
            if self.wanted and self.wanted <= self.ended:
                self.finish()
            elif self.current == number or self.current is None:
                self._open_next()
            # Otherwise this thread had been set aside, and another one has the turn now.

    def add(self, number: int) -> None:
        """Let a registered thread take turns from now on."""
        with self.guard:
            self.ready.append(number)

    def withdraw(self, number: int) -> None:
        """Forget a registered thread that could not be started."""
        with self.guard:
            self.ended.add(number)

    # The hand-over.

    def step(self, me: int) -> None:
        """Offer the turn at a point of the repository's own code."""
        if self.silent:
            return
        self.points += 1
        if self.points > self.schedule.most_points:
            self.spun = True
            self.finish()
        if self.current != me or self.over:
            self._come_back(me)
        if me in self._taking:
            self._take(me)
        if self.fresh[me] and self.schedule.prunes:
            # This thread has touched nothing since it was chosen. So a switch here would give the
            # same answers as a choice of the other thread then, with a stricter order of calls.
            self.fresh[me] = self.asked[me] = False
            return
        if not self.ready or self.held:
            self.asked[me] = False
            return
        self.asked[me] = True
        to = self.schedule.at_point(me, self.ready)
        if to != me:
            self._switch(me, to)

    def step_at_lock(self, me: int, frame: FrameType) -> None:
        """Offer the turn where a thread is about to take a lock; `frame` is its caller's."""
        if self.current != me or self.over:
            self._come_back(me)
        if self.ready and not self.held:
            again = self.asked[me] and frame.f_lasti in self.spans.get(id(frame.f_code), ())
            to = self.schedule.at_lock(me, self.ready, again=again)
            if to != me:
                self._switch(me, to)

    def offer(self) -> None:
        """Offer the turn between two calls on the repository."""
        me = self.numbers[real.get_ident()]
        if self.current != me or self.over:
            self._come_back(me)
        if self.ready and not self.held:
            to = self.schedule.at_point(me, self.ready)
            if to != me:
                self._switch(me, to)
        self.fresh[me] = True

    def rest(self) -> None:
        """Offer no more turns: this is the last thread of the program.

        Points are still counted in a run that is recorded, since they number its steps.
        """
        self.held += 1
        if self.recorder is None:
            self.silent = True
            self._disarm()

    def _switch(self, me: int, to: int) -> None:
        """Pass the turn to `to`, and wait among the threads that can go on."""
        with self.guard:
            if self.current == me and not self.over:
                self.ready.remove(to)
                self.ready.append(me)
                self._open(to)
            else:
                # The turn was taken away since `step` looked: queue up like a returning thread.
                self._queue_up(me)
        self._pass(me)

    def _open(self, to: int) -> None:
        """Give the turn to `to`; called under guard, when no other thread is going on."""
        self.handed += 1
        # Before the gate opens: the thread behind it may pass the turn on at once, and its own
        # write of `current` has to come after this one.
        self.current = to
        self.gates[to].release()

    def _pass(self, me: int) -> None:
        """Wait for the turn; return with it, or raise `Abort`."""
        self.gates[me].acquire()
        if self.aborting:
            raise Abort

    def _abort(self) -> None:
        """Raise `Abort`, at most `PATIENCE` times in all: some code catches it and goes on."""
        self._refused += 1
        if self._refused > PATIENCE:
            forever = real.allocate_lock()
            forever.acquire()
            self.guard.release()
            forever.acquire()  # it is a daemon thread, and nobody waits for it any more
        raise Abort

    def _open_next(self, me: int | None = None) -> bool:
        """Choose the next thread and open its gate; return True if it is `me`; under guard.

        If no thread can go on, either one outside control will come back, and until then no thread
        has the turn, or the run is over.
        """
        # When the run is over, gates are opened only to let threads unwind.
        to = None if self.over else self._next()
        if to is None:
            self.current = None
            return False
        if to == me:
            self.current = me
            return True
        self._open(to)
        return False

    def _next(self) -> int | None:
        while not self.ready:
            if not self._let_time_pass():
                return None
        ready = self.ready
        to = ready[0] if len(ready) == 1 else self.schedule.choose(ready)
        ready.remove(to)
        return to

    # Waiting.

    def wait(self, on: Hashable, until: int | None = None) -> bool:
        """Pass the turn on until `wake(on)` is called, or until the tick `until`.

        Returns False if time ended the wait.
        """
        return self.wait_unless(on, until) != TIMED_OUT

    def wait_unless(
        self, on: Hashable, until: int | None, unless: Callable[[], bool] | None = None
    ) -> int:
        """Wait like `wait`, unless `unless` returns True after the wait has been entered.

        Returns how the wait ended: `TIMED_OUT`, `WOKEN` or `NOT_NEEDED`.
        """
        me = self.numbers[real.get_ident()]
        self._polling.forget(me)
        return self._wait(me, on, until, unless)

    def _wait(
        self, me: int, on: Hashable, until: int | None, unless: Callable[[], bool] | None = None
    ) -> int:
        """Wait as `wait_unless` does, but without forgetting that the thread polls."""
        if self.current != me or self.over:
            self._come_back(me)
        entry = Waiting(on, until)
        with self.guard:
            self.waits.add(me, entry)
            # A thread that is not under control first releases the lock and then looks for
            # waiters. So either it finds this entry, or it had released the lock before the entry
            # was made, and `unless` succeeds. No wake-up is lost.
            if unless is not None and unless():
                self.waits.forget(me)
                return NOT_NEEDED
            self.waits.set_timer(me, entry)
            if self.current == me:
                mine = self._open_next(me)
            else:
                # Set aside between the look above and taking the guard: another thread may have
                # the turn. This thread is now waiting, as it would be anyway.
                self.aside.discard(me)
                mine = self.current is None and not self.over and self._open_next(me)
        if not mine:
            self._pass(me)
        return TIMED_OUT if entry.timed_out else WOKEN

    def wait_until(self, tick: int) -> None:
        """Let time pass for this thread alone, up to a tick."""
        if tick > self.now:
            self.wait(object(), tick)

    def yield_turn(self) -> None:
        """Let other threads go on, as `time.sleep(0)` does; if there are none, let time pass."""
        me = self.numbers[real.get_ident()]
        if self.current != me or self.over:
            self._come_back(me)
        if self.held:
            return
        if self.ready:
            to = self.schedule.at_yield(me, self.ready)
            if to != me:
                self._switch(me, to)
        elif self.waits.timed or self.calendar is not None:
            # A thread that spins waits for one that sleeps.
            self._poll(me)

    def read_clock(self, me: int) -> int:
        """Return the time; it passes for a thread that reads it again and again."""
        if self._polling.reads(me):
            self._poll(me)
        return self.now

    def _poll(self, me: int) -> None:
        tick = self._polling.until(me, self.now)
        if tick > self.now:
            self._wait(me, object(), tick)

    def progress(self) -> None:
        """Take note that a call on the repository begins or has returned: threads make progress."""
        self._polling.forget_all()

    def wake(self, on: Hashable) -> int:
        """End all waits on `on`, so that these threads can go on in their turn; any thread.

        Returns how many there were. The turn stays where it is, unless no thread had it.
        """
        if on not in self.waits.on:  # without the guard, which `_wait` shows to be safe
            return 0
        with self.guard:
            numbers = self.waits.end(on)
            self.ready += numbers
            if numbers and self.current is None and self.running and not self.over:
                self._open_next()
        return len(numbers)

    def _let_time_pass(self) -> bool:
        """Make the next event happen, since no thread can go on; return whether there was one.

        At the same tick, timed waits end before events of the calendar, in the order in which they
        began.
        """
        limit = self.waits.first_limit()
        if self.calendar is not None and self.calendar.idle(limit):
            return True
        if limit is None:
            self._nobody_goes_on()
            return False
        self._end_first_wait()
        return True

    def pass_time(self, most: int) -> None:
        """End the timed wait that ends first, if it ends within `most` ticks.

        Even though threads can go on, as if all of them were slow. For use in schedules.
        """
        if not self.waits.timed:
            return
        with self.guard:
            limit = self.waits.first_limit()
            if limit is not None and limit - self.now <= most and not self.over:
                self._end_first_wait()

    def _end_first_wait(self) -> None:
        limit, number = self.waits.end_first()
        self.now = max(self.now, limit)
        self.ready.append(number)

    def _nobody_goes_on(self) -> None:
        if self.over or self.aside or self._waits_for_others():
            return  # `current` becomes None: a thread that returns, or is woken, goes on
        self.deadlock = describe(self)
        self.finish()

    def _waits_for_others(self) -> bool:
        """Return whether a lock that is waited for is held by a thread outside control."""
        for entry in self.waits.of.values():
            holder = getattr(entry.on, "holder", None)
            if holder is not None and holder not in self.numbers:
                return True
        return False

    # Scenario time inside a call.

    def take(self, ticks: int, points: int) -> None:
        """Let `ticks` pass during the call that begins, spread over `points` points.

        Locks that the thread holds stay held meanwhile, which models contention.
        """
        me = self.numbers[real.get_ident()]
        self._taking[me] = CallTime(ticks, max(points, 1))

    def taken(self) -> int:
        """Let the rest of the call's time pass; return how many points the call had."""
        me = self.numbers[real.get_ident()]
        taking = self._taking.pop(me)
        self.wait_until(self.now + taking.rest)
        return taking.seen

    def _take(self, me: int) -> None:
        share = self._taking[me].at_point()
        if share:
            self.wait(object(), self.now + share)

    # Threads that block outside control.

    def set_aside(self, suspect: int, points: int, handed: int, where: str) -> bool:
        """Take the turn from a thread that blocks outside control; for the watching thread.

        Does nothing and returns False if the thread has moved since it was looked at.
        """
        with self.guard:
            if self.over or (self.current, self.points, self.handed) != (suspect, points, handed):
                return False
            self.aside.add(suspect)
            self.outside.append((self.names[suspect], where))
            self._open_next()
            return True

    def _come_back(self, me: int) -> None:
        """Queue up after blocking outside control: another thread may have the turn."""
        with self.guard:
            if self.aborting:
                self._abort()
            if self.current == me and not self.over:
                return
            self._queue_up(me)
            # If no thread has the turn, all others were waiting for this one.
            mine = not self.over and self.current is None and self._open_next(me)
        if not mine:
            self._pass(me)

    def _queue_up(self, me: int) -> None:
        self.aside.discard(me)
        self.ready.append(me)

    # The end.

    def begin(self) -> None:
        """Give the first turn; for the thread that called `Control.run`."""
        with self.guard:
            self.running = True
            self._open_next()

    def begin_making(self, maker: int) -> None:
        """Give the calling thread the turn, under the number `maker`, to call the factory."""
        self.numbers[real.get_ident()] = maker
        with self.guard:
            self.running = self.making = True
            self.current = maker

    def end_making(self, maker: int) -> None:
        """Take the turn from the maker; no thread has it until the run begins."""
        with self.guard:
            self.running = self.making = False
            self.ended.add(maker)
            self.numbers.pop(real.get_ident(), None)
            self.waits.forget(maker)
            self.current = None

    def fail(self, number: int, error: BaseException) -> None:
        """Keep what a thread raised; a wanted one ends the run."""
        if self.aborting:
            return  # it was told to end, so what it raises while unwinding does not count
        self.errors[number] = error
        if number in self.wanted:
            self.failed = number if self.failed is None else self.failed
            self.finish()

    def finish(self) -> None:
        """Let no thread go on any more; a thread that reaches a point stops there."""
        with self.guard:
            if not self.over:
                self.over = True
                self.done.release()
                if self.making:
                    # The maker is the thread that would watch, so no other can end its wait.
                    self.aborting = True
                    self.gates[MAKER].release()

    def frame_of(self, number: int) -> Any:
        """Return the innermost frame of a thread, None if it has ended; any thread."""
        frames = sys._current_frames()
        for ident, owner in list(self.numbers.items()):
            if owner == number:
                return frames.get(ident)
        return None
