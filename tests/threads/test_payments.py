"""Payments reach workers once due, the earliest first, each exactly once."""

import threading

import pytest

from jobsim.threads.payments import PaymentQueue, UntimedQueue

LONG_S = 1000.0


class FakeClock:
    """What is due up to `now` is due; the rest is far away."""

    def __init__(self, now=0.0):
        self.now = now

    def remaining(self, when):
        return 0.0 if when <= self.now else LONG_S


def untimed_of(*payments, producers=1):
    queue = UntimedQueue(producers=producers)
    for payment in payments:
        queue.put(payment)
    return queue


def queue_of(*payments, producers=1, now=0.0):
    queue = PaymentQueue(FakeClock(now), producers=producers)
    for payment in payments:
        queue.put(payment)
    return queue


def takers(queue, number):
    """Start threads that each take one payment; returns them and what they took."""
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(queue.take())) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads, taken


def join_all(threads):
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_the_earliest_is_first_and_ties_go_by_job_number():
    late, second, first = (5.0, 0, "a"), (1.0, 2, "c"), (1.0, 1, "b")
    queue = queue_of(late, second, first, now=9.0)
    assert [queue.take() for _ in range(3)] == [first, second, late]


def test_without_time_the_first_in_is_the_first_out():
    queue = untimed_of((5.0, 0, "a"), (1.0, 2, "c"))
    assert [queue.take(), queue.take()] == [(5.0, 0, "a"), (1.0, 2, "c")]


@pytest.mark.parametrize("make", [queue_of, untimed_of])
def test_there_is_no_more_when_every_producer_has_retired_and_all_is_taken(make):
    queue = make((0.0, 0, "a"), producers=2)
    queue.retire()
    queue.retire()
    assert queue.take() == (0.0, 0, "a")
    assert queue.take() is None


@pytest.mark.parametrize("make", [queue_of, untimed_of])
def test_the_last_producer_to_retire_releases_the_waiting(make):
    queue = make(producers=2)
    threads, taken = takers(queue, 4)
    queue.retire()
    queue.retire()
    join_all(threads)
    assert taken == [None] * 4


@pytest.mark.parametrize("make", [queue_of, untimed_of])
def test_the_last_payment_taken_releases_the_waiting(make):
    queue = make()
    threads, taken = takers(queue, 4)
    queue.put((0.0, 7, "a"))
    queue.retire()
    join_all(threads)
    assert taken.count(None) == 3
    assert (0.0, 7, "a") in taken


def test_a_due_payment_overtakes_one_that_is_being_waited_for():
    queue = queue_of((99.0, 0, "later"))
    threads, taken = takers(queue, 3)
    for job in (1, 2, 3):
        queue.put((0.0, job, "now"))
    join_all(threads)
    assert sorted(taken) == [(0.0, job, "now") for job in (1, 2, 3)]


def test_closing_an_untimed_queue_releases_all():
    queue = untimed_of()
    threads, taken = takers(queue, 3)
    queue.close()
    join_all(threads)
    assert taken == [None] * 3
    queue.put((0.0, 0, "late"))
    assert queue.take() is None


def test_closing_releases_all_and_keeps_what_is_left():
    queue = queue_of((99.0, 0, "later"))
    threads, taken = takers(queue, 3)
    queue.close()
    join_all(threads)
    assert taken == [None] * 3
    assert queue.take() is None


@pytest.mark.parametrize("make", [queue_of, untimed_of])
@pytest.mark.parametrize("workers", [1, 8])
def test_many_producers_and_workers_lose_and_double_nothing(make, workers):
    queue = make(producers=4)
    taken = [[] for _ in range(workers)]

    def produce(first):
        for job in range(first, 2000, 4):
            queue.put((0.0, job, str(job)))
        queue.retire()

    def work(mine):
        while (payment := queue.take()) is not None:
            mine.append(payment[1])

    threads = [threading.Thread(target=produce, args=(k,)) for k in range(4)]
    threads += [threading.Thread(target=work, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    join_all(threads)
    assert sorted(job for mine in taken for job in mine) == list(range(2000))
