import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from jobsim.scenario.arrivals import Arrivals
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.scenario.varying import Varying
from jobsim.scenario.workload import Workload

RAMP = Varying(points=((0.0, 2.0), (50.0, 10.0)))
DAY = Varying(points=((10.0, 1.0), (40.0, 9.0), (60.0, 9.0), (60.0, 0.0), (80.0, 0.0)), period=100)
SPIKE = Varying(points=((0.0, 1.0), (30.0, 1.0), (30.0, 20.0), (40.0, 20.0), (40.0, 0.0)))
KINDS = [RAMP, DAY, SPIKE]


def arrive(arrivals, jobs=None, duration=None, seed=5):
    return arrivals.sample(np.random.default_rng(seed), jobs, duration)


def expected(arrivals, at, step=1e-3):
    """Return how many arrive on average before some moments, by a plain sum over the rate.

    The points are read by numpy's own interpolation, in which a step of no width is a jump.
    """
    moments = np.arange(step / 2, max(at), step)
    places = moments if arrivals.period is None else moments % arrivals.period
    times, rates = np.array(arrivals.points).T
    total = np.concatenate([[0.0], np.cumsum(np.interp(places, times, rates)) * step])
    return np.interp(at, np.arange(len(total)) * step, total)


@pytest.mark.parametrize("arrivals", KINDS, ids=["ramp", "day", "spike"])
def test_windows_hold_as_many_arrivals_as_the_rate_says(arrivals):
    edges = np.arange(0.0, 201.0, 10.0)
    means = np.diff(expected(arrivals, edges))
    runs = 200
    counts = sum(
        np.histogram(arrive(arrivals, duration=200.0, seed=seed), edges)[0] for seed in range(runs)
    )
    # Five standard deviations of a Poisson count in each of the windows; none where no rate is.
    assert (np.abs(counts - runs * means) <= 5.0 * np.sqrt(runs * means) + 1e-6).all()
    assert counts.sum() > 10_000


@pytest.mark.parametrize("arrivals", [RAMP, DAY], ids=["ramp", "day"])
def test_arrivals_are_poisson_in_the_time_that_the_rate_makes(arrivals):
    times = arrive(arrivals, duration=400.0)
    gaps = np.diff(expected(arrivals, times), prepend=0.0)
    assert len(gaps) > 1000
    assert stats.kstest(gaps, stats.expon.cdf).pvalue > 1e-3


@pytest.mark.parametrize("arrivals", KINDS, ids=["ramp", "day", "spike"])
@settings(deadline=None, max_examples=30)
@given(jobs=st.integers(1, 200), duration=st.floats(0.01, 300.0))
def test_whichever_of_jobs_and_duration_ends_first(arrivals, jobs, duration):
    by_jobs = arrive(arrivals, jobs=jobs)
    both = arrive(arrivals, jobs=jobs, duration=duration)
    assert both.tolist() == by_jobs[by_jobs < duration].tolist()


def test_more_jobs_or_a_longer_duration_only_add_arrivals():
    longest = arrive(DAY, duration=20_000.0)
    for fewer in (arrive(DAY, duration=130.0), arrive(DAY, jobs=20_000), arrive(DAY, jobs=1)):
        assert 0 < len(fewer) < len(longest)
        assert longest[: len(fewer)].tolist() == fewer.tolist()


@pytest.mark.parametrize("arrivals", KINDS, ids=["ramp", "day", "spike"])
def test_arrivals_are_whole_ticks_in_order_and_own_their_memory(arrivals):
    times = arrive(arrivals, jobs=50_000)
    ticks = times * TICKS_PER_SECOND
    assert times.dtype == np.float64
    assert times.base is None
    assert (ticks == np.rint(ticks)).all()
    assert (np.diff(times) >= 0.0).all()
    assert times[0] >= 0.0


def test_a_period_whose_end_is_no_whole_tick_keeps_the_order():
    arrivals = Varying(points=((0.0, 5e5), (0.1, 1e6)), period=0.1)
    assert (np.diff(arrive(arrivals, jobs=100_000)) >= 0.0).all()


def test_a_last_rate_of_zero_ends_the_arrivals():
    times = arrive(SPIKE)
    assert times[-1] < 40.0
    assert arrive(SPIKE, jobs=10**6).tolist() == times.tolist()
    workload = Workload.sample(Scenario(arrivals=SPIKE))
    assert len(workload) == pytest.approx(230, abs=5 * math.sqrt(230))


def test_the_end_rates_hold_before_the_first_and_after_the_last_point():
    arrivals = Varying(points=((100.0, 1.0), (100.0, 30.0)))
    times = arrive(arrivals, duration=200.0)
    assert (times < 100.0).sum() == pytest.approx(100, abs=50)
    assert (times >= 100.0).sum() == pytest.approx(3000, abs=275)


def test_where_the_rate_is_zero_nobody_arrives():
    times = arrive(DAY, duration=10_000.0) % 100.0
    assert not ((times > 60.0) & (times < 100.0)).any()
    assert (times < 60.0).sum() > 10_000


def test_of_two_points_at_one_time_the_later_one_holds_from_there_on():
    # The first rate there is met by the line that leads to it, and by nothing else.
    arrivals = Varying(points=((0.0, 0.0), (5.0, 0.0), (5.0, 7.0), (5.0, 400.0), (6.0, 400.0)))
    times = arrive(arrivals, duration=6.0)
    assert times[0] >= 5.0
    assert len(times) == pytest.approx(400, abs=100)


def test_a_rate_far_below_the_peak_can_be_drawn():
    # Thinning from the peak alone would need 10^15 candidates.
    times = arrive(Varying(points=((0.0, 1e6), (1e-3, 1e6), (1e-3, 1e-6))), jobs=2000)
    assert times[-1] > 1e6


def test_the_mean_rate_is_that_of_a_period():
    assert RAMP.mean_rate is None
    assert DAY.mean_rate == pytest.approx(3.4)  # 10 + 150 + 180 of 100 s
    duration = 50_000.0
    count = len(arrive(DAY, duration=duration))
    assert count == pytest.approx(3.4 * duration, abs=5.0 * math.sqrt(3.4 * duration))


def test_the_peak_rate_is_the_highest_of_all_points():
    assert (RAMP.peak_rate, DAY.peak_rate, SPIKE.peak_rate) == (10.0, 9.0, 20.0)


@pytest.mark.parametrize("arrivals", [RAMP, DAY], ids=["ramp", "day"])
def test_arrivals_that_never_end_ask_how_many(arrivals):
    with pytest.raises(ValueError, match="Varying arrivals never end: say how many by jobs or"):
        arrive(arrivals)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"points": ((0.0, 1.0),)}, "at least 2 items"),
        ({"points": ((0.0, 1.0), (1.0, -2.0))}, r"points\.1\.1\s.*greater than or equal to 0"),
        ({"points": ((-1.0, 1.0), (1.0, 2.0))}, r"points\.0\.0\s.*greater than or equal to 0"),
        ({"points": ((5.0, 1.0), (4.0, 2.0))}, "points go back in time: 4.0 s comes after 5.0 s"),
        ({"points": ((0.0, 0.0), (9.0, 0.0))}, "nobody ever arrives: make some rate higher"),
        ({"points": ((0.0, 0.0), (4.0, 0.0), (4.0, 9.0), (4.0, 0.0))}, "nobody ever arrives"),
        (
            {"points": ((0.0, 1.0), (9.0, 2.0)), "period": 8.0},
            r"the last point, at 9.0 s, lies beyond the period of 8.0 s",
        ),
        ({"points": ((0.0, 1.0), (9.0, 2.0)), "period": 0.0}, "greater than 0"),
    ],
    ids=str,
)
def test_points_that_make_no_rate_are_refused(fields, problem):
    with pytest.raises(ValidationError, match=problem):
        Varying(**fields)


@pytest.mark.parametrize(
    ("arrivals", "words"),
    [
        (RAMP, "arrive at random (Poisson), 2 to 10 per second with the peak at 50 s"),
        (DAY, "arrive at random (Poisson), 0 to 9 per second with the peak at 40 s, again every"),
    ],
)
def test_varying_arrivals_describe_their_peak(arrivals, words):
    assert arrivals.describe().startswith(words)


def test_numpy_points_and_whole_numbers_are_taken():
    assert Varying(points=np.array([[0, 2], [50, 10]])) == RAMP


@pytest.mark.parametrize("arrivals", KINDS, ids=["ramp", "day", "spike"])
def test_varying_arrivals_survive_every_file(arrivals, tmp_path):
    assert TypeAdapter(Arrivals).validate_json(arrivals.model_dump_json()) == arrivals
    scenario = Scenario(arrivals=arrivals)
    scenario.to_toml(tmp_path / "a.toml")
    scenario.to_json(tmp_path / "a.json")
    assert Scenario.load(tmp_path / "a.toml") == Scenario.load(tmp_path / "a.json") == scenario
