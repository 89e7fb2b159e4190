"""Text keeps to its own part of the figure, and lies over no other text."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text

from jobsim.plot.parts.axes import edge_labels, frame, legend_below
from jobsim.plot.parts.room import fitted, points, wrapped

LONG = "a subtitle that has far more to say than there is room for above a small chart"


def box(ax):
    """Return where all of the axes lies, as shares of the figure."""
    return ax.get_tightbbox().transformed(ax.figure.transFigure.inverted())


def test_points_do_not_depend_on_the_resolution():
    sizes = [points(plt.subplots(figsize=(6, 4), dpi=dpi)[1]) for dpi in (72, 150)]
    assert sizes[0] == pytest.approx(sizes[1])
    assert sizes[0][0] == pytest.approx(0.775 * 6 * 72)


def test_text_that_fits_is_one_line_and_longer_text_has_even_lines():
    _, ax = plt.subplots(figsize=(4.5, 3))
    assert wrapped(ax, "short", fontsize="small") == "short"
    assert wrapped(ax, "", fontsize="small") == ""
    lines = wrapped(ax, LONG, fontsize="small").splitlines()
    assert " ".join(lines) == LONG
    assert len(lines) == 2
    assert min(map(len, lines)) > len(LONG) / 3
    room = ax.get_window_extent().width
    for line in lines:
        assert ax.text(0, 0, line, fontsize="small").get_window_extent().width <= room


def test_a_title_is_wrapped_above_its_subtitle():
    figure, ax = plt.subplots(figsize=(3, 3))
    frame(ax, "A title that is too long for it", LONG)
    figure.canvas.draw()
    subtitle = Text.get_window_extent(ax.texts[0])
    title = ax._left_title.get_window_extent()  # what is drawn on the left
    assert ax.get_title(loc="left").count("\n") >= 1
    assert not subtitle.overlaps(title)
    assert subtitle.y0 > ax.get_window_extent().y1


@pytest.mark.parametrize(("width", "rows"), [(6.4, 1), (3.2, 2), (1.5, 4)])
def test_a_legend_has_as_few_rows_as_fit(width, rows):
    figure, ax = plt.subplots(figsize=(width, 3))
    for name in ("requests", "wasted", "useful", "asked for"):
        ax.plot([0, 1], label=name)
    legend_below(ax)
    figure.canvas.draw()
    legend = ax.get_legend()
    assert len({round(Text.get_window_extent(text).y0) for text in legend.get_texts()}) == rows
    assert rows == 4 or legend.get_window_extent().width <= ax.get_window_extent().width


@pytest.mark.parametrize("height", [2.4, 3.0, 4.8])
def test_edge_labels_do_not_overlap_on_axes_of_any_height(height):
    figure, ax = plt.subplots(figsize=(4.5, height), layout="constrained")
    ax.set_ylim(0, 100)
    ax.set_xlabel("time")
    edge_labels(ax, [(99.0, f"status\n0 (peak {k})", "red") for k in range(4)])
    figure.canvas.draw()
    boxes = sorted((Text.get_window_extent(text) for text in ax.texts), key=lambda box: box.y0)
    for below, above in itertools.pairwise(boxes):
        assert not below.overlaps(above)


def test_an_edge_label_on_a_log_scale_points_at_its_value():
    _, ax = plt.subplots()
    ax.set_yscale("log")
    ax.set_ylim(1, 100)
    edge_labels(ax, [(10.0, "ten", "red")])
    assert ax.texts[0].xy[1] == pytest.approx(0.5)


def test_axes_are_made_to_fit_their_own_cell():
    _, axes = plt.subplots(2, 2, figsize=(8, 6), width_ratios=(1, 2))
    ax = axes[1, 0]
    ax.set_ylabel("a label")
    ax.set_ylim(0, 1)
    edge_labels(ax, [(0.5, "a label at the edge", "red")])
    frame(ax, "A title", "and its subtitle")
    before = ax.get_position().bounds
    assert fitted(ax) is ax
    found = box(ax)
    assert found.x0 >= 0
    assert found.x1 <= 1 / 3
    assert found.y0 >= 0
    assert found.y1 <= 0.5
    assert ax.get_in_layout()
    once = ax.get_position().bounds
    assert once[2] < before[2]
    assert fitted(ax).get_position().bounds == pytest.approx(once)


def test_axes_that_fit_stay_where_they_are():
    _, ax = plt.subplots()
    before = ax.get_position().bounds
    assert fitted(ax).get_position().bounds == before


@pytest.mark.parametrize("layout", ["constrained", "tight"])
def test_a_layout_engine_is_left_to_its_work(layout):
    _, ax = plt.subplots(layout=layout)
    ax.set_ylabel("so\nmany\nlines\nof\na\nlabel")
    before = ax.get_position().bounds
    assert fitted(ax).get_position().bounds == before


def test_axes_outside_of_a_plain_grid_stay_where_they_are():
    figure = plt.figure()
    alone = figure.add_axes((0.0, 0.0, 0.5, 0.5))
    within = figure.add_subplot(figure.add_gridspec(1, 2)[1].subgridspec(1, 1)[0])
    for ax in (alone, within):
        ax.set_ylabel("so\nmany\nlines\nof\na\nlabel")
        before = ax.get_position().bounds
        assert fitted(ax).get_position().bounds == before


def test_axes_without_any_room_stay_as_they_are():
    _, ax = plt.subplots(figsize=(1, 1))
    ax.set_ylabel("so\nmany\nlines\nof\na\nlabel")
    before = ax.get_position().bounds
    assert fitted(ax).get_position().bounds == before
