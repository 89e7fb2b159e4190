"""The state that the rules of a service work on: jobs, requests, workers, and three small heaps.

Times are whole ticks, so that nothing is rounded; -1 stands for never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from jobsim.domain.codes import NO_STATUS

NEVER = -1
FAR = 2**62  # later than any event

ENDED, CRASHED, REAP, DOWN, UP, GAVE_UP, ASK, PAID = range(8)
"""Kinds of events: work ends, a worker dies during a job, the reaper looks at a job, an outage
begins, a worker comes back, a client's patience runs out, a client asks, a payment is due."""

NOTHING, CREATE, START, END, FAIL = range(-1, 4)
"""Kinds of calls on the repository: a client creates a job; a worker starts one or submits its
end; the reaper fails one."""

TOKEN = 2**20
"""The cost of one retry, in the units of a retry budget."""

NOW, REQUEST, BUCKET, SETTLED = range(4)
"""Positions in `Simulation.state`: the current time, the next request of an open loop, the content
of the retry budget's bucket, and how many requests are settled."""


@dataclass(slots=True)
class Job:
    """One attempt of a request: what was drawn for it, and what happened to it.

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
    released: int = NEVER  # when its worker became free of it
    rejected: int = 0  # refused confirmations and results
    crashed: int = NEVER  # 1 if its worker died or went away
    reaped: int = NEVER  # 1 if the reaper failed it
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
    """One request: which attempt its client waits for, and whether it is settled."""

    waits_for: int = NEVER
    settled: int = 0  # 1 once the client has a result or has left


@dataclass(slots=True)
class Outage:
    """An outage of the workers with the lowest numbers, from one time until another."""

    at: int
    until: int
    workers: int


class Rules(NamedTuple):
    """The parameters that hold for all jobs; times in ticks."""

    attempts: int
    users: int  # 0 in an open loop
    paced: bool
    doors: int  # users of a closed loop make no more requests from this time on
    timeout: int  # NEVER without a reaper
    from_creation: bool  # whether the timeout counts from the creation of a job, not its start
    every: int
    budget: int  # what a request adds to the bucket, NEVER without a budget
    burst: int
    asks: bool  # whether calls are made; if not, the repository is assumed to accept at once


class Simulation(NamedTuple):
    """The whole state of the rules; for numba the first four lists are arrays of records."""

    jobs: list[Job]
    requests: list[Request]
    workers: list[Worker]
    outages: list[Outage]
    rules: Rules
    calendar: list[tuple[int, int, int]]  # (time, kind, number), a heap that ends in FAR
    ready: list[tuple[int, int]]  # (paid, job), a heap that ends in FAR
    idle: list[tuple[int, int]]  # (free since, worker), a heap; some are out of date
    state: list[int]  # see NOW, REQUEST, BUCKET and SETTLED
