"""Skew and drift of known size: what no clock can falsify is found, and nothing else is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.clocks import HostClock, RoundTrip, judge_hosts
from jobsim.tables.schema import CALLS

MS = 1_000_000
S = 1_000 * MS


def history(
    jobs: int = 300, *, stale_ns: int = 0, seed: int = 0
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return calls in true time and their hosts.

    The client and the reader are on host 0, the worker on host 1. The reader reads each job in
    RUNNING right after it was written; `stale_ns` later than the write it still reads the old one.
    """
    rng = np.random.default_rng(seed)
    rows, hosts = [], []
    for job in range(jobs):
        at = job * 20 * MS
        took = rng.integers(100_000, 400_000, 3)
        gap = stale_ns or 10_000
        write = at + 5 * MS
        read = write + took[1] + gap
        seen = "awaiting_payment" if stale_ns else "running"
        rows += [
            ("client-0", "create", None, at, at + took[0], "awaiting_payment", job),
            ("worker-0", "update_status", "running", write, write + took[1], "running", job),
            ("reader-0", "get", None, read, read + took[2], seen, job),
        ]
        hosts += [0, 1, 0]
    names = ["actor", "op", "target", "invoked_ns", "returned_ns", "observed", "job"]
    calls = pd.DataFrame(rows, columns=names).assign(
        outcome="ok", count=-1, changed=False, backdated=False, error=None
    )
    return calls[list(CALLS)].astype(CALLS), np.array(hosts)


def clock_of(offset_ns: int, ppm: float):
    """Return what a host's clock shows at true moments."""
    return lambda true: (np.asarray(true) * (1 + ppm * 1e-6)).astype(np.int64) + offset_ns


def measured(shows, *, delay_ns: int, last_ns: int, seed: int = 0) -> HostClock:
    """Return what round trips before, during and after tell; delays lie on one way or the other."""
    rng = np.random.default_rng(seed)
    trips = []
    for sent in np.linspace(-S, last_ns + S, 12).astype(int).tolist():
        there, back = rng.integers(0, delay_ns + 1, 2).tolist()
        trips.append(RoundTrip(sent, int(shows(sent + there)), sent + there + back))
    return HostClock(trips)


def seen_by(calls: pd.DataFrame, hosts: np.ndarray, shows) -> pd.DataFrame:
    """Return the calls with the stamps of their own hosts."""
    far = hosts == 1
    times = calls[["invoked_ns", "returned_ns"]].to_numpy(copy=True)
    times[far] = shows(times[far])
    return calls.assign(invoked_ns=times[:, 0], returned_ns=times[:, 1])


@pytest.mark.parametrize(
    ("offset", "ppm"), [(0, 0), (MS, 0), (-MS, 0), (-7 * S, 0), (3 * MS, 50), (-3 * MS, -50)]
)
def test_no_skew_and_no_drift_makes_an_alarm(offset, ppm):
    calls, hosts = history()
    shows = clock_of(offset, ppm)
    told = seen_by(calls, hosts, shows)
    clock = measured(shows, delay_ns=2 * MS, last_ns=6 * S)
    assert judge_hosts(told, hosts, {1: clock}, check_history).outcome.value != "VIOLATED"
    if offset >= MS:  # as they stand, the stamps accuse a correct repository
        assert check_history(told).outcome.value == "VIOLATED"


@pytest.mark.parametrize(("stale", "delay"), [(MS, 100_000), (10 * MS, 2 * MS)])
def test_what_is_staler_than_the_uncertainty_is_found(stale, delay):
    calls, hosts = history(stale_ns=stale)
    shows = clock_of(2 * S, 20)
    clock = measured(shows, delay_ns=delay, last_ns=6 * S)
    verdict = judge_hosts(seen_by(calls, hosts, shows), hosts, {1: clock}, check_history)
    assert verdict.outcome.value == "VIOLATED"


def test_what_only_the_likeliest_offset_breaks_is_unknown():
    calls, hosts = history(stale_ns=MS)
    shows = clock_of(2 * S, 0)
    # As long there as back: the midpoint is right, but nobody can know.
    clock = HostClock([RoundTrip(0, int(shows(5 * MS)), 10 * MS)])
    verdict = judge_hosts(seen_by(calls, hosts, shows), hosts, {1: clock}, check_history)
    assert verdict.outcome.value == "UNKNOWN"
    (sentence,) = (text for text in verdict.undecided if "clocks" in text)
    assert "worker-0" in sentence
    assert "reader-0" in sentence
    assert "known to within 5." in sentence


def test_a_race_inside_one_host_is_found_whatever_the_uncertainty():
    calls, _ = history(stale_ns=MS)
    hosts = np.ones(len(calls), dtype=int)
    shows = clock_of(5 * S, 30)
    clock = measured(shows, delay_ns=5 * S, last_ns=6 * S)
    verdict = judge_hosts(seen_by(calls, hosts, shows), hosts, {1: clock}, check_history)
    assert verdict.outcome.value == "VIOLATED"


def test_the_true_offset_lies_within_what_is_said():
    shows = clock_of(-4 * S, 45)
    clock = measured(shows, delay_ns=3 * MS, last_ns=100 * S)
    true = np.arange(0, 100 * S, S)
    moment, uncertainty = clock.place(shows(true))
    assert (np.abs(moment - true) <= uncertainty + 1).all()
    assert uncertainty.max() < 6 * MS


def test_a_clock_beyond_the_bound_on_the_drift_is_refused():
    shows = clock_of(0, 5_000)
    with pytest.raises(ValueError, match="give a larger bound on the drift"):
        measured(shows, delay_ns=MS, last_ns=100 * S)
