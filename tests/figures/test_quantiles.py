"""Percentiles equal numpy's where all is finite, and are infinite where something never came."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsim.figures.quantiles import mean, quantile


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.lists(st.floats(0, 1), max_size=5))
def test_finite_ones_equal_those_of_numpy(values, shares):
    found = [quantile(np.array(values), share) for share in shares]
    assert found == pytest.approx([np.quantile(values, share) for share in shares])


@pytest.mark.parametrize("spread", [1e-3, 1.0, 30.0])
def test_many_are_selected_as_by_sorting(spread):
    rng = np.random.default_rng(3)
    # Ties, values below zero as clocks give them, several in one bucket, and endless ones. One
    # more than a power of two, so that shares fall on ranks exactly.
    seconds = np.round(rng.normal(1.0, spread, 4097), 3).clip(-2.0)
    seconds[rng.random(4097) < 0.01] = math.inf
    ranks = [0, 1, *rng.integers(4097, size=40).tolist(), 4095, 4096]
    found = [quantile(seconds, rank / 4096) for rank in ranks]
    assert found == np.sort(seconds)[ranks].tolist()


def test_infinite_values_count():
    seconds = np.array([math.inf, 1.0, math.inf, 2.0])
    found = [quantile(seconds, share) for share in (0.0, 1 / 3, 0.5, 1.0)]
    assert found == pytest.approx([1, 2, math.inf, math.inf])
    assert mean(seconds) == math.inf


def test_nothing_has_no_percentile():
    assert np.isnan([quantile(np.empty(0), 0.5), mean(np.empty(0))]).all()
