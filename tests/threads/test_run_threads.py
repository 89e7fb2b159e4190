"""Real threads run a workload on a real repository, and everything that happened is there."""

import threading

import numpy as np
import pytest
from jobsim_threads import jobsim_threads

from jobsim import (
    InMemoryJobRepository,
    JobNotFoundError,
    JobStatus,
    Scenario,
    Workload,
    run_threads,
)
from jobsim.scenario.arrivals import Paced, Stampede
from jobsim.scenario.distributions import Constant
from jobsim.scenario.scenario import Payment, Work

INF = float("inf")


def workload(jobs, *, delay=0.0, lag=np.nan, service=0.0, fails=False, arrival=0.0, **scenario):
    """A workload in which every job is alike, but for arrays given instead of numbers."""

    def column(value, dtype=float):
        return np.array(np.broadcast_to(value, jobs), dtype=dtype)

    return Workload(
        Scenario(**{"workers": 2, "clients": 2, **scenario}),
        arrival=column(arrival),
        delay=column(delay),
        lag=column(lag),
        service=column(service),
        fails=column(fails, bool),
    )


def run_now(*args, repository=None, **kwargs):
    return run_threads(workload(*args, **kwargs), repository, speedup=INF)


@pytest.fixture(autouse=True)
def no_thread_is_left_running():
    before = jobsim_threads()
    yield
    assert jobsim_threads() <= before


def test_every_paid_job_runs_to_its_end():
    fails = np.arange(50) % 5 == 0
    run = run_now(50, fails=fails)
    assert run.ended == "complete"
    assert (run.jobs["status"] == np.where(fails, "failed", "completed")).all()
    assert run.transitions["target"].value_counts().to_dict() == {
        "awaiting_payment": 50,
        "running": 50,
        "completed": 40,
        "failed": 10,
    }


def test_a_job_that_is_never_paid_stays_where_it_is():
    run = run_now(10, delay=np.where(np.arange(10) < 3, np.nan, 0.0))
    unpaid = run.jobs.iloc[:3]
    assert (unpaid["status"] == "awaiting_payment").all()
    assert unpaid[["paid", "started", "finished"]].isna().all(axis=None)
    assert (run.jobs["status"].iloc[3:] == "completed").all()


def test_of_two_confirmations_one_wins_and_the_other_is_rejected():
    run = run_now(40, lag=0.0)
    assert (run.jobs["rejected"] == 1).all()
    assert (run.jobs["status"] == "completed").all()
    starts = run.transitions[run.transitions["target"] == "running"]
    assert starts["job"].is_unique


def test_clients_share_the_jobs_in_turn():
    run = run_now(9, clients=3)
    created = run.transitions[run.transitions["target"] == "awaiting_payment"]
    expected = {job: f"client-{job % 3}" for job in range(9)}
    assert dict(zip(created["job"], created["actor"], strict=True)) == expected


def test_workers_serve_in_the_order_of_payment_and_ties_by_number():
    delay = np.array([0.375, 0.125, 0.25, 0.25])
    run = run_threads(workload(4, delay=delay, workers=1), speedup=1.0)
    starts = run.transitions[run.transitions["target"] == "running"]
    assert starts["job"].tolist() == [1, 2, 3, 0]


def test_times_follow_the_schedule():
    arrival = np.array([0.0, 0.0625, 0.125])
    run = run_threads(
        workload(3, arrival=arrival, delay=0.125, service=0.25, workers=3), speedup=1.0
    )
    jobs = run.jobs
    assert (jobs["created"] >= jobs["arrival"]).all()
    assert (jobs["paid"] == np.maximum(jobs["created"], jobs["arrival"] + 0.125)).all()
    assert (jobs["started"] >= jobs["paid"]).all()
    assert (jobs["finished"] >= jobs["started"] + 0.25).all()
    assert (jobs["lateness"] == (jobs["created"] - jobs["arrival"]).astype("float32")).all()


def test_scenario_time_runs_faster_by_the_speedup():
    run = run_threads(workload(1, service=100.0), speedup=1000.0)
    assert run.jobs["finished"].iloc[0] >= 100.0
    assert run.info.wall_seconds < 50.0
    assert run.info.speedup == 1000.0


def test_a_run_that_never_waits_has_no_lateness():
    run = run_now(5, arrival=1e6, service=1e6)
    assert run.jobs["lateness"].isna().all()
    assert (run.jobs["paid"] == run.jobs["created"]).all()


def test_a_speedup_of_none_is_chosen_and_recorded():
    run = run_threads(workload(3), speedup=None)
    assert run.info.speedup == 1.0


def test_a_scenario_is_sampled_first():
    scenario = Scenario(
        jobs=12,
        arrivals=Stampede(),
        payment=Payment(delay=Constant(value=0.0)),
        work=Work(service=Constant(value=0.0)),
    )
    assert len(run_threads(scenario, speedup=INF).jobs) == 12


def test_no_jobs_make_an_empty_run():
    run = run_now(0)
    assert (run.ended, len(run.jobs), len(run.transitions), len(run.final)) == ("complete", 0, 0, 0)


def test_pollers_look_at_created_jobs_round_robin_and_count():
    class Watched(InMemoryJobRepository):
        """Lets a worker start only after the poller has counted and seen all four jobs."""

        def __init__(self):
            super().__init__()
            self.seen = set()
            self.watched = threading.Event()

        def get(self, job_id):
            self.seen.add(job_id)
            return super().get(job_id)

        def count(self):
            if len(self.seen) == 4:
                self.watched.set()
            return super().count()

        def update_status(self, job_id, target, result=None, error=None):
            assert self.watched.wait(30)
            return super().update_status(job_id, target, result, error)

    run = run_now(4, pollers=1, poll_interval=0.0, repository=Watched())
    polls = run.calls[run.calls["actor"] == "poller-0"]
    assert set(polls["op"]) == {"get", "count"}
    assert set(polls["job"]) >= {0, 1, 2, 3}
    assert set(polls["outcome"]) == {"ok"}


def test_the_repository_may_already_hold_jobs():
    repository = InMemoryJobRepository()
    for _ in range(3):
        repository.create("old")
    run = run_now(5, repository=repository)
    assert run.info.count_before == 3
    assert repository.count() == 8
    assert len(run.final) == 5


def test_the_final_look_agrees_with_the_repository():
    repository = InMemoryJobRepository()
    run = run_now(20, repository=repository, fails=np.arange(20) < 5)
    for job_id, status, result, error in zip(
        run.jobs["job_id"],
        run.final["status"],
        run.final["result"].astype("object"),
        run.final["error"].astype("object"),
        strict=True,
    ):
        job = repository.get(job_id)
        assert job.status == status
        assert (job.result or "") == (result if isinstance(result, str) else "")
        assert (job.error or "") == (error if isinstance(error, str) else "")


@pytest.mark.parametrize("method", ["create", "get", "update_status", "count"])
def test_an_exception_from_the_repository_is_data_and_its_actor_goes_on(method):
    class Moody(InMemoryJobRepository):
        """Fails every other call of one method."""

        def __init__(self):
            super().__init__()
            self.calls = 0

    def moody(self, *args, **kwargs):
        self.calls += 1
        if self.calls % 2:
            raise OSError("disk full")
        return getattr(InMemoryJobRepository, method)(self, *args, **kwargs)

    setattr(Moody, method, moody)
    run = run_now(20, pollers=1, poll_interval=0.0, workers=1, clients=1, repository=Moody())
    assert run.ended == "complete"
    if method != "get":  # whether the poller had its turn is up to the scheduler
        errors = run.calls[run.calls["outcome"] == "error"]
        assert set(errors["op"]) == {method}
        assert errors["error"].str.startswith("OSError: disk full (test_").all()
    if method == "create":
        assert run.jobs["created"].notna().sum() == 10
        assert run.jobs["status"].isna().sum() == 10
    if method == "get":
        assert set(run.final["outcome"]) == {"ok", "error"}


def test_a_repository_that_accepts_a_start_twice_is_recorded_as_it_is():
    class Careless(InMemoryJobRepository):
        def update_status(self, job_id, target, result=None, error=None):
            job = self._store[job_id].model_copy(update={"status": JobStatus(target)})
            self._store[job_id] = job
            return job

    run = run_now(10, lag=0.0, workers=1, repository=Careless())
    assert (run.transitions["target"] == "running").sum() == 20
    assert run.jobs["started"].notna().all()


def test_a_repository_that_forgets_jobs_is_recorded_as_it_is():
    class Forgetful(InMemoryJobRepository):
        def get(self, job_id):
            raise JobNotFoundError(job_id)

    run = run_now(3, repository=Forgetful())
    assert set(run.final["outcome"]) == {"not_found"}


@pytest.mark.parametrize("speedup", [0, -1.0, float("nan")])
def test_a_speedup_that_is_not_positive_is_refused(speedup):
    with pytest.raises(ValueError, match="speedup must be positive"):
        run_threads(workload(1), speedup=speedup)


def test_a_wall_limit_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="wall_limit must be positive, not 0"):
        run_threads(workload(1), wall_limit=0)


def test_what_is_neither_scenario_nor_workload_is_refused():
    with pytest.raises(TypeError, match="takes a Scenario or a Workload, not 'steady'"):
        run_threads("steady")


def test_what_is_no_repository_is_refused():
    with pytest.raises(TypeError, match="lacks"):
        run_threads(workload(1), object())


def test_many_threads_without_waiting_lose_nothing():
    jobs = 4000
    fails = np.arange(jobs) % 10 == 0
    delay = np.where(np.arange(jobs) % 20 == 7, np.nan, 0.0)
    lag = np.where((np.arange(jobs) % 5 == 0) & ~np.isnan(delay), 0.0, np.nan)
    run = run_now(jobs, fails=fails, delay=delay, lag=lag, clients=32, workers=32)
    paid = ~np.isnan(delay)
    assert run.jobs["job_id"].is_unique
    assert run.info.count_before == 0
    assert len(run.final) == jobs
    assert (run.final["status"].array == run.jobs["status"].array).all()
    assert (run.jobs["started"].notna() == paid).all()
    assert run.jobs["rejected"].sum() == (~np.isnan(lag)).sum()
    assert len(run.transitions) == jobs + 2 * paid.sum()
    accepted = run.calls["op"].isin(["create", "update_status"]) & (run.calls["outcome"] == "ok")
    assert accepted.sum() == len(run.transitions)
    assert run.transitions["time"].is_monotonic_increasing


def test_a_scenario_with_pauses_runs_at_its_pace():
    scenario = Scenario(
        jobs=5, arrivals=Paced(rate=50.0), work=Work(service=Constant(value=0.0)), workers=1
    )
    assert run_threads(scenario).info.wall_seconds >= 4 / 50
