"""What the rules of a service work on: jobs, requests, workers, and three small heaps.

Times are whole ticks, and -1 stands for never, so nothing is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from jobsim.domain.codes import NO_STATUS

NEVER = -1
FAR = 2**62  # later than any event

ENDED, CRASHED, REAP, DOWN, UP, GAVE_UP, ASK, PAID = range(8)
"""What can happen: work ends, a worker dies in the middle, the reaper looks at a job, workers
leave, a worker comes back, a client's patience runs out, a client asks, a payment is due."""

NOTHING, CREATE, START, END, FAIL = range(-1, 4)
"""What an actor may have to ask of the repository: a client, a new job; a worker, to start one or
to hand in its end; the reaper, to fail one."""

TOKEN = 2**20
"""One retry, in the units of a retry budget."""

NOW, REQUEST, BUCKET, SETTLED = range(4)
"""Places in `Simulation.state`: the instant, the next arrival of an open loop, what is in the
bucket of the retry budget, and how many requests are settled."""


@dataclass(slots=True)
class Job:
    """One attempt of a request: what was drawn for it, and what came of it.

    Rows are in order of (request, attempt). For numba it is a record of the same fields.
    """

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
    rejected: int = 0  # confirmations, and the worker's own result, that were refused
    crashed: int = NEVER  # 1 where its worker died or went
    reaped: int = NEVER  # 1 where the reaper failed it
    left: int = NEVER  # when the client left for good, on its last attempt


@dataclass(slots=True)
class Worker:
    """One worker: in a call, at work, waiting for a job, or gone."""

    holds: int = NEVER  # the row that it works on
    free_since: int = NEVER
    gone_until: int = 0
    calling: int = 0  # 1 from the moment a call is decided on until its answer


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
    from_creation: bool  # whether the timeout counts from the creation of a job, not its start
    every: int
    budget: int  # what a request puts into the bucket, NEVER without a budget
    burst: int
    asks: bool  # whether a repository is asked; if not, it is taken to agree at once


class Simulation(NamedTuple):
    """All that the rules work on; for numba the first four lists are arrays of records."""

    jobs: list[Job]
    requests: list[Request]
    workers: list[Worker]
    outages: list[Outage]
    rules: Rules
    calendar: list[tuple[int, int, int]]  # (time, kind, number), a heap that ends in FAR
    ready: list[tuple[int, int]]  # (paid, job), a heap that ends in FAR
    idle: list[tuple[int, int]]  # (free since, worker), a heap; some are out of date
    state: list[int]  # see NOW, REQUEST, BUCKET and SETTLED
