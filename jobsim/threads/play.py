"""The rules of a service, played by actors whose calls on a repository take time.

There is one calendar, that of `jobsim.virtual.rules`. `Play` takes from it which actor has to make
which call, and enters what follows from the answers. It knows neither threads nor a clock: its user
calls `next` for the calls up to a moment, and `answer` when a call has returned.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobsim.domain.codes import AWAITING, OK, RUNNING
from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.scenario.workload import Workload
from jobsim.tables.derive import client_of
from jobsim.virtual import rules
from jobsim.virtual.feedback import simulation
from jobsim.virtual.state import CREATE, FAIL, FAR, NEVER, NOTHING, NOW, PAID, REQUEST, SETTLED

POLL = 4
"""The call of a poller; the other calls are those of `jobsim.virtual.state`."""

SERVED = -1
"""The outcome of a create that was not made because an earlier attempt had succeeded."""


class Call(NamedTuple):
    """A call that an actor has to make: its kind, and the row of the workload it is about."""

    what: int
    number: int  # of the row; for a poll, of the poller
    worker: int  # NEVER if the caller is not a worker


class Play:
    """The calendar of one run and its rules; for one thread at a time, which its user ensures.

    Actors are numbered: clients first, then workers, the reaper, and pollers.

    Parameters
    ----------
    workload
        The jobs.
    restless
        Whether a poller without an interval polls again at once. Otherwise it polls after each
        call of another actor: on a clock that jumps, time would stand still for ever.

    Attributes
    ----------
    sim
        The state that the rules work on.
    asked
        When each row was asked for, in ticks, even if the create failed.
    open_calls
        How many calls have been handed out and not answered, not counting polls.
    """

    def __init__(self, workload: Workload, *, restless: bool) -> None:
        scenario = workload.scenario
        self.sim = simulation(workload)
        self.asked: dict[int, int] = {}
        self.open_calls = 0
        self.attempts = workload.attempts
        rows = np.arange(workload.requests)
        self._client_of = client_of(rows, scenario.clients, scenario.users).tolist()
        self._lag = _whole_ticks(workload.lag)
        self._unpaid = 0  # requests whose job is never paid and whose client never gives up
        self._first_worker = scenario.clients
        self._reaper = scenario.clients + scenario.workers
        self._first_poller = self._reaper + (scenario.reaper is not None)
        self.actors = self._first_poller + scenario.pollers
        self._interval = round(scenario.poll_interval * TICKS_PER_SECOND)
        # (time, poller), a heap. Polls come last in an instant, and keep no run alive.
        self._polls = [(self._interval, number) for number in range(scenario.pollers)]
        self._restless = restless
        self._dozing: list[int] = []  # pollers that poll again after the next answer

    def next(self, until: int) -> tuple[int, Call] | None:
        """Advance to the next call; return the number of its actor, and the call.

        None if no call is due up to the tick `until`.
        """
        poll = self._polls[0][0] if self._polls else FAR
        # Calls that are due at the instant of a poll, or before it, come first.
        what, number, worker = rules.next_call(self.sim, min(until, poll))
        if what != NOTHING:
            self.open_calls += 1
            if what == CREATE:
                self.asked[number] = self.sim.jobs[number].created
            return self._actor(what, number, worker), Call(what, number, worker)
        if poll > until or self.over:
            return None
        at, number = heappop(self._polls)
        self.sim.state[NOW] = max(self.sim.state[NOW], at)
        return self._first_poller + number, Call(POLL, number, NEVER)

    def answer(self, call: Call, outcome: int, now: int) -> None:
        """Apply the rules to the outcome of a call, as in `jobsim.domain.codes`, at a tick."""
        what, number, worker = call
        if what == POLL:
            if self._interval or self._restless:
                heappush(self._polls, (now + self._interval, number))
            else:
                self._dozing.append(number)
            return
        while self._dozing:
            heappush(self._polls, (now, self._dozing.pop()))
        self.open_calls -= 1
        if outcome == SERVED:
            del self.asked[number]
            rules.withdraw(self.sim, number, now)
            return
        rules.answer(self.sim, what, number, worker, outcome, now)
        if what == CREATE and outcome == OK:
            self._confirm(number, now)

    def _confirm(self, number: int, now: int) -> None:
        job, lag = self.sim.jobs[number], self._lag[number]
        if job.delay == NEVER:
            self._unpaid += job.patience == NEVER
        elif lag != NEVER:
            # In virtual time duplicates need not be played: see `recursion.rejections`.
            again = self.asked[number] + job.delay + lag
            heappush(self.sim.calendar, (max(now, again), PAID, number))

    def _actor(self, what: int, number: int, worker: int) -> int:
        if worker != NEVER:
            return self._first_worker + worker
        return self._reaper if what == FAIL else self._client_of[number // self.attempts]

    def next_event(self) -> int:
        """Return when the next event is due, polls not counted; FAR if there is none."""
        request = self.sim.state[REQUEST]
        if request == len(self.sim.requests):
            return self.sim.calendar[0][0]
        return min(self.sim.calendar[0][0], self.sim.jobs[request * self.attempts].intended)

    def next_due(self) -> int:
        """Return when the next event or poll is due; FAR if there is none."""
        if self.over:
            return FAR  # `next` hands out no more polls
        event = self.next_event()
        return min(event, self._polls[0][0]) if self._polls else event

    @property
    def over(self) -> bool:
        """Whether nothing more can happen; unpaid and stuck jobs may be left."""
        return not self.open_calls and self.next_event() == FAR

    @property
    def settled(self) -> int:
        """How many requests have ended, or wait for a payment that never comes."""
        return self.sim.state[SETTLED] + self._unpaid

    def is_settled(self, number: int) -> bool:
        """Return whether the request of a row has ended; for any thread."""
        return bool(self.sim.requests[number // self.attempts].settled)

    def open_attempts(self, number: int) -> Iterator[int]:
        """Return the earlier attempts of a row's request that may still end; for any thread."""
        first = number - number % self.attempts
        jobs = self.sim.jobs
        return (row for row in range(first, number) if jobs[row].status in (AWAITING, RUNNING))


def _whole_ticks(seconds: NDArray[np.float64]) -> list[int]:
    ticks = np.where(np.isnan(seconds), NEVER, seconds * TICKS_PER_SECOND)
    return ticks.astype(np.int64).tolist()  # type: ignore[no-any-return]
