"""The smallest number of workers that meets a target."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest

from jobsim import Scenario, preset
from jobsim.figures.intervals import intervals
from jobsim.studies import pool, workers_search
from jobsim.studies.formulas import mmc_wait_percentile
from jobsim.studies.sizing import workers_needed
from jobsim.studies.sweep import sweep

BUSY = Scenario(jobs=3000, arrivals={"kind": "poisson", "rate": 6.4}, seed=2)


def upper_ends(scenario, metric, crew, **how):
    table = sweep(scenario, {"workers": crew}, **how)
    found = intervals(table, metric)
    return dict(zip(found["workers"], found["mean"] + found["half_width"], strict=True))


@pytest.mark.parametrize("target", [0.2, 0.5, 1.0])
def test_the_answer_meets_the_target_and_one_fewer_does_not(target):
    answer = workers_needed(BUSY, wait_p95=target, replications=10, horizon="scenario")
    ends = upper_ends(BUSY, "wait_p95", range(5, 16), replications=10, warmup=0.0)
    assert answer.workers == min(workers for workers, end in ends.items() if end <= target)
    assert answer.interval.high == pytest.approx(ends[answer.workers])
    assert answer.met


def test_the_answer_is_that_of_theory():
    long = BUSY.replace({"jobs": 20_000})
    by_theory = next(c for c in range(7, 30) if mmc_wait_percentile(c, 6.4, 1.0, 95) <= 0.5)
    assert workers_needed(long, wait_p95=0.5, replications=5).workers == by_theory


def test_the_curve_is_the_rows_of_a_sweep():
    answer = workers_needed(BUSY, wait_mean=0.1, replications=3, horizon="scenario")
    crew = sorted(set(answer.table["workers"]))
    table = sweep(BUSY, {"workers": crew}, replications=3, warmup=0.0)
    assert list(answer.table) == list(table)
    assert answer.table["wait_mean"].tolist() == table["wait_mean"].tolist()
    assert {answer.workers - 1, answer.workers} <= set(crew)


def test_the_answer_is_a_sentence():
    answer = workers_needed(BUSY, wait_p95=0.5, replications=5)
    assert answer.agrees
    assert answer.sentence.startswith(f"{answer.workers} workers for a wait_p95 of at most 500 ms")
    assert "95 % confidence" in repr(answer)
    assert "fewer" in answer._repr_html_()
    assert re.search("of 3,000 to [0-9,]+ jobs", repr(answer))
    assert "steady: the load is stationary" in repr(answer)
    assert "10 workers (exact); agrees" in repr(answer)


def test_the_search_begins_at_the_fewest_with_a_steady_state():
    answer = workers_needed(BUSY, wait_p95=1e6, replications=2)
    assert answer.workers == 7
    assert answer.reason == "no steady state: needs at least 7 workers; offered load is 6.4"


def test_a_large_answer_is_found_without_trying_all():
    answer = workers_needed(preset("stampede"), wait_p95=1.0, replications=3)
    tried = set(answer.table["workers"])
    assert answer.workers > 50
    assert {answer.workers - 1, answer.workers} <= tried
    assert len(tried) < 30
    ends = upper_ends(
        preset("stampede"), "wait_p95", [answer.workers - 1, answer.workers], replications=3
    )
    assert ends[answer.workers] <= 1.0 < ends[answer.workers - 1]


def test_one_worker_may_be_enough():
    calm = Scenario(jobs=50, arrivals={"kind": "schedule", "times": [0.0, 100.0]})
    answer = workers_needed(calm, wait_p95=50.0, replications=2)
    assert answer.workers == 1
    assert answer.reason == "there is no fewer than one"


def test_a_target_that_no_crew_can_meet_says_why():
    answer = workers_needed(preset("steady"), sojourn_p95=2.0, replications=3)
    assert (answer.workers, answer.met) == (None, False)
    assert answer.reason.startswith("with a worker for every job, so that nobody waits, it is")
    assert answer.interval.low > 2.0
    assert answer.table.empty
    assert "no answer for a sojourn_p95 of at most 2 s" in repr(answer)
    assert "tried    nothing" in repr(answer)


def test_a_load_that_is_never_paid_has_no_wait_to_size_by():
    nobody = BUSY.replace({"payment.abandon": 1.0})
    answer = workers_needed(nobody, wait_p95=1.0, replications=2)
    assert not answer.met
    assert "too few jobs are ever paid" in answer.reason


def test_throughput_is_a_target_from_below():
    answer = workers_needed(preset("overload"), throughput=5.0, replications=3)
    assert answer.interval.low >= 5.0
    assert "at least 5 jobs/s" in answer.sentence
    assert "150 s" in repr(answer)


STORMY = Scenario(
    jobs=250,
    arrivals={"kind": "poisson", "rate": 3.0},
    patience={"kind": "constant", "value": 4.0},
    retry={"attempts": 2},
    outages=({"at": 20.0, "duration": 20.0, "workers": 2},),
    seed=2,
)


@pytest.mark.parametrize("crash", [0.0, 0.05])
def test_with_feedback_every_smaller_number_was_tried(crash):
    scenario = STORMY.replace({"work.crash": crash, "reaper": {"timeout": 9.0}})
    answer = workers_needed(scenario, wait_p95=1.0, replications=5)
    least = 1 if crash else 4  # crashes cut work short, so no load is a bound
    tried = set(answer.table["workers"])
    assert tried >= set(range(least, answer.workers + 1))
    ends = upper_ends(scenario, "wait_p95", range(least, answer.workers + 1), replications=5)
    assert [workers for workers, end in ends.items() if end <= 1.0] == [answer.workers]


def test_with_feedback_what_no_crew_can_meet_is_told_from_a_run_with_a_worker_for_every_job():
    answer = workers_needed(STORMY, sojourn_p95=0.1, replications=3)
    assert not answer.met
    assert answer.table.empty
    assert answer.reason.startswith("with a worker for every job, so that nobody waits, it is")
    # Nobody waits, although two workers are gone for a while.
    assert workers_needed(STORMY, wait_p95=0.0, replications=2).met


def test_a_large_answer_with_feedback_is_found_too():
    second = {"kind": "constant", "value": 1.0}
    crowd = Scenario(
        jobs=15, arrivals={"kind": "stampede"}, work={"service": second}, reaper={"timeout": 9.0}
    )
    answer = workers_needed(crowd, makespan=1.0, replications=2)
    assert sorted(set(answer.table["workers"])) == list(range(1, 17))
    assert answer.workers == 15


def test_a_figure_that_such_runs_do_not_have_is_no_target():
    with pytest.raises(ValueError, match="runs of 'custom' have no wait_max"):
        workers_needed(BUSY, wait_max=1.0, replications=2)


def test_a_share_is_a_target_too():
    assert workers_needed(BUSY, utilisation=0.5, replications=3).workers == 13


def test_workers_without_a_job_make_the_others_less_busy():
    few = {"kind": "schedule", "times": [0.0] * 10}
    second = {"kind": "constant", "value": 1.0}
    calm = Scenario(arrivals=few, work={"service": second})
    # Ten jobs of a second on c workers: 25 are busy for 0.4 of the time, if it is a second.
    answer = workers_needed(calm, utilisation=0.4, replications=2)
    assert answer.workers == 25
    assert not workers_needed(calm, utilisation=0.0, replications=2).met


def test_a_service_level_is_a_target_from_below():
    # Erlang C: 13 agents serve 79.6 % within 20 s, 14 serve 88.8 %.
    calls = Scenario(
        jobs=20_000,
        arrivals={"kind": "poisson", "rate": 1 / 18},
        work={"service": {"kind": "exponential", "mean": 180.0}},
    )
    answer = workers_needed(calls, wait_within_20s=0.8)
    assert (answer.workers, answer.by_theory) == (14, 14)
    assert "at least 80 %" in answer.sentence


def test_no_crew_is_too_small_at_the_stated_risk():
    # Of random M/M/c, with Erlang's own answer beside each.
    rng = np.random.default_rng(10)
    for number in range(3):
        load = float(np.exp(rng.uniform(np.log(1.6), np.log(8.0))))
        scenario = Scenario(jobs=1000, arrivals={"kind": "poisson", "rate": load}, seed=number)
        target = float(rng.uniform(0.1, 1.0))
        answer = workers_needed(scenario, wait_p95=target)
        least = math.floor(load) + 1
        right = next(c for c in range(least, 99) if mmc_wait_percentile(c, load, 1.0, 95) <= target)
        assert right <= answer.workers <= right + 1
        assert answer.by_theory == right


def test_clients_who_leave_are_the_slowest():
    # All but those whom one worker serves in time leave: no p95 is short then.
    storm = STORMY.replace({"retry": None, "outages": (), "arrivals.rate": 6.0})
    answer = workers_needed(storm, response_p95=4.0, replications=2, horizon="scenario")
    few = sweep(storm, {"workers": [1]}, replications=2)
    assert (few["left"] > 100).all()
    assert answer.workers is None or answer.workers > 5


def test_a_load_that_ends_is_sized_as_it_is():
    short = BUSY.replace({"jobs": None, "duration": 30.0})
    answer = workers_needed(short, wait_p95=0.5, replications=3)
    assert answer.horizon == "scenario"
    assert answer.why == "the arrivals end after a given duration"
    assert answer.by_theory is None
    assert workers_needed(BUSY, makespan=600.0, replications=2).horizon == "scenario"


@pytest.mark.parametrize("after", [0, 1])
def test_ctrl_c_ends_the_search_with_what_was_seen(monkeypatch, after):
    rounds = []
    real = pool._as_completed

    def stop(tasks, executor):
        if len(rounds) == after:
            raise KeyboardInterrupt
        rounds.append(1)
        yield from real(tasks, executor)

    monkeypatch.setattr(pool, "_as_completed", stop)
    with pytest.warns(RuntimeWarning, match="interrupted"):
        answer = workers_needed(preset("stampede"), wait_p95=10.0, replications=2)
    assert not answer.met
    assert answer.reason == "the search was interrupted"
    assert len(set(answer.table["workers"])) == 4 * after


def test_ctrl_c_while_it_narrows_down_ends_the_search(monkeypatch):
    rounds = []
    real = workers_search.run_grid

    def run_grid(settings, *args, **how):
        rounds.append(1)
        found = real(settings, *args, **how)
        return dataclasses.replace(found, interrupted=len(rounds) == 4)

    monkeypatch.setattr(workers_search, "run_grid", run_grid)
    answer = workers_needed(preset("stampede"), wait_p95=10.0, replications=2)
    assert answer.reason == "the search was interrupted"


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({}, "give one metric and its target.*given: none"),
        ({"wait_p95": 1.0, "wait_p99": 2.0}, "given: wait_p95, wait_p99"),
        ({"completed": 5}, "cannot be sized by 'completed'; choose from wait_mean"),
        ({"wait_p95": -1.0}, "wait_p95 is -1.0"),
        ({"wait_p95": math.inf}, "wait_p95 is inf"),
        ({"wait_p95": 1.0, "replications": 1}, "replications is 1"),
        ({"wait_p95": 1.0, "level": 2.0}, "level is 2.0"),
    ],
)
def test_what_cannot_be_asked_is_refused(how, text):
    with pytest.raises(ValueError, match=text):
        workers_needed(BUSY, **how)


def test_given_times_need_neither_jobs_nor_a_duration():
    given = {"kind": "schedule", "times": [float(second) for second in range(9)]}
    answer = workers_needed(Scenario(arrivals=given), wait_p95=5.0, replications=2)
    assert str(answer).endswith(" of all arrivals")
