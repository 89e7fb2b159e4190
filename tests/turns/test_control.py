"""One thread at a time: the hand-over, what is replaced, and that it is put back."""

from __future__ import annotations

import queue
import sys
import threading
import time

import pytest

from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.turns.control import Control, ControlError
from jobsim.turns.real import CLOCKS
from jobsim.turns.schedules import FirstReady, Seeded

NAMES = [
    (threading, "Lock"), (threading, "RLock"), (threading.Thread, "start"), (queue, "SimpleQueue"),
    (time, "sleep"), (time, "monotonic"), (sys, "settrace"),
]  # fmt: skip


def library():
    return [vars(owner)[name] for owner, name in NAMES]


def test_same_seed_gives_the_same_run():
    def run(seed):
        with Control(seed=1) as control:
            repository = control.make(InMemoryJobRepository)
            ids = []
            for name in "abc":
                control.spawn(name, lambda: ids.append(repository.create("a" * 64).job_id))
            end = control.run(Seeded(seed))
        return ids, end.points, end.handed

    assert run(1) == run(1)
    assert len({run(seed)[2] for seed in range(8)}) > 1


def test_nothing_is_left_replaced():
    before = library()
    with Control() as control:
        assert library() != before
        control.make(InMemoryJobRepository)
    assert library() == before


def test_nothing_is_left_replaced_after_an_exception():
    before = library()

    def fails():
        raise LookupError("no such thing")

    with pytest.raises(LookupError), Control() as control:
        control.make(fails)
    assert library() == before


LOCKS = [threading.Lock()]


class Popping(InMemoryJobRepository):
    def count(self):
        LOCKS.pop()
        return super().count()


def test_nothing_is_left_replaced_where_the_repository_removed_a_lock():
    lock, before = threading.Lock, sys.settrace
    with Control() as control:
        repository = control.make(Popping)
        control.spawn("a", repository.count)
        assert control.run(FirstReady()).stopped is None
    assert (threading.Lock, sys.settrace) == (lock, before)
    with Control():
        pass


def test_a_second_control_is_refused():
    with Control(), pytest.raises(ControlError, match="another run has control"), Control():
        pass


def test_time_jumps_when_nobody_can_go_on():
    before = CLOCKS["monotonic"]()
    seen = []
    with Control() as control:
        control.make(InMemoryJobRepository)

        def sleeper():
            begun = time.monotonic()
            time.sleep(3600)
            seen.append(time.monotonic() - begun)

        control.spawn("sleeper", sleeper)
        control.run(FirstReady())
    assert seen == [3600.0]
    assert CLOCKS["monotonic"]() - before < 3600


class Crossed:
    def __init__(self):
        self.first, self.second = threading.Lock(), threading.Lock()
        self.both = threading.Barrier(2)

    def one(self):
        with self.first:
            self.both.wait()
            with self.second:
                pass

    def other(self):
        with self.second:
            self.both.wait()
            with self.first:
                pass


def test_a_deadlock_says_who_holds_and_who_waits():
    with Control() as control:
        crossed = control.make(Crossed)
        control.spawn("one", crossed.one)
        control.spawn("other", crossed.other)
        end = control.run(FirstReady())
    assert end.stopped == "deadlock"
    text = str(end.deadlock)
    assert "one waits for the lock made at test_control.py" in text
    assert "held by other, at test_control.py" in text
    assert "with self.second:" in text
    assert [blocked.held_by for blocked in end.deadlock.threads] == ["other", "one"]
