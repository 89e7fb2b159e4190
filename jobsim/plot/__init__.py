"""Charts of runs, studies and proofs: a run, a table or a verdict in, Axes out.

Each takes `ax`, to draw into an existing figure. Where that figure has no layout engine, the chart
shrinks its axes so that its text does not reach into its neighbours.
"""

from __future__ import annotations

from jobsim.plot.attempts import attempts
from jobsim.plot.backtest import backtest
from jobsim.plot.calibration import calibration
from jobsim.plot.compare import compare
from jobsim.plot.counterexample import counterexample
from jobsim.plot.dark import dark
from jobsim.plot.dwell import dwell
from jobsim.plot.forecast import forecast
from jobsim.plot.goodput import goodput
from jobsim.plot.latency import latency
from jobsim.plot.lifecycle import lifecycle
from jobsim.plot.occupancy import occupancy
from jobsim.plot.outage import outage
from jobsim.plot.response import response
from jobsim.plot.running_age import running_age
from jobsim.plot.schedule import schedule
from jobsim.plot.sweep import sweep
from jobsim.plot.swimlanes import swimlanes
from jobsim.plot.throughput import throughput
from jobsim.plot.unpaid import unpaid
from jobsim.plot.waits import waits
from jobsim.plot.warmup import warmup

__all__ = [
    "attempts",
    "backtest",
    "calibration",
    "compare",
    "counterexample",
    "dark",
    "dwell",
    "forecast",
    "goodput",
    "latency",
    "lifecycle",
    "occupancy",
    "outage",
    "response",
    "running_age",
    "schedule",
    "sweep",
    "swimlanes",
    "throughput",
    "unpaid",
    "waits",
    "warmup",
]
