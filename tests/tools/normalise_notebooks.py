"""Execute the notebooks and write them in normal form; what has not changed is not touched.

Run as ``python tests/tools/normalise_notebooks.py [--all] [NOTEBOOK ...]``; without names,
every notebook in ``notebooks/``. A notebook has changed if its outputs differ as nbval sees
them or its file is not in normal form. Pictures are not compared, because many draw measured
times: after a change to the drawing, ``--all`` writes every notebook anew.
"""

from __future__ import annotations

import argparse
import base64
import copy
import io
import re
import sys
import tempfile
from pathlib import Path

from kernel_environment import SANITIZE, TESTS, set_kernel_environment
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbval.plugin import coalesce_streams, get_sanitize_patterns
from notebook_form import PICTURES, read_notebook, to_text
from PIL import Image

NOTEBOOKS = TESTS.parent / "notebooks"
CELL_TIMEOUT = 120  # seconds, as pytest's options say
NOT_COMPARED = (*PICTURES, "text/latex", "application/vnd.jupyter.widget-view+json")
IGNORED = "nbval-ignore-output"


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Return a copy of the notebook, every cell executed in order in a new kernel.

    Raises
    ------
    CellExecutionError, DeadKernelError
        If a cell raises without the tag ``raises-exception``, or the kernel dies.
    """
    fresh = copy.deepcopy(notebook)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    NotebookClient(
        fresh,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs = coalesce_streams(cell.outputs)
            for output in cell.outputs:
                lighten(output.get("data", {}))
    return fresh


def lighten(data: dict[str, str]) -> None:
    """Write a picture in 256 colours, which is as many as a chart needs, if that is shorter."""
    if "image/png" in data:
        full, light = base64.b64decode(data["image/png"]), io.BytesIO()
        with Image.open(io.BytesIO(full)) as picture:
            few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
            few.save(light, format="png", optimize=True)
        if len(light.getvalue()) < len(full):
            data["image/png"] = base64.b64encode(light.getvalue()).decode()


def compared(notebook: NotebookNode) -> list[object]:
    """Return what nbval compares of a notebook's outputs, so that equal means it passes."""
    patterns = get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8"))

    def sanitized(text: object) -> object:
        if isinstance(text, str):
            for pattern, replacement in patterns:
                text = re.sub(pattern, replacement, text)
        return text

    seen: list[object] = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        outputs = []
        if IGNORED not in cell.metadata.get("tags", ()):
            for output in coalesce_streams(copy.deepcopy(cell.outputs)):
                data = {
                    mime: None if mime in NOT_COMPARED else sanitized(text)
                    for mime, text in output.get("data", {}).items()
                }
                outputs.append(
                    (
                        output.output_type,
                        sanitized(output.get("text")),
                        output.get("ename"),
                        sanitized(output.get("evalue")),
                        data,
                    )
                )
        seen.append((cell.execution_count, outputs))
    return seen


def refresh(path: Path, *, everything: bool = False) -> bool:
    """Execute one notebook and write it if it has changed; return whether it was written."""
    stored = read_notebook(path)
    fresh = execute(stored, path.parent)
    if not everything and compared(stored) == compared(fresh):
        # The stored pictures stand, so that a measured chart alone is no change.
        fresh = stored
    text = to_text(fresh).encode()
    if path.read_bytes() == text:
        return False
    path.write_bytes(text)
    return True


def main(arguments: list[str] | None = None) -> int:
    """Refresh the notebooks; return 1 if one could not be executed, 0 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--all", action="store_true", help="write every notebook anew")
    options = parser.parse_args(arguments)
    paths = [path.resolve() for path in options.notebooks] or sorted(NOTEBOOKS.glob("*.ipynb"))
    failed = 0
    with tempfile.TemporaryDirectory() as empty:
        set_kernel_environment(empty)
        for path in paths:
            try:
                written = refresh(path, everything=options.all)
            except (CellExecutionError, DeadKernelError) as exc:
                failed = 1
                print(f"{path.name}: failed, left as it is\n{exc}", file=sys.stderr)
            else:
                print(f"{path.name}: {'written' if written else 'unchanged'}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
