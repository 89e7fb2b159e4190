"""Replications: intervals for every metric, warm-up shown, a rule when to stop, pairs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from jobsim import Scenario, preset
from jobsim.figures.metrics import UNITS, metrics
from jobsim.studies import cells, length, pool, replicate
from jobsim.studies.formulas import mmc_wait_mean
from jobsim.studies.long_run import wait_interval
from jobsim.studies.paired import paired
from jobsim.studies.statistics import (
    batch_means,
    fixed_fraction,
    mean_interval,
    mser5,
    paired_interval,
)
from jobsim.studies.sweep import sweep
from jobsim.studies.theory import theory
from jobsim.studies.words import in_words
from jobsim.virtual.run_virtual import run_virtual

SCENARIO = Scenario(jobs=400, workers=2, arrivals={"kind": "poisson", "rate": 1.5}, seed=3)


@pytest.fixture(scope="module")
def found():
    return replicate.replicate(SCENARIO, 10, horizon="scenario", warmup=0.1)


def test_every_metric_has_mean_half_width_level_and_n(found):
    table = found.table
    assert list(table) == ["mean", "half_width", "level", "n", "unit", "problem"]
    assert table.index.tolist() == list(metrics(run_virtual(SCENARIO).jobs, workers=2))
    row = table.loc["sojourn_mean"]
    expected = mean_interval(found.samples["sojourn_mean"])
    assert (row["mean"], row["half_width"]) == pytest.approx((expected.mean, expected.half_width))
    assert (row["level"], row["n"], row["unit"]) == (0.95, 10, "s")


def test_replications_differ_and_the_first_is_the_scenarios_own(found):
    assert found.samples["seed"].is_unique
    assert found.samples["seed"].iloc[0] == 3
    assert found.samples["wait_mean"].is_unique


def test_the_same_scenario_gives_the_same_replications(found):
    again = replicate.replicate(SCENARIO, 10, horizon="scenario", warmup=0.1)
    pd.testing.assert_frame_equal(again.samples, found.samples)


def test_fewer_replications_are_the_first_of_more(found):
    few = replicate.replicate(SCENARIO, 4, horizon="scenario", warmup=0.1).samples
    pooled = [name for name in few if name.endswith(("_jackknife", "too_short"))]
    expected = found.samples.head(4).drop(columns=pooled)
    pd.testing.assert_frame_equal(few.drop(columns=pooled), expected)


def test_the_interval_covers_what_theory_says():
    many = replicate.replicate(SCENARIO.replace({"jobs": 4000}), 10, level=0.999)
    assert many.interval("wait_mean").covers(mmc_wait_mean(2, 1.5, 1.0))


def test_the_display_shows_the_warm_up(found):
    assert "the first 10 % of each run deleted: 40 of 400 jobs" in repr(found)
    assert "95 %, Student's t over replications; quantiles pooled, jackknife" in repr(found)
    assert "10 replications of &#x27;custom&#x27;" in found._repr_html_()
    mser = replicate.replicate(SCENARIO, 3, warmup="mser5", horizon="scenario")
    assert "MSER-5 deleted" in repr(mser)
    assert "of 400 jobs" in repr(mser)


def test_a_metric_without_a_value_is_left_out_of_the_display():
    nobody = replicate.replicate(SCENARIO.replace({"payment.abandon": 1.0}), 2)
    assert nobody.interval("wait_mean").n == 0
    assert "wait_mean" not in repr(nobody)


def test_a_transient_keeps_all_its_jobs():
    whole = replicate.replicate(preset("stampede"), 2)
    assert whole.samples["jobs"].tolist() == [500, 500]


# When to stop


def test_it_goes_on_until_the_interval_is_narrow_enough():
    found = replicate.replicate(SCENARIO, 5, until_half_width=0.1, metric="wait_p95")
    interval = found.interval("wait_p95")
    assert interval.half_width <= 0.1 * interval.mean
    assert len(found) > 5
    assert found.goal == "wait_p95 within 0.1 of its mean: met"
    assert found.goal in repr(found)
    assert found.samples["replication"].tolist() == list(range(len(found)))


def test_it_stops_at_the_most_and_says_so(monkeypatch):
    monkeypatch.setattr(replicate, "MOST", 12)
    monkeypatch.setattr(length, "worth", lambda scenario: 20_000)
    found = replicate.replicate(SCENARIO, 5, until_half_width=1e-6)
    assert len(found) == 12
    assert "NOT met" in repr(found)


def test_what_never_happened_has_an_upper_bound_and_meets_no_goal(monkeypatch):
    monkeypatch.setattr(replicate, "MOST", 30)
    found = replicate.replicate(SCENARIO, 3, until_half_width=0.1, metric="crashed")
    assert len(found) == 30
    assert found.goal.endswith("NOT met, no event in 30 replications")
    interval = found.interval("crashed")
    # The rule of three (Hanley and Lippman-Hand 1983): at most 3 events in 30 runs.
    assert (interval.low, interval.high) == pytest.approx((0.0, 0.1), abs=2e-4)
    assert interval.never
    assert repr(interval) == "0, at most 0.0999 (95 %, n = 30, no event)"
    idle = replicate.replicate(SCENARIO.replace({"workers": 40}), 3).interval("wait_mean")
    assert idle.high == math.inf
    assert "upper bound unknown" in repr(idle)


def test_a_half_width_is_believed_from_ten_replications_on():
    assert len(replicate.replicate(SCENARIO, 2, until_half_width=0.5)) == replicate.LEAST == 10


def test_a_metric_without_values_never_gets_narrow(monkeypatch):
    monkeypatch.setattr(replicate, "MOST", 12)
    found = replicate.replicate(
        SCENARIO.replace({"payment.abandon": 1.0}), 2, until_half_width=0.01
    )
    assert len(found) == 12
    assert "NOT met" in found.goal


# Long enough


def test_runs_of_a_stationary_load_are_made_long_enough():
    busy = Scenario(jobs=1000, workers=1, arrivals={"kind": "poisson", "rate": 0.8})
    found = replicate.replicate(busy)
    assert found.horizon == "steady"
    assert found.scenario.jobs > 1000
    # M/M/1: the wait exceeds t with probability 0.8 exp(-0.2 t).
    for metric, truth in {"wait_mean": 4.0, "wait_p99": 21.910, "wait_p90": 10.397}.items():
        interval = found.interval(metric)
        assert not interval.problem
        assert interval.half_width < 0.08 * truth
        assert abs(interval.mean - truth) < 2.0 * interval.half_width
    within = found.interval("wait_within_10s")
    assert abs(within.mean - (1.0 - 0.8 * math.exp(-2.0))) < 2.0 * within.half_width < 0.02


def test_runs_that_stay_too_short_say_so(monkeypatch):
    monkeypatch.setattr(length, "worth", lambda scenario: 40_000)
    busy = Scenario(jobs=1000, workers=1, arrivals={"kind": "poisson", "rate": 0.95})
    found = replicate.replicate(busy)
    assert found.scenario.jobs == 2000
    assert found.interval("wait_p99").problem == "the runs are too short for this figure"
    assert "too short" in repr(found)
    assert found.table.loc["wait_mean", "problem"]


def test_many_short_runs_are_still_too_short():
    busy = Scenario(jobs=800, workers=1, arrivals={"kind": "poisson", "rate": 0.95})
    table = sweep(busy, {"workers": [1, 2]}, replications=100)
    short = table.groupby("workers")["too_short"].first()
    assert "wait_mean" in short[1]
    assert "wait_mean" not in short[2]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"jobs": None, "duration": 50.0}, "after a given duration"),
        ({"outages": ({"at": 1.0, "duration": 2.0, "workers": 1},)}, "out for a while"),
        ({"arrivals": {"kind": "stampede"}}, "no long-run rate"),
        ({"arrivals.rate": 2.0}, "more than the workers can serve"),
    ],
)
def test_any_other_load_is_asked_about_exactly_such_runs(changes, why):
    scenario = SCENARIO.replace({"jobs": 50} | changes)
    found = replicate.replicate(scenario, 2)
    assert found.horizon == "scenario"
    assert why in found.why
    assert (found.samples["warmup"] == 0).all()
    assert found.scenario.jobs == scenario.jobs
    with pytest.raises(ValueError, match="no steady state to ask for"):
        replicate.replicate(scenario, 2, horizon="steady")


def test_an_overload_that_no_formula_sees_is_found_by_its_growing_waits(monkeypatch):
    monkeypatch.setattr(length, "worth", lambda scenario: 20_000)
    again = {"work.fail": 0.5, "retry": {"attempts": 4, "base": 0.1}, "arrivals.rate": 1.6}
    found = replicate.replicate(SCENARIO.replace(again), 5)
    assert found.horizon == "scenario"
    assert "grow" in found.why


def test_a_quantile_is_that_of_all_jobs_together(found):
    waits = []
    for seed in found.samples["seed"]:
        jobs = run_virtual(SCENARIO.replace({"seed": seed})).jobs.iloc[40:]
        waits.append((jobs["started"] - jobs["paid"]).to_numpy())
    for q in (50, 95, 99):
        interval = found.interval(f"wait_p{q}")
        assert interval.mean == pytest.approx(np.percentile(np.concatenate(waits), q))
        without = [np.percentile(np.concatenate(waits[:k] + waits[k + 1 :]), q) for k in range(10)]
        # The jackknife's standard error, as in Efron and Tibshirani (1993), chapter 11.
        error = math.sqrt(9 / 10 * sum((value - np.mean(without)) ** 2 for value in without))
        assert interval.half_width == pytest.approx(2.262157 * error)
        assert found.table.loc[f"wait_p{q}", "mean"] == interval.mean


def test_ctrl_c_gives_the_replications_that_are_done(monkeypatch):
    real = cells.Task.run
    done = []

    def run(task):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(task)
        return real(task)

    monkeypatch.setattr(cells.Task, "run", run)
    monkeypatch.setattr(pool, "find_spec", lambda name: None)
    with pytest.warns(RuntimeWarning, match="interrupted: 3 of 10 runs"):
        found = replicate.replicate(SCENARIO, 10, until_half_width=1e-6)
    assert len(found) == 3


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"n": 1}, "n is 1"),
        ({"until_half_width": 0.0}, "until_half_width is 0.0"),
        ({"metric": "wait"}, "no figure 'wait'; did you mean 'waiting'"),
        ({"level": 95}, "level is 95"),
        ({"warmup": -0.1}, "fraction is -0.1"),
    ],
)
def test_arguments_out_of_range_are_refused(how, text):
    with pytest.raises(ValueError, match=text):
        replicate.replicate(SCENARIO, **how)


def test_an_unknown_metric_has_no_interval(found):
    with pytest.raises(ValueError, match="no figure 'lag'"):
        found.interval("lag")


# Pairs


def test_a_pair_of_settings_has_its_own_interval(found):
    three = SCENARIO.replace({"workers": 3})
    more = replicate.replicate(three, 10, horizon="scenario", warmup=0.1)
    row = paired(found, more).loc["wait_mean"]
    expected = paired_interval(found.samples["wait_mean"], more.samples["wait_mean"])
    assert (row["mean"], row["half_width"]) == pytest.approx((expected.mean, expected.half_width))
    # On the same jobs the difference is known better than either side.
    sides = [side.interval("wait_mean").half_width for side in (found, more)]
    assert row["half_width"] < math.hypot(*sides)


def test_rows_of_a_sweep_can_be_paired():
    table = sweep(SCENARIO, {"workers": [2, 3]}, replications=4)
    two, three = (table[table["workers"] == workers] for workers in (2, 3))
    differences = paired(two, three.iloc[1:])
    assert differences.loc["wait_mean", "n"] == 3
    assert differences.loc["service_mean", "mean"] == pytest.approx(0.0)
    with pytest.raises(ValueError, match="a replication appears twice"):
        paired(table, three)


def test_sides_that_are_no_pairs_are_refused(found):
    other = replicate.replicate(SCENARIO.replace({"seed": 99}), 2)
    with pytest.raises(ValueError, match="seeds of the two sides differ"):
        paired(found, other)
    with pytest.raises(ValueError, match="no replication in common"):
        paired(found.samples.head(2), found.samples.tail(2))


# One long run


def test_one_long_run_is_cut_into_batches():
    run = run_virtual(SCENARIO.replace({"jobs": 5000}))
    waits = (run.jobs["started"] - run.jobs["paid"]).to_numpy()
    assert ends(wait_interval(run)) == pytest.approx(ends(batch_means(waits[mser5(waits) :])))
    fixed = wait_interval(run, warmup=0.2, batches=10, level=0.9)
    settled = waits[fixed_fraction(waits, 0.2) :]
    assert ends(fixed) == pytest.approx(ends(batch_means(settled, batches=10, level=0.9)))


def ends(interval):
    return interval.low, interval.high


def test_a_run_that_is_too_short_for_its_queue_says_so():
    busy = Scenario(jobs=20_000, workers=1, arrivals={"kind": "poisson", "rate": 0.95})
    run = run_virtual(busy)
    assert "too short" in wait_interval(run).problem
    assert "too short" in wait_interval(run, "wait_p99").problem
    calm = run_virtual(busy.replace({"jobs": 100_000, "arrivals.rate": 0.5}))
    known = wait_interval(calm, "wait_p95")
    assert not known.problem
    assert abs(known.mean - math.log(10.0) / 0.5) < 2.0 * known.half_width
    with pytest.raises(ValueError, match="utilisation is not a figure of the wait"):
        wait_interval(calm, "utilisation")


def test_waits_of_one_long_run_with_feedback_are_taken_in_the_order_of_the_queue():
    again = SCENARIO.replace({"jobs": 1000, "work.fail": 0.2, "retry": {"base": 50.0}})
    run = run_virtual(again)
    jobs = run.jobs.sort_values("paid", kind="stable")
    assert not jobs.index.is_monotonic_increasing
    waits = (jobs["started"] - jobs["paid"]).to_numpy()
    assert ends(wait_interval(run, warmup=0.0)) == pytest.approx(ends(batch_means(waits)))


def test_runs_with_feedback_are_replicated_and_paired():
    stormy = SCENARIO.replace({"work.fail": 0.2, "retry": {"attempts": 2}})
    runs = replicate.replicate(stormy, 4, horizon="scenario")
    assert (runs.samples["jobs"] > 400).all()
    calm = replicate.replicate(SCENARIO.replace({"work.fail": 0.2}), 4, horizon="scenario")
    # The first attempts are the same jobs, so pairs are pairs.
    assert paired(calm, runs).loc["utilisation", "mean"] > 0.0
    assert runs.table.index.tolist() == [name for name in UNITS if name in runs.samples]
    assert "amplification  1.2 jobs/request" in repr(runs)
    assert "amplification" not in repr(calm)


def test_figures_are_read_with_their_units():
    assert in_words(3.0, "completed") == "3 jobs"


def test_a_closed_loop_as_a_user_asks_has_the_figures_of_the_machine_repairman():
    loop = Scenario(
        jobs=2000,
        workers=6,
        arrivals={"kind": "closed", "users": 50, "think": {"kind": "exponential", "mean": 10.0}},
    )
    known = theory(loop)
    assert known.exact
    found = replicate.replicate(loop)
    assert found.horizon == "steady"
    for figure, truth in (
        ("wait_mean", known.wait_mean),
        ("utilisation", known.utilisation),
        ("throughput", 4.473),  # M/M/6//50: Kleinrock (1975), section 3.8
    ):
        interval = found.interval(figure)
        assert interval.problem or interval.covers(truth), figure
