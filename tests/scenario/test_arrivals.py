import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from jobsim.scenario.arrivals import (
    ArrivalProcess,
    Bursts,
    Paced,
    Poisson,
    Schedule,
    Stampede,
)
from jobsim.scenario.renewal import Renewal
from jobsim.scenario.ticks import TICKS_PER_SECOND

KINDS = [
    Poisson(rate=3.0),
    Paced(rate=3.0),
    Bursts(size=4, every=0.7),
    Renewal(rate=3.0, cv=2.5),
    Stampede(at=2.5),
    Schedule(times=(9.0, 0.1, 4.0, 4.0)),
]


def rng(seed=5):
    return np.random.Generator(np.random.PCG64(seed))


def arrive(arrivals, jobs=None, duration=None):
    return arrivals.sample(rng(), jobs, duration)


@pytest.mark.parametrize("arrivals", KINDS, ids=repr)
@settings(deadline=None, max_examples=50)
@given(jobs=st.integers(1, 200), duration=st.floats(0.01, 100.0))
def test_whichever_of_jobs_and_duration_ends_first(arrivals, jobs, duration):
    by_jobs = arrive(arrivals, jobs=jobs)
    both = arrive(arrivals, jobs=jobs, duration=duration)
    assert both.tolist() == by_jobs[by_jobs < duration].tolist()


@pytest.mark.parametrize("arrivals", KINDS, ids=repr)
def test_arrivals_are_whole_ticks_and_do_not_decrease(arrivals):
    times = arrive(arrivals, jobs=50_000)
    ticks = times * TICKS_PER_SECOND
    assert times.dtype == np.float64
    assert (ticks == np.rint(ticks)).all()
    assert (np.diff(times) >= 0.0).all()
    assert times[0] >= 0.0


@pytest.mark.parametrize(
    "arrivals",
    [Poisson(rate=3.0), Paced(rate=3.0), Bursts(size=4, every=2.0), Renewal(rate=3.0, cv=2.5)],
)
def test_the_mean_rate_is_what_arrives(arrivals):
    duration = 20_000.0
    expected = arrivals.mean_rate * duration
    assert len(arrive(arrivals, duration=duration)) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("arrivals", [Stampede(), Schedule(times=(1.0,))], ids=repr)
def test_what_happens_once_has_no_mean_rate(arrivals):
    assert arrivals.mean_rate is None


def test_poisson_gaps_are_exponential():
    gaps = np.diff(arrive(Poisson(rate=5.0), jobs=5000))
    assert stats.kstest(gaps, stats.expon(scale=0.2).cdf).pvalue > 1e-3


@pytest.mark.parametrize("cv", [0.3, 1.0, 4.0])
def test_renewal_gaps_are_gamma_and_the_rate_is_the_same_from_the_start(cv):
    renewal = Renewal(rate=5.0, cv=cv)
    gaps = np.diff(arrive(renewal, jobs=5000))
    known = stats.gamma(cv**-2, scale=cv**2 / 5.0)
    # Gaps shorter than a tick are rounded: an atom that the test must not see.
    seen = stats.kstest(gaps[gaps > 1e-4], lambda x: 1.0 - known.sf(x) / known.sf(1e-4))
    assert seen.pvalue > 1e-3
    early = [len(renewal.sample(rng(seed), None, 0.4)) for seed in range(300)]
    # Two are expected in 0.4 s, with a variance of at most cv squared times that and one more.
    assert np.mean(early) == pytest.approx(2.0, abs=4 * np.sqrt((2 * cv**2 + 1) / 300))


def test_a_longer_duration_only_adds_poisson_jobs():
    short, long = (arrive(Poisson(rate=100.0), duration=duration) for duration in (3.0, 900.0))
    assert long[: len(short)].tolist() == short.tolist()
    assert 89_000 < len(long) < 91_000


def test_poisson_goes_on_when_the_first_guess_was_too_small():
    class Late(np.random.Generator):
        def standard_exponential(self, size=None, dtype=np.float64, method="zig", out=None):
            out[:] = 0.01
            return out

    times = Poisson(rate=1.0).sample(Late(np.random.PCG64(1)), None, 1.0)
    assert len(times) == pytest.approx(100, abs=1)
    assert times[-1] < 1.0


def test_another_poisson_rate_keeps_the_draws():
    slow, fast = (arrive(Poisson(rate=rate), jobs=100) for rate in (1.0, 4.0))
    np.testing.assert_allclose(slow, 4.0 * fast, atol=1e-4)


def test_paced_does_not_drift():
    assert arrive(Paced(rate=3.0), jobs=300_001)[-1] == 100_000.0


def test_a_duration_leaves_out_what_arrives_at_its_very_end():
    assert arrive(Paced(rate=2.0), duration=1.0).tolist() == [0.0, 0.5]
    assert arrive(Bursts(size=2, every=1.0), duration=1.0).tolist() == [0.0, 0.0]
    assert arrive(Stampede(at=1.0), jobs=2, duration=1.0).tolist() == []
    assert arrive(Schedule(times=(1.0, 0.5)), duration=1.0).tolist() == [0.5]


def test_a_schedule_is_put_into_order_and_knows_its_own_end():
    schedule = Schedule(times=np.array([3.0, 1.0, 2.0]))
    assert schedule.times == (1.0, 2.0, 3.0)
    assert arrive(schedule).tolist() == [1.0, 2.0, 3.0]
    assert arrive(schedule, jobs=2).tolist() == [1.0, 2.0]
    assert arrive(schedule, jobs=9).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("arrivals", KINDS[:4], ids=repr)
def test_arrivals_that_never_end_ask_how_many(arrivals):
    with pytest.raises(ValueError, match="never end: say how many by jobs or duration"):
        arrive(arrivals)


def test_a_stampede_asks_for_jobs():
    with pytest.raises(ValueError, match="say how many by jobs, not by duration"):
        arrive(Stampede(), duration=10.0)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Poisson, {"rate": 0.0}),
        (Poisson, {}),
        (Paced, {"rate": -1.0}),
        (Bursts, {"size": 0, "every": 1.0}),
        (Bursts, {"size": 1, "every": 0.0}),
        (Bursts, {"size": 1.5, "every": 1.0}),
        (Stampede, {"at": -1.0}),
        (Schedule, {"times": ()}),
        (Schedule, {"times": (-1.0,)}),
    ],
    ids=str,
)
def test_a_value_that_makes_no_sense_is_refused(kind, fields):
    with pytest.raises(ValidationError):
        kind(**fields)


@pytest.mark.parametrize(
    ("arrivals", "words"),
    [
        (Poisson(rate=3.0), "arrive at random (Poisson), 3 per second on average"),
        (Paced(rate=0.5), "arrive evenly spaced, 0.5 per second"),
        (Bursts(size=1000, every=60.0), "arrive in bursts of 1,000, one every 60 s"),
        (Stampede(), "arrive all at once, at 0 s"),
        (Schedule(times=(3.0, 1.0)), "arrive at given times between 1 and 3 s"),
    ],
    ids=repr,
)
def test_arrivals_describe_themselves(arrivals, words):
    assert arrivals.describe() == words


def test_a_new_kind_has_to_say_when_and_in_which_words():
    class Silent(ArrivalProcess):
        pass

    with pytest.raises(TypeError, match=r"abstract methods .*describe.*sample"):
        Silent()
