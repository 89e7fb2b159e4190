"""How often the 95 % intervals cover the truth, over 500 experiments on an M/M/8 at 80 %.

A statistical test outside the default run: ``python tests/bench/coverage_check.py``. It exits
with 1 if an interval that is promised covers less than 92 or more than 97 %.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from jobsim.scenario.ticks import to_ticks
from jobsim.studies.formulas import mmc_wait_mean
from jobsim.studies.statistics import (
    Interval,
    batch_means,
    fixed_fraction,
    mean_interval,
    mser5,
    paired_interval,
)
from jobsim.virtual import compiled
from jobsim.virtual.recursion import fcfs

EXPERIMENTS, REPLICATIONS, JOBS = 500, 20, 10_000
RATE, MEAN = 6.4, 1.0


def waits(rng: np.random.Generator, jobs: int, *crews: int) -> list[np.ndarray]:
    """Return the waits of the same jobs at each number of workers."""
    paid = np.cumsum(to_ticks(rng.exponential(1 / RATE, jobs)))
    service = to_ticks(rng.exponential(MEAN, jobs))
    result = []
    for workers in crews:
        started, finished = np.empty(jobs), np.empty(jobs)
        worker = np.empty(jobs, np.int32)
        fcfs(paid, service, workers, started=started, finished=finished, worker=worker)
        result.append(started - paid)
    return result


def settled(series: np.ndarray) -> float:
    """Return the mean after a tenth was deleted as warm-up."""
    return float(series[fixed_fraction(series) :].mean())


def replications(rng: np.random.Generator) -> Interval:
    """Student's t over replications."""
    return mean_interval([settled(waits(rng, JOBS, 8)[0]) for _ in range(REPLICATIONS)])


def paired(rng: np.random.Generator) -> Interval:
    """Nine workers against eight on common random numbers."""
    pairs = [waits(rng, JOBS, 8, 9) for _ in range(REPLICATIONS)]
    return paired_interval([settled(p[0]) for p in pairs], [settled(p[1]) for p in pairs])


def batches(rng: np.random.Generator) -> Interval:
    """Batch means of one long run, warm-up deleted by MSER-5."""
    (series,) = waits(rng, REPLICATIONS * JOBS, 8)
    return batch_means(series[mser5(series) :])


def naive(rng: np.random.Generator) -> Interval:
    """The mistake: the waits of one run taken as independent."""
    return mean_interval(waits(rng, JOBS, 8)[0])


def main() -> bool:
    """Print the coverage of each interval; return whether the promised ones hold."""
    if find_spec("numba"):
        compiled.recursion.load()  # these runs are too short to ask for it, but there are many
    eight, nine = (mmc_wait_mean(workers, RATE, MEAN) for workers in (8, 9))
    checks: list[tuple[str, Callable[[np.random.Generator], Interval], float, bool]] = [
        ("replications", replications, eight, True),
        ("paired difference", paired, nine - eight, True),
        ("batch means, MSER-5", batches, eight, True),
        ("naive, for comparison", naive, eight, False),
    ]
    held = True
    for number, (name, experiment, truth, promised) in enumerate(checks):
        seeds = np.random.SeedSequence([2026, number]).spawn(EXPERIMENTS)
        intervals = [experiment(np.random.default_rng(seed)) for seed in seeds]
        covered = sum(interval.covers(truth) for interval in intervals) / EXPERIMENTS
        width = np.mean([interval.half_width for interval in intervals]) / abs(truth)
        good = 0.92 <= covered <= 0.97
        held &= good or not promised
        verdict = ("yes" if good else "NO") if promised else "not promised"
        print(
            f"{name:24}{covered:7.1%}   half-width {width:.1%} of the truth   {verdict}", flush=True
        )
    return held


if __name__ == "__main__":
    sys.exit(not main())
