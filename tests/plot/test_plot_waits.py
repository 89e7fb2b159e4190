"""The chart of the waits of paid jobs, beside theory."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from chart_text import line_named
from report_runs import made, run_that_waited

from jobsim import plot
from jobsim.plot.waits import CHART


def subtitle(ax):
    return next(text.get_text() for text in ax.texts if "share of" in text.get_text())


def test_waits_draws_the_share_that_waited_longer():
    ax = plot.waits(run_that_waited(0.0, 0.0, 1.0, 4.0, math.nan))
    line = line_named(ax, "run")
    assert line.get_xdata().tolist() == [0.0, 0.0, 1.0, 4.0]
    assert line.get_ydata().tolist() == [1.0, 0.5, 0.25, 0.0]
    assert ax.get_yscale() == "log"
    assert "4 paid jobs" in subtitle(ax)


@pytest.mark.parametrize("as_object", [False, True])
def test_waits_draws_theory_from_a_function_or_from_an_object(as_object):
    def exceeds(time):
        return 0.5 * math.exp(-time)

    theory = SimpleNamespace(wait_exceeds=exceeds) if as_object else exceeds
    curve = line_named(plot.waits(run_that_waited(0.0, 2.0), theory), "theory")
    assert curve.get_xdata()[[0, -1]].tolist() == [0.0, 2.0]
    assert curve.get_ydata()[[0, -1]].tolist() == pytest.approx([0.5, 0.5 * math.exp(-2.0)])


def test_waits_says_where_theory_has_no_formula():
    ax = plot.waits(run_that_waited(0.0, 2.0), lambda time: math.nan)
    assert "theory has no formula" in subtitle(ax)
    assert [line.get_label() for line in ax.lines][:1] == ["run"]
    assert not [line for line in ax.lines if line.get_label() == "theory"]


def test_waits_of_nobody_who_waited_can_be_drawn():
    ax = plot.waits(run_that_waited(0.0, 0.0), lambda time: 0.1)
    assert ax.get_xlim() == (0.0, 1.0)


def test_the_shares_are_told_in_per_cent():
    ax = plot.waits(run_that_waited(*range(1, 2000)))
    ax.figure.canvas.draw()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert {"100 %", "10 %", "1 %", "0.1 %"} <= set(labels)


def test_the_95th_percentile_is_marked_on_the_curve():
    ax = plot.waits(run_that_waited(*range(1, 102)))
    (dot,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (96.0, 0.05)
    assert any(text.get_text() == "p95 96 s" for text in ax.texts)


def completed_after(*seconds):
    rows = [(0.0, 0.0, wait, wait + 1.0, "completed", "worker-0") for wait in seconds]
    return made(rows)


def test_the_sentence_tells_the_95th_percentile_and_the_share_of_the_slowest_job():
    assert CHART.sentence(completed_after(*[1.0] * 9, 11.0)) == (
        "95 % of paid jobs waited 6.5 s or less; the slowest job accounts for 55 % of all waiting."
    )


def test_the_sentence_of_many_jobs_tells_the_share_of_the_slowest_percent():
    assert CHART.sentence(completed_after(*[0.0] * 100, *[1.0] * 98, 31.0, 39.0)) == (
        "95 % of paid jobs waited 1 s or less; the slowest 1 % account for 42 % of all waiting."
    )


def test_where_nearly_nobody_waited_the_sentence_says_so():
    assert CHART.sentence(completed_after(*[0.0] * 24, 2.0)) == (
        "96 % of paid jobs did not wait; the slowest job accounts for 100 % of all waiting."
    )


def test_the_sentence_of_waits_of_zero_and_of_none():
    assert (
        CHART.sentence(completed_after(0.0, 0.0)) == "None of the 2 paid jobs waited for a worker."
    )
    assert CHART.sentence(made()) == "No job was paid and started, so none waited."
