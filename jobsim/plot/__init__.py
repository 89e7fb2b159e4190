"""Charts of runs, studies and proofs: a run, a table or a verdict in, Axes out."""

from __future__ import annotations

from jobsim.plot.counterexample import counterexample
from jobsim.plot.curves import compare, sweep
from jobsim.plot.distributions import dwell, latency
from jobsim.plot.lanes import swimlanes
from jobsim.plot.over_time import occupancy, throughput
from jobsim.plot.state_machine import lifecycle
from jobsim.plot.waits import waits, warmup

__all__ = [
    "compare",
    "counterexample",
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
