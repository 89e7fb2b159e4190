"""The rules of a service, played by actors whose calls on a repository take time.

One calendar says what is going to happen: that of `jobsim.virtual.rules`. `Play` takes out of it
which actor has to make which call, and puts in what follows from the answers. It knows no thread
and no clock; whoever has one asks `next` for calls up to a moment, and says `answer` when one has
returned.
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
"""What a poller asks of the repository; the other calls are those of `jobsim.virtual.state`."""

SERVED = -1
"""The outcome of a create that was not made: an earlier attempt had come through."""


class Call(NamedTuple):
    """A call that an actor has to make: what, about which row of the workload."""

    what: int
    number: int  # of the row; of the poller, for a poll
    worker: int  # NEVER where it is not a worker that calls


class Play:
    """What is going to happen in one run; for one thread at a time, which its user sees to.

    Actors are numbered: clients first, then workers, the reaper, and pollers.

    Parameters
    ----------
    workload
        The jobs.
    restless
        Whether a poller without an interval looks again at once. Otherwise it looks whenever a call
        of another actor has returned, for time would stand still for ever.

    Attributes
    ----------
    sim
        What the rules work on.
    asked
        When each row was asked for, in ticks; also where the create failed.
    open_calls
        How many calls an actor was given that have not been answered, polls not among them.
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
        self._unpaid = 0  # requests whose client will not learn of an end
        self._first_worker = scenario.clients
        self._reaper = scenario.clients + scenario.workers
        self._first_poller = self._reaper + (scenario.reaper is not None)
        self.actors = self._first_poller + scenario.pollers
        self._interval = round(scenario.poll_interval * TICKS_PER_SECOND)
        # (time, poller), a heap. Pollers come last in an instant, and keep no run alive.
        self._polls = [(self._interval, number) for number in range(scenario.pollers)]
        self._restless = restless
        self._dozing: list[int] = []  # pollers that look again when something has happened

    def next(self, until: int) -> tuple[int, Call] | None:
        """Let everything happen up to the next call; return it after the number of its actor.

        None if no call is due up to the tick `until`.
        """
        poll = self._polls[0][0] if self._polls else FAR
        # What is due in the instant of a poll, or before, goes first.
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
        """Go on after a call: its outcome, in the codes of `jobsim.domain.codes`, and when."""
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
            # In virtual time nobody has to play this: see `recursion.rejections`.
            again = self.asked[number] + job.delay + lag
            heappush(self.sim.calendar, (max(now, again), PAID, number))

    def _actor(self, what: int, number: int, worker: int) -> int:
        if worker != NEVER:
            return self._first_worker + worker
        return self._reaper if what == FAIL else self._client_of[number // self.attempts]

    def next_event(self) -> int:
        """Return when something happens next, polls apart; FAR if nothing will."""
        request = self.sim.state[REQUEST]
        if request == len(self.sim.requests):
            return self.sim.calendar[0][0]
        return min(self.sim.calendar[0][0], self.sim.jobs[request * self.attempts].intended)

    def next_due(self) -> int:
        """Return when something is due next, polls included; FAR if nothing is."""
        if self.over:
            return FAR  # for what `next` never hands out is not due
        event = self.next_event()
        return min(event, self._polls[0][0]) if self._polls else event

    @property
    def over(self) -> bool:
        """Whether nothing more can happen, although unpaid and stuck jobs may be left."""
        return not self.open_calls and self.next_event() == FAR

    @property
    def settled(self) -> int:
        """How many requests have come to an end, or wait for a payment that never comes."""
        return self.sim.state[SETTLED] + self._unpaid

    def is_settled(self, number: int) -> bool:
        """Return whether the request of a row has come to its end; for any thread."""
        return bool(self.sim.requests[number // self.attempts].settled)

    def open_attempts(self, number: int) -> Iterator[int]:
        """Return the earlier attempts of a row's request that may still end; for any thread."""
        first = number - number % self.attempts
        jobs = self.sim.jobs
        return (row for row in range(first, number) if jobs[row].status in (AWAITING, RUNNING))


def _whole_ticks(seconds: NDArray[np.float64]) -> list[int]:
    ticks = np.where(np.isnan(seconds), NEVER, seconds * TICKS_PER_SECOND)
    return ticks.astype(np.int64).tolist()  # type: ignore[no-any-return]
