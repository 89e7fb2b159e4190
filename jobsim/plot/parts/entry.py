"""A chart as a report uses it: how it is drawn, what it says, when it is worth showing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from matplotlib.axes import Axes

from jobsim.run.run import Run


def usual_height(run: Run) -> float:  # noqa: ARG001 - most charts have one height for all runs
    """Return the height of most charts in a report, inches."""
    return 4.0


class Chart(NamedTuple):
    """One of these ends the file of each chart of a run; a report lays them out."""

    draw: Callable[..., Axes]
    """Takes a run, and the axes to draw on as `ax`."""
    sentence: Callable[[Run], str]
    """What the chart shows of this run, recomputed from its tables; also its alternative text."""
    is_worth_showing: Callable[[Run], bool]
    """Whether this run has anything that the chart could show."""
    height: Callable[[Run], float] = usual_height
    """In inches; charts with one lane or row per thread or operation grow with the run."""


def was_created(run: Run) -> bool:
    """Tell whether the run created any job."""
    return bool(run.jobs["created"].notna().any())


def is_wasteful(run: Run) -> bool:
    """Tell whether work may be wasted, so that goodput and throughput differ."""
    scenario = run.workload.scenario
    ways = (scenario.retry, scenario.patience, scenario.reaper, scenario.outages)
    return any(ways) and was_created(run)
