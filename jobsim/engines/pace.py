"""How fast a threaded run should go."""

from __future__ import annotations

import heapq

import numpy as np

from jobsim.scenario.workload import Workload

COMFORTABLE_WALL_S = 10.0
"""A run at a speed-up of its own choice ends in about this many wall seconds."""


def choose_speedup(workload: Workload) -> float:
    """Return the speed-up at which a run ends in about ten wall seconds, at least 1."""
    return max(1.0, horizon(workload) / COMFORTABLE_WALL_S)


def horizon(workload: Workload) -> float:
    """Return when the last event of a workload falls due, in seconds.

    By the recursion of a first-come-first-served queue with many servers: each job starts
    when it is paid or the first server comes free, whichever is later (Kiefer and Wolfowitz,
    Trans. AMS 78, 1955).
    """
    paid = workload.arrival + workload.delay
    order = np.argsort(paid, kind="stable")[: np.count_nonzero(~np.isnan(paid))]
    free = [0.0] * workload.scenario.workers
    last = float(workload.arrival[-1]) if len(workload) else 0.0
    for ready, service in zip(paid[order].tolist(), workload.service[order].tolist(), strict=True):
        end = max(ready, free[0]) + service
        heapq.heapreplace(free, end)
        last = max(last, end)
    return last
