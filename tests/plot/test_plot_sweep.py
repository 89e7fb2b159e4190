"""Charts of studies show the means, the band, theory, and how far threads were off."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from jobsim import plot
from jobsim.figures.intervals import intervals


def table(**columns) -> pd.DataFrame:
    """Two replications each at 7, 8 and 9 workers."""
    return pd.DataFrame(
        {
            "workers": [7, 7, 8, 8, 9, 9],
            "replication": [0, 1] * 3,
            "wait_mean": [3.0, 5.0, 1.0, 3.0, 1.0, 1.0],
            **columns,
        }
    )


def means(ax):
    return [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in solid(ax)]


def solid(ax):
    return [line for line in ax.lines if line.get_marker() not in ("None", "_")]


def dashed(ax):
    return [line for line in ax.lines if line.get_linestyle() == "--"]


def subtitle(ax):
    return ax.texts[0].get_text()


# Sweeps


def test_the_line_goes_through_the_means_and_the_band_is_the_interval():
    ax = plot.sweep(table(), y="wait_mean", level=0.9)
    assert means(ax) == [([7, 8, 9], [4.0, 2.0, 1.0])]
    found = intervals(table(), "wait_mean", level=0.9)
    (vertices,) = (path.vertices for path in ax.collections[0].get_paths())
    at_seven = vertices[vertices[:, 0] == 7, 1]
    assert at_seven.min() == pytest.approx(4.0 - found["half_width"].iloc[0])
    assert at_seven.max() == pytest.approx(4.0 + found["half_width"].iloc[0])
    assert "mean of 2 runs, band: 90 % confidence" in subtitle(ax)


def test_the_settings_are_drawn_in_order_of_the_axis():
    ax = plot.sweep(table().iloc[::-1], y="wait_mean")
    assert means(ax)[0][0] == [7, 8, 9]


def test_theory_is_dashed_where_it_has_a_number():
    theory = [math.inf, math.inf, 2.5, 2.5, 0.75, 0.75]
    names = ["M/M/7 (exact)"] * 2 + ["M/M/8 (exact)"] * 2 + ["M/M/9 (exact)"] * 2
    ax = plot.sweep(table(wait_mean_theory=theory, theory=names), y="wait_mean")
    (line,) = dashed(ax)
    assert line.get_xdata().tolist() == [8, 9]
    assert line.get_ydata().tolist() == [2.5, 0.75]
    assert subtitle(ax).endswith("dashed: M/M/c")


def test_an_approximation_is_called_one():
    names = ["G/G/7 (approximation)"] * 6
    ax = plot.sweep(table(wait_mean_theory=1.0, theory=names), y="wait_mean")
    assert subtitle(ax).endswith("dashed: G/G/c (approximation)")


def test_theory_without_a_number_is_not_drawn():
    ax = plot.sweep(table(wait_mean_theory=math.nan, theory="none"), y="wait_mean")
    assert not dashed(ax)
    assert "dashed" not in subtitle(ax)


def test_other_fields_are_lines_of_their_own_with_their_theory():
    two = pd.concat([table(rate=1.0), table(rate=2.0, wait_mean=[6.0] * 6)])
    two["wait_mean_theory"] = 2 * two["rate"]
    two["theory"] = "M/M/8 (exact)"
    two = two[["workers", "rate", "replication", "wait_mean", "wait_mean_theory", "theory"]]
    ax = plot.sweep(two, y="wait_mean")
    assert [ys for _, ys in means(ax)] == [[4.0, 2.0, 1.0], [6.0] * 3]
    assert [line.get_ydata().tolist() for line in dashed(ax)] == [[2.0] * 3, [4.0] * 3]
    first, second = (to_rgba(line.get_color()) for line in solid(ax))
    assert first != second
    assert [text.get_text() for text in ax.texts[1:]] == ["rate 1", "rate 2"]
    assert [text.xy[1] for text in ax.texts[1:]] == pytest.approx(
        [level / ax.get_ylim()[1] for level in (1.0, 6.0)]
    )
    along = plot.sweep(two, y="wait_mean", x="rate")
    assert along.get_xlabel() == "rate"
    assert len(solid(along)) == 3


def test_values_in_words_stand_side_by_side():
    words = table().replace({"workers": {7: "few", 8: "more", 9: "very many of the workers"}})
    ax = plot.sweep(words, y="wait_mean")
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == ["few", "more", "very many of the\nworkers"]
    assert means(ax)[0][0] == [0, 1, 2]


def test_what_has_no_order_is_not_joined():
    words = table(wait_mean_theory=2.0, theory="M/M/8 (exact)").replace(
        {"workers": {7: "few", 8: "more", 9: "many"}}
    )
    ax = plot.sweep(words, y="wait_mean")
    assert solid(ax)[0].get_linestyle() == "None"
    assert not dashed(ax)
    ends = [path.vertices[:, 0].tolist() for c in ax.collections for path in c.get_paths()]
    assert [pytest.approx([place - 0.2, place + 0.2]) for place in range(3)] == ends[-3:]
    yes_or_no = table().assign(workers=[False] * 3 + [True] * 3, replication=[0, 1, 2] * 2)
    labels = plot.sweep(yes_or_no, y="wait_mean").get_xticklabels()
    assert [label.get_text() for label in labels] == ["False", "True"]


def test_fields_and_metrics_are_named_in_words_with_their_units():
    timeouts = table(false_kills=3.0).rename(columns={"workers": "reaper.timeout"})
    ax = plot.sweep(timeouts, y="false_kills")
    assert ax.get_title(loc="left") == "False kills by reaper timeout"
    assert ax.get_xlabel() == "reaper timeout (s)"
    assert ax.get_ylabel() == "false kills (jobs)"


def test_a_long_label_has_its_value_on_a_line_of_its_own():
    two = pd.concat([table(**{"arrivals.rate": rate}) for rate in (5.0, 6.4)])
    two = two[["workers", "arrivals.rate", "replication", "wait_mean"]]
    ax = plot.sweep(two, y="wait_mean")
    assert [text.get_text() for text in ax.texts[1:]] == [
        "arrivals rate\n5 jobs/s",
        "arrivals rate\n6.4 jobs/s",
    ]
    words = two.replace({"arrivals.rate": {5.0: "slow", 6.4: "fast"}})
    assert [text.get_text() for text in plot.sweep(words, y="wait_mean").texts[1:]] == [
        "arrivals rate\nslow",
        "arrivals rate\nfast",
    ]


def test_of_more_lines_than_colours_a_legend_has_the_names():
    many = pd.concat([table(clients=count) for count in range(1, 8)])
    many = many[["workers", "clients", "replication", "wait_mean"]]
    texts = [text.get_text() for text in plot.sweep(many, y="wait_mean").get_legend().get_texts()]
    assert texts == [f"clients {count}" for count in range(1, 8)]


def test_a_line_without_a_value_has_no_label():
    two = pd.concat([table(rate=1.0), table(rate=2.0, wait_mean=math.nan), table(rate=3.0)])
    two = two[["workers", "rate", "replication", "wait_mean"]]
    texts = [text.get_text() for text in plot.sweep(two, y="wait_mean").texts[1:]]
    assert texts == ["rate 1", "rate 3"]


def test_ticks_that_would_overlap_are_left_to_the_axis():
    crowded = table().assign(workers=[1, 1, 2, 2, 1000, 1000])
    assert 2 not in plot.sweep(crowded, y="wait_mean").get_xticks()


def test_many_or_broken_numbers_are_left_to_the_axis():
    halves = table().assign(workers=[0.5, 0.5, 1.5, 1.5, 2.5, 2.5])
    ax = plot.sweep(halves, y="wait_mean")
    assert not set(ax.get_xticks()) <= {0.5, 1.5, 2.5}


def test_means_far_above_the_others_make_the_axis_logarithmic():
    ax = plot.sweep(table(wait_mean=[500.0, 700.0, 1.0, 3.0, 1.0, 1.0]), y="wait_mean")
    assert ax.get_yscale() == "log"
    assert ax.get_ylabel() == "mean wait (min, log scale)"


@pytest.mark.parametrize(
    ("y", "label"), [("utilisation", "utilisation (share)"), ("score", "score")]
)
def test_a_metric_has_its_unit_if_it_has_one(y, label):
    assert plot.sweep(table(**{y: 0.5}), y=y).get_ylabel() == label


def test_a_sweep_without_values_says_so():
    ax = plot.sweep(table(wait_mean=math.nan), y="wait_mean")
    assert "no run has a mean wait" in [text.get_text() for text in ax.texts]


def test_a_field_that_was_not_swept_is_refused():
    with pytest.raises(ValueError, match="no swept field 'rate'; it has workers"):
        plot.sweep(table(), y="wait_mean", x="rate")
    with pytest.raises(ValueError, match="no swept field None"):
        plot.sweep(table().drop(columns="workers"), y="wait_mean")


# Comparisons
