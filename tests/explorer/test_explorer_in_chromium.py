"""The explorer in JupyterLab, in a real browser: a slider is moved and the picture follows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from chromium import CHROMIUM, DRIVER, browser

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
    pytest.mark.no_cover,
]

CELL = """import jobsim

jobsim.explore(jobsim.preset("steady").replace({"jobs": 200}))"""


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """Start JupyterLab on a folder, open to this machine only; return its address."""
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--IdentityProvider.token="),
        *(f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"),
        "--LabApp.news_url=None",
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as server:
        try:
            said = (re.search(r"http://127\.0\.0\.1:\d+/lab", line) for line in server.stderr)
            yield next(found.group() for found in said if found)
        finally:
            server.terminate()
            server.stderr.read()  # it says goodbye, and would wait for somebody to hear it


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    """Return a tab that shows the executed notebook."""
    folder = tmp_path_factory.mktemp("lab")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    (folder / "look.ipynb").write_text(json.dumps(book), encoding="utf-8")
    profile = tmp_path_factory.mktemp("chromium") / "profile"
    with jupyterlab(folder) as address, browser(profile) as opened:
        opened.look(width=1400, height=1000)
        opened.go(f"{address}/tree/look.ipynb?reset")
        opened.wait_for("return window.jupyterapp && document.querySelector('.jp-CodeCell')")
        # A kernel that is still being connected takes no cell, and says nothing of it.
        opened.wait_for(
            "const at = window.jupyterapp.shell.currentWidget;"
            "return at && at.sessionContext && at.sessionContext.session"
            " && at.sessionContext.session.kernel.connectionStatus === 'connected'"
            " && at.sessionContext.session.kernel.status === 'idle'"
        )
        opened.run("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        opened.wait_for("return document.querySelectorAll('.noUi-handle').length > 3")
        yield opened


def picture(tab) -> str:
    return str(
        tab.wait_for("const i = document.querySelector('img.widget-image'); return i && i.src")
    )


def test_the_picture_follows_a_slider(tab):
    before = picture(tab)
    tab.run(
        "const h = document.querySelectorAll('.noUi-handle')[0]; h.focus();"
        "for (const type of ['keydown', 'keyup'])"
        "  h.dispatchEvent(new KeyboardEvent(type, {key: 'ArrowRight', bubbles: true}))"
    )
    tab.wait_for(
        f"return document.querySelector('img.widget-image').src !== {json.dumps(before)}",
        seconds=60,
    )
    assert "before:" in str(tab.run("return document.querySelector('.jp-OutputArea').innerText"))


def test_the_page_complains_of_nothing(tab):
    assert [line for line in tab.console() if "jobsim" in line or "Widget" in line] == []
