"""Ctrl-C is raised where that is safe, and noted elsewhere."""

import signal
import threading

import pytest

from jobsim.run.interrupts import Interrupts


def press():
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_is_raised_only_inside_a_block_that_hears_it():
    with Interrupts() as interrupts:
        press()
        assert interrupts.noted
        with pytest.raises(KeyboardInterrupt), interrupts.heard():
            pytest.fail("it was noted before")
        with pytest.raises(KeyboardInterrupt), interrupts.heard():
            press()
        assert not interrupts.noted


def test_what_cleans_up_after_ctrl_c_is_not_interrupted():
    cleaned = []

    def work():
        try:
            press()
        finally:
            press()
            cleaned.append(True)

    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.heard():
            work()
        assert interrupts.noted
    assert cleaned == [True]


def test_what_one_context_notes_is_left_to_the_one_around_it():
    with Interrupts() as outer:
        with Interrupts():
            press()
        assert outer.noted


def test_what_came_before_is_raised_in_the_context_that_begins():
    with Interrupts() as outer:
        press()
        with Interrupts() as inner, pytest.raises(KeyboardInterrupt), inner.heard():
            pytest.fail("it was noted before")
        assert not outer.noted


def test_pythons_own_handler_is_back_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_where_ctrl_c_is_ignored_it_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts():
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_have_no_signals():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def run():
        with Interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert seen == [before]
