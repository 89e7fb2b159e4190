"""The chart of threads beside virtual time."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd

from jobsim import plot


def subtitle(ax):
    return ax.texts[0].get_text()


def comparison(lateness, dispatch, drift, *, agree=True):
    jobs = pd.DataFrame({"lateness": lateness, "dispatch": dispatch, "drift": drift})
    return SimpleNamespace(jobs=jobs, agree=agree)


def test_compare_draws_the_steps_of_each_magnitude():
    ax = plot.compare(comparison([1.0, 2.0], [0.5, 1.5], [-3.0, 3.0]))
    late, dispatch, drift = ax.lines
    assert late.get_xdata()[1:3].tolist() == [1.0, 2.0]
    assert dispatch.get_ydata()[1:3].tolist() == [0.5, 1.0]
    assert drift.get_xdata()[1:2].tolist() == [3.0]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[2] == "raw drift\nmedian 3 s"
    assert "the same outcome for every job" in subtitle(ax)


def test_compare_is_logarithmic_where_magnitudes_differ_widely():
    ax = plot.compare(comparison([0.001, 0.002], [0.001, 0.001], [1.0, 2.0]))
    assert ax.get_xscale() == "log"


def test_compare_leaves_out_what_is_not_known_and_tells_a_difference():
    nan = [math.nan, math.nan]
    ax = plot.compare(comparison(nan, [0.5, 1.5], nan, agree=False))
    assert len(ax.lines) == 1
    assert "OUTCOMES DIFFER" in subtitle(ax)


def test_compare_of_nothing_known_says_so():
    ax = plot.compare(comparison([math.nan], [math.nan], [math.nan]))
    assert "no job started in both runs" in [text.get_text() for text in ax.texts]


def test_compare_of_runs_that_are_never_off_is_drawn():
    assert len(plot.compare(comparison([0.0], [0.0], [0.0])).lines) == 3
    assert np.isfinite(plot.compare(comparison([0.0], [0.0], [0.0])).get_xlim()).all()
