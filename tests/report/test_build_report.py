"""The report is one file that needs nothing else, and says what the run says."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_runs import HOSTILE

import jobsim
from jobsim import Run, Scenario, run_virtual
from jobsim.display.text import printable
from jobsim.report import build
from jobsim.report.build import build_report
from jobsim.report.errors import ReportExtraMissing
from jobsim.run.saved import SavedRunError

VOID = {"img", "link", "meta"}
"""Elements without an end."""


class Page(HTMLParser):
    """What a page holds: its elements, and the text of each kind of element."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements, self.texts, self.open = [], [], []
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    def text(self, *tags):
        return "".join(data for tag, data in self.texts if not tags or tag in tags)


@pytest.fixture(scope="module")
def threaded(threaded_report):
    return Page(threaded_report)


@pytest.fixture(scope="module")
def virtual(virtual_report):
    return Page(virtual_report)


@pytest.fixture(params=["threaded", "virtual"])
def page(request):
    return request.getfixturevalue(request.param)


def test_every_section_is_there_in_order(page):
    headings = [data for tag, data in page.texts if tag == "h2"]
    assert headings == [
        "What ran", "Did it hold?", "In figures", "What happened", "What to try next",
        "Where this comes from", "Run it again",
    ]  # fmt: skip
    assert len(page.all("h1")) == 1
    assert page.open == []


def test_nothing_is_fetched_and_nothing_runs(page):
    assert page.all("script") == page.all("iframe") == page.all("object") == []
    for tag, attrs in page.elements:
        assert not [name for name in attrs if name.startswith("on")]
        for name in ("src", "href", "srcset"):
            assert attrs.get(name, "data:").startswith("data:"), tag
    assert "@import" not in page.source
    assert "url(" not in page.text("style")
    (policy,) = (m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_every_picture_says_in_words_what_it_shows(page):
    pictures = page.all("img")
    assert len(pictures) >= 6
    assert all(len(picture["alt"]) > 20 for picture in pictures)
    for picture in page.all("img")[1:]:
        assert picture["alt"] in page.text("figcaption").replace("\N{NO-BREAK SPACE}", " ")


def test_it_is_made_for_phones_paper_and_the_dark(page):
    assert page.all("html")[0]["lang"] == "en"
    assert "width=device-width" in [m.get("content", "") for m in page.all("meta")][1]
    style = page.text("style")
    assert "@media print" in style
    assert "(prefers-color-scheme: dark)" in style
    assert "max-width: 100%" in style


def test_no_folder_of_this_machine_is_shown(page, threaded_report):
    shown = page.source.replace(str(threaded_report.parent), "")
    assert str(Path(jobsim.__file__).parent) not in shown
    assert str(Path.home()) not in shown
    assert "/tmp" not in shown  # noqa: S108 - looked for, not written


def test_the_verdict_is_told_with_its_proof(threaded):
    assert "✗ Violated" in threaded.text("span")
    assert "cannot come from a correct repository" in threaded.text("p")
    assert "written_twice" in threaded.text("span")
    assert "The first of them, call by call:" in threaded.text("figcaption")
    assert "check_repository(Careless)" in threaded.text("code")


def test_a_virtual_run_says_that_no_repository_was_tested(virtual):
    assert "Simulated" in virtual.text("span")
    assert "no repository was tested" in virtual.text("p")
    assert virtual.text("h1") == "plain"
    assert 'run.save("runs/mine")' in virtual.text("code")
    assert "not saved" in virtual.text("td")


def test_it_is_made_where_an_event_loop_runs_too(virtual_report):
    assert virtual_report.name == "mine.html"  # conftest has the loop


def test_a_run_with_feedback_tells_of_its_requests(virtual):
    assert "of 200 requests" in virtual.text("dd")
    assert "200 requests became" in virtual.text("figcaption")


def test_hostile_text_is_inert_and_whole(threaded):
    assert threaded.text("h1") == printable(HOSTILE, 2000)
    assert "<script>alert(1)</script>" in threaded.text("h1")
    assert "{{ 7 * 7 }}" in threaded.text("h1")
    assert "<img src=x onerror=alert(1)>\\n" in threaded.text("p")
    assert threaded.text("title").startswith("<script>")
    assert not set("\x00\u202e") & set(threaded.source)


def test_an_older_report_in_the_folder_is_replaced_whole(tmp_path):
    folder = run_virtual(Scenario(jobs=3)).save(tmp_path / "r")
    report = folder / "report.html"
    report.write_text("older", encoding="utf-8")
    assert build_report(folder) == report
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_named_file_that_is_there_is_refused(tmp_path):
    run_virtual(Scenario(jobs=3)).save(tmp_path / "r")
    with pytest.raises(FileExistsError, match="already exists"):
        build_report(tmp_path / "r", tmp_path / "r" / "run.json")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        build_report(tmp_path / "r", tmp_path / "none" / "a.html")


def test_a_run_that_is_not_saved_needs_a_file():
    with pytest.raises(ValueError, match="out is missing"):
        build_report(run_virtual(Scenario(jobs=3)))


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(SavedRunError, match="is not a saved run"):
        build_report(tmp_path)


def test_what_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(self, target):
        raise OSError("the disk is full")

    folder = run_virtual(Scenario(jobs=3)).save(tmp_path / "r")
    before = sorted(folder.iterdir())
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk is full"):
        build_report(folder)
    assert sorted(folder.iterdir()) == before


def test_a_report_made_in_a_notebook_leaves_its_figures_alone(tmp_path):
    import matplotlib.pyplot as plt

    figure = plt.figure()
    build_report(run_virtual(Scenario(jobs=30)), tmp_path / "r.html")
    assert plt.get_fignums() == [figure.number]
    plt.close(figure)


def test_a_missing_package_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setattr(build, "_EXTRA", ("json", "no_such_package"))
    with pytest.raises(ReportExtraMissing, match=r"no_such_package.*'jobsim-toolkit\[report\]'"):
        build_report("anywhere")


def test_the_report_of_a_run_is_a_public_name():
    assert jobsim.build_report is build_report
    assert isinstance(Run, type)
