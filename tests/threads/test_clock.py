"""Scenario time is wall time times the speed-up, in whole ticks."""

import numpy as np
import pytest

from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.threads.clock import WallClock


class Stopped:
    """A source of time that stands still."""

    def __init__(self, ns):
        self.ns = ns

    def now_ns(self):
        return self.ns


@pytest.fixture
def started():
    def make(speedup):
        clock = WallClock(speedup, Stopped(12_345))
        clock.start()
        return clock

    return make


@pytest.mark.parametrize(("speedup", "seconds"), [(1.0, 2), (60.0, 120), (float("inf"), 2)])
def test_scenario_time_is_wall_time_times_the_speedup(started, speedup, seconds):
    clock = started(speedup)
    assert clock.tick(clock.zero_ns + 2_000_000_000) == seconds * TICKS_PER_SECOND


@pytest.mark.parametrize("speedup", [0.3, 1.0, 7.7, 1e6])
def test_many_stamps_are_read_as_one_is(started, speedup):
    clock = started(speedup)
    stamps = clock.zero_ns + np.arange(-50_000, 50_000, 997)
    assert clock.ticks(stamps).tolist() == [clock.tick(int(ns)) for ns in stamps]


def test_remaining_is_in_wall_seconds(started):
    assert started(100.0).remaining(1000 * TICKS_PER_SECOND) == pytest.approx(10.0)


def test_what_lies_in_the_past_does_not_remain(started):
    assert started(1.0).remaining(-1) < 0
