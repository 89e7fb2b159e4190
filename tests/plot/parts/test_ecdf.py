"""The steps of empirical distribution functions."""

from __future__ import annotations

import numpy as np
import pytest

from jobsim.plot.parts.ecdf import ecdf


def test_a_long_ecdf_is_thinned_to_exact_steps_with_both_ends() -> None:
    values = np.random.default_rng(1).exponential(1.0, 50_000)
    x, share = ecdf(values, points=100)
    assert 50 <= len(x) <= 100
    assert (x[0], x[-1], share[-1]) == (values.min(), values.max(), 1.0)
    ordered = np.sort(values)
    assert np.array_equal(np.searchsorted(ordered, x, side="right") / 50_000, share)


def test_a_thinned_ecdf_keeps_the_tail_down_to_single_values() -> None:
    _, share = ecdf(np.arange(50_000.0), points=100)
    above = 1 - share[share < 1]
    assert above.min() == pytest.approx(1 / 50_000)
    assert (above[:-1] / above[1:]).max() < 2.1


def test_the_ecdf_of_nothing_has_no_step() -> None:
    x, share = ecdf([float("nan")])
    assert len(x) == len(share) == 0
