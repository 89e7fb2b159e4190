from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from jobsim import plot
from jobsim.plot.over_time import STACKED, occupancy_steps
from jobsim.plot.style import STATUS_COLOURS


def test_the_stack_is_as_high_as_the_table_says(run: SimpleNamespace) -> None:
    ax = plot.occupancy(run)
    table = occupancy_steps(run.transitions)
    floor = np.zeros(len(table))
    for area, status in zip(ax.collections, STACKED, strict=True):
        assert area.get_label() == status
        assert tuple(area.get_facecolor()[0]) == to_rgba(STATUS_COLOURS[status])
        top = floor + table[status].to_numpy()
        # A step polygon holds the corner points (time, floor) and (time, top) of every row.
        corners = {tuple(point) for point in area.get_paths()[0].vertices.tolist()}
        assert {
            *zip(table.index, floor, strict=True),
            *zip(table.index, top, strict=True),
        } <= corners
        heights = {y for _, y in corners}
        assert heights == {*floor.tolist(), *top.tolist()}
        floor = top
    assert floor[-1] == 5


def test_the_stack_is_labelled_with_last_and_peak_counts(run: SimpleNamespace) -> None:
    labels = [text.get_text() for text in plot.occupancy(run).texts]
    assert "awaiting payment\n2 (peak 3)" in labels
    assert "running\n1 (peak 2)" in labels
    assert "completed\n1" in labels
    assert "failed\n1" in labels


def test_a_status_that_never_occurred_is_not_drawn(run: SimpleNamespace) -> None:
    run.transitions = run.transitions.head(3)
    areas = plot.occupancy(run).collections
    assert [area.get_label() for area in areas] == ["running", "awaiting_payment"]


def test_throughput_draws_the_line_in_and_the_bars_out(run: SimpleNamespace) -> None:
    run.transitions["time"] *= 20  # 90 s: windows of 2 s
    ax = plot.throughput(run)
    (created,) = [patch for patch in ax.patches if patch.get_label() == "created"]
    values, edges, _ = created.get_data()
    assert created.get_edgecolor() == to_rgba(STATUS_COLOURS["awaiting_payment"])
    assert np.diff(edges) == pytest.approx(2.0)
    assert values.sum() * 2.0 == pytest.approx(5)
    assert values[0] == 1.0
    completed, failed = ax.containers
    for bars, status, at in ((completed, "completed", 60.0), (failed, "failed", 80.0)):
        assert bars.get_label() == status
        (bar,) = [bar for bar in bars if bar.get_height()]
        assert bar.get_facecolor() == to_rgba(STATUS_COLOURS[status])
        assert (bar.get_x(), bar.get_width(), bar.get_height()) == (at, 2.0, 0.5)


def test_failed_bars_stand_on_completed_ones(run: SimpleNamespace) -> None:
    run.transitions["time"] = 1.0
    completed, failed = plot.throughput(run).containers
    assert failed[0].get_y() == completed[0].get_height() == 1.0


def test_throughput_says_how_wide_its_windows_are(run: SimpleNamespace) -> None:
    run.transitions["time"] *= 20
    assert any(text.get_text() == "windows of 2 s" for text in plot.throughput(run).texts)
