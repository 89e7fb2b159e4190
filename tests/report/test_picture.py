"""The pictures of the report are right on light and on dark paper."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET

import matplotlib as mpl
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, Rectangle
from report_runs import FOUR, STORM, made, retried

from jobsim.display.palette import DARK, PAPER
from jobsim.plot.parts.style import INK, STATUS_COLOURS
from jobsim.report import charts
from jobsim.report.charts import CHARTS, chosen, drawn
from jobsim.report.picture import new_axes, own_style, picture, themed


def svg_of(source):
    kind, _, data = source.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return base64.b64decode(data).decode()


def names(run):
    return [chart.draw.__name__ for chart in chosen(run)]


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """Return the contrast ratio of two colours (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture
def axes():
    with own_style():
        yield new_axes(4.0)


@pytest.mark.parametrize("colour", STATUS_COLOURS.values())
def test_every_status_stands_out_on_dark_paper(colour):
    assert contrast(DARK.get(colour, colour), DARK[PAPER]) >= 3.0


def test_text_can_be_read_on_dark_paper():
    assert contrast(DARK[INK], DARK[PAPER]) >= 7.0


def test_colours_of_the_charts_follow_the_page(axes):
    axes.plot([0, 1], color=INK)
    svg = svg_of(picture(axes))
    ET.fromstring(svg)  # noqa: S314 - well-formed, and our own
    assert f"{INK};" not in svg.partition("</style>")[2]
    assert "stroke: var(--c222222)" in svg
    assert f"--c222222:{DARK[INK]}" in svg.partition("prefers-color-scheme:dark")[2]


def test_text_on_a_coloured_shape_stays_dark_and_text_over_an_arrow_does_not(axes):
    axes.add_patch(Rectangle((0, 0), 0.4, 0.4, color="#ffffcc"))
    axes.add_patch(FancyArrowPatch((0.5, 0.5), (1, 1), connectionstyle="arc3,rad=1"))
    inside = axes.text(0.2, 0.2, "i", ha="center", va="center", color=INK)
    beside = axes.text(0.2, 0.8, "b", color=INK)
    over = axes.text(0.75, 0.75, "o", ha="center", va="center", color=INK)
    other = axes.text(0.2, 0.2, "w", ha="center", va="center", color="white")
    picture(axes)
    colours = [text.get_color() for text in (inside, beside, over, other)]
    assert colours == ["#222223", INK, INK, "white"]


def test_paths_get_shorter_and_scales_do_not():
    short = themed(
        '<svg><defs><g transform="scale(0.08333)"><path d="M 1.239 2"/></g></defs></svg>'
    )
    assert 'd="M1.2 2"' in short
    assert "scale(0.08333)" in short


def test_a_persons_own_settings_change_no_report(monkeypatch):
    monkeypatch.setattr(charts, "CHARTS", CHARTS[:1])
    run = made(FOUR)
    plain = [chart.source for chart in drawn(run)]
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"}):
        before = mpl.rcParams.copy()
        assert [chart.source for chart in drawn(run)] == plain
        assert mpl.rcParams == before


def test_a_chart_that_has_nothing_to_show_is_left_out():
    assert drawn(made()) == []
    assert names(made(FOUR[3:])) == ["occupancy", "unpaid", "lifecycle"]


def test_with_feedback_goodput_stands_for_throughput_and_the_lifecycle():
    plain, retry = retried(STORM), retried(STORM, retry={"attempts": 2})
    assert names(plain) == ["occupancy", "dwell", "waits", "throughput", "lifecycle", "swimlanes"]
    assert names(retry) == ["occupancy", "goodput", "attempts", "dwell", "waits", "swimlanes"]


@pytest.mark.parametrize(
    ("scenario", "more"),
    [
        ({"patience": {"kind": "constant", "value": 1.0}}, {"goodput"}),
        ({"reaper": {"timeout": 5.0}}, {"goodput", "running_age"}),
        ({"work": {"crash": 0.1}}, {"running_age", "throughput", "lifecycle"}),
        ({"outages": [{"at": 1.0, "duration": 1.0, "workers": 1}]},
         {"goodput", "running_age", "outage"}),
        ({"payment": {"lost": 0.1, "resend": [1.0]}}, {"unpaid", "throughput", "lifecycle"}),
    ],
)  # fmt: skip
def test_what_a_scenario_has_decides_which_charts_there_are(scenario, more):
    assert (
        set(names(retried(STORM, **scenario)))
        == {"occupancy", "dwell", "waits", "swimlanes"} | more
    )


def test_of_too_many_charts_those_that_earn_least_give_way():
    outages = [{"at": 1.0, "duration": 1.0, "workers": 1}]
    lost = {"lost": 0.1, "resend": [1.0]}
    run = retried(
        STORM, calls=[("get", 0, 1000, "ok")], retry={"attempts": 2}, outages=outages, payment=lost
    )
    assert names(run) == [
        "occupancy", "goodput", "attempts", "outage", "running_age", "unpaid", "waits", "swimlanes",
    ]  # fmt: skip
