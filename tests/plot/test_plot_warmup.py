"""The chart of how the wait settles."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np

from jobsim import plot
from jobsim.tables.jobs_table import jobs_of


def run_with(*seconds):
    """A run whose jobs waited so long; NaN was never paid."""
    wait = np.array(seconds)
    paid = np.where(np.isnan(wait), math.nan, 0.0)
    jobs = jobs_of(
        created=np.zeros(len(wait)), paid=paid, started=paid + wait, finished=paid + wait + 1.0
    )
    return SimpleNamespace(jobs=jobs)


def by_label(ax, start):
    (found,) = [line for line in ax.lines if str(line.get_label()).startswith(start)]
    return found


def subtitle(ax):
    return ax.texts[0].get_text()


def test_warmup_draws_the_mean_over_the_runs_job_by_job():
    ax = plot.warmup([run_with(1.0, 3.0, math.nan), run_with(3.0, 5.0, 7.0)])
    line = by_label(ax, "wait")
    assert line.get_xdata().tolist() == [0.0, 1.0, 2.0]
    assert line.get_ydata().tolist() == [2.0, 4.0, 7.0]
    assert "mean of 2 runs over 1 job" in subtitle(ax)


def test_warmup_smooths_a_long_run():
    waits = np.arange(200.0)
    waits[100:110] = math.nan  # wider than the window of 4
    line = by_label(plot.warmup(run_with(*waits)), "wait")
    assert line.get_ydata()[0] == 1.5
    assert line.get_xdata()[0] == 1.5
    assert np.isnan(line.get_ydata()[103])


def test_warmup_marks_what_is_deleted_and_the_mean_of_the_rest():
    ax = plot.warmup(run_with(9.0, 1.0, 3.0, math.nan), cut=1)
    assert by_label(ax, "first 1 job deleted").get_xdata() == [1, 1]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "mean of the others 2 s" in labels


def test_warmup_may_delete_all_that_waited():
    labels = plot.warmup(run_with(9.0, math.nan), cut=1).get_legend().get_texts()
    assert not any("others" in label.get_text() for label in labels)
