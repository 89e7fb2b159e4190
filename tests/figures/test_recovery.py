from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from jobsim import Scenario, run_virtual
from jobsim.figures.recovery import (
    around,
    backlog,
    cut_off,
    last_moment,
    running_age,
    time_to_drain,
)

NAN = math.nan


def jobs_of(**columns) -> pd.DataFrame:
    return pd.DataFrame({"created": 0.0, **columns})


def test_cut_off_jobs_were_recovered_or_are_stuck_or_were_killed_at_work():
    jobs = jobs_of(
        started=[1.0, 2.0, 3.0, 4.0, NAN],
        finished=[9.0, NAN, 8.0, 5.0, NAN],
        released=[4.0, 3.0, 11.0, 5.0, NAN],
        crashed=[True, True, False, False, False],
        reaped=[True, False, True, False, False],
    )
    found = cut_off(jobs)
    assert found.index.tolist() == [0, 1, 2]
    assert found["kind"].tolist() == ["recovered", "stuck", "false kill"]
    np.testing.assert_equal(found["running"].to_numpy(), [8.0, NAN, 5.0])
    np.testing.assert_equal(found["recovery"].to_numpy(), [5.0, NAN, NAN])


def test_a_worker_that_is_lost_after_the_reaper_came_was_killed_at_work():
    jobs = jobs_of(started=[1.0], finished=[5.0], released=[6.0], crashed=[True], reaped=[True])
    assert cut_off(jobs)["kind"].tolist() == ["false kill"]


def test_the_reaper_comes_within_a_look_of_the_timeout():
    scenario = Scenario(
        jobs=300, workers=9, work={"crash": 0.3}, reaper={"timeout": 5.0, "every": 2.0}
    )
    found = cut_off(run_virtual(scenario).jobs)
    recovered = found.loc[found["kind"] == "recovered", "running"]
    assert len(recovered) > 50
    assert recovered.between(5.0, 7.0).all()


def test_without_a_reaper_all_that_crash_are_stuck():
    found = cut_off(run_virtual(Scenario(jobs=100, work={"crash": 0.3})).jobs)
    assert set(found["kind"]) == {"stuck"}


def test_the_ages_are_those_just_before_and_just_after_each_instant():
    jobs = jobs_of(started=[0.0, 1.0, 2.0, NAN], finished=[4.0, NAN, 3.0, NAN])
    ages = running_age(jobs, instants=5)  # 0, 1, 2, 3, 4
    assert ages.index.tolist() == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]
    assert ages["running"].tolist() == [0, 1, 1, 2, 2, 3, 3, 2, 2, 1]
    np.testing.assert_equal(ages["oldest"].to_numpy(), [NAN, 0, 1, 1, 2, 2, 3, 3, 4, 3])
    np.testing.assert_equal(ages["median"].to_numpy(), [NAN, 0, 1, 0.5, 1.5, 1, 2, 2.5, 3.5, 3])


def test_no_peak_of_the_longest_runners_is_missed_between_the_instants():
    rng = np.random.default_rng(5)
    started = np.sort(rng.uniform(0.0, 1000.0, 2000))
    finished = started + rng.exponential(1.0, 2000)
    ages = running_age(jobs_of(started=started, finished=finished), instants=50)
    assert ages["oldest"].max() == (finished - started).max()
    assert len(ages) <= 200


def test_a_job_of_no_length_has_no_age():
    ages = running_age(jobs_of(started=[1.0], finished=[1.0]), instants=3)
    assert not ages["running"].any()
    assert ages["oldest"].isna().all()


def test_the_backlog_is_what_is_paid_and_not_started():
    jobs = jobs_of(paid=[0.0, 1.0, 1.0, NAN], started=[0.0, 3.0, NAN, NAN])
    assert backlog(jobs)["waiting"].to_dict() == {0.0: 0, 1.0: 2, 3.0: 1}


def test_each_phase_has_the_waits_of_the_jobs_that_were_paid_in_it():
    jobs = jobs_of(paid=[0.0, 3.0, 4.0, 9.0, 9.5], started=[1.0, 6.0, 7.0, 9.0, NAN], finished=10.0)
    table = around(jobs, 3.0, 5.0)
    assert table.index.tolist() == ["before", "during", "after"]
    assert table["seconds"].tolist() == [3.0, 2.0, 5.0]
    assert table["paid"].tolist() == [1, 2, 2]
    assert table["wait_mean"].tolist() == [1.0, 3.0, 0.0]
    assert table["wait_p50"].tolist() == [1.0, 3.0, 0.0]
    assert table["wait_p95"].tolist() == [1.0, 3.0, 0.0]
    # From 0 to 1 one job waits; one from 3, two from 4 to 6, one to 7; one from 9.5 to 10.
    assert table["backlog_mean"].tolist() == pytest.approx([1 / 3, 1.5, (2 + 1 + 0.5) / 5])
    assert table["backlog_max"].tolist() == [1, 2, 2]


def test_a_run_that_was_over_before_has_no_later_phase():
    table = around(jobs_of(paid=[1.0], started=[2.0], finished=[3.0]), 5.0, 6.0)
    assert table["seconds"].tolist() == [3.0, 0.0, 0.0]
    assert table["paid"].tolist() == [1, 0, 0]
    assert table.loc[["during", "after"], ["wait_mean", "backlog_mean"]].isna().all(axis=None)


def test_an_outage_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match=r"end = 2\.0 lies before start = 3\.0"):
        around(jobs_of(paid=[1.0], started=[2.0], finished=[3.0]), 3.0, 2.0)


@pytest.mark.parametrize(
    ("started", "seconds"),
    [
        ([0.0, 3.5, 6.0, 7.0], 1.0),  # one job waited before, so one may wait again
        ([0.0, 3.5, 4.0, 4.5], 0.0),
        ([0.0, 3.5, NAN, NAN], NAN),
    ],
)
def test_the_backlog_is_drained_when_no_more_wait_than_before(started, seconds):
    jobs = jobs_of(paid=[0.0, 2.0, 4.0, 4.0], started=started)
    np.testing.assert_equal(time_to_drain(jobs, 3.0, 5.0), seconds)


def test_an_outage_before_the_first_payment_needs_no_draining():
    assert time_to_drain(jobs_of(paid=[9.0], started=[9.0]), 1.0, 2.0) == 0.0


def test_the_last_moment_of_nothing_is_the_start():
    assert last_moment(jobs_of(started=[NAN], finished=[NAN]).head(0)) == 0.0
