"""Rates over windows of time: how wide a window is, and the chart of a run without one."""

from __future__ import annotations

import math
from typing import Protocol

import pandas as pd
from matplotlib.axes import Axes

from jobsim.figures.flow import throughput_window
from jobsim.plot.parts.axes import frame, note, rate_axis
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.time_axis import time_axis
from jobsim.scenario.arrivals import Bursts


class Observed(Protocol):
    """A run, or tables of one without its workload."""

    @property
    def transitions(self) -> pd.DataFrame:
        """One row per accepted transition."""


def window(run: Observed) -> float:
    """Return a width in seconds for rates over time: round, and in step with bursts.

    Windows that drift in and out of step with bursts would show a beat that is not real. So with
    bursts every s seconds they divide s, or are a multiple of it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from jobsim import Scenario
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


def no_windows(ax: Axes, title: str) -> Axes:
    """Draw the empty chart of rates of a run in which nothing happened."""
    frame(ax, title)
    ax.set_xlim(0, 1)
    time_axis(ax, 0)
    rate_axis(ax, "jobs per second")
    note(ax, "no job was created")
    return fitted(ax)
