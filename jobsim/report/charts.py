"""Which charts the report of a run has, in which order, and how they are drawn."""

from __future__ import annotations

from typing import NamedTuple

from jobsim.plot.attempts import CHART as ATTEMPTS
from jobsim.plot.dwell import CHART as DWELL
from jobsim.plot.goodput import CHART as GOODPUT
from jobsim.plot.latency import CHART as LATENCY
from jobsim.plot.lifecycle import CHART as LIFECYCLE
from jobsim.plot.occupancy import CHART as OCCUPANCY
from jobsim.plot.outage import CHART as OUTAGE
from jobsim.plot.parts.entry import Chart
from jobsim.plot.response import CHART as RESPONSE
from jobsim.plot.running_age import CHART as RUNNING_AGE
from jobsim.plot.swimlanes import CHART as SWIMLANES
from jobsim.plot.throughput import CHART as THROUGHPUT
from jobsim.plot.unpaid import CHART as UNPAID
from jobsim.plot.waits import CHART as WAITS
from jobsim.report.picture import new_axes, own_style, picture
from jobsim.run.run import Run

CHARTS = (
    OCCUPANCY,
    GOODPUT,
    ATTEMPTS,
    RESPONSE,
    OUTAGE,
    RUNNING_AGE,
    UNPAID,
    DWELL,
    WAITS,
    THROUGHPUT,
    LIFECYCLE,
    SWIMLANES,
    LATENCY,
)
"""All charts, in the order of the page."""

MOST = 8
"""The most charts that the page has."""

GIVE_WAY = (LATENCY, DWELL, SWIMLANES, WAITS)
"""The charts that are left out first, in this order, where there are too many."""


class Drawn(NamedTuple):
    """A chart of one run, as the page shows it."""

    sentence: str
    source: str
    """The picture, as a data URI."""


def chosen(run: Run) -> list[Chart]:
    """Return the charts of a run: those that have something to show, at most `MOST`."""
    found = [chart for chart in CHARTS if chart.is_worth_showing(run)]
    spare = [chart for chart in GIVE_WAY if chart in found]
    out = spare[: max(len(found) - MOST, 0)]
    return [chart for chart in found if chart not in out]


def drawn(run: Run) -> list[Drawn]:
    """Draw the charts of a run."""
    with own_style():
        return [
            Drawn(chart.sentence(run), picture(chart.draw(run, ax=new_axes(chart.height(run)))))
            for chart in chosen(run)
        ]
