"""Skew and drift of known size: what no clock can falsify is found, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from host_histories import MS, S, clock_of, history, late_reads, seen_by, stale_reads_found

from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.clocks import NO_CLOCK, HostClock, RoundTrip, judge_hosts


def measured(shows, *, delay_ns: int, last_ns: int, seed: int = 0) -> HostClock:
    """Return what round trips before, during and after tell; delays lie on one way or the other."""
    rng = np.random.default_rng(seed)
    trips = []
    for sent in np.linspace(-S, last_ns + S, 12).astype(int).tolist():
        there, back = rng.integers(0, delay_ns + 1, 2).tolist()
        trips.append(RoundTrip(sent, int(shows(sent + there)), sent + there + back))
    return HostClock(trips)


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


def test_as_many_stale_reads_are_found_as_are_later_than_the_uncertainty():
    late = late_reads(400)
    for uncertainty in (0, MS // 100, MS // 10, MS, 3 * MS):
        assert stale_reads_found(uncertainty, late) == (late > uncertainty).sum()


def test_the_least_drift_that_explains_all_round_trips_is_found():
    shows = clock_of(0, 5_000)
    trips = [RoundTrip(at, int(shows(at + 1_000)), at + 2_000) for at in range(0, 10 * S, S)]
    assert HostClock.fitting(trips).drift == pytest.approx(6_400e-6)
    # One that was set in the middle explains nothing, and says so.
    trips.append(RoundTrip(10 * S, 90 * S, 10 * S + 2_000))
    assert HostClock.fitting(trips).drift == NO_CLOCK


def test_the_round_trips_that_bind_tell_as_much_as_all():
    shows = clock_of(-2 * S, 30)
    clock = measured(shows, delay_ns=3 * MS, last_ns=30 * S)
    fewer = HostClock(clock.trips)
    assert len(clock.trips) < 12
    stamps = shows(np.arange(-S, 31 * S, S // 7))
    for said, told in zip(clock.offsets(stamps), fewer.offsets(stamps), strict=True):
        np.testing.assert_allclose(said, told, atol=1)
    moments, uncertainty = clock.place(stamps)
    np.testing.assert_allclose(fewer.uncertainty(moments), uncertainty, atol=2)


def test_the_bounds_are_those_of_each_round_trip_alone():
    shows = clock_of(S, -40)
    rng = np.random.default_rng(3)
    trips = []
    for sent in rng.integers(0, 20 * S, 40).tolist():
        there, back = rng.integers(0, 4 * MS, 2).tolist()
        trips.append(RoundTrip(sent, int(shows(sent + there)), sent + there + back))
    stamps = shows(rng.integers(-S, 21 * S, 200))
    low, high = HostClock(trips).offsets(stamps)
    apart = [np.abs(stamps - trip.there) * 200e-6 for trip in trips]
    lows = [trip.there - trip.back - d for trip, d in zip(trips, apart, strict=True)]
    highs = [trip.there - trip.sent + d for trip, d in zip(trips, apart, strict=True)]
    np.testing.assert_allclose(low, np.max(lows, axis=0), atol=1)
    np.testing.assert_allclose(high, np.min(highs, axis=0), atol=1)
