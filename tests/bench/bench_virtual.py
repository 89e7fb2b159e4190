"""The same M/M/8 at 80 % load in jobsim and in other simulators: jobs per CPU second.

Run it by itself: ``python tests/bench/bench_virtual.py [--jobs 200000]``. Each engine records
when every job arrived, started and finished. SimPy is required; Ciw, salabim and cimba are
compared where they are installed. Compilation is done before the clock starts, and shown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import simpy

from jobsim.engines import compiled
from jobsim.engines.kernel import fcfs
from jobsim.scenario.ticks import to_ticks
from jobsim.studies.formulas import mmc_wait_mean
from jobsim.studies.statistics import batch_means

WORKERS, RATE, MEAN = 8, 6.4, 1.0

Columns = np.ndarray  # float64, shape (n, 3): arrived, started, finished
Engine = Callable[[int], Callable[[], Columns]]


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


def kernel(jobs: int, *, how: bool) -> Callable[[], Columns]:
    """The kernel alone: arrays in, columns out."""
    gaps, services = _draws(jobs)
    paid, services = np.cumsum(to_ticks(gaps)), to_ticks(services)
    columns = {"started": np.zeros(jobs), "finished": np.zeros(jobs)}
    worker = np.zeros(jobs, np.int32)

    def run() -> Columns:
        fcfs(paid, services, WORKERS, **columns, worker=worker, compiled=how)
        return np.column_stack([paid, columns["started"], columns["finished"]])

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
    return best, columns


def main() -> None:
    """Measure every engine that is installed and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=200_000)
    jobs = parser.parse_args().jobs

    truth = mmc_wait_mean(WORKERS, RATE, MEAN)
    print(f"M/M/8 at 80 %, {jobs:,} jobs; mean wait by Erlang C {truth:.4f} s")
    engines: list[tuple[str, Engine, int]] = [("simpy", simpy_resource, 2)]
    for module, engine, repeats in (("ciw", ciw, 1), ("salabim", salabim, 1), ("cimba", cimba, 3)):
        if find_spec(module):
            engines.append((module, engine, repeats))
        else:
            print(f"{module}: not installed, left out")
    engines.append(("kernel, plain", lambda n: kernel(n, how=False), 5))
    if find_spec("numba"):
        before = time.perf_counter()
        compiled.load()
        print(f"numba: kernel ready after {time.perf_counter() - before:.2f} s")
        engines.append(("kernel, numba", lambda n: kernel(n, how=True), 9))

    base = 0.0
    for name, engine, repeats in engines:
        speed, columns = measure(engine, jobs, repeats)
        base = base or speed
        waits = (columns[:, 1] - columns[:, 0])[np.argsort(columns[:, 0])]
        interval = batch_means(waits[len(waits) // 20 :])
        verdict = "agrees" if interval.covers(truth) else "DIFFERS"
        print(f"{name:14} {speed:12,.0f} jobs/s {speed / base:8.2f}x  {interval} {verdict}")


if __name__ == "__main__":
    main()
