"""Scenario time is wall time times the speed-up, or no waiting at all."""

import threading

import pytest

from jobsim.threads.clock import Clock


@pytest.fixture
def started():
    def make(speedup):
        clock = Clock(speedup)
        clock.start()
        return clock

    return make


@pytest.mark.parametrize(("speedup", "seconds"), [(1.0, 2.0), (60.0, 120.0), (float("inf"), 2.0)])
def test_scenario_time_is_wall_time_times_the_speedup(started, speedup, seconds):
    clock = started(speedup)
    assert clock.at(clock.zero_ns + 2_000_000_000) == pytest.approx(seconds)


def test_remaining_is_in_wall_seconds(started):
    assert 9.0 < started(100.0).remaining(1000.0) <= 10.0


def test_what_lies_in_the_past_does_not_remain(started):
    assert started(1.0).remaining(-1.0) < 0


def test_nothing_remains_at_an_infinite_speedup(started):
    assert started(float("inf")).remaining(1e9) == 0.0


def test_a_deadline_further_than_a_thread_can_wait_is_cut(started):
    assert started(1.0).remaining(1e300) == threading.TIMEOUT_MAX


def test_waiting_for_the_past_returns_at_once(started):
    assert started(1.0).wait_until(-1.0, threading.Event()) is True


def test_waiting_ends_when_the_time_has_come(started):
    clock = started(1000.0)
    assert clock.wait_until(1.0, threading.Event()) is True
    assert clock.remaining(1.0) <= 0


@pytest.mark.parametrize("when", [-1.0, 1e9])
def test_a_stop_comes_first(started, when):
    stop = threading.Event()
    stop.set()
    assert started(1.0).wait_until(when, stop) is False
