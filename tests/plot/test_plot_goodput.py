"""The chart of goodput and throughput."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from chart_text import legend, texts
from matplotlib.colors import to_rgba
from report_runs import STORM, retried

from jobsim import Scenario, plot, run_virtual
from jobsim.figures.attempts import goodput as goodput_table
from jobsim.plot.goodput import CHART
from jobsim.plot.parts.style import STATUS_COLOURS


def steps(ax) -> dict[str, np.ndarray]:
    kinds = [patch for patch in ax.patches if type(patch).__name__ == "StepPatch"]
    return {patch.get_label(): patch.get_data().values for patch in kinds}


def table_of(ax, run):
    edges = next(patch for patch in ax.patches if patch.get_label() == "useful").get_data().edges
    return goodput_table(run.jobs, window=edges[1] - edges[0])


def test_useful_and_wasted_make_up_throughput(stormy):
    ax = plot.goodput(stormy)
    table, drawn = table_of(ax, stormy), steps(ax)
    np.testing.assert_array_equal(drawn["useful"], table["goodput"])
    np.testing.assert_array_equal(drawn["wasted"], table["throughput"])
    useful = next(patch for patch in ax.patches if patch.get_label() == "useful")
    assert tuple(useful.get_facecolor()) == to_rgba(STATUS_COLOURS["completed"])


def test_the_lines_are_the_requests_and_what_they_became(stormy):
    ax = plot.goodput(stormy)
    table, drawn = table_of(ax, stormy), steps(ax)
    np.testing.assert_array_equal(drawn["requests"], table["requests"])
    np.testing.assert_array_equal(drawn["requests and retries"], table["asked"])


def test_the_outage_is_shaded_and_named(stormy):
    ax = plot.goodput(stormy)
    assert "3 of 4 workers gone" in texts(ax)
    shaded = [patch for patch in ax.patches if type(patch).__name__ == "Rectangle"]
    assert [(patch.get_x(), patch.get_width()) for patch in shaded] == [(20.0, 10.0)]


def test_a_run_without_feedback_shows_no_waste_and_one_line():
    ax = plot.goodput(run_virtual(Scenario(jobs=40)))
    assert set(legend(ax)) == {"useful", "requests"}
    assert any(text.endswith("100 % of finished jobs were useful") for text in texts(ax))


def test_a_run_in_which_nothing_ended_has_no_share(run: SimpleNamespace):
    idle = run_virtual(Scenario(jobs=5, payment={"abandon": 1.0}))
    assert texts(plot.goodput(idle))[0].startswith("windows of ")
    assert "useful" not in texts(plot.goodput(idle))[0]


def test_the_sentence_tells_what_was_wanted_and_who_gave_up():
    assert CHART.sentence(retried(STORM, left={4: 7.0})).endswith(
        "of the time, but only 40 % of finished jobs were still wanted; 33 % of the clients gave "
        "up."
    )


def test_the_sentence_of_one_worker_whose_work_was_all_wanted():
    assert CHART.sentence(retried(STORM[:1], workers=1)) == (
        "The one worker was busy 100 % of the time, and 100 % of finished jobs were still wanted; "
        "no client gave up."
    )


def test_the_sentence_of_an_instant_and_of_nothing():
    instant = [(0, 1, 0.0, 0.0, 0.0, 0.0, "failed", "worker-0")]
    assert "0 % of finished jobs were still wanted; no client gave up." in CHART.sentence(
        retried(instant)
    )
    assert CHART.sentence(retried()) == "No job ended, so none was useful."
