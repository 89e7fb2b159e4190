import dataclasses

import numpy as np
import pytest

from jobsim.scenario.arrivals import Bursts, Poisson, Stampede
from jobsim.scenario.distributions import Constant, Exponential, LogNormal, Uniform
from jobsim.scenario.presets import preset, presets
from jobsim.scenario.scenario import Payment, Scenario, Work
from jobsim.scenario.ticks import BLOCK
from jobsim.scenario.workload import TICKS_PER_SECOND, Workload, draw_payment

FULL = Scenario(
    jobs=3000,
    arrivals=Poisson(rate=5.0),
    payment=Payment(
        delay=Exponential(mean=2.0),
        abandon=0.2,
        duplicate=0.3,
        lag=Uniform(low=0.0, high=1.0),
    ),
    work=Work(service=LogNormal(mean=1.0, cv=1.5), fail=0.1),
    seed=11,
)
ARRAYS = ("arrival", "delay", "lag", "service", "fails")

# An old seed keeps its meaning: a digest changes only if that is what a release says.
DIGESTS = {
    "steady": "35fd4c14a3d4b59b55be4ce671c14c81a31aa7bf2ae58c652c24f55db2b61987",
    "stampede": "27b86ed90cf5fa905ae46d96a6a76f86f53a39bd1f4d0d5a7255df8d9e578571",
    "bursty": "250bb3b7e26f4e803f334c50f673ba89bafad70944fa1fa8b7320fbdb0b61320",
    "unpaid": "afbf438eb6caad3c4801a041b04a8c37694eae9805c9ecbdf052ea11b4ab93c9",
    "duplicate-payments": "566bcbedebe4a2e5daa167445f9221d13ce5a1df875751340323df757ac99605",
    "overload": "380600b0afef118a8396572f9c6381455117793e23cf392277ff4b94b5ede641",
    "busy-hour": "7a5498a8ed61ce961486fe546b7a31ba38a773bd4fc280d307f9bec15be30d16",
    "lost-webhooks": "a7d534473b22caf955a456293ee20db293496033b46c972549d6b634c14c0466",
    "block-time-payments": "2c7bd3f0c9585d8200c6a14f4872e97bec5c960464a1aa419162e14a40afe389",
    "outage": "781e3842135729b74d53c74793ca2dcec0e647411c7e4ce8f2ba0dbf72d5e103",
    "stuck-jobs": "9a13621a69d865f2705b597139f995e1597ee7760ceb100b6785adc679bd1a90",
    "impatient-reaper": "c61a35b3f02c0a7c9c14e1cf41fbc0b7ae9dbaa6855571720137bd82c9670322",
    "retry-storm": "4aad79c23dc6f526252c8d38e472e9b6103f477678e8d6c9706406ef209ee167",
    "closed-loop": "6613397236f6a2ba87e1b1b4d12d3585c05665afb70ad93fa9e762ce9d5217df",
}


def by_hand(**changes):
    fields = {
        "scenario": Scenario(),
        "arrival": np.array([0.0, 1.0, 1.0]),
        "delay": np.array([0.0, np.nan, 2.0]),
        "lag": np.array([np.nan, np.nan, 0.5]),
        "service": np.array([1.0, 2.0, 3.0]),
        "fails": np.array([False, True, False]),
    }
    return Workload(**(fields | changes))


def unchanged(before, after):
    return {
        name
        for name in ARRAYS
        if np.array_equal(getattr(before, name), getattr(after, name), equal_nan=name != "fails")
    }


@pytest.mark.parametrize("name", presets())
def test_the_presets_keep_their_jobs(name):
    assert Workload.sample(preset(name)).digest() == DIGESTS[name]


def test_the_same_scenario_gives_the_same_bytes():
    assert Workload.sample(FULL).digest() == Workload.sample(FULL.replace({})).digest()


def test_another_seed_gives_other_jobs():
    other = Workload.sample(FULL.replace({"seed": 12}))
    assert unchanged(Workload.sample(FULL), other) == set()


@pytest.mark.parametrize(
    "change",
    [{"workers": 9}, {"clients": 7}, {"pollers": 3}, {"poll_interval": 0.0}, {"name": "x"}],
    ids=str,
)
def test_threads_change_no_draw(change):
    assert Workload.sample(FULL.replace(change)).digest() == Workload.sample(FULL).digest()


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"arrivals.rate": 9.0}, {"arrival"}),
        ({"payment.delay": Constant(value=1.0)}, {"delay"}),
        ({"payment.abandon": 0.0}, {"delay", "lag"}),
        ({"payment.duplicate": 0.0}, {"lag"}),
        ({"payment.lag": Exponential(mean=1.0)}, {"lag"}),
        ({"work.service": Exponential(mean=1.0)}, {"service"}),
        ({"work.fail": 0.0}, {"fails"}),
    ],
    ids=str,
)
def test_a_change_of_one_quantity_leaves_the_draws_of_the_others(change, changed):
    before, after = Workload.sample(FULL), Workload.sample(FULL.replace(change))
    assert set(ARRAYS) - unchanged(before, after) == changed


def test_more_jobs_begin_with_the_same_jobs():
    few, many = Workload.sample(FULL), Workload.sample(FULL.replace({"jobs": 3 * BLOCK}))
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(many, name)[:3000], getattr(few, name))


def test_a_higher_probability_only_adds_jobs():
    low = Workload.sample(FULL)
    high = Workload.sample(
        FULL.replace({"payment.abandon": 0.4, "work.fail": 0.5, "payment.duplicate": 1.0})
    )
    assert (high.fails >= low.fails).all()
    assert (np.isnan(high.delay) >= np.isnan(low.delay)).all()
    assert high.fails.sum() > low.fails.sum()


def test_the_shares_are_the_probabilities():
    workload = Workload.sample(FULL.replace({"jobs": 100_000}))
    assert np.isnan(workload.delay).mean() == pytest.approx(0.2, abs=0.01)
    assert workload.fails.mean() == pytest.approx(0.1, abs=0.01)
    paid = ~np.isnan(workload.delay)
    assert (~np.isnan(workload.lag[paid])).mean() == pytest.approx(0.3, abs=0.01)


def test_streams_are_independent_of_each_other():
    workload = Workload.sample(FULL.replace({"jobs": 100_000, "payment.abandon": 0.0}))
    gaps = np.diff(workload.arrival, prepend=0.0)
    table = np.corrcoef([gaps, workload.delay, workload.service, workload.fails])
    assert np.abs(table - np.eye(4)).max() < 0.02


def test_a_job_that_is_never_paid_has_no_duplicate():
    workload = Workload.sample(FULL.replace({"payment.duplicate": 1.0}))
    assert (np.isnan(workload.lag) == np.isnan(workload.delay)).all()


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_what_is_certain_is_certain(probability):
    workload = Workload.sample(
        FULL.replace({"payment.abandon": probability, "work.fail": probability})
    )
    assert (np.isnan(workload.delay) == bool(probability)).all()
    assert (workload.fails == bool(probability)).all()


def test_a_traces_payments_are_those_of_the_scenario():
    workload = Workload.sample(FULL)
    delay, lag = draw_payment(FULL, len(workload))
    np.testing.assert_array_equal(delay, workload.delay)
    np.testing.assert_array_equal(lag, workload.lag)


@pytest.mark.parametrize("arrivals", [Poisson(rate=5.0), Bursts(size=3, every=0.3)], ids=repr)
@pytest.mark.parametrize("duration", [None, 40.0])
def test_a_sampled_workload_passes_the_checks_of_one_made_by_hand(arrivals, duration):
    workload = Workload.sample(FULL.replace({"arrivals": arrivals, "duration": duration}))
    again = dataclasses.replace(workload)
    assert again.digest() == workload.digest()
    for name in ARRAYS:
        array = getattr(workload, name)
        # The check did not have to copy it: it is read-only and shares its memory with nobody.
        assert getattr(again, name) is array
        assert array.base is None
        assert len(array) == len(workload)
        assert array.dtype == (np.bool_ if name == "fails" else np.float64)


def test_the_number_of_jobs_has_to_be_said():
    with pytest.raises(ValueError, match="say how many by jobs or duration"):
        Workload.sample(Scenario())


def test_a_duration_may_be_too_short_for_any_job():
    workload = Workload.sample(Scenario(jobs=3, duration=1.0, arrivals=Stampede(at=2.0)))
    assert len(workload) == 0
    assert workload.digest() == dataclasses.replace(workload).digest()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"arrivals.rate": 1e-12}, "arrivals"),
        ({"work.service": Constant(value=1e11)}, "work.service"),
        ({"payment.delay": Constant(value=1e308)}, "payment.delay"),
        ({"payment.lag": Constant(value=1e11)}, "payment.lag"),
    ],
    ids=str,
)
def test_a_time_beyond_exact_ticks_is_refused(change, name):
    with pytest.raises(ValueError, match=rf"{name} gave .* s, beyond 2\*\*33 s"):
        Workload.sample(FULL.replace(change))


def test_an_array_that_can_be_written_to_is_copied():
    service = np.array([1.0, 2.0, 3.0])
    window = service[:]
    window.flags.writeable = False
    for given in (service, window):
        workload = by_hand(service=given)
        service[0] = 9.0
        assert workload.service.tolist() == [1.0, 2.0, 3.0]
        assert not workload.service.flags.writeable
        service[0] = 1.0


def test_an_array_over_read_only_memory_is_not_copied():
    service = np.frombuffer(np.array([1.0, 2.0, 3.0]).tobytes())
    assert by_hand(service=service).service is service


def test_an_array_with_gaps_is_made_contiguous():
    spread = np.array([1.0, 0.0, 2.0, 0.0, 3.0, 0.0])
    spread.flags.writeable = False
    workload = by_hand(service=spread[::2])
    assert workload.service.flags.c_contiguous
    assert workload.service.tolist() == [1.0, 2.0, 3.0]


def test_a_logged_wait_is_checked_and_counts_in_the_digest():
    wait = np.array([0.0, np.nan, 5.0])
    workload = by_hand(logged_wait=wait)
    assert workload.logged_wait.tolist()[2] == 5.0
    assert workload.digest() != by_hand().digest()
    with pytest.raises(ValueError, match="logged_wait of job 0 is -1"):
        by_hand(logged_wait=np.array([-1.0, 0.0, 0.0]))


@pytest.mark.parametrize(
    ("change", "error", "problem"),
    [
        ({"arrival": np.array([0.0, 2.0, 1.0])}, ValueError, "arrival decreases at job 2"),
        ({"arrival": np.array([0.0, 1.0])}, ValueError, r"delay has shape \(3,\)"),
        ({"fails": np.zeros((3, 1), bool)}, ValueError, r"shape \(3, 1\)"),
        ({"service": [1.0, 2.0, 3.0]}, TypeError, "service must be a float64 array, not list"),
        ({"service": np.arange(3)}, TypeError, "not int64"),
        ({"fails": np.zeros(3)}, TypeError, "fails must be a bool array, not float64"),
        ({"service": np.array([1.0, np.nan, 1.0])}, ValueError, "service of job 1 is nan s"),
        ({"arrival": np.array([0.0, 1.0, np.inf])}, ValueError, "arrival of job 2 is inf s"),
        ({"delay": np.array([0.0, -1.0, np.nan])}, ValueError, "delay of job 1 is -1.0 s"),
        ({"lag": np.array([0.0, 2.0**34, np.nan])}, ValueError, "lag of job 1 is"),
        ({"service": np.array([1.0, 2.0, 0.1])}, ValueError, "rounded by to_ticks"),
        ({"service": 3.0}, TypeError, "not float"),
    ],
    ids=str,
)
def test_unfit_arrays_are_refused_by_name_and_value(change, error, problem):
    with pytest.raises(error, match=problem):
        by_hand(**change)


def test_a_bad_value_far_into_the_jobs_is_found():
    n = BLOCK + 10
    good = np.zeros(n)
    bad = good.copy()
    bad[BLOCK + 3] = 0.1
    with pytest.raises(ValueError, match=f"service of job {BLOCK + 3} is 0.1 s"):
        Workload(Scenario(), good, good, good, bad, np.zeros(n, bool))


def test_times_are_whole_ticks():
    workload = Workload.sample(FULL)
    for name in ("arrival", "service"):
        ticks = getattr(workload, name) * TICKS_PER_SECOND
        assert (ticks == np.rint(ticks)).all()


def test_a_workload_is_shown_in_a_few_figures():
    scenario = Scenario(
        name="shop", jobs=4, arrivals={"kind": "paced", "rate": 2.0},
        payment={"delay": {"kind": "constant", "value": 2.0}, "duplicate": 1.0},
        work={"service": {"kind": "constant", "value": 3.0}, "fail": 1.0},
    )  # fmt: skip
    workload = Workload.sample(scenario)
    assert repr(workload).splitlines() == [
        "Workload of 'shop'",
        "  requests  4",
        "  arrivals  from 0 s to 1.5 s",
        "  payment   mean 2 s, longest 2 s; 4 confirmed twice",
        "  service   mean 3 s, longest 3 s; 4 to fail",
    ]
    assert "4 confirmed twice" in workload._repr_html_()


def test_a_workload_that_nobody_pays_for_has_no_mean_payment():
    shown = repr(Workload.sample(Scenario(jobs=3, payment={"abandon": 1.0})))
    assert "payment   3 never paid\n" in shown


def test_an_empty_workload_is_shown_too():
    shown = repr(Workload.sample(Scenario(duration=1e-9)))
    assert shown == "Workload of 'custom'\n  requests  0"


def test_a_workload_of_attempts_and_of_a_closed_loop_says_so():
    closed = Scenario(jobs=3, arrivals={"kind": "closed", "users": 1}, retry={"attempts": 2})
    shown = repr(Workload.sample(closed))
    assert "requests  3, up to 2 attempts each" in shown
    assert "arrivals" not in shown


RETRIED = FULL.replace({"retry": {"attempts": 2}, "work.crash": 0.5})


@pytest.mark.parametrize(("name", "row"), [("pause", 1), ("restart", None)])
def test_what_is_certain_to_be_waited_for_has_a_length(name, row):
    workload = Workload.sample(RETRIED)
    row = int(np.flatnonzero(~np.isnan(workload.crash))[0]) if row is None else row
    times = workload.arrays()[name].copy()
    times[row] = np.nan
    with pytest.raises(ValueError, match=f"{name} of job {row} is NaN: say how many seconds"):
        dataclasses.replace(workload, **{name: times})


def test_a_worker_dies_before_the_end_of_the_work():
    workload = Workload.sample(RETRIED)
    with pytest.raises(ValueError, match=r"crash of job \d+ is .* s into work that takes"):
        dataclasses.replace(workload, crash=workload.service, restart=workload.service)


def test_a_workload_with_feedback_passes_its_own_checks():
    workload = Workload.sample(RETRIED)
    assert dataclasses.replace(workload).digest() == workload.digest()
