"""The same M/M/8 at 80 % load in jobsim and in other simulators: jobs per CPU second.

Each engine records when every job arrived, started and finished, and its mean wait is held
against Erlang C. Ciw, salabim and cimba take part where they are installed. Compilation is done
before the clock starts.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from unittest import mock

import numpy as np
import pandas as pd
import simpy
from ratio import report

from jobsim.scenario.arrivals import Poisson
from jobsim.scenario.distributions import Exponential
from jobsim.scenario.scenario import Scenario, Work
from jobsim.scenario.ticks import to_ticks
from jobsim.studies.formulas import mmc_wait_mean
from jobsim.studies.statistics import batch_means, fixed_fraction
from jobsim.virtual import compiled
from jobsim.virtual import recursion as kernel_module
from jobsim.virtual.recursion import fcfs
from jobsim.virtual.run_virtual import run_virtual

JOBS = 200_000
WORKERS, RATE, MEAN = 8, 6.4, 1.0

Columns = np.ndarray  # float64, shape (n, 3): arrived, started, finished
Engine = Callable[[int], Callable[[], Columns | pd.DataFrame]]


def simpy_resource(jobs: int) -> Callable[[], Columns]:
    """SimPy as its own tutorial writes a queue: a process a job, a Resource."""

    def run() -> Columns:
        gaps, services = _draws(jobs)
        env = simpy.Environment()
        crew = simpy.Resource(env, WORKERS)
        rows = []

        def job(service):
            arrived = env.now
            with crew.request() as turn:
                yield turn
                started = env.now
                yield env.timeout(service)
            rows.append((arrived, started, env.now))

        def source():
            for gap, service in zip(gaps.tolist(), services.tolist(), strict=True):
                yield env.timeout(gap)
                env.process(job(service))

        env.process(source())
        env.run()
        return np.array(rows)

    return run


def ciw(jobs: int) -> Callable[[], Columns]:
    """Ciw, a queueing network of one node."""
    import ciw

    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(RATE)],
        service_distributions=[ciw.dists.Exponential(1 / MEAN)],
        number_of_servers=[WORKERS],
    )

    def run() -> Columns:
        ciw.seed(1)
        simulation = ciw.Simulation(network)
        simulation.simulate_until_max_customers(jobs, method="Finish")
        return np.array(
            [
                (record.arrival_date, record.service_start_date, record.service_end_date)
                for record in simulation.get_all_records()
            ]
        )

    return run


def salabim(jobs: int) -> Callable[[], Columns]:
    """Salabim, with its generator style of process."""
    import salabim

    salabim.yieldless(False)

    def run() -> Columns:
        gaps, services = _draws(jobs)
        rows = []

        class Job(salabim.Component):
            def process(self, service):
                arrived = env.now()
                yield self.request(crew)
                started = env.now()
                yield self.hold(service)
                rows.append((arrived, started, env.now()))

        class Source(salabim.Component):
            def process(self):
                for gap, service in zip(gaps.tolist(), services.tolist(), strict=True):
                    yield self.hold(gap)
                    Job(service=service)

        env = salabim.Environment(trace=False)
        crew = salabim.Resource("crew", capacity=WORKERS)
        Source()
        env.run()
        return np.array(rows)

    return run


def cimba(jobs: int) -> Callable[[], Columns]:
    """Cimba, a compiled engine: eight processes at one store."""
    import cimba_queue

    return cimba_queue.prepare(jobs)


def kernel(jobs: int, *, how: bool) -> Callable[[], Columns]:
    """The kernel alone: arrays in, columns out."""
    if how:
        # After cimba: its numba extensions fail in a process that has compiled before.
        before = time.perf_counter()
        compiled.recursion.load()
        print(f"numba kernel ready after {time.perf_counter() - before:.2f} s")
    gaps, services = _draws(jobs)
    paid, services = np.cumsum(to_ticks(gaps)), to_ticks(services)
    columns = {"started": np.zeros(jobs), "finished": np.zeros(jobs)}
    worker = np.zeros(jobs, np.int32)

    def run() -> Columns:
        fcfs(paid, services, WORKERS, **columns, worker=worker, compiled=how)
        return np.column_stack([paid, columns["started"], columns["finished"]])

    return run


def whole_run(jobs: int, *, how: bool) -> Callable[[], pd.DataFrame]:
    """All of `run_virtual`: a scenario in, a table of jobs out."""
    if how:
        compiled.recursion.load()
    scenario = Scenario(
        jobs=jobs,
        workers=WORKERS,
        arrivals=Poisson(rate=RATE),
        work=Work(service=Exponential(mean=MEAN)),
        seed=1,
    )

    def run() -> pd.DataFrame:
        with mock.patch.object(kernel_module, "COMPILE_FROM", 0 if how else math.inf):
            return run_virtual(scenario).jobs

    return run


def _draws(jobs: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.exponential(1 / RATE, jobs), rng.exponential(MEAN, jobs)


def measure(prepare: Engine, jobs: int, repeats: int) -> tuple[float, Columns]:
    """Return the best jobs per CPU second, and the columns."""
    run, best = prepare(jobs), 0.0
    for _ in range(repeats):
        before = time.process_time()
        columns = run()
        best = max(best, len(columns) / (time.process_time() - before))
    if isinstance(columns, pd.DataFrame):
        columns = columns[["arrival", "started", "finished"]].to_numpy()
    return best, columns


def main() -> bool:
    """Print a line for each engine; return whether what is promised holds."""
    truth = mmc_wait_mean(WORKERS, RATE, MEAN)
    engines: list[tuple[str, Engine, int, float | None]] = [("SimPy", simpy_resource, 3, None)]
    peers = (("ciw", ciw, 1), ("salabim", salabim, 1), ("cimba", cimba, 3))
    for module, engine, repeats in peers:
        if find_spec(module):
            engines.append((module, engine, repeats, None))
        else:
            print(f"{module} is not installed and is left out")
    # Plain first: what is compiled once is used from then on.
    engines.append(("kernel, plain Python", partial(kernel, how=False), 5, 20.0))
    engines.append(("run_virtual, plain Python", partial(whole_run, how=False), 5, 20.0))
    if find_spec("numba"):
        engines.append(("kernel, numba", partial(kernel, how=True), 9, 300.0))
        engines.append(("run_virtual, numba", partial(whole_run, how=True), 9, 100.0))

    print(f"mean wait by Erlang C {truth:.4f} s; ratios are jobs per CPU second to SimPy's")
    held, base = True, 0.0
    speeds = {}
    for name, engine, repeats, at_least in engines:
        speed, columns = measure(engine, JOBS, repeats)
        base, speeds[name] = base or speed, speed
        waits = (columns[:, 1] - columns[:, 0])[np.argsort(columns[:, 0])]
        wait = batch_means(waits[fixed_fraction(waits) :], level=0.99)
        print(f"{name}: {speed:,.0f} jobs/s; mean wait {wait}")
        held &= report(f"{name} to SimPy", speed / base, at_least)
        held &= wait.covers(truth)
    if {"cimba", "run_virtual, numba"} <= set(speeds):
        ahead = speeds["run_virtual, numba"] / speeds["cimba"]
        held &= report("run_virtual, numba to cimba", ahead, 1.0)
    return held


if __name__ == "__main__":
    sys.exit(not main())
