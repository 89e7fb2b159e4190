"""How often the 95 % intervals cover the truth: ``make coverage`` prints the table.

Each load is asked about as a user would ask: `replicate` as it is, `replicate` with a half-width
to reach, and `wait_interval` of one long run. An interval that says that its runs are too short
counts as such, not as covering. It exits with 1 if an interval covers less than 92 or more than
98 % where it is stated, or if one is withheld where it should not be. Beside each coverage
stands what chance alone does to it: with 25 experiments an interval that is right in 95 % can
show 88 or 100 %. With fewer than 1,000 experiments the bounds are wider by that.

The truth is Erlang's for M/M/c; for M/G/1 the Pollaczek-Khinchine transform, inverted numerically;
for the closed loop the distribution of the machine repairman's queue at arrivals. None of it
comes from the simulation.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaincc
from scipy.stats import lognorm

from jobsim import Scenario, replicate, run_virtual
from jobsim.studies.cells import Outcome
from jobsim.studies.long_run import wait_interval
from jobsim.studies.statistics import Interval
from jobsim.virtual import compiled

FIGURES = ("wait_mean", "wait_p95", "wait_p99")
LOW, HIGH = 0.92, 0.98
JOBS = 10_000  # what the user writes; lengthening is not the user's business
PRECISION = 0.05

Beyond = Callable[[float], float]
"""The probability of a wait that is longer than so many seconds."""


@dataclass(frozen=True)
class Load:
    """One row of the table: a scenario, its true waits, how long one long run of it is."""

    scenario: Scenario
    mean: float
    beyond: Beyond
    one_run: int
    withheld: float
    """The part of the experiments of `replicate` that may end without an interval."""

    def truth(self, figure: str) -> float:
        """Return the true value of a figure."""
        if figure == "wait_mean":
            return self.mean
        q = float(figure.removeprefix("wait_p")) / 100.0
        return float(brentq(lambda t: self.beyond(t) - (1.0 - q), 0.0, 1e6, xtol=1e-9))


def mmc(workers: int, load: float, one_run: int, withheld: float = 0.0) -> Load:
    """Return M/M/c with work of 1 s on average (Erlang 1917)."""
    offered = workers * load
    lost = 1.0
    for k in range(1, workers + 1):
        lost = offered * lost / (k + offered * lost)
    waits = lost / (1.0 - load * (1.0 - lost))
    spare = workers - offered
    scenario = Scenario(jobs=JOBS, workers=workers, arrivals={"kind": "poisson", "rate": offered})
    return Load(scenario, waits / spare, lambda t: waits * np.exp(-spare * t), one_run, withheld)


def mg1(load: float, cv: float, one_run: int) -> Load:
    """Return M/G/1 with lognormal work of mean 1 s.

    The wait is a geometric sum of residual work (Pollaczek and Khinchine). The residual's density,
    what remains of the work over its mean, is put on a grid; the sum's transform is
    ``(1 - load) / (1 - load * transform)``.
    """
    sigma2 = np.log1p(cv**2)
    work = lognorm(s=np.sqrt(sigma2), scale=np.exp(-sigma2 / 2.0))
    step, points = 0.01, 2**21
    # The residual's mass between grid points, halves rounded to either side.
    edges = (np.arange(points + 1) - 0.5) * step
    edges[0] = 0.0
    # Its distribution function: mean of min(work, t), in closed form for the lognormal.
    with np.errstate(divide="ignore"):
        z = (np.log(edges) + sigma2 / 2.0) / np.sqrt(sigma2)
    shifted = lognorm(s=1.0).cdf(np.exp(z - np.sqrt(sigma2)))
    mass = np.diff(shifted + edges * work.sf(edges))
    transform = np.fft.rfft(mass, 2 * points)
    waits = np.fft.irfft((1.0 - load) / (1.0 - load * transform), 2 * points)[:points]
    tail = 1.0 - np.cumsum(waits)
    grid = (np.arange(points) + 0.5) * step
    scenario = Scenario(
        jobs=JOBS,
        workers=1,
        arrivals={"kind": "poisson", "rate": load},
        work={"service": {"kind": "lognormal", "mean": 1.0, "cv": cv}},
    )
    mean = load * (1.0 + cv**2) / (2.0 * (1.0 - load))
    return Load(scenario, mean, lambda t: float(np.interp(t, grid, tail)), one_run, 1.0)


def closed(workers: int, users: int, think: float, one_run: int) -> Load:
    """Return M/M/c//N with work of 1 s on average (Kleinrock 1975; Sevcik and Mitrani 1981).

    An arrival sees what the other users alone would leave; with n of them there it waits for
    n - c + 1 ends of work, which come at rate c.
    """
    others = users - 1
    weights = np.ones(others + 1)
    for n in range(1, others + 1):
        weights[n] = weights[n - 1] * (others - n + 1) / (think * min(n, workers))
    seen = weights / weights.sum()
    busy = np.arange(workers, others + 1)
    ends = busy - workers + 1
    scenario = Scenario(
        jobs=JOBS,
        workers=workers,
        arrivals={
            "kind": "closed", "users": users, "think": {"kind": "exponential", "mean": think}
        },
    )  # fmt: skip
    return Load(
        scenario,
        float((seen[busy] * ends).sum()) / workers,
        lambda t: float((seen[busy] * gammaincc(ends, workers * t)).sum()),
        one_run,
        1.0,
    )


def loads() -> Mapping[str, Load]:
    """Return the loads by name, those that take least time first."""
    return {
        "M/M/1 at 0.5": mmc(1, 0.5, 200_000),
        "M/M/1 at 0.8": mmc(1, 0.8, 1_000_000),
        "M/M/8 at 0.8": mmc(8, 0.8, 1_000_000),
        "closed, 6 workers, 50 users": closed(6, 50, 10.0, 250_000),
        "M/G/1 at 0.8, cv 2": mg1(0.8, 2.0, 1_000_000),
        "M/M/1 at 0.95": mmc(1, 0.95, 4_000_000, 0.05),
    }


class Remembering(Executor):
    """Runs tasks at once, and each only once.

    The four questions of an experiment begin with the same runs. A run is a function of its
    scenario and seed, so asking again would only take longer.
    """

    def __init__(self) -> None:
        self._done: dict[object, Future[list[Outcome | str]]] = {}

    def submit(self, function, task, /):
        """Return what the task gave, now or before."""
        key = (task.scenarios, task.seed, task.warmups)
        if key not in self._done:
            self._done[key] = Future()
            self._done[key].set_result(function(task))
        return self._done[key]


def experiment(name: str, ways: Sequence[str], number: int) -> dict[tuple[str, str], Interval]:
    """Return the intervals of one experiment, by way and figure."""
    load = loads_once()[name]
    compile_once()
    seed = int(np.random.SeedSequence([2026, number]).generate_state(1)[0])
    scenario = load.scenario.replace({"seed": seed})
    found: dict[tuple[str, str], Interval] = {}
    how = {"executor": Remembering(), "progress": False}
    if "replicate" in ways:
        together = replicate(scenario, **how)
        found |= {("replicate", figure): together.interval(figure) for figure in FIGURES}
    if "until 5 %" in ways:
        for figure in FIGURES:
            until = replicate(scenario, until_half_width=PRECISION, metric=figure, **how)
            found["until 5 %", figure] = until.interval(figure)
    if "one long run" in ways:
        run = run_virtual(scenario.replace({"jobs": load.one_run}), progress=False)
        found |= {("one long run", figure): wait_interval(run, figure) for figure in FIGURES}
    return found


_LOADS: dict[str, Load] = {}


def compile_once() -> None:
    """Compile the engine of the closed loop: for one experiment it would not be worth it."""
    if compiled.loop.loaded is None and find_spec("numba") is not None:
        compiled.loop.load()


def loads_once() -> Mapping[str, Load]:
    """Return the loads, computed once per process."""
    if not _LOADS:
        _LOADS.update(loads())
    return _LOADS


def main() -> bool:
    """Print the table; return whether every interval holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first experiment")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default="", help="loads whose name contains this")
    parser.add_argument(
        "--ways", nargs="+", default=["replicate", "until 5 %", "one long run"], help="which ways"
    )
    options = parser.parse_args()
    print(f"{JOBS:,} jobs asked for per run")
    print("| load | experiments | asked by | figure | truth | covered | too short | half-width |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    held, before = True, time.perf_counter()
    with ProcessPoolExecutor(options.processes) as processes:
        for name, load in loads_once().items():
            if options.only not in name:
                continue
            run = partial(experiment, name, options.ways)
            numbers = range(options.first, options.first + options.experiments)
            results = list(processes.map(run, numbers, chunksize=5))
            for way, figure in results[0]:
                intervals = [result[way, figure] for result in results]
                truth = load.truth(figure)
                stated = [interval for interval in intervals if not interval.problem]
                short = 1.0 - len(stated) / len(intervals)
                row = f"| {name} | {len(intervals)} | {way} | {figure} | {truth:.4g} s |"
                if not stated:
                    print(f"{row} - | {short:.1%} | - |", flush=True)
                    continue
                covered = np.mean([interval.covers(truth) for interval in stated])
                width = np.median([interval.half_width for interval in stated]) / truth
                chance = 1.96 * float(np.sqrt(0.05 * 0.95 / len(stated)))
                slack = chance if len(stated) < 1000 else 0.0
                good = LOW - slack <= covered <= HIGH + slack
                good &= way != "replicate" or short <= load.withheld
                held &= bool(good)
                note = "" if good else " **no**"
                known = f"{covered:.1%} ± {100 * chance:.1f}"
                print(f"{row} {known}{note} | {short:.1%} | {width:.1%} |", flush=True)
    print(f"{time.perf_counter() - before:,.0f} s; {'all hold' if held else 'NOT all hold'}")
    return held


if __name__ == "__main__":
    sys.exit(not main())
