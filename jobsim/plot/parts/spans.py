"""When a service was disturbed: outages and spikes of its scenario, faults of its database."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from jobsim.display.text import count_of, format_number
from jobsim.domain.codes import KILLS
from jobsim.plot.parts.style import INK, NEUTRAL
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.varying import Varying
from jobsim.scenario.workload import Workload

_TICKS = 150
"""The most ticks for faults in a chart; faults that are closer share one."""

_NAMES = {
    "cut_before": "cut",
    "cut_after": "cut",
    "delay": "delay",
    "stall": "stall",
    "kill_backend": "server gone",
    "kill_server": "server gone",
}
"""What a chart calls each kind of fault; a cut looks the same before and after the commit."""

_LASTING = ("stall", *KILLS)
"""Faults that are drawn as spans of time; the others are over at once, and are ticks."""


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


class Span(NamedTuple):
    """A stretch of a run, in seconds, and what happens in it."""

    start: float
    end: float
    label: str


def disturbances(run: Played, end: float) -> list[Span]:
    """Return what disturbed the service of a run, in order of its start.

    These are the outages of the scenario, the spikes of its arrivals, and the times when the
    database server was gone, if they begin before `end` (s); they are cut there. A spike is a
    stretch at the highest rate, if such stretches make up less than half of the time up to `end`.

    Examples
    --------
    >>> from jobsim import run_virtual
    >>> scenario = Scenario(jobs=9, outages=[{"at": 5.0, "duration": 2.0, "workers": 3}])
    >>> disturbances(run_virtual(scenario), 60.0)
    [Span(start=5.0, end=7.0, label='3 of 4 workers gone')]
    """
    scenario = run.workload.scenario
    outages = [
        Span(
            outage.at,
            min(outage.at + outage.duration, end),
            f"{min(outage.workers, scenario.workers):,} of {scenario.workers:,} workers gone",
        )
        for outage in scenario.outages
        if outage.at < end
    ]
    gone = [span for span in _lasting(run, end) if span.label == _NAMES["kill_server"]]
    return sorted(outages + _spikes(scenario, end) + gone)


def shade(ax: Axes, spans: Iterable[Span]) -> int:
    """Shade spans of the x axis, and name them at the top; return the number of names.

    The limits of both axes must be final.
    """
    low, high = ax.get_xlim()
    said: list[str] = []
    for start, end, label in spans:
        if end < low or start > high:
            continue
        # The edge keeps a span visible that is narrower than a pixel.
        ax.axvspan(start, end, color=NEUTRAL, alpha=0.2, linewidth=0.8, zorder=0)
        if label in said:
            continue
        said.append(label)
        # Beside the span, where the chart has more room.
        first, last = _places(ax, [start, end])
        left = bool(first + last > 1)
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
    return len(said)


def mark_faults(ax: Axes, run: object, end: float) -> None:
    """Mark what was injected into the database of a run, on an axis of its seconds up to `end`.

    Stalls and the times when the server was gone are spans. Each cut connection and each delay is
    a tick above the axes, with their numbers below; those too close to tell apart share one.
    """
    lines = shade(ax, _lasting(run, end))
    faults = _faults_of(run)
    if faults is None:
        return
    brief = ~faults["kind"].isin(_LASTING)
    names = faults.loc[brief, "kind"].astype("str").map(_NAMES)
    at = _seconds(run, faults.loc[brief, "begun_ns"])
    names, at = names[at <= end], at[at <= end]
    if not len(at):
        return
    low, high = ax.get_xlim()
    places = np.unique(np.round((at - low) / (high - low) * _TICKS))
    drawn = at if len(at) <= len(places) else low + places * (high - low) / _TICKS
    ax.add_collection(
        LineCollection(
            [[(x, 1.0), (x, 1.02)] for x in drawn],
            colors=INK,
            linewidths=1.0,
            transform=ax.get_xaxis_transform(),
            clip_on=False,
            label="_faults",
        ),
        autolim=False,
    )
    counts = names.value_counts()
    ax.annotate(
        "ticks above: " + ", ".join(count_of(int(n), str(name)) for name, n in counts.items()),
        (1, 1),
        xytext=(-4, -4 - 12 * lines),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        va="top",
        color=INK,
        fontsize="small",
    )


def shade_durations(ax: Axes, faults: pd.DataFrame | None) -> None:
    """Shade the durations of delays, stalls and restarts, on an axis of microseconds.

    There is one span for each kind, from its shortest to its longest.
    """
    if faults is None:
        return
    over = faults[(faults["ended_ns"] >= 0) & ~faults["kind"].isin(["cut_before", "cut_after"])]
    took = (over["ended_ns"] - over["begun_ns"]) * 1e-3
    names = over["kind"].astype("str").map(_NAMES)
    spans = took.groupby(names, sort=False).agg(["min", "max"])
    shade(ax, sorted(Span(low, high, str(name)) for name, low, high in spans.itertuples()))


def _faults_of(run: object) -> pd.DataFrame | None:
    """Return the faults of a run; tables that are not a whole run have none."""
    faults: pd.DataFrame | None = getattr(run, "faults", None)
    return faults


def _seconds(run: object, stamps: pd.Series) -> NDArray[np.float64]:
    """Return stamps of the clock of `calls` as seconds of the scenario, as `jobs` has them."""
    info: Any = run.info  # type: ignore[attr-defined]  # what has faults is a whole run
    rate = 1.0 if math.isinf(info.speedup) else info.speedup
    found: NDArray[np.float64] = (stamps.to_numpy() - info.zero_ns) * (1e-9 * rate)
    return found


def _lasting(run: object, end: float) -> list[Span]:
    """Return stalls and the times without a server, in order; those that touch are merged."""
    faults = _faults_of(run)
    if faults is None:
        return []
    rows = faults[faults["kind"].isin(_LASTING)]
    starts = _seconds(run, rows["begun_ns"])
    until = np.where(rows["ended_ns"] < 0, end, _seconds(run, rows["ended_ns"]))
    names = rows["kind"].astype("str").map(_NAMES)
    found: dict[str, list[Span]] = {}
    for start, stop, name in sorted(zip(starts.tolist(), until.tolist(), names, strict=True)):
        if start >= end:
            continue
        spans, stop = found.setdefault(name, []), min(stop, end)
        # Two too close to tell apart become one, so that hundreds do not fill a file.
        if spans and start - spans[-1].end < end / _TICKS:
            spans[-1] = Span(spans[-1].start, max(stop, spans[-1].end), name)
        else:
            spans.append(Span(start, stop, name))
    return sorted(itertools.chain.from_iterable(found.values()))


def _places(ax: Axes, values: list[float]) -> list[float]:
    """Return where values lie between the ends of the x axis, 0 to 1, on any scale."""
    low, high, *found = ax.xaxis.get_transform().transform([*ax.get_xlim(), *values])
    return [float((value - low) / (high - low)) for value in found]


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
    """Return when each period begins, at most 100: a chart cannot show the spikes of more."""
    if period is None:
        return [0.0]
    return [k * period for k in range(min(int(end // period) + 1, 100))]
