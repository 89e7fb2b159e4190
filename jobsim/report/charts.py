"""Which charts the report has: one line adds one, with its sentence and its condition."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jobsim import plot
from jobsim.figures.recovery import last_moment
from jobsim.plot.spans import disturbances
from jobsim.report import feedback_sentences, sentences
from jobsim.report.next_steps import PILE
from jobsim.report.picture import own_style, picture
from jobsim.run.run import Run


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


def _retried(run: Run) -> bool:
    return run.workload.scenario.retry is not None and _created(run)


def _wasteful(run: Run) -> bool:
    """Tell whether work may be done for nobody, so that goodput and throughput differ."""
    scenario = run.workload.scenario
    ways = (scenario.retry, scenario.patience, scenario.reaper, scenario.outages)
    return any(ways) and _created(run)


def _lived(run: Run) -> bool:
    """Tell whether how jobs end says it all: with retries, only requests do."""
    return _created(run) and not _wasteful(run)


def _done(run: Run) -> bool:
    """Tell whether throughput says it all: otherwise goodput has it too."""
    return _finished(run) and not _wasteful(run)


def _cut_off(run: Run) -> bool:
    scenario = run.workload.scenario
    return any((scenario.reaper, scenario.work.crash, scenario.outages)) and _started(run)


def _disturbed(run: Run) -> bool:
    return bool(disturbances(run.workload.scenario, last_moment(run.jobs)))


def _unpaid(run: Run) -> bool:
    figures = run.metrics()
    lossy = run.workload.scenario.payment.lost > 0 and _created(run)
    return lossy or figures["unpaid"] > PILE * figures["created"]


CHARTS = (
    Chart(plot.occupancy, sentences.occupancy, _created),
    Chart(plot.goodput, feedback_sentences.goodput, _wasteful),
    Chart(plot.attempts, feedback_sentences.attempts, _retried),
    Chart(plot.outage, feedback_sentences.outage, _disturbed),
    Chart(plot.running_age, feedback_sentences.running_age, _cut_off),
    Chart(plot.unpaid, feedback_sentences.unpaid, _unpaid),
    Chart(plot.dwell, sentences.dwell, _finished),
    Chart(plot.waits, sentences.waits, _started),
    Chart(plot.throughput, sentences.throughput, _done),
    Chart(plot.lifecycle, sentences.lifecycle, _lived),
    Chart(plot.swimlanes, sentences.swimlanes, _started, rows=True),
    Chart(plot.latency, sentences.latency, _called, rows=True),
)
"""In the order of the page."""

MOST = 8
"""How many charts the page has at most."""

GIVE_WAY = (plot.latency, plot.dwell, plot.swimlanes, plot.waits)
"""The charts that are left out first, in this order, where there are too many."""


def chosen(run: Run) -> list[Chart]:
    """Return the charts of a run: those that have something to show, at most `MOST`."""
    found = [chart for chart in CHARTS if chart.when(run)]
    spare = [chart for draw in GIVE_WAY for chart in found if chart.draw is draw]
    out = spare[: max(len(found) - MOST, 0)]
    return [chart for chart in found if chart not in out]


WIDTH, HEIGHT = 5.4, 4.0
"""In inches; narrower than in a notebook, so that the text can be read on a phone."""


def drawn(run: Run) -> list[Drawn]:
    """Draw the charts of a run."""
    with own_style():
        return [Drawn(chart.sentence(run), picture(_axes(chart, run))) for chart in chosen(run)]


def _axes(chart: Chart, run: Run) -> Axes:
    if not chart.rows:
        return chart.draw(run, ax=plt.subplots(figsize=(WIDTH, HEIGHT), layout="constrained")[1])
    ax = chart.draw(run)
    figure = ax.figure
    assert isinstance(figure, Figure)  # noqa: S101 - a chart of its own, tells mypy so
    figure.set_figwidth(WIDTH)
    return ax
