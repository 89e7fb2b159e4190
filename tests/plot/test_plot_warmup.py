"""The chart of how the wait settles."""

from __future__ import annotations

import math

import numpy as np
from chart_text import line_named
from report_runs import run_that_waited

from jobsim import plot


def subtitle(ax):
    return ax.texts[0].get_text()


def test_warmup_draws_the_mean_over_the_runs_job_by_job():
    ax = plot.warmup([run_that_waited(1.0, 3.0, math.nan), run_that_waited(3.0, 5.0, 7.0)])
    line = line_named(ax, "wait")
    assert line.get_xdata().tolist() == [0.0, 1.0, 2.0]
    assert line.get_ydata().tolist() == [2.0, 4.0, 7.0]
    assert "mean of 2 runs over 1 job" in subtitle(ax)


def test_warmup_smooths_a_long_run():
    waits = np.arange(200.0)
    waits[100:110] = math.nan  # wider than the window of 4
    line = line_named(plot.warmup(run_that_waited(*waits)), "wait")
    assert line.get_ydata()[0] == 1.5
    assert line.get_xdata()[0] == 1.5
    assert np.isnan(line.get_ydata()[103])


def test_warmup_marks_what_is_deleted_and_the_mean_of_the_rest():
    ax = plot.warmup(run_that_waited(9.0, 1.0, 3.0, math.nan), cut=1)
    assert line_named(ax, "first 1 job deleted").get_xdata() == [1, 1]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "mean of the others 2 s" in labels


def test_warmup_may_delete_all_that_waited():
    labels = plot.warmup(run_that_waited(9.0, math.nan), cut=1).get_legend().get_texts()
    assert not any("others" in label.get_text() for label in labels)
