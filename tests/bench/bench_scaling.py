"""How virtual runs and sweeps grow: time and memory a job, and two workers against one.

``python tests/bench/bench_scaling.py 100000000`` measures one run of so many jobs instead,
with the peak memory of the whole process.
"""

from __future__ import annotations

import os
import resource
import sys
import time
import tracemalloc
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec

from ratio import report

from jobsim import Scenario, run_virtual, sweep
from jobsim.virtual import compiled

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
BYTES_A_JOB = 64
SETTINGS, REPLICATIONS, JOBS = range(7, 20), 20, 20_000


def scenario(jobs: int) -> Scenario:
    """The M/M/8 at 80 %, with payments that come late and some twice."""
    return Scenario(
        jobs=jobs,
        workers=8,
        arrivals={"kind": "poisson", "rate": 6.4},
        payment={"delay": {"kind": "exponential", "mean": 2.0}, "duplicate": 0.02},
        work={"service": {"kind": "exponential", "mean": 1.0}, "fail": 0.03},
        seed=1,
    )


def seconds(jobs: int) -> float:
    """Return the wall seconds of one run."""
    before = time.perf_counter()
    run_virtual(scenario(jobs), progress=False)
    return time.perf_counter() - before


def bytes_a_job(jobs: int) -> float:
    """Return the peak of what a run allocates, without its table of jobs, for each job."""
    tracemalloc.start()
    run = run_virtual(scenario(jobs), progress=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # `created` is a view of the workload's arrivals, which count as the workload's.
    table = run.jobs.drop(columns=["arrival", "created"]).memory_usage(index=False).sum()
    return (peak - table) / jobs


def sweep_seconds(executor: Executor) -> float:
    """Return the wall seconds of the sweep, after the executor was warmed up."""
    load = Scenario(jobs=JOBS, arrivals={"kind": "poisson", "rate": 6.4})
    sweep(load, {"workers": SETTINGS}, replications=4, executor=executor)
    before = time.perf_counter()
    sweep(load, {"workers": SETTINGS}, replications=REPLICATIONS, executor=executor)
    return time.perf_counter() - before


def one_run(jobs: int) -> None:
    """Print time and peak memory of one run."""
    took = seconds(jobs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"{jobs:,} jobs in {took:.1f} s, {took / jobs * 1e9:.0f} ns a job; peak {peak / 1e9:.2f} GB"
    )


def main() -> bool:
    """Print a line for each size and each executor; return whether what is promised holds."""
    if find_spec("numba"):
        compiled.recursion.load()
    spent = []
    for jobs in SIZES:
        spent.append(min(seconds(jobs) for _ in range(3)) / jobs)
        print(f"run_virtual, {jobs:>11,} jobs: {spent[-1] * 1e9:6.0f} ns a job", flush=True)
    needed = bytes_a_job(1_000_000)
    held = report(
        f"{BYTES_A_JOB} bytes per job to those of a run ({needed:.0f})", BYTES_A_JOB / needed, 1.0
    )
    # Caches help the small and per-run costs burden them: linear means no worse than twice.
    held &= report(
        "time a job of the second largest to the largest run", spent[-2] / spent[-1], 0.5
    )

    cells = len(SETTINGS) * REPLICATIONS
    with ThreadPoolExecutor(1) as one:
        alone = sweep_seconds(one)
    print(f"sweep of {cells} runs of {JOBS:,} jobs on one core: {alone:.2f} s", flush=True)
    if (os.cpu_count() or 1) >= 2:
        for name, pool in (
            ("threads", ThreadPoolExecutor(2)),
            ("processes", ProcessPoolExecutor(2)),
        ):
            with pool:
                report(f"the sweep on two {name} to one", alone / sweep_seconds(pool))
    return held


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one_run(int(sys.argv[1]))
    else:
        sys.exit(not main())
