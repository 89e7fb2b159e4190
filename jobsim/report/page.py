"""The executed notebook as one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from nbconvert.exporters.html import HTMLExporter
from nbformat import NotebookNode

TEMPLATES = Path(__file__).parent / "templates"


def as_page(notebook: NotebookNode, title: str) -> str:
    """Return the notebook's text and results without its code, in the report's own template.

    Parameters
    ----------
    notebook
        An executed notebook.
    title
        What the browser's tab says.
    """
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="jobsim_report",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_anchor_links=True,
    )
    notebook.metadata["title"] = title
    page, _ = exporter.from_notebook_node(notebook)
    return page
