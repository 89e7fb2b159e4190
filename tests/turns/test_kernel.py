"""A Jupyter kernel goes on working while turns are taken in it, also when they print."""

from __future__ import annotations

import nbformat
from nbclient import NotebookClient

CELLS = [
    """
import threading
from jobsim.testing import explore_repository
from jobsim import InMemoryJobRepository

class Mine(InMemoryJobRepository):
    def get(self, job_id):
        print("get")
        return super().get(job_id)

found = explore_repository(Mine, programs=[["running"], ["get"]], preemptions=1)
""",
    "print('complete', found.complete, threading.Lock)",
    """
found = explore_repository(Mine, programs=[["get"], ["create"]], preemptions=1)
print("again", found.complete)
""",
]


def test_a_kernel_goes_on_while_threads_print():
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    done = NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    text = ["".join(output.get("text", "") for output in cell.outputs) for cell in done.cells]
    names = {output.get("name") for cell in done.cells for output in cell.outputs}
    assert text[0].count("get\n") > 20
    assert "complete True" in text[1]
    assert "Turn" not in text[1]
    assert "again True" in text[2]
    assert names == {"stdout"}  # nothing on stderr
