"""Which charts the report has: one line adds one, with its sentence and its condition."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jobsim import plot
from jobsim.report import sentences
from jobsim.report.picture import own_style, picture
from jobsim.run import Run


class Chart(NamedTuple):
    """One chart of the report."""

    draw: Callable[..., Axes]
    """Takes a run, and the axes to draw on as `ax`."""
    sentence: Callable[[Run], str]
    """What the chart shows of this run; also its alternative text."""
    when: Callable[[Run], bool]
    """Whether this run has anything that the chart could show."""
    rows: bool = False
    """Whether it has as many rows as the run makes, and so a height of its own."""


class Drawn(NamedTuple):
    """A chart of one run, as the page shows it."""

    sentence: str
    source: str
    """The picture, as a data URI."""


def _created(run: Run) -> bool:
    return bool(run.jobs["created"].notna().any())


def _started(run: Run) -> bool:
    return bool(run.jobs["started"].notna().any())


def _finished(run: Run) -> bool:
    return bool(run.jobs["finished"].notna().any())


def _called(run: Run) -> bool:
    return run.calls is not None and not run.calls.empty


CHARTS = (
    Chart(plot.occupancy, sentences.occupancy, _created),
    Chart(plot.dwell, sentences.dwell, _finished),
    Chart(plot.waits, sentences.waits, _started),
    Chart(plot.throughput, sentences.throughput, _finished),
    Chart(plot.lifecycle, sentences.lifecycle, _created),
    Chart(plot.swimlanes, sentences.swimlanes, _started, rows=True),
    Chart(plot.latency, sentences.latency, _called, rows=True),
)
"""In the order of the page."""


WIDTH, HEIGHT = 5.4, 4.0
"""In inches; narrower than in a notebook, so that the text can be read on a phone."""


def drawn(run: Run) -> list[Drawn]:
    """Draw every chart that has something to show of this run."""
    with own_style():
        return [
            Drawn(chart.sentence(run), picture(_axes(chart, run)))
            for chart in CHARTS
            if chart.when(run)
        ]


def _axes(chart: Chart, run: Run) -> Axes:
    if not chart.rows:
        return chart.draw(run, ax=plt.subplots(figsize=(WIDTH, HEIGHT), layout="constrained")[1])
    ax = chart.draw(run)
    figure = ax.figure
    assert isinstance(figure, Figure)  # noqa: S101 - a chart of its own, tells mypy so
    figure.set_figwidth(WIDTH)
    return ax
