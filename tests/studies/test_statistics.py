"""Confidence intervals and warm-up deletion, with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from jobsim.studies import statistics


def test_the_interval_is_students():
    interval = statistics.mean_interval([10.0, 12.0, 14.0, 16.0, 18.0], level=0.9)
    # t(0.95, 4) = 2.132 in every table; the standard error is sqrt(10 / 5).
    assert interval.mean == 14.0
    assert interval.half_width == pytest.approx(2.132 * math.sqrt(2.0), rel=1e-3)
    assert (interval.level, interval.n) == (0.9, 5)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30), st.floats(0.5, 0.999))
def test_the_interval_equals_that_of_scipys_t_test(samples, level):
    if np.ptp(samples) < 1e-6:
        samples[0] += 1.0
    ours = statistics.mean_interval(samples, level=level)
    theirs = stats.ttest_1samp(samples, 0.0).confidence_interval(level)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_an_interval_covers_its_ends_and_nothing_beyond():
    interval = statistics.Interval(mean=1.0, half_width=0.5, level=0.95, n=4)
    assert interval.covers(0.5)
    assert interval.covers(1.5)
    assert not interval.covers(1.51)
    assert not interval.covers(0.49)


def test_an_interval_prints_its_level_and_what_it_rests_on():
    interval = statistics.Interval(mean=1234.5678, half_width=0.123456, level=0.99, n=1000)
    assert repr(interval) == "1234.57 ± 0.123 (99 %, n = 1,000)"


def test_pairs_cancel_what_they_share():
    shared = np.array([3.0, 90.0, 7.0, 41.0])
    interval = statistics.paired_interval(shared, shared + np.array([1.0, 2.0, 1.0, 2.0]))
    assert interval.mean == 1.5
    assert interval.half_width == pytest.approx(3.182 * math.sqrt(1 / 3) / 2, rel=1e-3)


def test_symmetric_samples_have_students_half_width():
    samples = [1.0, 2.0, 4.0, 6.0, 7.0]
    student = statistics.mean_interval(samples, level=0.9).half_width
    assert statistics.skewed_half_width(samples, level=0.9) == student
    assert statistics.skewed_half_width([3.0, 3.0, 3.0]) == 0.0


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_skewed_half_width_solves_willinks_equation(sign):
    samples = np.random.default_rng(5).exponential(2.0, 20)
    reach = statistics.skewed_half_width(sign * samples)
    n, b = len(samples), stats.skew(samples, bias=False) / (6.0 * math.sqrt(len(samples)))
    y = -reach / (samples.std(ddof=1) / math.sqrt(n))
    t = y + b + 2.0 * b * y**2 + 4.0 / 3.0 * b**2 * y**3
    assert t == pytest.approx(-stats.t.ppf(0.975, n - 1))


def test_of_skewed_samples_it_covers_the_mean_where_students_does_not():
    rng, hits = np.random.default_rng(1), np.zeros(2)
    for samples in rng.lognormal(0.0, 0.8, (2000, 25)):
        off = abs(samples.mean() - math.exp(0.32))
        student = statistics.mean_interval(samples).half_width
        hits += [off <= student, off <= statistics.skewed_half_width(samples)]
    # The standard error of a share of 95 % is half a point.
    assert hits[0] / 2000 < 0.92
    assert 0.935 < hits[1] / 2000 < 0.97


def test_batches_leave_out_the_first_few():
    series = [100.0, 1.0, 3.0, 2.0, 4.0, 6.0, 8.0]
    found = statistics.batch_means(series, batches=3)
    assert found.mean == 4.0
    assert found.half_width == statistics.skewed_half_width([2.0, 3.0, 7.0])


def test_twenty_five_batches_are_the_default():
    assert statistics.batch_means(np.arange(100.0)).n == 25


def mser5_by_definition(series):
    groups = [np.mean(series[k : k + 5]) for k in range(0, len(series) - 4, 5)]
    errors = []
    for cut in range(len(groups) // 2 + 1):
        left = groups[cut:]
        errors.append(sum((group - np.mean(left)) ** 2 for group in left) / len(left) ** 2)
    return errors


@given(st.lists(st.floats(-100, 100), min_size=10, max_size=80))
def test_mser5_cuts_where_its_definition_does(series):
    errors = mser5_by_definition(series)
    cut = statistics.mser5(series)
    assert cut % 5 == 0
    # Another cut is as good where the definition's own values are equal but for rounding.
    assert errors[cut // 5] == pytest.approx(min(errors), rel=1e-6, abs=1e-9)


def test_mser5_finds_a_transient_on_top_of_a_large_mean():
    rng = np.random.default_rng(4)
    series = 1e9 + rng.normal(size=2000) + np.where(np.arange(2000) < 300, -20.0, 0.0)
    assert 295 <= statistics.mser5(series) <= 310


def test_mser5_deletes_nothing_from_a_steady_series():
    assert statistics.mser5([2.0] * 100) == 0


def test_mser5_never_deletes_more_than_half():
    assert statistics.mser5(np.arange(100.0)) == 50


def test_a_fixed_fraction_is_rounded_down():
    assert statistics.fixed_fraction(np.zeros(29), 0.1) == 2
    assert statistics.fixed_fraction([], 0.5) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: statistics.mean_interval([1.0]), "from 1 samples; give at least 2"),
        (lambda: statistics.mean_interval([[1.0, 2.0]]), r"shape \(1, 2\)"),
        (
            lambda: statistics.mean_interval([1.0, math.nan, math.inf]),
            r"2 of 3 samples are not finite, the first is number 1 \(nan\)",
        ),
        (lambda: statistics.mean_interval([1.0, 2.0], level=95), "level is 95"),
        (lambda: statistics.paired_interval([1.0, 2.0], [1.0]), "pairs need one length"),
        (lambda: statistics.batch_means([1.0, 2.0], batches=1), "batches is 1"),
        (
            lambda: statistics.batch_means([1.0] * 9, batches=10),
            "10 batches cannot be computed from 9 samples; give at least 10",
        ),
        (lambda: statistics.mser5([1.0] * 9), "MSER-5 cannot be computed from 9"),
        (lambda: statistics.fixed_fraction([1.0], 1.0), "fraction is 1.0"),
    ],
)
def test_what_has_no_answer_is_refused_with_its_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
