from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from report_runs import FOUR, made

from jobsim import plot
from jobsim.plot.parts.style import NEUTRAL, STATUS_COLOURS
from jobsim.plot.unpaid import CHART, stock_steps


def texts(ax):
    return [text.get_text() for text in ax.texts]


def of(created, paid, finished=None):
    jobs = {"created": created, "paid": paid, "finished": finished or paid}
    return SimpleNamespace(jobs=pd.DataFrame(jobs, dtype="float64"))


def test_the_steps_hold_the_parts_and_their_sum_until_the_end_of_the_run(
    run: SimpleNamespace,
) -> None:
    steps = stock_steps(run.jobs)
    assert steps.index.tolist() == [0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0]
    assert steps["never"].tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert steps["pending"].tolist() == [2, 1, 0, 0, 1, 0, 0]
    assert steps["unpaid"].tolist() == [2, 1, 0, 1, 2, 1, 1]


def test_the_areas_are_as_high_as_the_table_says(run: SimpleNamespace) -> None:
    ax = plot.unpaid(run)
    steps = stock_steps(run.jobs)
    never, pending = ax.collections
    assert tuple(never.get_facecolor()[0]) == to_rgba(STATUS_COLOURS["awaiting_payment"])
    assert tuple(pending.get_facecolor()[0]) == to_rgba(NEUTRAL)
    for area, bottom, top in (
        (never, 0 * steps["never"], steps["never"]),
        (pending, steps["never"], steps["unpaid"]),
    ):
        corners = {tuple(point) for point in area.get_paths()[0].vertices.tolist()}
        assert {*bottom.items(), *top.items()} <= corners


def test_the_areas_are_labelled_with_last_and_peak_counts(run: SimpleNamespace) -> None:
    labels = texts(plot.unpaid(run))
    assert "never confirmed\n1" in labels
    assert "not yet confirmed\n0 (peak 2)" in labels


def test_the_subtitle_says_what_they_take_up(run: SimpleNamespace) -> None:
    expected = (
        "the store keeps 1.1 kB for them at the end, 2.2 kB at most (1,100 bytes per job in memory)"
    )
    assert expected in [text.replace("\n", " ") for text in texts(plot.unpaid(run))]


@pytest.mark.parametrize(
    ("jobs", "size"), [(1, "1.1 kB"), (1_000, "1.1 MB"), (12_345, "13.6 MB"), (1_000_000, "1.1 GB")]
)
def test_sizes_have_the_unit_that_suits_them(jobs: int, size: str) -> None:
    ax = plot.unpaid(of(np.zeros(jobs), np.full(jobs, np.nan)))
    assert f"the store keeps {size} for them at the end (1,100 bytes per job in memory)" in texts(
        ax
    )


def test_what_never_occurred_is_not_drawn() -> None:
    assert [area.get_label() for area in plot.unpaid(of([0.0], [2.0])).collections] == ["pending"]
    lost = plot.unpaid(of([0.0], [np.nan]))
    assert [area.get_label() for area in lost.collections] == ["never"]


def test_the_peak_of_a_thinned_stock_is_exact() -> None:
    created = np.arange(10_000) * 0.01
    paid = np.where(created < 50.0, 50.0, created + 0.001)
    assert stock_steps(of(created, paid).jobs)["unpaid"].max() == 5000
    assert len(stock_steps(of(created, paid).jobs)) < 2100


def test_a_run_that_nobody_kept_waiting_says_so() -> None:
    assert "no job was ever unpaid" in texts(plot.unpaid(of([0.0, 1.0], [0.0, 1.0])))


def test_the_sentence_tells_the_peak_and_what_stays() -> None:
    assert CHART.sentence(made(FOUR)) == (
        "At most 1 job awaited payment at once; 1 of 4 (25 %) are never paid and stay in the store "
        "for ever."
    )
    assert CHART.sentence(made(FOUR[:2])) == (
        "At most 1 job awaited payment at once; by the end every job was paid."
    )
    assert CHART.sentence(made()) == "No job was created."
