"""A scheduled run as HTML, for a notebook cell or as a page that CI keeps."""

from __future__ import annotations

import io
from html import escape
from typing import TYPE_CHECKING

from jobsim.display.text import rows_as_html

if TYPE_CHECKING:
    from jobsim.testing.explore.scheduled import ScheduledRun

_STYLE = """
body { font-family: system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
  color-scheme: light dark; }
table { border-collapse: collapse; font-size: 0.85rem; }
td, th { text-align: left; padding: 0.1rem 0.8rem 0.1rem 0; vertical-align: top; }
td { font-family: ui-monospace, monospace; }
pre { overflow-x: auto; }
"""


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


def page(run: ScheduledRun) -> str:
    """Return the run as a page of its own: what is broken, the picture, the table."""
    details = f"<pre>{escape(run.details)}</pre>" if run.details else ""
    again = (
        "from jobsim.testing import replay_schedule\n\n"
        f'replay_schedule({run.repository}, "{run.schedule}")'
    )
    title = f"{run.repository}: {run.rule or 'no rule is broken'}"
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"{rows_as_html('', run.display_rows())}{picture(run)}{table(run)}{details}"
        f"<h2>Run it again</h2><pre>{escape(again)}</pre></body></html>\n"
    )


def picture(run: ScheduledRun) -> str:
    """Return the chart of the schedule as SVG."""
    import matplotlib.pyplot as plt

    from jobsim.plot.schedule import schedule

    figure = schedule(run).get_figure(root=True)
    assert figure is not None  # noqa: S101 - of axes that were just made
    drawn = io.StringIO()
    with plt.rc_context({"svg.hashsalt": "jobsim"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    plt.close(figure)
    text = drawn.getvalue()
    return text[text.index("<svg") :]
