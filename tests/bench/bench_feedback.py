"""The event loop with every dynamic on, and SimPy's processes on the same arrays.

In requests per CPU second, from a workload to a table of jobs. Both tell the same story to the
last bit, which is looked at too. Compilation is done before the clock starts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from ratio import report

from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.virtual import compiled
from jobsim.virtual.feedback import serve_feedback

sys.path.append(str(Path(__file__).parent.parent / "tools"))
from simpy_feedback import simulate

REQUESTS = 20_000


def exponential(mean: float) -> dict[str, object]:
    """Say a distribution."""
    return {"kind": "exponential", "mean": mean}


SCENARIO = Scenario(
    jobs=REQUESTS,
    workers=8,
    arrivals={"kind": "poisson", "rate": 5.0},
    payment={
        "delay": exponential(2.0),
        "abandon": 0.02,
        "duplicate": 0.05,
        "lag": exponential(1.0),
    },
    work={
        "service": exponential(1.0),
        "fail": 0.05,
        "crash": 0.01,
        "restart": exponential(5.0),
    },
    patience=exponential(30.0),
    retry={"attempts": 3, "jitter": 1.0, "budget": 0.5, "burst": 100},
    reaper={"timeout": 5.0, "every": 1.0},
    outages=[{"at": 1000.0, "duration": 60.0, "workers": 4}],
    seed=1,
)
LOOPS = {
    "open": SCENARIO,
    "closed": SCENARIO.replace(
        {"arrivals": {"kind": "closed", "users": 40, "think": exponential(5.0)}}
    ),
}


def requests_per_second(
    engine: Callable[[], pd.DataFrame], requests: int, repeats: int
) -> tuple[float, pd.DataFrame]:
    """Return the best requests per CPU second, and the jobs."""
    best = 0.0
    for _ in range(repeats):
        before = time.process_time()
        jobs = engine()
        best = max(best, requests / (time.process_time() - before))
    return best, jobs


def same_story(ours: pd.DataFrame, theirs: pd.DataFrame) -> bool:
    """Tell whether both say the same of every job."""
    return all(
        np.array_equal(ours[name], theirs[name], equal_nan=name != "status")
        for name in ("created", "paid", "started", "finished", "status", "rejected", "left")
    )


def main() -> bool:
    """Print a line for each engine; return whether what is promised holds."""
    engines = {"plain Python": (False, 3, None)}
    if find_spec("numba"):
        compiled.loop.load()
        engines["numba"] = (True, 9, 50.0)
    held = True
    for name, scenario in LOOPS.items():
        workload = Workload.sample(scenario)
        base, theirs = requests_per_second(lambda w=workload: simulate(w), REQUESTS, 3)
        print(f"{name} loop, SimPy: {base:,.0f} requests/s, {len(theirs):,} jobs")
        for engine, (how, repeats, at_least) in engines.items():
            speed, ours = requests_per_second(
                lambda w=workload, how=how: serve_feedback(w, w.scenario, compiled=how),
                REQUESTS,
                repeats,
            )
            print(f"{name} loop, {engine}: {speed:,.0f} requests/s")
            held &= report(f"{name} loop, {engine}, to SimPy", speed / base, at_least)
            held &= same_story(ours, theirs)
    return held


if __name__ == "__main__":
    sys.exit(not main())
