"""The normal form of a notebook: what it may hold, how its file is written."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

MAX_BYTES = 500_000
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
PICTURES = ("image/png", "image/jpeg")

# (what must not be found, where, what to say)
SOURCE_RULES = (
    (re.compile(r"^(async )?def ", re.MULTILINE), "defines a function: move it to the package"),
    (re.compile(r";\s*\Z"), "ends in ';', which silences nothing under nbval: assign instead"),
    (re.compile(r"^\s*%%?time", re.MULTILINE), "uses %time, whose output never repeats"),
)
OUTPUT_RULES = (
    (re.compile(r"\bat 0x[0-9a-fA-F]+"), "shows a memory address"),
    (re.compile(r"(?<![\w./:<])/[\w.-]+/[\w.-]|\b[A-Z]:\\\w"), "shows an absolute path"),
)
ANSI_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def read_notebook(path: Path) -> NotebookNode:
    """Return the notebook in the file, as nbformat 4."""
    return nbformat.read(path, as_version=4)


def to_text(notebook: NotebookNode) -> str:
    """Return the file's content in normal form, the argument left as it is.

    Sources, outputs, tags and cell ids are kept (a missing or repeated id is numbered);
    whatever an editor or a kernel adds about itself is dropped.
    """
    cells: list[dict[str, object]] = []
    for number, cell in enumerate(notebook.cells, start=1):
        used = {kept["id"] for kept in cells}
        own = cell.get("id")
        tags = cell.metadata.get("tags")
        kept = {
            "cell_type": cell.cell_type,
            "id": own if own and own not in used else f"cell-{number:02}",
            "metadata": {"tags": sorted(tags)} if tags else {},
            "source": cell.source.rstrip(),
        }
        if cell.cell_type == "code":
            kept |= {"execution_count": cell.execution_count, "outputs": cell.outputs}
        cells.append(kept)
    plain = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return nbformat.writes(nbformat.from_dict(plain)).rstrip("\n") + "\n"


def complaints(path: Path) -> list[str]:
    """Return what is wrong with a notebook's file, one sentence each; empty if nothing is."""
    notebook = read_notebook(path)
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = []
    if not re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", path.name):
        found.append("the name is not NN_topic.ipynb")
    if path.stat().st_size >= MAX_BYTES:
        found.append(f"{path.stat().st_size:,} bytes; the limit is {MAX_BYTES:,}")
    if path.read_bytes() != to_text(notebook).encode():
        found.append("not in normal form: run make notebooks")
    if [cell.execution_count for cell in codes] != list(range(1, len(codes) + 1)):
        found.append("not executed in order, once each: run make notebooks")
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        found.append("the first cell is not '# Title' and the question")
    parameters = sum("parameters" in cell.metadata.get("tags", ()) for cell in codes)
    if parameters != 1:
        found.append(f"{parameters} code cells are tagged 'parameters'; one should be")
    for number, cell in enumerate(codes, start=1):
        found += [f"code cell {number} {problem}" for problem in _cell_complaints(cell)]
    return found


def _cell_complaints(cell: NotebookNode) -> list[str]:
    found = [problem for pattern, problem in SOURCE_RULES if pattern.search(cell.source)]
    shown = _shown_text(cell)
    found += [problem for pattern, problem in OUTPUT_RULES if pattern.search(shown)]
    raised = any(output.output_type == "error" for output in cell.outputs)
    if raised and "raises-exception" not in cell.metadata.get("tags", ()):
        found.append("ended in an error")
    return found


def _shown_text(cell: NotebookNode) -> str:
    """Return what a reader sees of the cell's outputs, pictures left out."""
    shown = []
    for output in cell.outputs:
        data = dict(output.get("data", {}))
        if "text/html" in data:
            data.pop("text/plain", None)  # only terminals show it
        shown += [output.get("text", ""), *output.get("traceback", ())]
        shown += [str(text) for mime, text in data.items() if mime not in PICTURES]
    return ANSI_COLOUR.sub("", "\n".join(shown))
