"""What the actors of a run with feedback share: what is owed, tokens, running jobs, news."""

from __future__ import annotations

import threading

import pytest
from feedback_by_hand import workload

from jobsim.scenario.dynamics import Retry
from jobsim.threads.clock import Clock
from jobsim.threads.feedback_stage import (
    FeedbackStage,
    News,
    Owed,
    RetryBudget,
    Running,
    RunningJobs,
)
from jobsim.threads.payments import PaymentQueue
from jobsim.virtual.rules import TOKEN

INF = float("inf")


def together(threads, act):
    """Let some threads act at once, and wait for their ends."""
    barrier = threading.Barrier(threads)

    def run():
        barrier.wait()
        act()

    started = [threading.Thread(target=run) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def stage_of(load):
    clock = Clock(INF)
    return FeedbackStage(load, clock, PaymentQueue(clock, producers=1), owed=Owed(lambda: None))


class Calls:
    """Counts how often it is called."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1


@pytest.mark.parametrize("units", [[1], [3], [1, 2, 1]])
def test_the_run_is_over_when_the_last_unit_is_done_and_not_before(units):
    over = Calls()
    owed = Owed(over)
    for more in units:
        owed.add(more)
    for number in range(sum(units)):
        assert over.count == 0, number
        owed.done()
    assert over.count == 1


def test_threads_that_owe_more_before_they_are_done_end_the_run_once():
    over = Calls()
    owed = Owed(over)
    owed.add(4)

    def act():
        for _ in range(500):
            owed.add()
            owed.done()
        owed.done()

    together(4, act)
    assert over.count == 1


def test_without_a_budget_there_is_always_a_token():
    for retry in (None, Retry(burst=1)):
        budget = RetryBudget(retry)
        budget.deposit()
        assert all(budget.take() for _ in range(5))


def test_the_bucket_begins_full_and_holds_no_more_than_its_burst():
    budget = RetryBudget(Retry(budget=1.0, burst=2))
    for _ in range(9):
        budget.deposit()
    assert [budget.take() for _ in range(3)] == [True, True, False]


def test_ten_tenths_are_a_token():
    """As floats they would be 0.9999999999999999."""
    budget = RetryBudget(Retry(budget=0.1, burst=1))
    assert budget.take()
    taken = []
    for _ in range(10):
        taken.append(budget.take())
        budget.deposit()
    assert taken == [False] * 10
    assert budget.take()
    assert round(0.1 * TOKEN) * 10 >= TOKEN > round(0.1 * TOKEN) * 9


def test_threads_take_every_token_once():
    budget = RetryBudget(Retry(budget=0.5, burst=1000))
    while budget.take():
        pass
    taken = []

    def act():
        for _ in range(200):
            budget.deposit()
            taken.append(budget.take())

    together(4, act)
    rest = [budget.take() for _ in range(400)]
    assert sum(taken) + sum(rest) == 4 * 200 * 0.5


def test_a_running_job_is_owed_until_it_is_dropped_and_can_be_dropped_twice():
    over = Calls()
    owed = Owed(over)
    running = RunningJobs(owed)
    running.add(Running(7, "seven", 1.0))
    running.drop(3)
    assert over.count == 0
    running.drop(7)
    running.drop(7)
    assert over.count == 1


def test_jobs_are_found_by_the_moment_of_their_start_in_order_of_their_numbers():
    running = RunningJobs(Owed(lambda: None))
    jobs = [Running(5, "e", 2.0), Running(2, "b", 3.0), Running(9, "i", 1.0)]
    for job in jobs:
        running.add(job)
    assert running.started_by(2.0) == [jobs[0], jobs[2]]
    assert running.started_by(0.5) == []
    running.drop(9)
    assert running.started_by(9.0) == [jobs[1], jobs[0]]


def test_only_one_of_many_threads_drops_a_job():
    over = Calls()
    owed = Owed(over)
    owed.add()
    running = RunningJobs(owed)
    for job in range(100):
        running.add(Running(job, "", 0.0))
    together(4, lambda: [running.drop(job) for job in range(100)])
    assert over.count == 0
    owed.done()
    assert over.count == 1


@pytest.mark.parametrize(
    ("scenario", "clients"),
    [
        ({"clients": 3, "retry": {"attempts": 2}}, [0, 0, 1, 1, 2, 2, 0, 0, 1, 1]),
        (
            {"clients": 2, "retry": {"attempts": 2}, "arrivals": {"kind": "closed", "users": 3}},
            [0, 0, 1, 1, 0, 0, 0, 0, 1, 1],
        ),
        ({"clients": 4, "arrivals": {"kind": "closed", "users": 2}}, [0, 1, 0, 1, 0]),
    ],
)
def test_news_goes_to_the_client_of_the_request_or_of_its_user(scenario, clients):
    load = workload(5, {"pause": 1.0}, **scenario)
    stage = stage_of(load)
    assert [stage.client_of(job) for job in range(len(load))] == clients
    for job in range(len(load)):
        stage.tell(News(job, 0.5, completed=True))
    stage.close()
    for client, mailbox in enumerate(stage.mailboxes):
        read = []
        while (news := mailbox.get_nowait()) is not None:
            read.append(news.job)
        assert read == [job for job in range(len(load)) if clients[job] == client]


def test_the_jobs_are_the_first_attempts_of_an_open_loop_and_what_else_was_asked_for():
    load = workload(3, {"arrival": [0.0, 1.0, 2.0], "pause": 1.0}, retry={"attempts": 2})
    stage = stage_of(load)
    assert stage.rows().tolist() == [0, 2, 4]
    stage.intended[3] = 5.0
    assert stage.rows().tolist() == [0, 2, 3, 4]


def test_of_a_closed_loop_nothing_is_asked_for_before_a_user_asks():
    stage = stage_of(workload(3, {"pause": 1.0}, arrivals={"kind": "closed", "users": 2}))
    assert stage.rows().tolist() == []
