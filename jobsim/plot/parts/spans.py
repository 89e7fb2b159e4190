"""When a scenario disturbs the service: its outages, and its spikes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple, Protocol

import pandas as pd
from matplotlib.axes import Axes

from jobsim.display.text import format_number
from jobsim.figures.flow import throughput_window
from jobsim.plot.parts.style import INK, NEUTRAL
from jobsim.scenario.arrivals import Bursts
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.varying import Varying
from jobsim.scenario.workload import Workload


class Played(Protocol):
    """The part of a `Run` that is read."""

    @property
    def workload(self) -> Workload:
        """What was run, with its scenario."""

    @property
    def jobs(self) -> pd.DataFrame:
        """One row per job."""

    @property
    def transitions(self) -> pd.DataFrame:
        """One row per accepted transition."""


class Observed(Protocol):
    """A run, or tables of one without its workload."""

    @property
    def transitions(self) -> pd.DataFrame:
        """One row per accepted transition."""


class Span(NamedTuple):
    """A stretch of a run, in seconds, and what happens in it."""

    start: float
    end: float
    label: str


def disturbances(scenario: Scenario, end: float) -> list[Span]:
    """Return the outages of a scenario, and the spikes of its arrivals, in order of their start.

    Only those that begin before `end` (s), and cut there. A spike is a stretch at the highest
    rate, if such stretches make up less than half of the time up to then.

    Examples
    --------
    >>> scenario = Scenario(jobs=9, outages=[{"at": 5.0, "duration": 2.0, "workers": 3}])
    >>> disturbances(scenario, 60.0)
    [Span(start=5.0, end=7.0, label='3 of 4 workers gone')]
    """
    outages = [
        Span(
            outage.at,
            min(outage.at + outage.duration, end),
            f"{min(outage.workers, scenario.workers):,} of {scenario.workers:,} workers gone",
        )
        for outage in scenario.outages
        if outage.at < end
    ]
    return sorted(outages + _spikes(scenario, end))


def window(run: Observed) -> float:
    """Return a width in seconds for rates over time: round, and in step with bursts.

    Windows that fall in and out of step with bursts would show a beat that is not there. So with
    bursts every s seconds they are a whole part of s, or a multiple of it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> bursts = {"kind": "bursts", "size": 5, "every": 30.0}
    >>> workload = SimpleNamespace(scenario=Scenario(jobs=9, arrivals=bursts))
    >>> moves = pd.DataFrame({"time": [0.0, 1000.0]})
    >>> throughput_window(moves), window(SimpleNamespace(transitions=moves, workload=workload))
    (20.0, 15.0)
    """
    width = throughput_window(run.transitions)
    workload = getattr(run, "workload", None)
    if workload is None or not isinstance(workload.scenario.arrivals, Bursts):
        return width
    every = workload.scenario.arrivals.every
    parts = math.ceil(every / width)
    return every / parts if parts > 1 else every * math.ceil(width / every)


def shade(ax: Axes, spans: Iterable[Span]) -> None:
    """Shade spans of time, and name them at the top; the limits of both axes are final."""
    low, high = ax.get_xlim()
    said: list[str] = []
    for start, end, label in spans:
        ax.axvspan(start, end, color=NEUTRAL, alpha=0.2, linewidth=0, zorder=0)
        if label in said:
            continue
        said.append(label)
        # Beside the span, where the chart has more room.
        left = (start + end) / 2 > (low + high) / 2
        ax.annotate(
            label,
            (start if left else end, 1),
            xytext=(-4 if left else 4, 8 - 12 * len(said)),
            xycoords=ax.get_xaxis_transform(),
            textcoords="offset points",
            ha="right" if left else "left",
            va="top",
            color=INK,
            fontsize="small",
        )


def _spikes(scenario: Scenario, end: float) -> list[Span]:
    """Return the flat tops of the arrivals' rate; none if they fill half of the run."""
    arrivals = scenario.arrivals
    if not isinstance(arrivals, Varying):
        return []
    high = arrivals.peak_rate
    flat = [
        (start, until)
        for (start, first), (until, second) in itertools.pairwise(arrivals.points)
        if first == second == high and until > start
    ]
    label = f"spike of {format_number(high)} requests/s"
    found = [
        Span(begun + start, min(begun + until, end), label)
        for begun in _periods(arrivals.period, end)
        for start, until in flat
        if begun + start < end
    ]
    # Shading most of a chart would highlight nothing.
    return found if sum(span.end - span.start for span in found) < end / 2 else []


def _periods(period: float | None, end: float) -> list[float]:
    """Return when each period begins; of thousands no chart could show the spikes."""
    if period is None:
        return [0.0]
    return [k * period for k in range(min(int(end // period) + 1, 100))]
