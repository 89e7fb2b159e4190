"""Charts of runs and of studies: a run or a table in, Axes out."""

from __future__ import annotations

from jobsim.plot.curves import compare, sweep
from jobsim.plot.distributions import dwell, latency
from jobsim.plot.lanes import swimlanes
from jobsim.plot.over_time import occupancy, throughput
from jobsim.plot.state_machine import lifecycle
from jobsim.plot.waits import waits, warmup

__all__ = [
    "compare",
    "dwell",
    "latency",
    "lifecycle",
    "occupancy",
    "sweep",
    "swimlanes",
    "throughput",
    "waits",
    "warmup",
]
