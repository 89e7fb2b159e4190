"""What people use in a browser: JupyterLab with its sliders, every notebook, the pages on disk.

A report has tests of its own, in `tests/report`. All share one JupyterLab and one Chromium.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from chromium import CHROMIUM, DRIVER, browser
from jupyterlab import errors, jupyterlab, run_all, shut_down

from jobsim.testing import explore_repository
from jobsim.testing.broken import CheckAndActApart

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
    pytest.mark.no_cover,
]

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIRST_PAGE = ROOT / "build" / "docs" / "html" / "index.html"

# The result of a cell each: a schedule that breaks a repository, and the explorer.
CELLS = [
    """from jobsim.testing import explore_repository
from jobsim.testing.broken import CheckAndActApart

explore_repository(CheckAndActApart, programs=[["running"], ["running"]]).violation""",
    """import jobsim

jobsim.explore(jobsim.preset("steady").replace({"jobs": 200}))""",
]
STEPPER, EXPLORER = (
    f"document.querySelectorAll('.jp-CodeCell')[{n}].querySelector('.jp-OutputArea')"
    for n in range(2)
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Return a tab and the address of JupyterLab on a folder with all notebooks."""
    folder = tmp_path_factory.mktemp("lab")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    (folder / "look.ipynb").write_text(json.dumps(book), encoding="utf-8")
    for path in NOTEBOOKS:
        shutil.copy(path, folder)
    profile = tmp_path_factory.mktemp("chromium") / "profile"
    with jupyterlab(folder) as address, browser(profile) as opened:
        opened.look(width=1400, height=3000)
        yield opened, address


@pytest.fixture(scope="module")
def tab(lab):
    """Return the tab, which shows the two outputs."""
    opened, address = lab
    run_all(opened, address, "look.ipynb")
    opened.wait_for(f"return {EXPLORER}.querySelectorAll('.noUi-handle').length > 3")
    return opened


def press_right(tab, output):
    """Move the first slider of an output by one step, as the arrow key does."""
    tab.run(
        f"const h = {output}.querySelector('.noUi-handle'); h.focus();"
        "for (const type of ['keydown', 'keyup'])"
        "  h.dispatchEvent(new KeyboardEvent(type, {key: 'ArrowRight', bubbles: true}))"
    )


def test_the_picture_of_the_explorer_follows_a_slider(tab):
    image = f"{EXPLORER}.querySelector('img.widget-image')"
    before = tab.wait_for(f"return {image} && {image}.src")
    press_right(tab, EXPLORER)
    tab.wait_for(f"return {image}.src !== {json.dumps(before)}", seconds=60)
    assert "before:" in tab.run(f"return {EXPLORER}.innerText")


def test_the_source_lines_follow_the_slider_of_a_schedule(tab):
    shown = f"{STEPPER}.querySelector('.widget-html-content pre')?.parentElement.innerHTML"
    before = tab.run(f"return {STEPPER}.innerText")
    assert "answered: nothing yet" in before
    for _ in range(3):
        press_right(tab, STEPPER)
    marked = tab.wait_for(f"return {shown}", seconds=60)
    assert "self._lock" in marked
    assert tab.run(f"return {STEPPER}.innerText") != before


def test_jupyterlab_complains_of_nothing(tab):
    assert errors(tab) == []
    assert [line for line in tab.console() if "jobsim" in line or "Widget" in line] == []


def test_the_page_of_a_schedule_stands_by_itself(lab, tmp_path):
    opened, _ = lab
    found = explore_repository(CheckAndActApart, programs=[["running"], ["running"]]).violation
    page = found.save_page(tmp_path / "schedule.html")
    opened.go("about:blank")  # a page that is left may still ask for something
    opened.open(page)
    assert opened.requested() == [page.resolve().as_uri()]
    assert opened.console() == []
    assert found.sentence in opened.run("return document.body.innerText")
    assert opened.run("return document.querySelector('svg').getBoundingClientRect().width") > 300


@pytest.mark.skipif(not FIRST_PAGE.exists(), reason="needs the pages that `make docs` builds")
def test_the_first_page_of_the_docs_shows_its_picture(lab):
    opened, _ = lab
    opened.go("about:blank")
    opened.open(FIRST_PAGE)
    # The address leads on to the first page, whose picture is there once all is loaded.
    title = opened.wait_for(
        "return document.readyState === 'complete' && document.querySelector('h1')?.innerText"
    )
    assert title.startswith("jobsim")
    assert opened.run("return document.querySelector('img.run').naturalWidth") > 600
    assert [line for line in opened.console() if "favicon" not in line] == []


@pytest.mark.skipif(
    "JOBSIM_ALL_NOTEBOOKS" not in os.environ, reason="takes minutes: JOBSIM_ALL_NOTEBOOKS=1"
)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_ends_without_an_error(lab, path, tmp_path):
    opened, address = lab
    run_all(opened, address, path.name, seconds=600)
    shots = Path(os.environ["JOBSIM_ALL_NOTEBOOKS"])
    opened.screenshot((shots if shots.is_dir() else tmp_path) / f"{path.stem}.png")
    try:
        assert errors(opened) == []
        assert [line for line in opened.console() if "Error" in line] == []
    finally:
        shut_down(opened)
