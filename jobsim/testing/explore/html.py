"""A scheduled run as HTML: for a notebook's cell and for a page that CI keeps."""

from __future__ import annotations

from html import escape

from jobsim.display.text import rows_as_html
from jobsim.testing.explore.scheduled import ScheduledRun


def page_part(run: ScheduledRun) -> str:
    """Return the run as a fragment of HTML: what is broken, and the table."""
    return rows_as_html(f"Schedule of {run.repository}", run.display_rows()) + table(run)


def table(run: ScheduledRun) -> str:
    """Return the explanation as a table: a column per thread, a row per step."""
    names = run.threads
    head = "".join(f"<th>{escape(name)}</th>" for name in ["step", *names, "where"])
    body = [
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells.values()) + "</tr>"
        for cells in run.table().to_dict("records")
    ]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
