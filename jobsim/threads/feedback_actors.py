"""The roles of a threaded run with feedback: clients ask again, workers die, a reaper reaps.

They follow the rules of `jobsim.virtual.rules`, with the wall clock in place of its
calendar: all that a client knows of its requests belongs to its own thread, and news of them
comes by mail.
"""

from __future__ import annotations

import math
import queue
from heapq import heappop, heappush

from jobsim.domain.marks import ERROR_TEXT, REAPER_ROLE, RESULT_TEXT
from jobsim.domain.models import JobStatus
from jobsim.repository.recorded import ActorRecorder
from jobsim.scenario.closed import Closed
from jobsim.threads.actors import Actor, Client, Worker
from jobsim.threads.feedback_stage import FeedbackStage, News, Running

GAVE_UP, ASK = range(2)


class FeedbackClient(Client):
    """Makes the requests of some users, and asks again when an attempt came to nothing."""

    stage: FeedbackStage

    def __init__(self, index: int, stage: FeedbackStage, recorder: ActorRecorder) -> None:
        super().__init__(index, stage, recorder)
        workload = stage.workload
        self._attempts = workload.attempts
        self._requests = iter(range(index, workload.requests, workload.scenario.clients))
        self._agenda: list[tuple[float, int, int]] = []  # (time, kind, job), a heap
        self._waits_for: dict[int, int] = {}  # by request: the job whose end matters
        self._settled: set[int] = set()  # requests with a result, or given up for good
        self._meant: dict[int, float] = {}  # by job: when its user meant to ask
        self._open: dict[int, str] = {}  # ids of created jobs that are not known to have ended

    def act(self) -> None:
        """Keep appointments and read news until the run is over."""
        self._begin()
        stage, mailbox = self.stage, self.stage.mailboxes[self.index]
        stage.owed.done()  # the unit that it was given for the beginning
        while not stage.stop.is_set():
            wait = None if not self._agenda else max(0.0, stage.clock.remaining(self._agenda[0][0]))
            try:
                # News goes first, so that nobody gives up on what has come already.
                news = mailbox.get(timeout=wait)
            except queue.Empty:
                self._keep_appointment()
                continue
            if news is None:
                return
            self._read(news)
            stage.owed.done()

    def _begin(self) -> None:
        scenario, requests = self.stage.workload.scenario, self.stage.workload.requests
        if scenario.users is None:
            self._plan_next_arrival()
        else:
            for user in range(self.index, min(scenario.users, requests), scenario.clients):
                self._think(user, 0.0, 0.0)

    def _plan_next_arrival(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            job = request * self._attempts
            self._plan(float(self.stage.workload.arrival[job]), job)

    def _plan(self, at: float, job: int) -> None:
        self.stage.owed.add()
        heappush(self._agenda, (at, ASK, job))

    def _keep_appointment(self) -> None:
        at, kind, job = heappop(self._agenda)
        if kind == ASK:
            self._ask(job, at)
            self.stage.owed.done()
        elif self._waits_for.get(job // self._attempts) == job:
            self._try_again(job, at)

    def _ask(self, job: int, at: float) -> None:
        request, attempt = divmod(job, self._attempts)
        if attempt == 0 and self.stage.workload.scenario.users is None:
            self._plan_next_arrival()
        if request in self._settled or self._has_come_through(request, job):
            return
        if attempt == 0:
            self.stage.budget.deposit()
        self.stage.intended[job] = self._meant.pop(job, at)
        self.stage.asked[job] = at
        job_id = self._create(job, request=request)
        if job_id is None:
            # There is nothing to wait for, and nothing to ask again for.
            self._leave(job, at)
            return
        self._open[job] = job_id
        self._wait_for(job, at)
        self._pay(job, job_id, at)

    def _has_come_through(self, request: int, job: int) -> bool:
        """Look at the earlier attempts that may still end; news of them may be on its way."""
        for earlier in range(request * self._attempts, job):
            job_id = self._open.get(earlier)
            if job_id is not None and self._is_completed(job_id):
                self._settle(request, self.stage.clock.at(self.recorder.returned_ns))
                return True
        return False

    def _is_completed(self, job_id: str) -> bool:
        try:
            return self.recorder.get(job_id).status is JobStatus.COMPLETED
        except Exception as exc:  # noqa: BLE001 - a repository may raise anything
            self._forgive(exc)
            return False

    def _wait_for(self, job: int, at: float) -> None:
        self._waits_for[job // self._attempts] = job
        patience = self._patience(job)
        if not math.isnan(patience):
            self.stage.owed.add()  # until the client waits no more
            heappush(self._agenda, (at + patience, GAVE_UP, job))

    def _wait_no_more(self, request: int) -> None:
        job = self._waits_for.pop(request, None)
        if job is not None and not math.isnan(self._patience(job)):
            self.stage.owed.done()

    def _patience(self, job: int) -> float:
        """Return for how long the client waits for a job, NaN if for ever."""
        patience = self.stage.workload.patience
        return math.nan if patience is None else float(patience[job])

    def _pay(self, job: int, job_id: str, at: float) -> None:
        workload = self.stage.workload
        delay, lag = float(workload.delay[job]), float(workload.lag[job])
        if not math.isnan(delay):
            self._confirm(at + delay, job, job_id)
            if not math.isnan(lag):
                self._confirm(at + delay + lag, job, job_id)

    def _confirm(self, due: float, job: int, job_id: str) -> None:
        self.stage.owed.add()  # until a worker has dealt with it
        super()._confirm(due, job, job_id)

    def _read(self, news: News) -> None:
        request = news.job // self._attempts
        self._open.pop(news.job, None)
        if news.completed:
            if request not in self._settled:
                self._settle(request, news.at)
        elif self._waits_for.get(request) == news.job:
            self._try_again(news.job, news.at)

    def _try_again(self, job: int, at: float) -> None:
        following = job + 1
        if following % self._attempts and self.stage.budget.take():
            pause = self.stage.workload.pause
            assert pause is not None  # noqa: S101 - drawn wherever there are further attempts
            self._plan(at + float(pause[following]), following)
            self._wait_no_more(job // self._attempts)
        else:
            self._leave(job, at)

    def _leave(self, job: int, at: float) -> None:
        self.stage.left[job] = at
        self._settle(job // self._attempts, at)

    def _settle(self, request: int, at: float) -> None:
        scenario = self.stage.workload.scenario
        self._settled.add(request)
        self.settled += 1
        if scenario.users is not None and request + scenario.users < self.stage.workload.requests:
            intended = float(self.stage.intended[request * self._attempts])
            self._think(request + scenario.users, intended, at)
        self._wait_no_more(request)

    def _think(self, request: int, before: float, at: float) -> None:
        """Let a user think, and plan to ask; `before` is when it meant to ask the last time."""
        scenario, pause = self.stage.workload.scenario, self.stage.workload.pause
        assert isinstance(scenario.arrivals, Closed)  # noqa: S101 - only users think
        assert pause is not None  # noqa: S101 - drawn for every closed loop
        job = request * self._attempts
        intended = (before if scenario.arrivals.paced else at) + float(pause[job])
        when = max(intended, at)
        if scenario.duration is None or when < scenario.duration:
            self._meant[job] = intended
            self._plan(when, job)


class FeedbackWorker(Worker):
    """Works as a `Worker` does, but may die in the middle, or be gone for a while."""

    stage: FeedbackStage

    def __init__(self, index: int, stage: FeedbackStage, recorder: ActorRecorder) -> None:
        super().__init__(index, stage, recorder)
        self._outages = sorted(
            (outage.at, outage.at + outage.duration)
            for outage in stage.workload.scenario.outages
            if index < outage.workers
        )

    def act(self) -> None:
        """Serve payments until the run is over."""
        clock, queue_, stop = self.stage.clock, self.stage.queue, self.stage.stop
        while (payment := queue_.take()) is not None:
            back = self._gone_until(clock.now())
            if back is not None:
                queue_.put(payment)  # for another one
            else:
                back = self._serve(payment[1], payment[2])
                self.stage.owed.done()
            if back is not None and not clock.wait_until(back, stop):
                return

    def _serve(self, job: int, job_id: str) -> float | None:
        """Work on a job; return when the worker is back, if it died or had to go."""
        if not self._advance(job_id, JobStatus.RUNNING):
            return None
        stage, workload, clock = self.stage, self.stage.workload, self.stage.clock
        started = clock.at(self.recorder.returned_ns)
        if stage.running is not None:
            stage.running.add(Running(job, job_id, started))
        end = started + float(workload.service[job])
        death, back = self._death(job, started)
        if not clock.wait_until(min(end, death), stage.stop):
            return None
        if death < end:
            stage.crashed[job], stage.released[job] = True, death
            return back
        completed = not workload.fails[job]
        accepted = self._hand_in(job_id, completed=completed)
        stage.released[job] = clock.at(self.recorder.returned_ns)
        if accepted:
            stage.tell(News(job, float(stage.released[job]), completed))
            if stage.running is not None:
                stage.running.drop(job)
        return None

    def _hand_in(self, job_id: str, *, completed: bool) -> bool:
        if completed:
            result = RESULT_TEXT.format(actor=self.recorder.name)
            return self._advance(job_id, JobStatus.COMPLETED, result=result)
        error = ERROR_TEXT.format(actor=self.recorder.name)
        return self._advance(job_id, JobStatus.FAILED, error=error)

    def _death(self, job: int, started: float) -> tuple[float, float]:
        """Return when the worker dies or has to go, and when it is back; infinite if never."""
        ways = [(max(at, started), until) for at, until in self._outages if until > started]
        crash, restart = self.stage.workload.crash, self.stage.workload.restart
        if crash is not None and restart is not None and not math.isnan(crash[job]):
            death = started + float(crash[job])
            ways.append((death, death + float(restart[job])))
        return min(ways, default=(math.inf, math.inf))

    def _gone_until(self, now: float) -> float | None:
        return next((until for at, until in self._outages if at <= now < until), None)


class Reaper(Actor):
    """Fails what has been RUNNING too long, every so often."""

    role = REAPER_ROLE
    stage: FeedbackStage

    def act(self) -> None:
        """Look at multiples of the interval until the run is over."""
        rule, running = self.stage.workload.scenario.reaper, self.stage.running
        assert rule is not None  # noqa: S101 - a run without one has no such actor
        assert running is not None  # noqa: S101 - as above
        looks = 1
        # By the time at which it meant to look: a late thread does not make jobs older.
        while self.stage.clock.wait_until(looks * rule.every, self.stage.stop):
            for job, job_id, _ in running.started_by(looks * rule.every - rule.timeout + rule.skew):
                self._reap(job, job_id)
                running.drop(job)
            # Of the looks that it has missed, the last finds what all of them would have.
            looks = max(looks + 1, int(self.stage.clock.now() // rule.every))

    def _reap(self, job: int, job_id: str) -> None:
        error = ERROR_TEXT.format(actor=self.recorder.name)
        if self._advance(job_id, JobStatus.FAILED, error=error):
            at = self.stage.clock.at(self.recorder.returned_ns)
            self.stage.tell(News(job, at, completed=False))
