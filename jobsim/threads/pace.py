"""How fast a threaded run should go."""

from __future__ import annotations

import numpy as np

from jobsim.scenario.workload import Workload
from jobsim.virtual.feedback import serve_feedback
from jobsim.virtual.recursion import fcfs

COMFORTABLE_WALL_S = 10.0
"""A run at a speed-up of its own choice ends in about this many wall seconds."""


def choose_speedup(workload: Workload) -> float:
    """Return the speed-up at which a run ends in about ten wall seconds, at least 1."""
    return max(1.0, horizon(workload) / COMFORTABLE_WALL_S)


def horizon(workload: Workload) -> float:
    """Return when the last event of a workload falls due, in seconds.

    With workers that take no time to turn from one job to the next.
    """
    # A run that threads can do at all is too short to compile for.
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
