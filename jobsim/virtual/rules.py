"""Jobs with feedback in virtual time: one event loop over three small heaps.

Retries, reapers, crashes, outages, patience and closed loops let one job move another, so the
recursion of `jobsim.virtual.recursion` will not do. Nothing is drawn here: every choice lies in
the workload, feedback only moves times.

Times are whole ticks, and -1 stands for never, so nothing is rounded. In plain Python this text
works on lists of objects; numba compiles the very same text for arrays of records with the same
fields, so results are equal to the last bit.

What happens in one instant happens in the order of the kinds below, then by number. A job is
started only when nothing else is left to happen at its instant, one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

from jobsim.domain.codes import AWAITING, COMPLETED, FAILED, NO_STATUS, RUNNING

NEVER = -1
FAR = 2**62  # later than any event

ENDED, CRASHED, REAP, DOWN, UP, GAVE_UP, ASK, PAID = range(8)
"""What can happen: work ends, a worker dies in the middle, the reaper looks at a job, workers
leave, a worker comes back, a client's patience runs out, a client asks, a payment is due."""

TOKEN = 2**20
"""One retry, in the units of a retry budget."""


@dataclass(slots=True)
class Job:
    """One attempt of a request: what was drawn for it, and what came of it.

    Rows are in order of (request, attempt). For numba it is a record of the same fields.
    """

    arrival: int  # when its request comes, in an open loop
    pause: int
    delay: int
    service: int
    fails: int
    patience: int
    crash: int
    restart: int
    intended: int = NEVER  # when the client meant to ask
    created: int = NEVER
    paid: int = NEVER
    started: int = NEVER
    finished: int = NEVER
    status: int = NO_STATUS
    worker: int = NEVER
    released: int = NEVER  # when its worker let go of it
    late: int = NEVER  # 1 where the worker's own result was refused
    crashed: int = NEVER  # 1 where its worker died or went
    reaped: int = NEVER  # 1 where the reaper failed it
    left: int = NEVER  # when the client left for good, on its last attempt


@dataclass(slots=True)
class Worker:
    """One worker: at work, waiting for a job, or gone."""

    holds: int = NEVER  # the row that it works on
    free_since: int = NEVER
    gone_until: int = 0


@dataclass(slots=True)
class Request:
    """One request: whose end its client waits for, and whether it still does."""

    waits_for: int = NEVER
    settled: int = 0  # 1 once the client has a result or has left


@dataclass(slots=True)
class Outage:
    """Some workers, those with the lowest numbers, leave at a moment and come back at another."""

    at: int
    until: int
    workers: int


class Rules(NamedTuple):
    """What holds for all jobs; times in ticks."""

    attempts: int
    users: int  # 0 in an open loop
    paced: bool
    doors: int  # users of a closed loop ask nothing from here on
    timeout: int  # NEVER without a reaper
    every: int
    budget: int  # what a request puts into the bucket, NEVER without a budget
    burst: int


class Simulation(NamedTuple):
    """All that the loop works on; for numba the first four lists are arrays of records."""

    jobs: list[Job]
    requests: list[Request]
    workers: list[Worker]
    outages: list[Outage]
    rules: Rules
    calendar: list[tuple[int, int, int]]  # (time, kind, number), a heap that ends in FAR
    ready: list[tuple[int, int]]  # (paid, job), a heap that ends in FAR
    idle: list[tuple[int, int]]  # (free since, worker), a heap; some are out of date
    tokens: list[int]  # one element: what is in the bucket of the retry budget


def play(
    jobs: list[Job],
    requests: list[Request],
    workers: list[Worker],
    outages: list[Outage],
    rules: Rules,
) -> None:
    """Let everything happen, from time 0 to the last event, and write it into the jobs."""
    calendar = [(FAR, PAID, NEVER)]
    ready, idle = [(FAR, NEVER)], [(FAR, NEVER)]
    sim = Simulation(jobs, requests, workers, outages, rules, calendar, ready, idle, [rules.burst])
    for number in range(len(outages)):
        heappush(calendar, (outages[number].at, DOWN, number))
    for number in range(len(workers)):
        set_free(sim, number, 0)
    for user in range(min(rules.users, len(requests))):
        think(sim, user, 0, 0)
    request = len(requests) if rules.users else 0  # the next arrival of an open loop
    now = 0
    while True:
        event = calendar[0]
        if request < len(requests):
            first = request * rules.attempts
            arrival = (jobs[first].arrival, ASK, first)
            event = arrival if arrival < event else event  # noqa: FURB136 - numba has no such min
        if event[0] > now and ready[0][0] != FAR and start_one(sim, now):
            continue
        if event[0] == FAR:
            return
        if event == calendar[0]:
            heappop(calendar)
        else:
            request += 1
        now = event[0]
        happen(sim, event)


def happen(sim: Simulation, event: tuple[int, int, int]) -> None:
    """Let one event happen."""
    now, kind, number = event
    if kind == ENDED:
        end_work(sim, number, now)
    elif kind == CRASHED:
        crash(sim, number, now)
    elif kind == REAP:
        reap(sim, number, now)
    elif kind == DOWN:
        go_down(sim, number)
    elif kind == UP:
        come_up(sim, number, now)
    elif kind == GAVE_UP:
        if sim.requests[number // sim.rules.attempts].waits_for == number:
            try_again(sim, number, now)
    elif kind == ASK:
        ask(sim, number, now)
    else:
        heappush(sim.ready, (now, number))


def start_one(sim: Simulation, now: int) -> bool:
    """Start the first paid job at the worker that has been free longest, if there is one."""
    while sim.idle[0][0] != FAR:
        since, number = heappop(sim.idle)
        worker = sim.workers[number]
        if worker.free_since == since:
            worker.free_since = NEVER
            worker.holds = heappop(sim.ready)[1]
            start(sim, worker.holds, number, now)
            return True
        # It has been gone since then.
    return False


def start(sim: Simulation, number: int, worker: int, now: int) -> None:
    """Let a worker begin with a job, and plan how that ends."""
    job = sim.jobs[number]
    job.started = now
    job.status = RUNNING
    job.worker = worker
    if job.crash != NEVER:
        heappush(sim.calendar, (now + job.crash, CRASHED, number))
    else:
        heappush(sim.calendar, (now + job.service, ENDED, number))
    if sim.rules.timeout != NEVER:
        # The first look at which the job is old enough; looks are at multiples of `every`.
        looks = -(-(now + sim.rules.timeout) // sim.rules.every)
        heappush(sim.calendar, (looks * sim.rules.every, REAP, number))


def end_work(sim: Simulation, number: int, now: int) -> None:
    """Let a worker hand in its result, unless it is gone."""
    job = sim.jobs[number]
    if sim.workers[job.worker].holds != number:
        return
    sim.workers[job.worker].holds = NEVER
    job.released = now
    set_free(sim, job.worker, now)
    if job.status == RUNNING:
        finish(sim, number, FAILED if job.fails else COMPLETED, now)
    else:
        job.late = 1


def crash(sim: Simulation, number: int, now: int) -> None:
    """Let a worker die in the middle of its work, unless it is gone already."""
    job = sim.jobs[number]
    worker = sim.workers[job.worker]
    if worker.holds == number:
        worker.holds = NEVER
        worker.gone_until = now + job.restart
        job.crashed = 1
        job.released = now
        heappush(sim.calendar, (worker.gone_until, UP, job.worker))


def reap(sim: Simulation, number: int, now: int) -> None:
    """Fail a job that still runs, whether or not a worker is at it."""
    job = sim.jobs[number]
    if job.status == RUNNING:
        job.reaped = 1
        finish(sim, number, FAILED, now)


def go_down(sim: Simulation, number: int) -> None:
    """Let the workers of an outage go, and lose what they were working on."""
    outage = sim.outages[number]
    for index in range(min(outage.workers, len(sim.workers))):
        worker = sim.workers[index]
        if worker.holds != NEVER:
            lost = sim.jobs[worker.holds]
            lost.crashed = 1
            lost.released = outage.at
        worker.holds = NEVER
        worker.free_since = NEVER
        worker.gone_until = max(worker.gone_until, outage.until)
        heappush(sim.calendar, (outage.until, UP, index))


def come_up(sim: Simulation, number: int, now: int) -> None:
    """Let a worker take jobs again, unless another reason still keeps it away."""
    worker = sim.workers[number]
    if worker.free_since == NEVER and worker.gone_until <= now:
        set_free(sim, number, now)


def set_free(sim: Simulation, number: int, now: int) -> None:
    """Let a worker wait for a job."""
    sim.workers[number].free_since = now
    heappush(sim.idle, (now, number))


def ask(sim: Simulation, number: int, now: int) -> None:
    """Let a client ask, unless an earlier attempt has come through in the meantime."""
    request = sim.requests[number // sim.rules.attempts]
    if request.settled:
        return
    request.waits_for = number
    if number % sim.rules.attempts == 0 and sim.rules.budget != NEVER:
        sim.tokens[0] = min(sim.tokens[0] + sim.rules.budget, sim.rules.burst)
    job = sim.jobs[number]
    if job.intended == NEVER:
        job.intended = now
    job.created = now
    job.status = AWAITING
    if job.delay != NEVER:
        job.paid = now + job.delay
        heappush(sim.calendar, (job.paid, PAID, number))
    if job.patience != NEVER:
        heappush(sim.calendar, (now + job.patience, GAVE_UP, number))


def finish(sim: Simulation, number: int, outcome: int, now: int) -> None:
    """Let a job end, and its client know if it still waits."""
    job = sim.jobs[number]
    job.status = outcome
    job.finished = now
    request = sim.requests[number // sim.rules.attempts]
    if outcome == COMPLETED:
        if not request.settled:
            settle(sim, number, now)
    elif request.waits_for == number:
        try_again(sim, number, now)


def try_again(sim: Simulation, number: int, now: int) -> None:
    """Let a client that got nothing ask again after the backoff, or leave for good."""
    following = number + 1
    again = following % sim.rules.attempts != 0
    if again and sim.rules.budget != NEVER:
        again = sim.tokens[0] >= TOKEN
        if again:
            sim.tokens[0] -= TOKEN
    if again:
        sim.requests[number // sim.rules.attempts].waits_for = NEVER
        heappush(sim.calendar, (now + sim.jobs[following].pause, ASK, following))
    else:
        sim.jobs[number].left = now
        settle(sim, number, now)


def settle(sim: Simulation, number: int, now: int) -> None:
    """Let a client be done with its request, and a user of a closed loop go on to the next."""
    request = number // sim.rules.attempts
    sim.requests[request].settled = 1
    sim.requests[request].waits_for = NEVER
    if sim.rules.users and request + sim.rules.users < len(sim.requests):
        intended = sim.jobs[request * sim.rules.attempts].intended
        think(sim, request + sim.rules.users, intended, now)


def think(sim: Simulation, request: int, before: int, now: int) -> None:
    """Let a user think, and plan to ask; `before` is when it meant to ask the last time."""
    number = request * sim.rules.attempts
    job = sim.jobs[number]
    intended = (before if sim.rules.paced else now) + job.pause
    at = max(intended, now)
    if at < sim.rules.doors:
        job.intended = intended
        heappush(sim.calendar, (at, ASK, number))
