"""A real browser opens the reports from disk."""

from __future__ import annotations

import pytest
from chromium import CHROMIUM, DRIVER, browser

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver")

DARK_BELOW, LIGHT_ABOVE = 60, 200  # of 255


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("chromium") / "profile") as opened:
        yield opened


@pytest.fixture(params=["threaded_report", "virtual_report"])
def report(request):
    return request.getfixturevalue(request.param)


def brightness(tab, script):
    red, green, blue, *_ = tab.run(script)
    return (red + green + blue) / 3


def test_it_asks_for_nothing_but_itself_and_complains_of_nothing(tab, report):
    tab.look()
    tab.open(report)
    assert tab.requested() == [report.resolve().as_uri()]
    assert tab.console() == []


def test_every_picture_is_drawn(tab, report):
    tab.look()
    tab.open(report)
    widths = tab.run("return [...document.images].map(i => i.complete && i.naturalWidth)")
    assert len(widths) >= 6
    assert min(widths) > 100


@pytest.mark.parametrize(
    ("scheme", "paper", "ink"), [("light", 255, 0), ("dark", 0, 255)], ids=["light", "dark"]
)
def test_page_and_pictures_follow_the_reader(tab, virtual_report, scheme, paper, ink):
    tab.look(scheme=scheme)
    tab.open(virtual_report)
    colour = "return getComputedStyle(document.{}).{}.match(/\\d+/g).map(Number)"
    assert brightness(tab, colour.format("documentElement", "backgroundColor")) == pytest.approx(
        paper, abs=60
    )
    assert brightness(tab, colour.format("body", "color")) == pytest.approx(ink, abs=60)
    # The darkest and the lightest pixel of a chart's title, on nothing: it is ink alone.
    drawn = tab.run(
        "const i = document.images[document.images.length - 1];"
        "const c = document.createElement('canvas'); c.width = i.naturalWidth; c.height = 30;"
        "const x = c.getContext('2d'); x.drawImage(i, 0, 0);"
        "const d = x.getImageData(0, 0, c.width, 30).data; let best = [0, 0, 0, 0];"
        "for (let k = 0; k < d.length; k += 4) if (d[k+3] > best[3]) best = d.slice(k, k + 4);"
        "return [...best]"
    )
    assert drawn[3] > 200
    assert sum(drawn[:3]) / 3 == pytest.approx(ink, abs=60)


def test_a_phone_scrolls_charts_in_their_boxes_and_not_the_page(tab, report):
    tab.look(width=390)
    tab.open(report)
    assert tab.run("return document.documentElement.scrollWidth") == 390
    boxes = "[...document.images].map(i => i.parentElement.clientWidth)"
    assert tab.run(f"return Math.max(...{boxes})") <= 390
    # Two thirds of the size on a desk: below that the text of a chart cannot be read.
    assert tab.run("return Math.min(...[...document.images].map(i => i.width))") >= 400


def test_paper_is_light_even_at_night(tab, threaded_report, tmp_path):
    tab.look(scheme="dark")
    tab.open(threaded_report)
    tab.print(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    tab.devtools("Emulation.setEmulatedMedia", media="print")
    colour = "return getComputedStyle(document.body).color.match(/\\d+/g).map(Number)"
    assert brightness(tab, colour) < 60


def test_hostile_text_runs_nowhere(tab, threaded_report):
    tab.look()
    tab.open(threaded_report)
    assert tab.run("return document.scripts.length") == 0
    assert tab.run("return document.querySelector('h1').textContent").startswith("<script>")
