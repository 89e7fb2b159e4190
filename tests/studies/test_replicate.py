"""Replications: intervals for every metric, warm-up shown, a rule when to stop, pairs."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from jobsim import Scenario, preset
from jobsim.figures.metrics import UNITS, metrics
from jobsim.studies import cells, pool, replicate
from jobsim.studies.formulas import mmc_wait_mean
from jobsim.studies.replicate import in_words, paired, wait_interval
from jobsim.studies.statistics import (
    batch_means,
    fixed_fraction,
    mean_interval,
    mser5,
    paired_interval,
)
from jobsim.studies.sweep import sweep
from jobsim.virtual.run_virtual import run_virtual

SCENARIO = Scenario(jobs=400, workers=2, arrivals={"kind": "poisson", "rate": 1.5}, seed=3)


@pytest.fixture(scope="module")
def found():
    return replicate.replicate(SCENARIO, 10)


def test_every_metric_has_mean_half_width_level_and_n(found):
    table = found.table
    assert list(table) == ["mean", "half_width", "level", "n", "unit"]
    assert table.index.tolist() == list(metrics(run_virtual(SCENARIO).jobs, workers=2))
    row = table.loc["wait_p95"]
    expected = mean_interval(found.samples["wait_p95"])
    assert (row["mean"], row["half_width"]) == pytest.approx((expected.mean, expected.half_width))
    assert (row["level"], row["n"], row["unit"]) == (0.95, 10, "s")


def test_replications_differ_and_the_first_is_the_scenarios_own(found):
    assert found.samples["seed"].is_unique
    assert found.samples["seed"].iloc[0] == 3
    assert found.samples["wait_mean"].is_unique


def test_the_same_scenario_gives_the_same_replications(found):
    pd.testing.assert_frame_equal(replicate.replicate(SCENARIO, 10).samples, found.samples)


def test_fewer_replications_are_the_first_of_more(found):
    few = replicate.replicate(SCENARIO, 4).samples
    pd.testing.assert_frame_equal(few, found.samples.head(4))


def test_the_interval_covers_what_theory_says():
    many = replicate.replicate(SCENARIO.replace({"jobs": 4000}), 20, level=0.999)
    assert many.interval("wait_mean").covers(mmc_wait_mean(2, 1.5, 1.0))


def test_the_display_shows_the_warm_up(found):
    assert "the first 10 % of each run deleted: 40 of 400 jobs" in repr(found)
    assert "95 %, Student's t over replications" in repr(found)
    assert "10 replications of &#x27;custom&#x27;" in found._repr_html_()
    mser = replicate.replicate(SCENARIO, 3, warmup="mser5")
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
    found = replicate.replicate(SCENARIO, 5, until_half_width=1e-6)
    assert len(found) == 12
    assert "NOT met" in repr(found)


def test_a_metric_that_is_always_zero_is_known_at_once():
    found = replicate.replicate(SCENARIO.replace({"workers": 400}), 3, until_half_width=0.01)
    assert len(found) == 3
    assert found.goal.endswith(": met")


def test_a_metric_without_values_never_gets_narrow(monkeypatch):
    monkeypatch.setattr(replicate, "MOST", 9)
    found = replicate.replicate(
        SCENARIO.replace({"payment.abandon": 1.0}), 2, until_half_width=0.01
    )
    assert len(found) == 9
    assert "NOT met" in found.goal


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
        ({"metric": "wait"}, "no metric 'wait'; choose from jobs"),
        ({"level": 95}, "level is 95"),
        ({"warmup": -0.1}, "fraction is -0.1"),
    ],
)
def test_arguments_out_of_range_are_refused(how, text):
    with pytest.raises(ValueError, match=text):
        replicate.replicate(SCENARIO, **how)


def test_an_unknown_metric_has_no_interval(found):
    with pytest.raises(ValueError, match="no metric 'lag'"):
        found.interval("lag")


# Pairs


def test_a_pair_of_settings_has_its_own_interval(found):
    more = replicate.replicate(SCENARIO.replace({"workers": 3}), 10)
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
    with pytest.raises(ValueError, match="a replication comes twice"):
        paired(table, three)


def test_sides_that_are_no_pairs_are_refused(found):
    other = replicate.replicate(SCENARIO.replace({"seed": 99}), 10)
    with pytest.raises(ValueError, match="seeds of the two sides differ"):
        paired(found, other)
    with pytest.raises(ValueError, match="no replication in common"):
        paired(found.samples.head(2), found.samples.tail(2))


# One long run


def test_one_long_run_is_cut_into_batches():
    run = run_virtual(SCENARIO.replace({"jobs": 5000}))
    waits = (run.jobs["started"] - run.jobs["paid"]).to_numpy()
    assert wait_interval(run) == batch_means(waits[mser5(waits) :])
    fixed = wait_interval(run, warmup=0.2, batches=10, level=0.9)
    assert fixed == batch_means(waits[fixed_fraction(waits, 0.2) :], batches=10, level=0.9)


def test_waits_of_one_long_run_with_feedback_are_taken_in_the_order_of_the_queue():
    again = SCENARIO.replace({"jobs": 1000, "work.fail": 0.2, "retry": {"base": 50.0}})
    run = run_virtual(again)
    jobs = run.jobs.sort_values("paid", kind="stable")
    assert not jobs.index.is_monotonic_increasing
    waits = (jobs["started"] - jobs["paid"]).to_numpy()
    assert wait_interval(run, warmup=0.0) == batch_means(waits)


def test_runs_with_feedback_are_replicated_and_paired():
    stormy = SCENARIO.replace({"work.fail": 0.2, "retry": {"attempts": 2}})
    runs = replicate.replicate(stormy, 4)
    assert (runs.samples["jobs"] > 360).all()
    calm = replicate.replicate(SCENARIO.replace({"work.fail": 0.2}), 4)
    # The first attempts are the same jobs, so pairs are pairs.
    assert paired(calm, runs).loc["utilisation", "mean"] > 0.0
    assert runs.table.index.tolist() == [name for name in UNITS if name in runs.samples]
    assert "amplification  1.2 jobs/request" in repr(runs)
    assert "amplification" not in repr(calm)


def test_figures_are_read_with_their_units():
    assert in_words(3.0, "completed") == "3 jobs"
