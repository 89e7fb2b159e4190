"""The queue of paid jobs as SimPy processes: an oracle that shares no code with the kernel."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import simpy


def simulate(paid, lag, service, workers):
    """Run the same arrays as SimPy processes, duplicates and all."""
    env = simpy.Environment()
    crew = simpy.Resource(env, workers)
    n = len(paid)
    result = SimpleNamespace(
        started=np.full(n, math.nan),
        finished=np.full(n, math.nan),
        rejected=np.zeros(n, np.int32),
    )

    def entry(job, due):
        yield env.timeout(due)
        with crew.request() as turn:
            yield turn
            if not math.isnan(result.started[job]):
                result.rejected[job] += 1
                return
            result.started[job] = env.now
            yield env.timeout(service[job])
            result.finished[job] = env.now

    entries = [(paid[job], job, 0) for job in range(n)]
    entries += [(paid[job] + lag[job], job, 1) for job in range(n)]
    for due, job, _ in sorted(entry for entry in entries if not math.isnan(entry[0])):
        env.process(entry(job, due))
    env.run()
    return result
