from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from jobsim.plot.parts.axes import edge_labels, literal, spread, thin, titles


@given(st.lists(st.floats(0, 1), max_size=8))
def test_spread_places_keep_their_order_and_their_distance(wanted: list[float]) -> None:
    places = spread(sorted(wanted), gap=0.1)
    assert len(places) == len(wanted)
    assert all(b - a >= 0.1 - 1e-9 for a, b in itertools.pairwise(places))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)


@given(st.lists(st.integers(0, 9), max_size=8, unique=True))
def test_spread_moves_nothing_that_has_room(tenths: list[int]) -> None:
    wanted = [tenth / 10 for tenth in sorted(tenths)]
    assert spread(wanted, gap=0.099) == pytest.approx(wanted)


def test_a_table_that_fits_is_not_thinned() -> None:
    table = pd.DataFrame({"a": [1, 2]}, index=[0.0, 1.0])
    assert thin(table, points=2) is table


def test_thinned_rows_are_exact_and_keep_the_ends_and_the_peaks() -> None:
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {"a": rng.integers(0, 9, 10_000), "b": rng.integers(0, 9, 10_000)},
        index=np.cumsum(rng.exponential(1.0, 10_000)),
    )
    table.iloc[1234, 1] = 100
    found = thin(table, points=50)
    assert len(found) <= 53
    pd.testing.assert_frame_equal(found, table.loc[found.index])
    assert found.index[0] == table.index[0]
    assert found.index[-1] == table.index[-1]
    assert found.max().tolist() == table.max().tolist()


def test_literal_text_is_drawn_with_its_dollar_signs() -> None:
    _, ax = plt.subplots()
    drawn = ax.text(0, 0, literal("$x$ and $"))
    ax.figure.canvas.draw()
    assert drawn.get_text() == r"\$x\$ and \$"


def test_edge_labels_do_not_overlap() -> None:
    _, ax = plt.subplots(layout="constrained")
    ax.set_ylim(0, 100)
    edge_labels(ax, [(50.0, f"two\nlines {k}", "red") for k in range(4)])
    ax.figure.canvas.draw()
    boxes = sorted((Text.get_window_extent(text) for text in ax.texts), key=lambda box: box.y0)
    for below, above in itertools.pairwise(boxes):
        assert not below.overlaps(above)


def test_a_title_stands_close_to_the_chart_unless_a_subtitle_lies_between() -> None:
    distances = []
    for subtitle in ("", "windows of 2 s"):
        figure, ax = plt.subplots()
        titles(ax, "Jobs in and out", subtitle)
        figure.canvas.draw()
        bottom = next(
            text.get_window_extent().y0
            for text in ax.findobj(Text)
            if text.get_text() == "Jobs in and out"
        )
        distances.append((bottom - ax.get_window_extent().y1) / figure.dpi * 72)
    without, between = distances
    assert 0 < without < 10
    assert between > 7 + 8  # points: where the subtitle begins, and its height
