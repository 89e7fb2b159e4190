"""The rules of a service: what happens when, and what its actors ask of the repository.

With retries, reapers, crashes, outages, patience and closed loops one job affects the times of
others, so the recursion of `jobsim.virtual.recursion` does not apply. Nothing is drawn here: all
random choices are in the workload, and feedback only moves times.

Every rule that needs the repository has two halves. `next_call` advances to the next call that an
actor has to make; `answer` takes the outcome of a call and its time. The threads of
`jobsim.threads` make the calls. In virtual time there are none (`Rules.asks`): the repository is
assumed to answer at once and correctly, and the second half follows the first directly. So the same
code serves both. numba compiles it for arrays of records that have the fields of the plain Python
objects, and results are equal to the last bit.

All rules are in one file because those of workers and clients call each other, and because numba
compiles them as one namespace.

Events at the same instant happen in the order of the kinds of `jobsim.virtual.state`, then by
number. Jobs are started one at a time, after all other events of their instant.
"""

from __future__ import annotations

from heapq import heappop, heappush

from jobsim.domain.codes import AWAITING, COMPLETED, ERROR, FAILED, ILLEGAL, OK, RUNNING
from jobsim.virtual.state import (
    ASK,
    BUCKET,
    CRASHED,
    CREATE,
    DOWN,
    END,
    ENDED,
    FAIL,
    FAR,
    GAVE_UP,
    NEVER,
    NOTHING,
    NOW,
    PAID,
    REAP,
    REQUEST,
    SETTLED,
    START,
    TOKEN,
    UP,
    Job,
    Outage,
    Request,
    Rules,
    Simulation,
    Worker,
)


def play(
    jobs: list[Job],
    requests: list[Request],
    workers: list[Worker],
    outages: list[Outage],
    rules: Rules,
    state: list[int],
) -> None:
    """Play all events, from time 0 to the last one, and write the results into the jobs."""
    next_call(begin(jobs, requests, workers, outages, rules, state), FAR - 1)


def begin(
    jobs: list[Job],
    requests: list[Request],
    workers: list[Worker],
    outages: list[Outage],
    rules: Rules,
    state: list[int],
) -> Simulation:
    """Return a service at time 0: all workers free, all users thinking."""
    calendar = [(FAR, ENDED, NEVER)]
    ready, idle = [(FAR, NEVER)], [(FAR, NEVER)]
    sim = Simulation(jobs, requests, workers, outages, rules, calendar, ready, idle, state)
    state[REQUEST] = len(requests) if rules.users else 0
    state[BUCKET] = rules.burst
    for number in range(len(outages)):
        heappush(sim.calendar, (outages[number].at, DOWN, number))
    for number in range(len(workers)):
        set_free(sim, number, 0)
    for user in range(min(rules.users, len(requests))):
        think(sim, user, 0, 0)
    return sim


def next_call(sim: Simulation, until: int) -> tuple[int, int, int]:
    """Play all events up to the next call; return its kind, its job and its worker.

    The kind is NOTHING if no call is due up to the time `until`. The worker is NEVER if a client or
    the reaper makes the call.
    """
    now, request = sim.state[NOW], sim.state[REQUEST]
    due = next_arrival(sim, request)
    what, number, worker = NOTHING, NEVER, NEVER
    while what == NOTHING:
        event = sim.calendar[0]
        # A retry at the same instant comes first: its request, and so its number, is lower.
        arrives = due < event[0] or (due == event[0] and event[1] > ASK)
        if arrives:
            event = (due, ASK, request * sim.rules.attempts)
        if event[0] > now and sim.ready[0][0] != FAR:
            worker = take(sim)
            if worker != NEVER:
                number = sim.workers[worker].holds
                if sim.rules.asks:
                    what = START
                else:
                    start(sim, number, worker, now)
                continue
        if event[0] > until:
            break
        if arrives:
            request += 1
            due = next_arrival(sim, request)
        else:
            heappop(sim.calendar)
        now, kind, number = event
        what = happen(sim, kind, number, now)
        worker = sim.jobs[number].worker if what == END else NEVER
    sim.state[NOW], sim.state[REQUEST] = now, request
    return what, number, worker


def next_arrival(sim: Simulation, request: int) -> int:
    """Return when the next request of an open loop is due; FAR after the last."""
    if request == len(sim.requests):
        return FAR
    return sim.jobs[request * sim.rules.attempts].intended


def happen(sim: Simulation, kind: int, number: int, now: int) -> int:
    """Play one event, and return the call that its actor has to make."""
    if kind == ENDED:
        return end_work(sim, number, now)
    if kind == REAP:
        return reap(sim, number, now)
    if kind == ASK:
        return ask(sim, number, now)
    if kind == PAID:
        heappush(sim.ready, (now, number))
    elif kind == CRASHED:
        crash(sim, number, now)
    elif kind == DOWN:
        go_down(sim, number)
    elif kind == UP:
        come_up(sim, number, now)
    elif sim.requests[number // sim.rules.attempts].waits_for == number:
        try_again(sim, number, now)
    return NOTHING


def answer(sim: Simulation, what: int, number: int, worker: int, outcome: int, now: int) -> None:
    """Apply the outcome of a call, as in `jobsim.domain.codes`, at the time `now`.

    A repository may be wrong: of a step that it accepts twice, only the first time counts.
    """
    if what == START:
        if outcome == OK and sim.jobs[number].status == AWAITING:
            start(sim, number, worker, now)
        else:
            give_back(sim, number, worker, outcome, now)
    elif what == END:
        hand_in(sim, number, worker, outcome, now)
    elif what == CREATE:
        if outcome == OK:
            create(sim, number, now)
        else:  # without a job there is nothing to wait for or to retry
            leave(sim, number, now)
    elif outcome == OK and sim.jobs[number].status == RUNNING:
        fail(sim, number, now)


# Workers


def take(sim: Simulation) -> int:
    """Let the worker that has been free longest take the first paid job; NEVER if there is none."""
    while sim.idle[0][0] != FAR:
        since, number = heappop(sim.idle)
        worker = sim.workers[number]
        if worker.free_since == since and not worker.calling:
            worker.calling = 1
            worker.holds = heappop(sim.ready)[1]
            return number
        # The entry is out of date: the worker has been away since then.
    return NEVER


def start(sim: Simulation, number: int, worker: int, now: int) -> None:
    """Let a worker begin with a job, and plan how that ends."""
    job = sim.jobs[number]
    job.started = now
    job.status = RUNNING
    job.worker = worker
    watch(sim, number, now)
    sim.workers[worker].calling = 0
    sim.workers[worker].free_since = NEVER
    if sim.workers[worker].gone_until > now:  # an outage came while it asked
        sim.workers[worker].holds = NEVER
        job.crashed = 1
        job.released = now
    elif job.crash != NEVER:
        heappush(sim.calendar, (now + job.crash, CRASHED, number))
    else:
        heappush(sim.calendar, (now + job.service, ENDED, number))


def give_back(sim: Simulation, number: int, worker: int, outcome: int, now: int) -> None:
    """Make a worker idle again as if it had not asked, since it did not start this job."""
    job = sim.jobs[number]
    if outcome == ERROR and job.status == AWAITING:  # the job may be running without a worker
        job.status = RUNNING
        watch(sim, number, now)
    elif outcome != OK:
        job.rejected += 1
    sim.workers[worker].calling = 0
    sim.workers[worker].holds = NEVER
    if sim.workers[worker].gone_until <= now:
        heappush(sim.idle, (sim.workers[worker].free_since, worker))
    else:
        sim.workers[worker].free_since = NEVER


def watch(sim: Simulation, number: int, now: int) -> None:
    """Plan the first look of the reaper at which the job is old enough."""
    if sim.rules.timeout != NEVER:
        since = sim.jobs[number].created if sim.rules.from_creation else now
        # At least a tick, so that a job is never failed in the instant in which it starts.
        old_enough = max(since + sim.rules.timeout, now + 1)
        # Looks are at multiples of `every`.
        looks = -(-old_enough // sim.rules.every)
        heappush(sim.calendar, (looks * sim.rules.every, REAP, number))


def end_work(sim: Simulation, number: int, now: int) -> int:
    """Let a worker ask for the end of its job, unless it is gone."""
    job = sim.jobs[number]
    worker = sim.workers[job.worker]
    if worker.holds != number:
        return NOTHING
    if sim.rules.asks:
        worker.calling = 1
        return END
    # Without a repository, only the result of a job that the reaper has failed is refused.
    hand_in(sim, number, job.worker, OK if job.status == RUNNING else ILLEGAL, now)
    return NOTHING


def hand_in(sim: Simulation, number: int, worker: int, outcome: int, now: int) -> None:
    """Free a worker, and end its job if the repository accepted the result."""
    job = sim.jobs[number]
    job.released = now
    sim.workers[worker].calling = 0
    sim.workers[worker].holds = NEVER
    if sim.workers[worker].gone_until <= now:
        set_free(sim, worker, now)
    if outcome == OK:
        if job.status == RUNNING:
            finish(sim, number, FAILED if job.fails else COMPLETED, now)
    else:
        job.rejected += 1


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


def reap(sim: Simulation, number: int, now: int) -> int:
    """Let the reaper fail a job that is still RUNNING, whether or not a worker is on it."""
    if sim.jobs[number].status != RUNNING:
        return NOTHING
    if sim.rules.asks:
        return FAIL
    fail(sim, number, now)
    return NOTHING


def fail(sim: Simulation, number: int, now: int) -> None:
    """Note that the reaper has failed a job, and end it."""
    sim.jobs[number].reaped = 1
    finish(sim, number, FAILED, now)


def go_down(sim: Simulation, number: int) -> None:
    """Take the workers of an outage away, and lose the jobs that they were working on."""
    outage = sim.outages[number]
    for index in range(min(outage.workers, len(sim.workers))):
        worker = sim.workers[index]
        worker.gone_until = max(worker.gone_until, outage.until)
        heappush(sim.calendar, (outage.until, UP, index))
        # A worker inside a call goes on until the answer, which is handled then.
        if not worker.calling:
            if worker.holds != NEVER:
                lost = sim.jobs[worker.holds]
                lost.crashed = 1
                lost.released = outage.at
            worker.holds = NEVER
            worker.free_since = NEVER


def come_up(sim: Simulation, number: int, now: int) -> None:
    """Let a worker take jobs again, unless another reason still keeps it away."""
    worker = sim.workers[number]
    away = worker.free_since == NEVER and worker.holds == NEVER and not worker.calling
    if away and worker.gone_until <= now:
        set_free(sim, number, now)


def set_free(sim: Simulation, number: int, now: int) -> None:
    """Make a worker idle."""
    sim.workers[number].free_since = now
    heappush(sim.idle, (now, number))


# Clients


def ask(sim: Simulation, number: int, now: int) -> int:
    """Let a client ask for a job, unless an earlier attempt has succeeded in the meantime."""
    request = sim.requests[number // sim.rules.attempts]
    if request.settled:
        return NOTHING
    request.waits_for = number
    if number % sim.rules.attempts == 0 and sim.rules.budget != NEVER:
        sim.state[BUCKET] = min(sim.state[BUCKET] + sim.rules.budget, sim.rules.burst)
    job = sim.jobs[number]
    if job.intended == NEVER:
        job.intended = now
    job.created = now  # until the repository has answered
    if sim.rules.asks:
        return CREATE
    create(sim, number, now)
    return NOTHING


def create(sim: Simulation, number: int, now: int) -> None:
    """Note that a job exists: plan its payment, and the end of its client's patience."""
    job = sim.jobs[number]
    asked = job.created
    job.created = now
    job.status = AWAITING
    if job.delay != NEVER:
        # A confirmation that is due before its job exists is delivered when it does.
        job.paid = max(now, asked + job.delay)
        heappush(sim.calendar, (job.paid, PAID, number))
    if job.patience != NEVER:
        heappush(sim.calendar, (asked + job.patience, GAVE_UP, number))


def finish(sim: Simulation, number: int, outcome: int, now: int) -> None:
    """End a job, and settle or retry its request if the client still waits for it."""
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
    """Let a client without a result retry after the backoff, or leave for good."""
    following = number + 1
    again = following % sim.rules.attempts != 0
    if again and sim.rules.budget != NEVER:
        again = sim.state[BUCKET] >= TOKEN
        if again:
            sim.state[BUCKET] -= TOKEN
    if again:
        sim.requests[number // sim.rules.attempts].waits_for = NEVER
        heappush(sim.calendar, (now + sim.jobs[following].pause, ASK, following))
    else:
        leave(sim, number, now)


def leave(sim: Simulation, number: int, now: int) -> None:
    """Let a client leave for good, without a result."""
    sim.jobs[number].left = now
    settle(sim, number, now)


def withdraw(sim: Simulation, number: int, now: int) -> None:
    """Cancel an attempt whose client found, before it asked, that an earlier one had succeeded."""
    sim.jobs[number].intended = NEVER
    sim.jobs[number].created = NEVER
    if not sim.requests[number // sim.rules.attempts].settled:
        settle(sim, number - number % sim.rules.attempts, now)


def settle(sim: Simulation, number: int, now: int) -> None:
    """Settle a request; in a closed loop its user goes on to the next one."""
    request = number // sim.rules.attempts
    sim.requests[request].settled = 1
    sim.state[SETTLED] += 1
    sim.requests[request].waits_for = NEVER
    if sim.rules.users and request + sim.rules.users < len(sim.requests):
        intended = sim.jobs[request * sim.rules.attempts].intended
        think(sim, request + sim.rules.users, intended, now)


def think(sim: Simulation, request: int, before: int, now: int) -> None:
    """Let a user think, and plan its request; `before` is when it meant to ask the last time."""
    number = request * sim.rules.attempts
    job = sim.jobs[number]
    intended = (before if sim.rules.paced else now) + job.pause
    at = max(intended, now)
    if at < sim.rules.doors:
        job.intended = intended
        heappush(sim.calendar, (at, ASK, number))
