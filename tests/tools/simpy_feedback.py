"""Jobs with feedback as SimPy processes: an oracle that shares no code with the event loop.

Users, clients, payments, workers, outages, the reaper, and the desk that hands jobs to workers
are processes that wait for each other. The arrays of a workload are read as they are, in
seconds.

What has a place among the things of one instant is a `Due`. What follows from it, such as an
interrupt, or a client that learns of its result, is done before the next one: SimPy's own
events have the priorities 0 and 1.
"""

from __future__ import annotations

import math
from heapq import heapify

import pandas as pd
import simpy

IN_ORDER = (
    "work ends", "worker dies", "reaper looks", "workers go", "worker is back", "patience ends",
    "client asks", "payment is due", "nothing else is left",
)  # fmt: skip
"""What may happen in one instant happens in this order; then by number."""

COLUMNS = (
    "request", "attempt", "arrival", "created", "paid", "started", "finished", "status", "worker",
    "rejected", "released", "crashed", "reaped", "left",
)  # fmt: skip
PLACE = {what: 2 + place * 2**32 for place, what in enumerate(IN_ORDER)}
TICKS = 2.0**20  # per second
DRAWN = ("arrival", "delay", "lag", "service", "fails", "pause", "patience", "crash", "restart")


def simulate(workload) -> pd.DataFrame:
    """Return the jobs that were asked for, by (request, attempt); workers are numbers."""
    return Service(workload).run()


class Due(simpy.Event):
    """A timeout with a place among all that happens in its instant."""

    def __init__(self, env, delay, what, number=0):
        self.env, self.callbacks = env, []
        self._ok, self._value = True, None
        env.schedule(self, PLACE[what] + number, delay)


class Job:
    """One attempt of a request, and what came of it."""

    def __init__(self, row, attempts, intended, completed, env):
        self.row = row
        self.request, self.attempt = row // attempts, row % attempts + 1
        self.arrival, self.created = intended, env.now
        self.paid = self.started = self.finished = self.released = self.left = math.nan
        self.status, self.worker, self.rejected = "awaiting_payment", -1, 0
        self.crashed = self.reaped = False
        self.completed = completed  # of the whole request, by any attempt
        self.failed = env.event()


class Service:
    """All who take part, and where they meet."""

    def __init__(self, workload):
        self.scenario = workload.scenario
        self.rows, self.attempts = len(workload.arrival), workload.scenario.attempts
        arrays = {name: getattr(workload, name) for name in DRAWN}
        self.drawn = {name: array.tolist() for name, array in arrays.items() if array is not None}
        self.env = simpy.Environment()
        self.jobs = {}
        self.running = {}
        self.somebody_runs = self.env.event()
        self.ready = simpy.PriorityStore(self.env)  # (due, row, whether it is a duplicate)
        self.idle = simpy.PriorityStore(self.env)  # (free since, worker)
        self.bell = self.env.event()
        self.calls = [self.env.event() for _ in range(self.scenario.workers)]
        retry = self.scenario.retry
        self.rationed = retry is not None and retry.budget is not None
        if self.rationed:
            self.bucket = self.tokens = retry.burst
            self.share = on_grid(retry.budget)

    def run(self):
        """Let everybody do what they do, and return what came of the jobs."""
        env, scenario = self.env, self.scenario
        self.crew = [env.process(self.worker(number)) for number in range(scenario.workers)]
        env.process(self.desk())
        for number, outage in enumerate(scenario.outages):
            env.process(self.outage(number, outage))
        if scenario.reaper is not None:
            env.process(self.reaper(scenario.reaper))
        if scenario.users is None:
            env.process(self.everybody())
        for number in range(scenario.users or 0):
            env.process(self.user(number, scenario.arrivals))
        env.run()
        return pd.DataFrame([vars(job) for _, job in sorted(self.jobs.items())], columns=COLUMNS)

    # Those who ask

    def everybody(self):
        """Let requests come when they come: the open loop."""
        for first in range(0, self.rows, self.attempts):
            at = self.drawn["arrival"][first]
            yield Due(self.env, at - self.env.now, "client asks", first)
            self.env.process(self.client(first, at))

    def user(self, number, arrivals):
        """Think, ask, wait for the end, and think again: the closed loop."""
        env, doors = self.env, self.scenario.duration
        doors = math.inf if doors is None else on_grid(doors)
        intended = 0.0
        for first in range(number * self.attempts, self.rows, arrivals.users * self.attempts):
            since = intended if arrivals.paced else env.now
            intended = since + self.drawn["pause"][first]
            at = max(intended, env.now)
            if at >= doors:
                return
            yield Due(env, at - env.now, "client asks", first)
            yield env.process(self.client(first, intended))

    def client(self, first, intended):
        """Ask until an attempt is completed, or nothing more is to be tried."""
        env = self.env
        if self.rationed:
            self.tokens = min(self.tokens + self.share, self.bucket)
        completed = env.event()
        for row in range(first, first + self.attempts):
            job = Job(row, self.attempts, intended if row == first else env.now, completed, env)
            self.jobs[row] = job
            if not math.isnan(self.drawn["delay"][row]):
                env.process(self.payment(job))
            news = [completed, job.failed]
            if self.scenario.patience is not None:
                news.append(Due(env, self.drawn["patience"][row], "patience ends", row))
            yield env.any_of(news)
            if completed.triggered:
                return
            if row + 1 == first + self.attempts or not self.may_retry():
                job.left = env.now
                return
            backoff = Due(env, self.drawn["pause"][row + 1], "client asks", row + 1)
            yield completed | backoff
            if completed.triggered:
                return

    def may_retry(self):
        """Take a token out of the bucket, where retries are rationed."""
        if not self.rationed:
            return True
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def payment(self, job):
        """Put the job into the queue when it is paid, and again when a duplicate comes."""
        delay, lag = self.drawn["delay"][job.row], self.drawn["lag"][job.row]
        job.paid = self.env.now + delay
        yield Due(self.env, delay, "payment is due", job.row)
        yield self.ready.put((job.paid, job.row, False))
        self.ring()
        if not math.isnan(lag):
            yield Due(self.env, lag, "payment is due", job.row)
            yield self.ready.put((self.env.now, job.row, True))
            self.ring()

    # Those who work

    def ring(self):
        """Tell the desk that there is a job or a worker."""
        if not self.bell.triggered:
            self.bell.succeed()

    def desk(self):
        """Give the first job to the worker that has been free longest, one at a time."""
        while True:
            yield self.bell
            self.bell = self.env.event()
            while self.ready.items and self.idle.items:
                yield Due(self.env, 0.0, "nothing else is left")
                if not self.idle.items:
                    break  # an outage in this very instant
                _, row, is_duplicate = yield self.ready.get()
                if is_duplicate:  # refused at once: the worker's turn is not used up
                    assert self.jobs[row].status != "awaiting_payment"
                    self.jobs[row].rejected += 1
                else:
                    _, number = yield self.idle.get()
                    self.calls[number].succeed(self.jobs[row])

    def worker(self, number):
        """Take jobs for ever, but for the times in which an outage or a crash forbids it."""
        while True:
            entry, job = (self.env.now, number), None
            self.calls[number] = self.env.event()
            try:
                yield self.idle.put(entry)
                self.ring()
                job = yield self.calls[number]
                away = yield from self.work(job, number)
            except simpy.Interrupt as outage:
                away = outage.cause
                if job is None:
                    self.idle.items.remove(entry)
                    heapify(self.idle.items)
                else:
                    job.crashed, job.released = True, self.env.now
            while away is not None:
                try:
                    yield Due(self.env, away - self.env.now, "worker is back", number)
                    away = None
                except simpy.Interrupt as outage:
                    away = max(away, outage.cause)

    def work(self, job, number):
        """Work on a job to its end, and return None; or die, and return when to be back."""
        job.status, job.worker, job.started = "running", number, self.env.now
        self.running[job.row] = job
        if not self.somebody_runs.triggered:
            self.somebody_runs.succeed()
        crash = self.drawn["crash"][job.row] if "crash" in self.drawn else math.nan
        if not math.isnan(crash):
            yield Due(self.env, crash, "worker dies", job.row)
            job.crashed, job.released = True, self.env.now
            return self.env.now + self.drawn["restart"][job.row]
        yield Due(self.env, self.drawn["service"][job.row], "work ends", job.row)
        job.released = self.env.now
        if job.status == "running":
            self.end(job, "failed" if self.drawn["fails"][job.row] else "completed")
        else:
            job.rejected += 1
        return None

    def end(self, job, status):
        """Note the end of a job and tell its client."""
        del self.running[job.row]
        job.status, job.finished = status, self.env.now
        news = job.completed if status == "completed" else job.failed
        if not news.triggered:
            news.succeed()

    # What goes wrong

    def reaper(self, rule):
        """Look at the clock's multiples of `every`, as long as anything runs."""
        every = max(on_grid(rule.every), 1 / TICKS)
        timeout = on_grid(rule.timeout - rule.skew)
        while True:
            yield self.somebody_runs
            look = (self.env.now // every + 1) * every
            yield Due(self.env, look - self.env.now, "reaper looks")
            for _, job in sorted(self.running.items()):
                # At least a tick after its start, however old it is.
                since = job.created if rule.since == "created" else job.started
                if self.env.now - since >= timeout and self.env.now > job.started:
                    job.reaped = True
                    self.end(job, "failed")
            if not self.running:
                self.somebody_runs = self.env.event()

    def outage(self, number, outage):
        """Send the first workers away."""
        yield Due(self.env, on_grid(outage.at), "workers go", number)
        for worker in self.crew[: outage.workers]:
            worker.interrupt(on_grid(outage.at + outage.duration))


def on_grid(seconds):
    """Round to whole ticks, as everything that is drawn is."""
    return round(seconds * TICKS) / TICKS
