"""The roles of a run with feedback: a client that asks again, a mortal worker, a reaper."""

from __future__ import annotations

import _thread
import random
import threading

import numpy as np
import odd_repositories
import pytest
from ctrl_c import ctrl_c_once
from feedback_by_hand import NAN, assert_consistent, workload
from jobsim_threads import jobsim_threads

from jobsim import InMemoryJobRepository, JobStatus, Run, run_threads, run_virtual
from jobsim.repository.recorded import RecordedRepository
from jobsim.tables.calls import calls_table
from jobsim.threads import session
from jobsim.threads.clock import Clock
from jobsim.threads.feedback_actors import FeedbackClient, FeedbackWorker, Reaper
from jobsim.threads.feedback_stage import FeedbackStage, News, Owed, Running
from jobsim.threads.payments import PaymentQueue

INF = float("inf")
PATIENT = {"kind": "constant", "value": 1.0}  # what is drawn is given by hand
CLOSED = {"kind": "closed", "users": 2}
TWICE = {"attempts": 2}
CRASH = {"crash": 0.5}


@pytest.fixture(autouse=True)
def no_thread_is_left_running():
    before = jobsim_threads()
    yield
    for thread in jobsim_threads() - before:
        thread.join(10)
        assert not thread.is_alive()


class Alone:
    """One actor on a stage of its own, which closes once nothing is owed; it reads its own news."""

    def __init__(self, role, load, *, clock=None, repository=None):
        clock = Clock(INF) if clock is None else clock
        self.repository = InMemoryJobRepository() if repository is None else repository
        self.recorded = RecordedRepository(self.repository)
        queue = PaymentQueue(clock, producers=1)
        owed = Owed(lambda: self.stage.close())
        self.stage = FeedbackStage(load, clock, queue, owed=owed)
        self.actor = role(0, self.stage, self.recorded.actor("alone"))
        self.news = []
        if role is not FeedbackClient:
            self.stage.tell = self.news.append

    def act(self):
        """Act to the end; nothing else happens but what the repository does."""
        self.stage.go.set()
        if not isinstance(self.actor, FeedbackClient):
            self.stage.owed.done()  # what is owed to the client for its beginning
        thread = threading.Thread(target=self.actor.run, daemon=True)
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
        assert self.actor.fault is None
        return self

    def pay(self, job):
        """Create a job, let its payment fall due, and return its id."""
        job_id = self.repository.create("a" * 64).job_id
        self.stage.owed.add()
        self.stage.queue.put((0.0, job, job_id))
        return job_id

    @property
    def ops(self):
        """What the actor called, in order."""
        return calls_table(self.recorded)["op"].tolist()


class Eventful(InMemoryJobRepository):
    """Lets something happen after each of its first creates, which are given as functions."""

    def __init__(self, *happenings):
        super().__init__()
        self.happenings = list(happenings)

    def create(self, input_hash):
        job = super().create(input_hash)
        if self.happenings:
            self.happenings.pop(0)(job.job_id)
        return job

    def complete(self, job_id):
        """Let a worker do its work, the news of which never come."""
        self.update_status(job_id, JobStatus.RUNNING)
        self.update_status(job_id, JobStatus.COMPLETED)


class JumpingClock:
    """Scenario time that jumps to whatever is waited for, and a little further.

    Readings of the wall clock are the time as well, after `drift` seconds.
    """

    never_waits = False

    def __init__(self, *, late=0.0, drift=0.0, end=INF):
        self.time, self.late, self.drift, self.end = 0.0, late, drift, end
        self.waits = []

    def now(self):
        return self.time

    def at(self, ns):
        return self.time + self.drift

    def remaining(self, when):
        return when - self.time

    def wait_until(self, when, stop):
        self.waits.append(when)
        self.time = max(self.time, when) + self.late
        return when < self.end


def asking(requests=1, given=None, **scenario):
    """Return a workload that is never paid for, with a client that gives up after a second."""
    given = {"delay": NAN, "patience": 1.0, "pause": 1.0} | (given or {})
    base = {"clients": 1, "retry": TWICE, "patience": PATIENT}
    return workload(requests, given, **base | scenario)


def run_to_its_end(load, repository=None, speedup=20.0, **options):
    """Run a workload that must end by itself, and before the limit that is there for safety."""
    run = run_threads(load, repository, speedup=speedup, wall_limit=30, **options)
    assert run.ended == "complete"
    assert_consistent(run)
    return run


# Clients


def test_a_client_whose_news_is_on_its_way_looks_and_does_not_ask_again():
    repository = Eventful(lambda job_id: repository.complete(job_id))
    alone = Alone(FeedbackClient, asking(), repository=repository)
    alone.act()
    assert alone.ops == ["create", "get"]
    assert alone.actor.settled == 1
    assert np.isnan(alone.stage.left).all()


def test_a_client_looks_at_all_earlier_attempts_that_may_still_end():
    repository = Eventful(
        lambda first: setattr(repository, "first", first),
        lambda second: repository.complete(repository.first),
    )
    load = asking(retry={"attempts": 3})
    alone = Alone(FeedbackClient, load, repository=repository)
    alone.act()
    # The first look finds nothing; before the third attempt the first one has come through.
    assert alone.ops == ["create", "get", "create", "get"]
    assert np.isnan(alone.stage.left).all()


def test_a_client_that_sees_no_success_asks_again_and_leaves_after_its_last_attempt():
    alone = Alone(FeedbackClient, asking()).act()
    assert alone.ops == ["create", "get", "create"]
    assert alone.stage.intended.tolist() == [0.0, 2.0]
    assert alone.stage.left[1] == 3.0
    assert alone.actor.settled == 1


def test_a_look_that_raises_is_data_and_the_client_asks_again():
    class Blind(InMemoryJobRepository):
        def get(self, job_id):
            raise OSError("no route")

    alone = Alone(FeedbackClient, asking(), repository=Blind()).act()
    assert alone.ops == ["create", "get", "create"]
    assert calls_table(alone.recorded)["outcome"].tolist() == ["ok", "error", "ok"]


def test_a_client_does_not_look_at_an_attempt_that_it_knows_to_have_ended():
    repository = Eventful(lambda _: alone.stage.tell(News(0, 0.5, completed=False)))
    alone = Alone(FeedbackClient, asking(), repository=repository)
    alone.act()
    assert alone.ops == ["create", "create"]
    assert alone.stage.intended.tolist() == [0.0, 1.5]


def test_news_goes_before_an_appointment_that_is_due():
    """All appointments are overdue here: nobody gives up on what has come already."""
    repository = Eventful(lambda _: alone.stage.tell(News(0, 1.0, completed=True)))
    alone = Alone(FeedbackClient, asking(), repository=repository)
    alone.act()
    assert alone.ops == ["create"]
    assert np.isnan(alone.stage.left).all()


def test_late_news_of_an_attempt_given_up_changes_nothing():
    def late(_):
        alone.stage.tell(News(0, 2.5, completed=False))

    alone = Alone(FeedbackClient, asking(), repository=Eventful(lambda _: None, late))
    alone.act()
    assert alone.ops == ["create", "get", "create"]
    assert alone.stage.left[1] == 3.0


def test_an_earlier_attempt_that_comes_through_settles_the_request_once():
    def both(_):
        alone.stage.tell(News(0, 2.5, completed=True))
        alone.stage.tell(News(1, 2.5, completed=True))

    alone = Alone(FeedbackClient, asking(), repository=Eventful(lambda _: None, both))
    alone.act()
    assert alone.actor.settled == 1
    assert np.isnan(alone.stage.left).all()


def test_patience_that_runs_out_after_the_end_means_nothing():
    repository = Eventful(lambda _: alone.stage.tell(News(0, 0.5, completed=True)))
    load = asking(2, {"arrival": [0.0, 5.0]})
    alone = Alone(FeedbackClient, load, repository=repository)
    alone.act()
    # The second request comes long after the first one's patience.
    assert alone.ops == ["create", "create", "get", "create"]
    assert alone.stage.left[[0, 1]].tolist() == pytest.approx([NAN, NAN], nan_ok=True)


def test_without_a_number_for_its_patience_a_client_waits_for_ever():
    load = asking(2, {"arrival": [0.0, 5.0], "patience": [NAN, 1.0]}, retry=None)
    alone = Alone(FeedbackClient, load).act()
    assert alone.stage.left.tolist() == pytest.approx([NAN, 6.0], nan_ok=True)
    assert run_virtual(load).jobs["left"].tolist() == pytest.approx([NAN, 6.0], nan_ok=True)


def test_a_client_that_is_stopped_makes_no_further_call():
    repository = Eventful(lambda _: alone.stage.stop.set())
    alone = Alone(FeedbackClient, asking(3), repository=repository)
    alone.act()
    assert alone.ops == ["create"]


def test_a_create_that_raises_leaves_the_request_and_its_user_goes_on():
    class Full(InMemoryJobRepository):
        def create(self, input_hash):
            if int(input_hash, 16) == 2:
                raise OSError("disk full")
            return super().create(input_hash)

    load = workload(6, {"pause": 0.25, "service": 0.25}, arrivals=CLOSED, retry=TWICE)
    run = run_to_its_end(load, Full())
    jobs = run.jobs
    assert jobs["request"].tolist() == list(range(6))
    assert jobs["created"].isna().tolist() == [False, False, True, False, False, False]
    assert jobs["left"].notna().tolist() == jobs["created"].isna().tolist()
    # The user goes on from the moment at which it left.
    assert jobs["arrival"][4] == pytest.approx(jobs["left"][2] + 0.25)


# Workers


def test_a_worker_that_is_gone_hands_a_payment_back_and_takes_it_once_it_is_here():
    load = workload(1, {}, clients=1, outages=[{"at": 0.0, "duration": 9.0, "workers": 1}])
    alone = Alone(FeedbackWorker, load, clock=JumpingClock())
    job_id = alone.pay(0)
    alone.act()
    assert alone.stage.clock.waits == [9.0, 10.0]
    assert alone.repository.get(job_id).status is JobStatus.COMPLETED
    assert alone.news == [News(0, 10.0, completed=True)]


def test_another_worker_takes_what_one_hands_back():
    load = workload(6, {"service": 0.25}, outages=[{"at": 0.0, "duration": 1e6, "workers": 1}])
    run = run_to_its_end(load)
    assert (run.jobs["worker"] == "worker-1").all()
    assert (run.jobs["status"] == "completed").all()


def test_a_worker_that_is_gone_when_the_run_stops_ends():
    load = workload(1, {}, clients=1, outages=[{"at": 0.0, "duration": 9.0, "workers": 1}])
    alone = Alone(FeedbackWorker, load, clock=JumpingClock(end=5.0))
    job_id = alone.pay(0)
    alone.act()
    assert alone.ops == []
    assert alone.stage.queue.take() == (0.0, 0, job_id)


def test_a_worker_that_dies_comes_back_for_the_next_job():
    given = {"crash": [0.25, NAN], "restart": [5.0, NAN]}
    alone = Alone(FeedbackWorker, workload(2, given, clients=1, work=CRASH), clock=JumpingClock())
    first, second = alone.pay(0), alone.pay(1)
    alone.act()
    assert alone.stage.clock.waits == [0.25, 5.25, 6.25]
    assert alone.stage.crashed.tolist() == [True, False]
    assert alone.repository.get(first).status is JobStatus.RUNNING
    assert alone.repository.get(second).status is JobStatus.COMPLETED
    assert [news.job for news in alone.news] == [1]


def test_the_first_thing_that_takes_a_worker_away_counts():
    given = {"service": 9.0, "crash": 3.0, "restart": 1.0}
    outages = [{"at": at, "duration": 4.0, "workers": 1} for at in (5.0, 2.0)]
    load = workload(1, given, clients=1, work=CRASH, outages=outages)
    alone = Alone(FeedbackWorker, load, clock=JumpingClock())
    alone.pay(0)
    alone.act()
    assert alone.stage.clock.waits == [2.0, 6.0]


def test_a_worker_that_has_to_go_while_it_takes_a_job_loses_it():
    """Its outage begins between its look at the clock and the answer of the repository."""
    load = workload(1, {}, clients=1, outages=[{"at": 0.1, "duration": 9.0, "workers": 1}])
    alone = Alone(FeedbackWorker, load, clock=JumpingClock(drift=0.2))
    alone.pay(0)
    alone.act()
    assert alone.stage.crashed.tolist() == [True]
    assert alone.stage.clock.waits == [0.2, 9.1]


def test_a_job_whose_worker_is_stopped_stays_where_it_is():
    load = workload(1, {}, clients=1, outages=[{"at": 5.0, "duration": 1.0, "workers": 1}])
    alone = Alone(FeedbackWorker, load, clock=JumpingClock(end=0.5))
    job_id = alone.pay(0)
    alone.act()
    assert alone.repository.get(job_id).status is JobStatus.RUNNING
    assert alone.stage.crashed.tolist() == [False]


@pytest.mark.parametrize(("fails", "status"), [(False, "completed"), (True, "failed")])
def test_a_result_that_nobody_has_is_told_and_one_that_is_refused_is_not(fails, status):
    load = workload(2, {"fails": fails}, clients=1, reaper={"timeout": 5.0})
    alone = Alone(FeedbackWorker, load, clock=JumpingClock())
    first, second = alone.pay(0), alone.pay(1)

    def reaped_meanwhile(when, stop):
        if alone.stage.clock.time:
            alone.repository.update_status(second, JobStatus.FAILED, error="reaped")
            alone.stage.running.drop(1)
        return JumpingClock.wait_until(alone.stage.clock, when, stop)

    alone.stage.clock.wait_until = reaped_meanwhile
    alone.act()
    assert alone.repository.get(first).status == status
    assert alone.news == [News(0, 1.0, completed=not fails)]
    assert alone.stage.running.started_by(INF) == []
    assert calls_table(alone.recorded)["outcome"].tolist() == ["ok", "ok", "ok", "illegal"]


# The reaper


def reaper(clock, started, status=JobStatus.RUNNING, **rule):
    """Return a reaper that looks every second at a job of a timeout of two."""
    rule = {"timeout": 2.0} | rule
    alone = Alone(Reaper, workload(1, {}, clients=1, reaper=rule), clock=clock)
    job_id = alone.repository.create("a" * 64).job_id
    alone.repository.update_status(job_id, JobStatus.RUNNING)
    if status is not JobStatus.RUNNING:
        alone.repository.update_status(job_id, status)
    alone.stage.running.add(Running(0, job_id, started))
    return alone, job_id


@pytest.mark.parametrize(("end", "status"), [(3.0, "running"), (4.0, "failed")])
def test_the_reaper_does_not_take_its_own_lateness_for_age(end, status):
    # At its second look, at 2.9 instead of 2, the job is 2.4 s old; 1.5 s when it ought to look.
    alone, job_id = reaper(JumpingClock(late=0.9, end=end), started=0.5)
    alone.act()
    assert alone.repository.get(job_id).status == status
    assert len(alone.news) == (status == "failed")


@pytest.mark.parametrize(("skew", "looks"), [(0.0, 3), (1.0, 2), (-1.0, 4)])
def test_jobs_look_older_to_a_reaper_whose_clock_is_ahead(skew, looks):
    clock = JumpingClock()
    alone, _ = reaper(clock, started=0.5, skew=skew)
    alone.stage.tell = lambda news: setattr(clock, "end", 0.0)
    alone.act()
    assert clock.waits == [1.0 * look for look in range(1, looks + 2)]


def test_a_reaper_that_fell_behind_makes_up_for_it_with_one_look():
    clock = JumpingClock(late=6.5, end=9.0)
    alone, job_id = reaper(clock, started=4.5)
    alone.act()
    assert clock.waits == [1.0, 7.0, 14.0]
    assert alone.repository.get(job_id).status is JobStatus.FAILED


def test_a_reaper_that_is_refused_tells_nobody_and_looks_no_more():
    alone, _ = reaper(JumpingClock(end=5.0), started=0.5, status=JobStatus.COMPLETED)
    alone.act()
    assert alone.news == []
    assert alone.ops == ["update_status"]
    assert alone.stage.running.started_by(INF) == []


# The end of a run


def test_a_run_ends_when_only_unpaid_and_stuck_jobs_remain():
    given = {"delay": [NAN, 0.0, 0.0], "crash": [NAN, 0.25, NAN], "restart": [NAN, 0.25, NAN]}
    run = run_to_its_end(workload(3, given, work=CRASH))
    assert run.jobs["status"].tolist() == ["awaiting_payment", "running", "completed"]
    assert run.metrics()["stuck"] == run.metrics()["unpaid"] == 1
    assert run.check().ok


def test_a_run_with_a_reaper_ends_after_the_last_job_is_reaped():
    run = run_to_its_end(
        workload(2, {"crash": 0.5, "restart": 1e6}, work=CRASH, reaper={"timeout": 2.0})
    )
    assert run.jobs["reaped"].all()
    assert run.jobs["crashed"].all()
    assert (run.jobs["finished"] >= 3.0).all()


def test_patience_that_is_not_needed_does_not_hold_the_run():
    run = run_to_its_end(workload(2, {"patience": 1e9}, patience=PATIENT))
    assert (run.jobs["status"] == "completed").all()


def test_a_run_of_no_requests_ends():
    assert len(run_to_its_end(workload(0, {"pause": 1.0}, retry=TWICE)).jobs) == 0


def test_a_slow_worker_is_refused_and_the_run_waits_for_it():
    load = workload(1, {"service": 5.0}, reaper={"timeout": 1.5})
    run = run_to_its_end(load)
    job = run.jobs.iloc[0]
    assert (job["status"], job["rejected"], job["reaped"]) == ("failed", 1, True)
    late = run.calls[run.calls["outcome"] == "illegal"]
    assert late["target"].tolist() == ["completed"]
    assert ((late["invoked_ns"] - run.info.zero_ns) * 20e-9 >= 5.0).all()
    assert run.check().ok


# Early ends


def busy(requests=40, **scenario):
    """Return users with more to ask for than a run has time for."""
    given = {
        "pause": [[0.25, 0.5]] * requests,
        "service": [[1.0], [3.0]] * (requests // 2),
        "patience": 2.0,
        "fails": [[True, False]] * requests,
        "crash": [[NAN], [0.5]] * (requests // 2),
        "restart": 0.5,
    }
    base = {"arrivals": CLOSED, "retry": TWICE, "patience": PATIENT, "work": CRASH}
    return workload(requests, given, **base | {"reaper": {"timeout": 1.5}} | scenario)


def test_a_wall_limit_in_the_middle_keeps_what_was_recorded():
    run = run_threads(busy(), speedup=20.0, wall_limit=0.4)
    assert run.ended == "time_limit"
    assert run.unreturned == ()
    assert 2 <= len(run.jobs) < 80
    assert_consistent(run)
    assert run.check().ok


def test_ctrl_c_in_the_middle_keeps_what_was_recorded():
    press = ctrl_c_once()

    class Interrupting(InMemoryJobRepository):
        def create(self, input_hash):
            if self.count() >= 4:
                press()
            return super().create(input_hash)

    run = run_threads(busy(), Interrupting(), speedup=20.0, wall_limit=30)
    assert run.ended == "interrupted"
    assert 5 <= len(run.jobs) < 80
    assert_consistent(run)
    assert run.check().ok


@pytest.mark.parametrize(
    ("method", "hung"),
    [("create", "client-0"), ("get", "client-0"), ("RUNNING", "worker-0"), ("FAILED", "reaper-0")],
)
def test_a_repository_call_that_blocks_is_named(monkeypatch, method, hung):
    monkeypatch.setattr(session, "GRACE_S", 0.1)
    monkeypatch.setattr(session, "PATIENCE_S", 0.1)
    release, first = threading.Event(), threading.Lock()

    def hang(this):
        if this == method:
            if first.acquire(blocking=False):
                _thread.interrupt_main()
            release.wait(30)

    class Blocks(InMemoryJobRepository):
        def create(self, input_hash):
            hang("create")
            return super().create(input_hash)

        def get(self, job_id):
            hang("get")
            return super().get(job_id)

        def update_status(self, job_id, target, result=None, error=None):
            hang(JobStatus(target).name)
            return super().update_status(job_id, target, result, error)

    # The client gives up at 0.5 and looks at 1; the reaper comes at 2.
    load = workload(
        1,
        {"service": 6.0, "patience": 0.5, "pause": 0.5},
        workers=1,
        clients=1,
        retry=TWICE,
        patience=PATIENT,
        reaper={"timeout": 1.5},
    )
    run = run_threads(load, Blocks(), speedup=20.0, wall_limit=30)
    assert run.ended == "interrupted"
    assert [left.actor for left in run.unreturned if left.actor != "auditor"] == [hung]
    assert "in hang" in run.unreturned[0].stack
    pending = run.calls[run.calls["outcome"] == "pending"]
    assert pending["actor"].tolist() == [hung]
    release.set()


# Options


def test_no_waiting_is_refused_and_the_error_says_what_to_do():
    with pytest.raises(ValueError, match=r"speedup=inf skips all waiting.*a finite one, or None"):
        run_threads(busy(), speedup=INF)


def test_a_speedup_of_none_is_chosen_and_recorded():
    given = {"service": 0.0625, "fails": [[1, 0]], "pause": 0.0625}
    run = run_to_its_end(workload(1, given, retry=TWICE), speedup=None)
    assert run.info.speedup == 1.0
    assert run.jobs["status"].tolist() == ["failed", "completed"]


def test_clients_without_a_user_have_nothing_to_do():
    run = run_to_its_end(workload(4, {"pause": 0.25}, arrivals=CLOSED, clients=5))
    assert set(run.calls.loc[run.calls["op"] == "create", "actor"]) == {"client-0", "client-1"}
    assert (run.jobs["status"] == "completed").all()


def test_a_saved_run_replays(tmp_path):
    load = workload(
        2,
        {"fails": [[1, 0], [0, 0]], "pause": 0.5, "patience": 9.0, "crash": NAN, "restart": NAN},
        retry=TWICE,
        patience=PATIENT,
        work=CRASH,
    )
    run = run_to_its_end(load)
    loaded = Run.load(run.save(tmp_path / "run"))
    assert loaded.workload.digest() == load.digest()
    assert loaded.jobs.equals(run.jobs)
    again = run_to_its_end(loaded.workload)
    names = ["request", "attempt", "status"]
    assert again.jobs[names].equals(run.jobs[names])


def test_pollers_look_at_the_attempts_that_there_are():
    load = workload(
        2, {"fails": [[1, 0]] * 2, "pause": 1.0}, retry=TWICE, pollers=1, poll_interval=0.25
    )
    run = run_to_its_end(load)
    polls = run.calls[(run.calls["actor"] == "poller-0") & (run.calls["op"] == "get")]
    assert len(polls)
    assert set(polls["job"]) <= {0, 1, 2, 3}
    assert set(polls["outcome"]) == {"ok"}


def test_switches_inside_the_repository_do_no_harm():
    run = run_to_its_end(busy(4), perturb=True, speedup=50.0)
    assert run.info.perturbed
    assert run.check().ok


# Wrong repositories


class RefusesAll(InMemoryJobRepository):
    def update_status(self, job_id, target, result=None, error=None):
        raise ValueError("not today")

    def get(self, job_id):
        raise ValueError("not today either")


class RaisesAtRandom(InMemoryJobRepository):
    """Sometimes before it does its work, and sometimes after it."""

    def __init__(self):
        super().__init__()
        self.random = random.Random(5)

    def _moody(self, method, *args):
        mood = self.random.random()
        if mood < 0.2:
            raise OSError("before")
        answer = method(*args)
        if mood < 0.4:
            raise OSError("after")
        return answer

    def create(self, input_hash):
        return self._moody(super().create, input_hash)

    def get(self, job_id):
        return self._moody(super().get, job_id)

    def update_status(self, job_id, target, result=None, error=None):
        return self._moody(super().update_status, job_id, target, result, error)


ODD = [
    repository
    for repository in odd_repositories.SHOWN_BY
    if repository not in odd_repositories.HANGING
]


@pytest.mark.parametrize("kind", [RefusesAll, RaisesAtRandom, *ODD])
def test_a_wrong_repository_does_not_keep_a_run_from_its_end(kind):
    run = run_threads(busy(6), kind(), speedup=200.0, wall_limit=30)
    assert run.ended == "complete"
    assert run.unreturned == ()
    assert len(run.jobs) >= 6
