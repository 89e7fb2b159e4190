"""Percentiles equal numpy's where all is finite, and are infinite where something never came."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsim.figures.quantiles import mean, quantiles


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.lists(st.floats(0, 1), max_size=5))
def test_finite_ones_equal_those_of_numpy(values, shares):
    found = quantiles(np.array(values), shares)
    assert found == pytest.approx([np.quantile(values, share) for share in shares])


def test_infinite_values_count():
    seconds = np.array([math.inf, 1.0, math.inf, 2.0])
    assert quantiles(seconds, [0.0, 1 / 3, 0.5, 1.0]) == pytest.approx([1, 2, math.inf, math.inf])
    assert mean(seconds) == math.inf


def test_nothing_has_no_percentile():
    assert np.isnan([*quantiles(np.empty(0), [0.5, 0.9]), mean(np.empty(0))]).all()
