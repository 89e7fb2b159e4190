import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from jobsim.scenario.distributions import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    LogNormal,
    Mixture,
    Sum,
    Uniform,
    Weibull,
)

EXAMPLES = [
    Constant(value=1.5),
    Uniform(low=1.0, high=4.0),
    Exponential(mean=2.0),
    LogNormal(mean=2.0, cv=0.8),
    LogNormal(median=1.0, p95=3.0),
    Gamma(mean=2.0, cv=0.8),
    Gamma(median=1.0, p95=3.0),
    Weibull(mean=2.0, cv=0.8),
    Weibull(median=1.0, p95=3.0),
    Weibull(mean=3.0, cv=0.0),
    Empirical(values=(1.0, 2.0, 2.0, 7.0)),
    Sum(parts=(Exponential(mean=2.0), Gamma(mean=5.0, cv=0.4), Constant(value=3.0))),
]
SHAPED = [LogNormal, Gamma, Weibull]
any_distribution = TypeAdapter(Distribution)


def rng(seed=5):
    return np.random.Generator(np.random.PCG64(seed))


@pytest.mark.parametrize("distribution", EXAMPLES, ids=repr)
def test_a_sample_has_the_mean_and_the_variance_that_are_told(distribution):
    n = 200_000
    times = distribution.sample(rng(), n)
    assert times.dtype == np.float64
    assert times.shape == (n,)
    assert times.min() >= 0.0
    # Six standard errors of the mean; the variance of these families settles more slowly.
    assert abs(times.mean() - distribution.mean) <= 6.0 * math.sqrt(distribution.variance / n)
    assert times.var() == pytest.approx(distribution.variance, rel=0.05)


@pytest.mark.parametrize("distribution", EXAMPLES, ids=repr)
def test_a_round_trip_through_json_gives_an_equal_distribution(distribution):
    again = any_distribution.validate_json(any_distribution.dump_json(distribution))
    assert again == distribution
    assert again.model_fields_set >= distribution.model_fields_set


@pytest.mark.parametrize("distribution", EXAMPLES, ids=repr)
def test_a_pickled_distribution_is_equal_and_draws_the_same(distribution):
    again = pickle.loads(pickle.dumps(distribution))  # noqa: S301 - our own bytes
    assert again == distribution
    assert again.sample(rng(), 3).tolist() == distribution.sample(rng(), 3).tolist()


@pytest.mark.parametrize("distribution", EXAMPLES, ids=repr)
def test_a_longer_sample_begins_with_the_shorter_one(distribution):
    assert (
        distribution.sample(rng(), 40_000)[:17].tolist() == distribution.sample(rng(), 17).tolist()
    )


@pytest.mark.parametrize(
    ("small", "large"),
    [
        (Exponential(mean=1.0), Exponential(mean=4.0)),
        (Uniform(low=1.0, high=2.0), Uniform(low=4.0, high=8.0)),
        *((family(mean=1.0, cv=0.7), family(mean=4.0, cv=0.7)) for family in SHAPED),
    ],
    ids=repr,
)
def test_a_change_of_scale_keeps_the_draws(small, large):
    np.testing.assert_allclose(large.sample(rng(), 50), 4.0 * small.sample(rng(), 50), rtol=1e-12)


@pytest.mark.parametrize("family", SHAPED)
@settings(deadline=None, max_examples=30)
@given(mean=st.floats(1e-3, 1e4), cv=st.floats(0.01, 10.0))
def test_median_and_p95_lead_back_to_mean_and_cv(family, mean, cv):
    one = family(mean=mean, cv=cv)
    other = family(median=one.median, p95=one.p95)
    assert other.mean == pytest.approx(mean, rel=1e-6)
    assert other.cv == pytest.approx(cv, rel=1e-6)
    assert (one.mean, one.cv) == (mean, cv)
    assert (other.median, other.p95) == (one.median, one.p95)


@pytest.mark.parametrize(
    ("distribution", "reference"),
    [
        (
            LogNormal(mean=2.0, cv=1.5),
            stats.lognorm(math.sqrt(math.log(3.25)), scale=2 / 3.25**0.5),
        ),
        (Gamma(mean=2.0, cv=0.5), stats.gamma(4.0, scale=0.5)),
        (Weibull(mean=math.gamma(1.5), cv=math.sqrt(4.0 / math.pi - 1.0)), stats.weibull_min(2.0)),
    ],
    ids=["lognormal", "gamma", "weibull"],
)
def test_the_four_figures_agree_with_scipy(distribution, reference):
    assert distribution.mean == pytest.approx(reference.mean())
    assert distribution.variance == pytest.approx(reference.var())
    assert distribution.median == pytest.approx(reference.ppf(0.5))
    assert distribution.p95 == pytest.approx(reference.ppf(0.95))
    assert stats.kstest(distribution.sample(rng(), 5000), reference.cdf).pvalue > 1e-3


@pytest.mark.parametrize("family", SHAPED)
def test_the_pair_that_was_given_is_the_one_that_is_written(family):
    assert list(family(mean=2.0, cv=0.5).model_dump()) == ["kind", "mean", "cv"]
    assert list(family(median=2.0, p95=5.0).model_dump()) == ["kind", "median", "p95"]


def test_a_dump_may_leave_out_the_kind():
    assert LogNormal(mean=2.0, cv=0.5).model_dump(exclude={"kind"}) == {"mean": 2.0, "cv": 0.5}


@pytest.mark.parametrize("family", SHAPED)
@pytest.mark.parametrize("pair", [{"mean": 3.0, "cv": 0.0}, {"median": 3.0, "p95": 3.0}], ids=str)
def test_without_spread_every_time_is_the_same(family, pair):
    distribution = family(**pair)
    figures = (distribution.mean, distribution.cv, distribution.median, distribution.p95)
    assert figures == (3.0, 0.0, 3.0, 3.0)
    assert distribution.variance == 0.0
    assert distribution.sample(rng(), 3).tolist() == [3.0, 3.0, 3.0]


@pytest.mark.parametrize("family", SHAPED)
@pytest.mark.parametrize(
    ("fields", "got"),
    [
        ({}, "neither"),
        ({"mean": 1.0}, "mean"),
        ({"mean": 1.0, "p95": 2.0}, "mean and p95"),
        ({"mean": 1.0, "cv": 1.0, "median": 2.0}, "cv and mean and median"),
        ({"mean": 1.0, "cv": 1.0, "median": 2.0, "p95": 3.0}, "cv and mean and median and p95"),
    ],
    ids=str,
)
def test_anything_but_one_pair_is_refused(family, fields, got):
    with pytest.raises(ValidationError, match=rf"mean and cv, or median and p95 \(got {got}\)"):
        family(**fields)


@pytest.mark.parametrize("family", SHAPED)
@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"median": 2.0, "p95": 1.0}, "p95 = 1.0 lies below median = 2.0"),
        ({"mean": 1.0, "cv": 1e200}, r"cv = 1e\+200 is out of reach of a \w+ distribution"),
        ({"mean": 1.0, "cv": 1e-12}, "cv = 1e-12 is out of reach"),
        ({"median": 1.0, "p95": 1.0 + 1e-12}, "p95 / median = 1 is out of reach"),
        ({"median": 1e-300, "p95": 1e300}, "p95 / median = inf is out of reach"),
        ({"mean": 0.0, "cv": 1.0}, "greater than 0"),
        ({"mean": 1.0, "cv": -1.0}, "greater than or equal to 0"),
    ],
    ids=str,
)
def test_a_pair_that_no_member_has_is_refused_with_its_value(family, fields, problem):
    with pytest.raises(ValidationError, match=problem):
        family(**fields)


def test_figures_beyond_floating_point_are_refused():
    with pytest.raises(ValidationError, match="too wide for floating point"):
        LogNormal(mean=1e-250, cv=1e86)


@pytest.mark.parametrize(
    ("family", "fields"),
    [
        (Constant, {"value": -1.0}),
        (Constant, {"value": math.inf}),
        (Constant, {"value": True}),
        (Constant, {"value": "1"}),
        (Exponential, {"mean": math.nan}),
        (Exponential, {"mean": 1.0, "rate": 1.0}),
        (Uniform, {"low": 3.0, "high": 2.0}),
        (Empirical, {"values": ()}),
        (Empirical, {"values": (1.0, -1.0)}),
        (Sum, {"parts": ()}),
        (Sum, {"parts": ({"kind": "sum", "parts": ({"kind": "constant", "value": 1.0},)},)}),
    ],
    ids=str,
)
def test_a_time_that_is_none_is_refused(family, fields):
    with pytest.raises(ValidationError):
        family(**fields)


def test_the_stages_of_a_sum_are_independent():
    alike = Sum(parts=(Exponential(mean=1.0), Exponential(mean=1.0)))
    reference = stats.gamma(2.0)
    assert stats.kstest(alike.sample(rng(), 5000), reference.cdf).pvalue > 1e-3


def test_a_change_of_one_stage_leaves_the_draws_of_the_others():
    first, second = Exponential(mean=2.0), Uniform(low=0.0, high=1.0)
    before = Sum(parts=(first, second)).sample(rng(), 50)
    after = Sum(parts=(Constant(value=0.0), second)).sample(rng(), 50)
    alone = Sum(parts=(first,)).sample(rng(), 50)
    np.testing.assert_allclose(before - after, alone, atol=1e-12)


def test_rounding_makes_no_variance_of_a_mixture_negative():
    always = Constant(value=5.137340130187863)
    mixed = Mixture(parts=(always, always), weights=(0.32705805227063045, 0.6729419477293695))
    assert mixed.variance == 0.0


def test_numpy_values_are_taken_for_what_they_hold():
    assert Exponential(mean=np.float32(2.0)) == Exponential(mean=2.0)
    assert Empirical(values=np.array([1.0, 2.0])) == Empirical(values=(1.0, 2.0))


def test_an_empirical_sample_draws_every_value_and_nothing_else():
    values = (0.5, 3.0, 4.0)
    assert set(Empirical(values=values).sample(rng(), 200).tolist()) == set(values)


@pytest.mark.parametrize(
    ("distribution", "words"),
    [
        (Constant(value=1.5), "1.5 s"),
        (Uniform(low=1.0, high=4.0), "1 to 4 s, uniformly"),
        (Exponential(mean=2.0), "2 s on average, exponentially distributed"),
        (Weibull(mean=2.0, cv=1.0), "2 s on average (Weibull, cv 1, median 1.39 s, p95 5.99 s)"),
        (Empirical(values=(1.0, 3.0)), "2 s on average, from a sample of 2"),
        (
            Sum(parts=(Constant(value=2.0), Uniform(low=0.0, high=10.0))),
            "7 s on average (2 s; plus 0 to 10 s, uniformly)",
        ),
    ],
    ids=repr,
)
def test_a_distribution_describes_itself_in_seconds(distribution, words):
    assert distribution.describe() == words
