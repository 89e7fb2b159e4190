"""JupyterLab on a folder, and its notebooks run in a tab of Chromium as a person would."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chromium import Browser

# What the tab has open is `at`, a notebook panel.
AT = "const at = window.jupyterapp.shell.currentWidget;"


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


def run_all(tab: Browser, address: str, name: str, *, seconds: float = 120.0) -> None:
    """Open a notebook of the folder and run all of its cells, to the last one's end."""
    tab.go(f"{address}/tree/{name}?reset")
    tab.wait_for("return window.jupyterapp && document.querySelector('.jp-CodeCell')")
    # A kernel that is still being connected takes no cell, and says nothing of it.
    tab.wait_for(
        f"{AT} return at && at.sessionContext && at.sessionContext.session"
        " && at.sessionContext.session.kernel.connectionStatus === 'connected'"
        " && at.sessionContext.session.kernel.status === 'idle'"
    )
    # JupyterLab keeps only the cells in sight in the page; a picture of all needs all.
    tab.run(
        f"{AT} at.content.notebookConfig = {{...at.content.notebookConfig, windowingMode: 'none'}}"
    )
    tab.run(
        "window.allRun = false; window.jupyterapp.commands.execute('notebook:run-all-cells')"
        ".then(() => { window.allRun = true; })"
    )
    tab.wait_for("return window.allRun", seconds=seconds)
    tab.wait_for(f"{AT} return at.sessionContext.session.kernel.status === 'idle'")


def errors(tab: Browser) -> list[str]:
    """Return the errors that cells of the open notebook ended in, and cells that never ran."""
    return list(
        tab.run(
            f"{AT} const found = [];"
            "for (const cell of at.content.model.cells) {"
            "  if (cell.type !== 'code' || !cell.sharedModel.source.trim()) continue;"
            "  if (cell.executionCount === null) found.push('not run: ' + cell.sharedModel.source);"
            "  for (const output of cell.outputs.toJSON())"
            "    if (output.output_type === 'error')"
            "      found.push(output.ename + ': ' + output.evalue);"
            "} return found"
        )
    )


def shut_down(tab: Browser) -> None:
    """End the kernel of the open notebook."""
    tab.run(
        f"window.isDown = false; {AT}"
        " at.sessionContext.shutdown().then(() => { window.isDown = true; })"
    )
    tab.wait_for("return window.isDown")
