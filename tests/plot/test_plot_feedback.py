from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from jobsim import Scenario, plot, run_virtual
from jobsim.figures.attempts import attempts_per_request
from jobsim.figures.attempts import goodput as goodput_table
from jobsim.plot.style import STATUS_COLOURS


@pytest.fixture(scope="module")
def stormy():
    scenario = Scenario(
        jobs=300,
        arrivals={"kind": "poisson", "rate": 4.0},
        work={"fail": 0.3},
        patience={"kind": "constant", "value": 5.0},
        retry={"attempts": 3},
        outages=[{"at": 20.0, "duration": 10.0, "workers": 3}],
    )
    return run_virtual(scenario)


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_bars_are_as_high_as_the_table_says(stormy):
    ax = plot.attempts(stormy)
    table = attempts_per_request(stormy.jobs)
    served, left = ax.containers
    assert [bar.get_height() for bar in served] == table["served"].tolist()
    assert [bar.get_height() for bar in left] == table["left"].tolist()
    assert [bar.get_y() for bar in left] == table["served"].tolist()
    assert [bar.get_x() + bar.get_width() / 2 for bar in served] == pytest.approx([1, 2, 3])
    assert legend(ax) == ["served", "left with nothing"]


def test_the_bars_say_how_many_requests_and_which_share(stormy):
    first = attempts_per_request(stormy.jobs).iloc[0].sum()
    found = texts(plot.attempts(stormy))
    assert f"{first}\n{100 * first / 300:.0f} %" in found
    assert f"300 requests, {len(stormy.jobs):,} jobs" in found


def test_of_many_attempts_the_bars_have_no_labels():
    many = run_virtual(Scenario(jobs=30, work={"fail": 1.0}, retry={"attempts": 13, "base": 0.0}))
    assert texts(plot.attempts(many)) == ["30 requests, 390 jobs"]


def test_requests_that_nobody_settled_are_open():
    ax = plot.attempts(run_virtual(Scenario(jobs=5, payment={"abandon": 1.0})))
    assert legend(ax) == ["open at the end"]


def test_useful_and_wasted_make_up_throughput(stormy):
    ax = plot.goodput(stormy)
    width = ax.containers[0][0].get_width()
    table = goodput_table(stormy.jobs, window=width)
    useful, wasted = ax.containers
    assert [bar.get_height() for bar in useful] == table["goodput"].tolist()
    tops = [bar.get_y() + bar.get_height() for bar in wasted]
    assert tops == pytest.approx(table["throughput"].tolist())
    assert tuple(useful[0].get_facecolor()) == to_rgba(STATUS_COLOURS["completed"])


def test_the_lines_are_what_was_asked_for_and_the_requests_behind_it(stormy):
    ax = plot.goodput(stormy)
    steps = {patch.get_label(): patch.get_data().values for patch in ax.patches if _is_step(patch)}
    table = goodput_table(stormy.jobs, window=ax.containers[0][0].get_width())
    assert set(steps) == {"requests", "asked for, retries included"}
    np.testing.assert_array_equal(steps["requests"], table["requests"])
    np.testing.assert_array_equal(steps["asked for, retries included"], table["asked"])


def _is_step(patch) -> bool:
    return type(patch).__name__ == "StepPatch"


def test_the_outage_is_shaded_and_named(stormy):
    ax = plot.goodput(stormy)
    assert "3 of 4 workers gone" in texts(ax)
    assert (20.0, 10.0) in {(patch.get_x(), patch.get_width()) for patch in ax.patches[-1:]}


def test_a_run_without_feedback_shows_no_waste_and_one_line():
    ax = plot.goodput(run_virtual(Scenario(jobs=40)))
    assert set(legend(ax)) == {"useful", "asked for"}
    assert any(text.endswith("100 % of what ended was of use") for text in texts(ax))


def test_a_run_in_which_nothing_ended_has_no_share(run: SimpleNamespace):
    idle = run_virtual(Scenario(jobs=5, payment={"abandon": 1.0}))
    assert texts(plot.goodput(idle))[0].startswith("windows of ")
    assert "of use" not in texts(plot.goodput(idle))[0]
