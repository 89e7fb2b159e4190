"""What the presets with feedback tell, in virtual time: the numbers behind each sentence."""

from __future__ import annotations

import numpy as np
import pytest

from jobsim import preset, run_virtual

# The units have tests of their own; to trace these would cost as much as they do.
pytestmark = pytest.mark.no_cover

CALM = {"arrivals": {"kind": "poisson", "rate": 5.0}}
SEEDS = range(4)


def told(name, changes=None):
    return run_virtual(preset(name).replace(changes or {})).jobs


def useful(jobs):
    """The first completed job of each request, unless its client had left before."""
    left = jobs.groupby("request")["left"].transform("max")
    done = jobs[(jobs["status"] == "completed") & ~(jobs["finished"] > left)]
    return done.sort_values("finished").drop_duplicates("request").set_index("request")


def recovers(changes, seed):
    """Tell whether nine of ten requests of the last quarter's demand are served in it."""
    jobs = told("retry-storm", changes | {"seed": seed})
    first = jobs.loc[jobs["attempt"] == 1, "created"]
    served = useful(jobs)["finished"].between(135.0, 180.0).sum()
    return bool(served > 0.9 * first.between(135.0, 180.0).sum())


@pytest.mark.parametrize(
    ("changes", "ends_well"),
    [
        (CALM, True),  # with retries the same load is fine, as long as there is no spike,
        ({"retry": None}, True),  # and so is the spike without retries.
        ({}, False),
        ({"retry.jitter": 1.0}, False),
        ({"retry.budget": 0.1}, True),
        ({"retry.jitter": 1.0, "retry.budget": 0.1}, True),
    ],
    ids=["no spike", "no retries", "as it is", "jitter", "budget", "jitter and budget"],
)
def test_a_retry_storm_outlasts_its_spike_unless_retries_are_on_a_budget(changes, ends_well):
    assert [recovers(changes, seed) for seed in SEEDS] == [ends_well] * len(SEEDS)


def test_in_a_retry_storm_goodput_collapses_and_throughput_stays_at_the_most():
    jobs = told("retry-storm")
    served = useful(jobs)["finished"]
    assert served.between(20.0, 40.0).sum() / 20.0 > 4.5  # before the spike: all of the demand
    assert not served.between(100.0, 180.0).any()
    assert jobs["finished"].between(100.0, 180.0).sum() / 80.0 > 7.8  # of 8 that they can
    assert jobs["created"].between(100.0, 180.0).sum() / 80.0 > 15.0


def test_stuck_jobs_stay_running_until_a_late_reaper_comes_or_for_ever():
    jobs = told("stuck-jobs")
    crashed = jobs[jobs["crashed"]]
    assert 0.03 < len(crashed) / len(jobs) < 0.06
    assert crashed["reaped"].all()
    assert (crashed["finished"] - crashed["started"]).between(60.0, 90.0).all()
    assert len(useful(jobs)) == 800
    for_ever = told("stuck-jobs", {"reaper": None})
    assert (for_ever.loc[for_ever["crashed"], "status"] == "running").all()
    assert for_ever["finished"].isna().sum() == for_ever["crashed"].sum() > 20


def test_an_impatient_reaper_kills_several_healthy_jobs_for_every_dead_worker():
    jobs = told("impatient-reaper")
    killed = jobs["reaped"] & ~jobs["crashed"]
    assert killed.sum() > 5 * jobs["crashed"].sum() > 50
    assert (jobs.loc[killed, "rejected"] == 1).all()
    patient = told("impatient-reaper", {"reaper.timeout": 90.0})
    assert (patient["reaped"] & ~patient["crashed"]).sum() < 5


def test_users_of_the_closed_loop_hide_the_outage_from_whoever_measures_from_the_actual_start():
    jobs = told("closed-loop")
    ends, first = useful(jobs)["finished"], jobs[jobs["attempt"] == 1].set_index("request")
    assert len(ends) == 1000
    asked, meant = ends - first["created"], ends - first["arrival"]
    assert 0.015 < (asked > 1.0).mean() < 0.025
    assert 0.23 < (meant > 1.0).mean() < 0.28
    # Without the outage both ways to measure say the same.
    calm = told("closed-loop", {"outages": ()})
    assert np.percentile(calm["created"] - calm["arrival"], 95) == 0.0


def test_the_backlog_of_an_outage_lasts_for_longer_than_the_outage():
    jobs = told("outage")

    def waiting(time):
        return int(((jobs["paid"] <= time) & ~(jobs["started"] <= time)).sum())

    assert waiting(39.0) < 5
    assert waiting(60.0) > 60
    assert waiting(85.0) > 25
    assert waiting(110.0) < 5
    assert jobs["crashed"].sum() == jobs["reaped"].sum() > 0
