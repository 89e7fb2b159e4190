"""Docstrings and tables as Markdown."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import types
from pathlib import Path
from typing import Any


def prose(documented: Any) -> str:
    """Return a docstring without its numpydoc sections."""
    text = inspect.getdoc(documented) or ""
    return re.split(r"\n\n\w[\w ]*\n---+", text)[0]


def sentence(text: str) -> str:
    """Return the first paragraph."""
    return text.split("\n\n")[0]


def notes_below(module: types.ModuleType) -> dict[str, str]:
    """Return the strings that stand below the assignments of a module, by name."""
    body = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body
    notes = {}
    for above, below in itertools.pairwise(body):
        if not (isinstance(above, ast.Assign | ast.AnnAssign) and isinstance(below, ast.Expr)):
            continue
        target = above.target if isinstance(above, ast.AnnAssign) else above.targets[0]
        notes[ast.unparse(target)] = inspect.cleandoc(ast.literal_eval(below.value))
    return notes


def markdown(text: str) -> str:
    """Return a docstring's text as Markdown."""
    return text.replace("``", "`")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table, its text on one line a cell."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(_cell(c) for c in line) + " |" for line in lines)


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def block(language: str, text: str) -> str:
    """Return a fenced block."""
    return f"```{language}\n{text.rstrip()}\n```"
