"""The chart of the ages of RUNNING jobs."""

from __future__ import annotations

import numpy as np
import pytest
from chart_text import texts
from matplotlib.collections import LineCollection
from report_runs import FOUR, NAN, made, retried

from jobsim import Scenario, plot, run_virtual
from jobsim.figures.recovery import cut_off, last_moment, running_age
from jobsim.plot.running_age import CHART, cut_off_lines

CRASHY = Scenario(jobs=200, workers=6, work={"crash": 0.1})


@pytest.fixture(scope="module")
def reaped():
    return run_virtual(CRASHY.replace({"reaper": {"timeout": 2.0, "every": 0.5}}))


@pytest.fixture(scope="module")
def stuck():
    return run_virtual(CRASHY)


def line(ax, label: str):
    return next(drawn for drawn in ax.lines if drawn.get_label() == label)


def test_the_oldest_and_the_median_are_those_of_the_table(reaped):
    ax = plot.running_age(reaped)
    ages = running_age(reaped.jobs)
    np.testing.assert_array_equal(line(ax, "median").get_ydata(), ages["median"])
    (oldest,) = [area for area in ax.collections if area.get_label() == "oldest"]
    corners = oldest.get_paths()[0].vertices
    assert corners[:, 1].max() == ages["oldest"].max()


def test_each_kill_is_a_dot_at_its_moment_and_age(reaped):
    ax = plot.running_age(reaped)
    kills = cut_off(reaped.jobs)
    for kind, label in (("recovered", "reaped, worker lost"), ("false kill", "false kill")):
        dots = line(ax, label)
        expected = kills[kills["kind"] == kind]
        assert sorted(dots.get_xdata()) == pytest.approx(sorted(expected["finished"]))
        assert sorted(dots.get_ydata()) == pytest.approx(sorted(expected["running"]))


def test_the_timeout_is_a_line_with_its_name(reaped):
    ax = plot.running_age(reaped)
    assert [2.0, 2.0] in [list(drawn.get_ydata()) for drawn in ax.lines]
    assert "reaper's timeout\n2 s" in texts(ax)


def test_stuck_jobs_are_drawn_one_by_one_to_the_end(stuck):
    ax = plot.running_age(stuck)
    lines = next(c for c in ax.collections if isinstance(c, LineCollection)).get_segments()
    end = last_moment(stuck.jobs)
    assert len(lines) == stuck.jobs["crashed"].sum()
    for (start, zero), (stop, age) in lines:
        assert (zero, stop) == (0.0, pytest.approx(end))
        assert age == pytest.approx(end - start)
    assert not any("timeout" in text for text in texts(ax))


def test_the_subtitle_counts_what_became_of_the_jobs_that_were_cut_off(stuck):
    count = stuck.jobs["crashed"].sum()
    assert f"{count} jobs stuck for ever" in texts(plot.running_age(stuck))
    reaped = run_virtual(stuck.workload.scenario.replace({"reaper": {"timeout": 2.0}}))
    killed = int((reaped.jobs["reaped"] & ~reaped.jobs["crashed"]).sum())
    expected = f"{count} jobs reaped, worker lost, {killed} false kills"
    assert expected in texts(plot.running_age(reaped))
    calm = run_virtual(
        stuck.workload.scenario.replace({"work.crash": 0.0, "reaper": {"timeout": 1e6}})
    )
    assert "no job lost its worker" in texts(plot.running_age(calm))


def test_of_many_jobs_that_were_cut_off_those_are_drawn_that_ran_longest():
    many = run_virtual(Scenario(jobs=2000, work={"crash": 1.0}))
    drawn = cut_off_lines(many.jobs)
    assert len(drawn) == 500
    assert drawn["running"].min() >= np.sort(last_moment(many.jobs) - many.jobs["started"])[-500]


def test_a_run_without_feedback_has_ages_and_nothing_that_was_cut_off():
    ax = plot.running_age(run_virtual(Scenario(jobs=20)))
    assert "no job lost its worker" in texts(ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["oldest", "median"]


def running(*ends):
    """Return jobs that one worker each begins at once, by when they end."""
    return [
        (job, 1, 0.0, 0.0, 0.0, end, "running" if end is NAN else "failed", f"worker-{job}")
        for job, end in enumerate(ends)
    ]


def test_the_sentence_tells_how_late_the_reaper_came():
    run = retried(running(5.0, 9.0), released={0: 3.0, 1: 3.0}, crashed=[0, 1], reaped=[0, 1])
    assert CHART.sentence(run) == (
        "2 jobs lost their worker; the reaper failed all of them, 4 s later on average, 6 s at "
        "most."
    )


def test_the_sentence_tells_who_is_stuck():
    run = retried(running(5.0, NAN), released={0: 3.0, 1: 1.0}, crashed=[0, 1], reaped=[0])
    assert CHART.sentence(run) == (
        "2 jobs lost their worker; the reaper failed 1 of them, 2 s later on average, 2 s at "
        "most; 1 stayed RUNNING for ever."
    )


def test_the_sentence_tells_false_kills():
    run = retried(running(5.0, 5.0), released={0: 7.0, 1: 7.0}, crashed=[1], reaped=[0, 1])
    assert CHART.sentence(run) == (
        "No job lost its worker; the reaper failed 2 jobs whose worker was still at it."
    )


@pytest.mark.parametrize("run", [made(FOUR), retried(running(5.0))], ids=["no feedback", "calm"])
def test_the_sentence_of_a_run_in_which_nothing_was_cut_off(run):
    assert CHART.sentence(run) == (
        "No job lost its worker, and none was failed for running too long."
    )
