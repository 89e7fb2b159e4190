"""The verdict on calls of several hosts, or of which some are lost."""

from __future__ import annotations

import pytest
from host_histories import MS, history

from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.clocks import DRIFT, NO_CLOCK
from jobsim.run.hosts import RemoteHost, judge


def far(within_ms: int, drift: float = DRIFT) -> RemoteHost:
    """Return the host of the worker, whose clock is known to within so much, and shows our time."""
    trips = ((-within_ms * MS, 0, within_ms * MS),)
    return RemoteHost(name="far", actors=("worker-0",), drift=drift, trips=trips)


@pytest.fixture
def stale():
    """Return calls whose reads are stale by one millisecond."""
    return history(20, stale_ns=MS)[0]


def test_of_one_host_a_stale_read_is_a_violation(stale):
    assert judge(stale, (), (), check_history).outcome.value == "VIOLATED"


def test_what_the_clocks_leave_open_is_unknown_and_names_the_pair(stale):
    verdict = judge(stale, (far(within_ms=5),), (), check_history)
    assert verdict.outcome.value == "UNKNOWN"
    (sentence,) = verdict.undecided
    assert "worker-0's update_status(running)" in sentence
    assert "reader-0's get" in sentence
    assert "known to within 5.0" in sentence  # and what the drift adds


def test_what_is_later_than_the_uncertainty_is_a_violation():
    calls, _ = history(20, stale_ns=10 * MS)
    assert judge(calls, (far(within_ms=5),), (), check_history).outcome.value == "VIOLATED"


def test_what_lost_calls_could_explain_is_unknown(stale):
    verdict = judge(stale, (), ("process 2 of 2",), check_history)
    assert (verdict.outcome.value, verdict.violations, verdict.counts) == ("UNKNOWN", (), {})
    assert verdict.undecided[0].endswith(
        "but the last calls of process 2 of 2 are lost with its host, which may explain it"
    )


def test_a_clock_that_was_set_proves_nothing():
    calls, _ = history(1, stale_ns=10 * MS)  # at its begin, where even that drift leaves no doubt
    verdict = judge(calls, (far(within_ms=0, drift=NO_CLOCK),), (), check_history)
    assert verdict.outcome.value == "UNKNOWN"
    assert "the clock of far was set" in verdict.undecided[0]
