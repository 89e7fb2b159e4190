"""What is drawn for attempts, crashes and backoffs, and that old seeds keep their meaning."""

import numpy as np
import pytest

from jobsim.command.main import main
from jobsim.scenario.arrivals import Poisson
from jobsim.scenario.distributions import Constant, Exponential
from jobsim.scenario.scenario import Payment, Scenario, Work
from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.scenario.workload import Workload

PLAIN = Scenario(
    jobs=4000,
    arrivals=Poisson(rate=5.0),
    payment=Payment(
        delay=Exponential(mean=2.0), abandon=0.1, duplicate=0.3, lag=Exponential(mean=1.0)
    ),
    work=Work(service=Exponential(mean=1.0), fail=0.2),
    seed=11,
)
RICH = PLAIN.replace(
    {
        "retry": {"attempts": 3, "base": 2.0, "jitter": 0.5},
        "patience": Exponential(mean=3.0),
        "work.crash": 0.25,
        "work.restart": Exponential(mean=4.0),
    }
)
FIRST = ("arrival", "delay", "lag", "service", "fails")
DRAWN = (*FIRST, "pause", "patience", "crash", "restart")


def by_attempt(workload, name):
    """Return an array as one column per attempt."""
    return getattr(workload, name).reshape(-1, workload.attempts).T


def test_feedback_keeps_its_jobs():
    # An old seed keeps its meaning: a digest changes only if that is what a release says.
    assert (
        Workload.sample(RICH).digest()
        == "c04bbd9597b1f78007116684d2a4d94c085c5d74d8d4e34efa97656cea1b70bc"
    )


def test_first_attempts_are_the_jobs_that_there_are_without_retries():
    plain, rich = Workload.sample(PLAIN), Workload.sample(RICH)
    assert rich.requests == plain.requests == 4000
    for name in FIRST:
        np.testing.assert_array_equal(by_attempt(rich, name)[0], getattr(plain, name))


def test_more_attempts_begin_with_the_same_attempts():
    two, five = (Workload.sample(RICH.replace({"retry.attempts": k})) for k in (2, 5))
    for name in DRAWN:
        np.testing.assert_array_equal(by_attempt(five, name)[:2], by_attempt(two, name))


def test_more_requests_begin_with_the_same_requests():
    few, many = (Workload.sample(RICH.replace({"jobs": jobs})) for jobs in (100, 40_000))
    for name in DRAWN:
        np.testing.assert_array_equal(getattr(many, name)[:300], getattr(few, name))


@pytest.mark.parametrize("name", ["delay", "service", "fails", "patience", "restart"])
def test_attempts_are_drawn_independently_of_each_other(name):
    workload = Workload.sample(
        RICH.replace({"jobs": 40_000, "payment.abandon": 0.0, "work.crash": 1.0})
    )
    columns = by_attempt(workload, name).astype(float)
    columns = columns[:, ~np.isnan(columns).any(axis=0)]
    assert np.abs(np.corrcoef(columns) - np.eye(3)).max() < 0.03


def test_quantities_are_drawn_independently_of_each_other():
    workload = Workload.sample(RICH.replace({"jobs": 40_000, "payment.abandon": 0.0}))
    crashes = ~np.isnan(workload.crash)
    share = workload.crash[crashes] / workload.service[crashes]
    columns = [workload.delay, workload.service, workload.fails, workload.patience]
    table = np.corrcoef([column[crashes] for column in columns] + [share])
    assert np.abs(table - np.eye(5)).max() < 0.03
    assert abs(np.corrcoef(crashes, workload.service)[0, 1]) < 0.02


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"patience": Constant(value=1.0)}, {"patience"}),
        ({"retry.jitter": 0.1}, {"pause"}),
        ({"retry.base": 0.1}, {"pause"}),
        ({"retry.budget": 0.1}, set()),
        ({"reaper": {"timeout": 2.0}}, set()),
        ({"outages": [{"at": 1.0, "duration": 1.0, "workers": 1}]}, set()),
        ({"work.restart": Constant(value=1.0)}, {"restart"}),
        ({"work.crash": 0.5}, {"crash", "restart"}),
        ({"work.service": Constant(value=1.0)}, {"service", "crash"}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_change_of_one_quantity_leaves_the_draws_of_the_others(change, changed):
    before, after = Workload.sample(RICH), Workload.sample(RICH.replace(change))
    differ = {
        name
        for name in DRAWN
        if not np.array_equal(
            getattr(before, name), getattr(after, name), equal_nan=name != "fails"
        )
    }
    assert differ == changed


def test_a_backoff_lies_between_its_wait_and_what_jitter_leaves_of_it():
    pause = by_attempt(Workload.sample(RICH), "pause")
    assert np.isnan(pause[0]).all()
    for waits, wait in zip(pause[1:], RICH.retry.waits(), strict=True):
        assert 0.5 * wait <= waits.min() < 0.51 * wait
        assert 0.99 * wait < waits.max() <= wait
        assert waits.mean() == pytest.approx(0.75 * wait, rel=0.01)


@pytest.mark.parametrize(("jitter", "values"), [(0.0, {2.0, 4.0}), (1.0, None)])
def test_without_jitter_all_wait_alike_and_with_all_of_it_some_hardly_at_all(jitter, values):
    pause = by_attempt(Workload.sample(RICH.replace({"retry.jitter": jitter})), "pause")[1:]
    assert (pause >= 0.0).all()
    assert set(pause.flat) == values if values else pause.min() < 0.01


def test_in_a_closed_loop_the_first_pause_is_thought_and_the_others_are_backoff():
    loop = RICH.replace({"arrivals": {"kind": "closed", "users": 3, "think": Constant(value=7.0)}})
    pause = by_attempt(Workload.sample(loop), "pause")
    assert set(pause[0]) == {7.0}
    np.testing.assert_array_equal(pause[1:], by_attempt(Workload.sample(RICH), "pause")[1:])


def test_a_worker_dies_inside_its_work_and_only_then_has_to_restart():
    workload = Workload.sample(RICH)
    crashes = ~np.isnan(workload.crash)
    assert crashes.mean() == pytest.approx(0.25, abs=0.02)
    assert (workload.crash[crashes] < workload.service[crashes]).all()
    assert (workload.crash[crashes] >= 0.0).all()
    np.testing.assert_array_equal(np.isnan(workload.restart), ~crashes)
    share = workload.crash[crashes] / workload.service[crashes]
    assert share.mean() == pytest.approx(0.5, abs=0.02)


def test_work_that_takes_no_time_cannot_be_died_in():
    workload = Workload.sample(
        RICH.replace({"work.crash": 1.0, "work.service": Constant(value=0.0)})
    )
    assert np.isnan(workload.crash).all()
    assert np.isnan(workload.restart).all()


def test_a_higher_probability_of_a_crash_only_adds_crashes():
    low, high = (Workload.sample(RICH.replace({"work.crash": p})) for p in (0.1, 0.6))
    assert (np.isnan(low.crash) >= np.isnan(high.crash)).all()
    both = ~np.isnan(low.crash)
    np.testing.assert_array_equal(low.crash[both], high.crash[both])


def test_only_what_is_needed_is_drawn():
    plain = Workload.sample(PLAIN)
    assert [plain.pause, plain.patience, plain.crash, plain.restart] == [None] * 4
    assert set(Workload.sample(RICH).arrays()) == set(DRAWN)


def test_all_that_is_drawn_lies_on_the_grid():
    for name, array in Workload.sample(RICH).arrays().items():
        ticks = array[~np.isnan(array)] * TICKS_PER_SECOND if name != "fails" else array
        assert (ticks == np.rint(ticks)).all()
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"patience": Constant(value=1e11)}, "patience"),
        ({"work.restart": Constant(value=1e11)}, "work.restart"),
        ({"retry.base": 1e11, "retry.cap": 1e11}, "retry"),
        ({"arrivals": {"kind": "closed", "users": 1, "think": Constant(value=1e11)}}, "think"),
    ],
    ids=str,
)
def test_a_time_beyond_exact_ticks_is_refused(change, name):
    with pytest.raises(ValueError, match=rf"{name}.* gave .* s, beyond 2\*\*33 s"):
        Workload.sample(RICH.replace(change))


# Jobs that were not drawn


def trace(scenario, rows=3):
    zero = np.zeros(rows)
    return Workload(scenario, zero, zero, np.full(rows, np.nan), zero, np.zeros(rows, bool))


@pytest.mark.parametrize(
    ("fields", "leave_out"),
    [
        ({"retry": {"attempts": 2}}, "`retry` and closed arrivals"),
        ({"retry": {"attempts": 3}}, "`retry` and closed arrivals"),
        ({"arrivals": {"kind": "closed", "users": 2}}, "`retry` and closed arrivals"),
        ({"patience": {"kind": "constant", "value": 1.0}}, "`patience`"),
        ({"work": {"crash": 0.5}}, "`work.crash`"),
    ],
    ids=str,
)
def test_a_workload_without_the_draws_that_its_scenario_needs_says_what_to_leave_out(
    fields, leave_out
):
    with pytest.raises(ValueError, match=f"a trace has none: leave out {leave_out}$"):
        trace(Scenario(name="x", **fields))


def test_a_reaper_and_outages_need_no_draws():
    outages = [{"at": 1.0, "duration": 1.0, "workers": 1}]
    assert len(trace(Scenario(reaper={"timeout": 2.0}, outages=outages))) == 3


def test_rows_that_are_no_whole_requests_are_refused():
    zero, nan = np.zeros(3), np.full(3, np.nan)
    with pytest.raises(
        ValueError, match="3 rows are not a whole number of requests with 2 attempts"
    ):
        Workload(
            Scenario(retry={"attempts": 2}), zero, zero, nan, zero, np.zeros(3, bool), pause=zero
        )


@pytest.mark.parametrize("name", ["retry-storm", "closed-loop"])
def test_a_trace_of_a_scenario_that_needs_draws_is_one_line_on_the_command_line(
    name, tmp_path, capsys
):
    log = tmp_path / "log.csv"
    log.write_text("arrival,service\n0,1\n1,2\n2,1\n")
    assert main(["run", name, "--trace", str(log), "--out", str(tmp_path / "run")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("jobsim: 'log.csv' needs draws of pause, which this workload does not")
    assert err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("service", "off"),
    [
        ({"kind": "exponential", "mean": 1e-6}, "-3.7%|-3.6%|-3.8%"),
        ({"kind": "constant", "value": 2e-6}, "-4.6%"),
        ({"kind": "constant", "value": 1e-7}, "-100.0%"),
    ],
)
def test_work_that_the_grain_of_time_would_change_is_refused(service, off):
    with pytest.raises(ValueError, match=rf"near the resolution of time .* be off by ({off})"):
        Workload.sample(Scenario(jobs=100_000, work={"service": service}))


def test_work_of_a_hundred_microseconds_keeps_its_mean():
    scenario = Scenario(jobs=100_000, work={"service": {"kind": "exponential", "mean": 1e-4}})
    assert Workload.sample(scenario).service.mean() == pytest.approx(1e-4, rel=0.01)


def test_a_rate_that_the_grain_of_time_would_change_is_refused():
    with pytest.raises(ValueError, match=r"arrivals.rate is 5e\+06 per second; above 65,536"):
        Workload.sample(Scenario(jobs=10, arrivals={"kind": "poisson", "rate": 5e6}))
    fast = Workload.sample(Scenario(jobs=100_000, arrivals={"kind": "poisson", "rate": 5e4}))
    assert (len(fast) - 1) / np.ptp(fast.arrival) == pytest.approx(5e4, rel=0.01)
