"""The choice of a speed-up for a threaded run."""

from __future__ import annotations

import numpy as np

from jobsim.scenario.workload import Workload
from jobsim.virtual.feedback import serve_feedback
from jobsim.virtual.recursion import fcfs

COMFORTABLE_WALL_S = 10.0
"""A run at a chosen speed-up ends after about this many wall seconds."""


def choose_speedup(workload: Workload) -> float:
    """Return the speed-up at which a run ends in about ten wall seconds, at least 1."""
    return max(1.0, horizon(workload) / COMFORTABLE_WALL_S)


def horizon(workload: Workload) -> float:
    """Return when the last event of a workload falls due, in seconds.

    Workers are assumed to take their next job without delay.
    """
    # A run that threads can manage is too short to be worth compiling for.
    if workload.scenario.has_feedback:
        asked = serve_feedback(workload, workload.scenario, compiled=False)
        return float(np.nanmax(asked[["created", "finished", "left"]].to_numpy(), initial=0.0))
    jobs = len(workload)
    finished = np.empty(jobs)
    fcfs(
        workload.arrival + workload.delay,
        workload.service,
        workload.scenario.workers,
        started=np.empty(jobs),
        finished=finished,
        worker=np.empty(jobs, dtype=np.int32),
        compiled=False,
    )
    return float(np.fmax(finished, workload.arrival).max(initial=0.0))
