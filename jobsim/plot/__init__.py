"""Charts of runs, studies and proofs: a run, a table or a verdict in, Axes out.

Each takes `ax` to draw into a figure of one's own. Where that figure has no layout engine, the
chart makes the axes so small that its text leaves the neighbours their room.
"""

from __future__ import annotations

from jobsim.plot.counterexample import counterexample
from jobsim.plot.curves import compare, sweep
from jobsim.plot.distributions import dwell, latency
from jobsim.plot.feedback import attempts, goodput
from jobsim.plot.lanes import swimlanes
from jobsim.plot.over_time import occupancy, throughput
from jobsim.plot.recovery import outage, running_age
from jobsim.plot.state_machine import lifecycle
from jobsim.plot.unpaid import unpaid
from jobsim.plot.waits import waits, warmup

__all__ = [
    "attempts",
    "compare",
    "counterexample",
    "dwell",
    "goodput",
    "latency",
    "lifecycle",
    "occupancy",
    "outage",
    "running_age",
    "sweep",
    "swimlanes",
    "throughput",
    "unpaid",
    "waits",
    "warmup",
]
