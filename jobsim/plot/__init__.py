"""Charts of a run: a run in, Axes out."""

from __future__ import annotations

from jobsim.plot.distributions import dwell, latency
from jobsim.plot.lanes import swimlanes
from jobsim.plot.over_time import occupancy, throughput
from jobsim.plot.state_machine import lifecycle

__all__ = ["dwell", "latency", "lifecycle", "occupancy", "swimlanes", "throughput"]
