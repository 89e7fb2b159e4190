"""Threads that may hang are waited for with a limit, and told where they are."""

from __future__ import annotations

import threading

import pytest

from jobsim import InMemoryJobRepository, Scenario, run_threads
from jobsim.testing import check_repository
from jobsim.threads.daemons import Daemon, replaced_by, stacks, wait_all


@pytest.fixture
def release():
    event = threading.Event()
    yield event
    event.set()


def test_one_that_comes_back_is_gone():
    done = []
    daemon = Daemon("quick", lambda: done.append(1))
    daemon.start()
    assert daemon.wait(10)
    assert done == [1]
    assert daemon.stack() == ""


def test_one_that_hangs_is_left_with_its_stack(release):
    entered = threading.Event()

    def hang():
        entered.set()
        release.wait()

    daemon = Daemon("stuck", hang)
    daemon.start()
    assert entered.wait(10)
    assert not daemon.wait(0.01)
    assert "in hang" in daemon.stack()
    assert list(stacks([daemon])) == ["stuck"]
    release.set()
    assert daemon.wait(10)
    assert stacks([daemon]) == {}


def test_an_exception_is_kept_and_told():
    told = []

    def fail():
        raise OSError("disk full")

    daemon = Daemon("failing", fail, told.append)
    daemon.start()
    assert daemon.wait(10)
    assert isinstance(daemon.fault, OSError)
    assert told == [daemon.fault]


def test_one_that_was_never_started_is_not_waited_for():
    daemon = Daemon("never", lambda: None)
    assert daemon.wait(10)
    assert daemon.stack() == ""


def test_all_share_one_limit(release):
    daemons = [Daemon(f"stuck-{number}", release.wait) for number in range(3)]
    for daemon in daemons:
        daemon.start()
    wait_all(daemons, 0.02)
    assert len(stacks(daemons)) == 3
    release.set()
    wait_all(daemons, 10)
    assert stacks(daemons) == {}


@pytest.fixture
def replaced_threads(monkeypatch):
    """Stand in for `gevent.monkey.patch_all()`: a function of another module starts threads."""
    for name in ("_start_new_thread", "_start_joinable_thread"):
        real = getattr(threading, name, None)
        if real is not None:

            def start(*args, real=real, **kwargs):
                return real(*args, **kwargs)

            start.__module__ = "gevent.thread"
            monkeypatch.setattr(threading, name, start)


def test_threads_of_python_are_known_as_such():
    assert replaced_by() == ""


@pytest.mark.usefixtures("replaced_threads")
def test_threads_that_were_replaced_are_noticed_and_said():
    assert replaced_by() == "gevent"
    run = run_threads(Scenario(jobs=20), speedup=float("inf"), progress=False)
    verdict = run.check()
    assert run.info.threads_of == "gevent"
    assert "gevent had replaced Python's threads" in str(verdict).splitlines()[0]
    assert not verdict.ok
    report = check_repository(InMemoryJobRepository, scale=0.02)
    assert report.ok
    assert "threads" in repr(report)
    assert "gevent had replaced Python's threads" in repr(report)
