"""Calls a second from processes and from as many threads; the merge of a million calls.

Prints, for the guide, what a machine gives. Promises only what does not depend on it: a million
calls are merged and judged in seconds, a race between processes is caught in each of 20 runs, and a
process that is killed at each of ten moments leaves a verdict without an alarm.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import shared_repositories as shared
from orphaned_run import run_orphaned

from jobsim import Scenario
from jobsim.domain.codes import AWAITING, COMPLETED, CREATE, OK, RUNNING, UPDATE
from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.clocks import DRIFT
from jobsim.repository.call_rows import KEPT, encode
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.journal import JournalReader
from jobsim.repository.recorded import RecordedRepository
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.run.hosts import RemoteHost
from jobsim.run.hosts import judge as judge_calls
from jobsim.tables.calls import calls_table
from jobsim.testing.postgres import PostgresServer, PostgresUnavailable
from jobsim.threads.left import judge_left
from jobsim.threads.run_threads import run_threads
from jobsim.threads.shipping import sealed

CALLS, PARTS, SECONDS = 1_000_000, 8, 10.0
RUNS = 20
JOBS, TRIES = 1_000, 3
DURABLE_JOBS = 200  # a commit that waits for a disk may take five milliseconds
CELLS = ((1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4))
"""Clients and as many workers, and the processes that they are on."""


def rate(url: str, actors: int, processes: int, jobs: int) -> float:
    """Return calls a second while a database is pressed; the best of some runs, all of them right.

    Of a machine that others use as well, the best run says most of ours.
    """
    scenario = Scenario(jobs=jobs, clients=actors, workers=actors)
    factory = partial(SqlJobRepository, url)
    best = 0.0
    for _ in range(TRIES):
        run = run_threads(scenario, factory, processes=processes, speedup=math.inf, progress=False)
        assert run.check().outcome.value == "OK"
        best = max(best, len(run.calls) / run.info.wall_seconds)
    return best


def show_rates(name: str, url: str, jobs: int) -> None:
    """Print a row of the guide: for as many actors, on threads and on processes."""
    cells = [rate(url, number, spread, jobs) for number, spread in CELLS]
    print(f"| {name} | {' | '.join(f'{round(cell, -1):,.0f}' for cell in cells)} |", flush=True)


def merged(folder: Path) -> dict[str, float]:
    """Return seconds to merge and to judge a million calls of several files, and megabytes."""
    jobs = CALLS // 3
    codes = [encode(CREATE, AWAITING, OK, AWAITING), encode(UPDATE, RUNNING, OK, RUNNING)]
    codes.append(encode(UPDATE, COMPLETED, OK, COMPLETED))
    recorded = RecordedRepository(InMemoryJobRepository())
    rows = np.zeros(3 * jobs, dtype=KEPT)
    for step, code in enumerate(codes):
        rows["code"][step * jobs : (step + 1) * jobs] = code
        rows["job"][step * jobs : (step + 1) * jobs] = np.arange(jobs)
    rows["invoked_ns"] = np.arange(len(rows)) * 100
    rows["returned_ns"] = rows["invoked_ns"] + 350
    for part in range(PARTS):
        (folder / f"client-{part}.calls").write_bytes(rows[part::PARTS].tobytes())
        recorded.add(JournalReader(folder / f"client-{part}", f"client-{part}"))
    before = peak_mb()
    start = time.perf_counter()
    calls = calls_table(recorded)
    merge = time.perf_counter()
    assert check_history(calls).outcome.value == "OK"
    judge = time.perf_counter()
    grown = peak_mb() - before
    # The same as calls of eight hosts that are known to within 50 ns: nine judgements.
    hosts = [
        RemoteHost(name=f"host-{n}", actors=(f"client-{n}",), drift=DRIFT, trips=((0, 50, 100),))
        for n in range(1, PARTS)
    ]
    assert judge_calls(calls, hosts, (), check_history).outcome.value == "OK"
    return {
        "merge_s": merge - start,
        "judge_s": judge - merge,
        "hosts_s": time.perf_counter() - judge,
        "grown_mb": grown,
        "peak_mb": peak_mb(),
    }


def peak_mb() -> float:
    """Return the most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def caught(folder: Path, processes: int) -> int:
    """Return in how many runs a lock that one process holds is found out."""
    scenario = Scenario(jobs=100, clients=2, workers=4, payment={"duplicate": 1.0})
    found = 0
    for number in range(RUNS):
        url = f"sqlite:///{folder}/race-{processes}-{number}.db?synchronous=OFF"
        factory = partial(shared.lock_in_the_process, url)
        run = run_threads(scenario, factory, processes=processes, speedup=math.inf)
        found += run.check().outcome.value == "VIOLATED"
    return found


def alarms(folder: Path) -> int:
    """Return how many of ten kills gave an alarm, or went unnoticed."""
    wrong = 0
    for nth in range(10):
        url = f"sqlite:///{folder}/kill-{nth}.db?synchronous=OFF"
        factory = partial(
            shared.Killed, url, folder / f"killed-{nth}", 1 + 9 * (nth // 2), bool(nth % 2)
        )
        scenario = Scenario(jobs=200, clients=2, workers=4)
        run = run_threads(scenario, factory, processes=2, speedup=math.inf)
        wrong += run.check().outcome.value != "OK" or len(run.info.died) != 1
    return wrong


def flush_ms(folder: Path) -> float:
    """Return how long the disk takes to make a few bytes durable, the median of some."""
    took = []
    with (folder / "flushed").open("wb") as file:
        for _ in range(50):
            file.write(bytes(4096))
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - start)
    return statistics.median(took) * 1e3


def show_all_rates(folder: Path) -> None:
    """Print the table of the guide."""
    print(f"fsync {flush_ms(folder):.2f} ms")
    heads = [f"{n} actors, {p} {'process' if p == 1 else 'processes'}" for n, p in CELLS]
    print(f"| calls/s | {' | '.join(heads)} |\n|---{'|---' * len(CELLS)}|")
    for mode, jobs in (("FULL", DURABLE_JOBS), ("OFF", JOBS)):
        show_rates(f"SQLite, {mode}", f"sqlite:///{folder}/{mode}.db?synchronous={mode}", jobs)
    try:
        for mode, settings, jobs in (
            ("durable", {"fsync": "on"}, DURABLE_JOBS),
            ("not durable", {"synchronous_commit": "off"}, JOBS),
        ):
            with PostgresServer(settings=settings) as server:
                show_rates(f"PostgreSQL, {mode}", server.url, jobs)
    except PostgresUnavailable as exc:
        print(f"PostgreSQL left out: {exc}")


def orphaned(folder: Path) -> str:
    """Return the verdict on what is left when the first process, which has the queue, is killed."""
    os.environ["TMPDIR"] = str(folder)
    url = f"sqlite:///{folder}/orphaned.db?synchronous=OFF"
    context = multiprocessing.get_context("spawn")
    first = context.Process(target=run_orphaned, args=(url,))
    first.start()
    first.join()
    (left,) = folder.glob("jobsim-calls-*")
    while sealed(left) < 2:
        time.sleep(0.01)
    return judge_left(left).outcome.value


def main() -> bool:
    """Print all of it; return whether the promises held."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        million = merged(folder)
        print(
            f"{CALLS:,} calls of {PARTS} processes: merged in {million['merge_s']:.2f} s, judged "
            f"in {million['judge_s']:.2f} s, as of {PARTS} hosts in {million['hosts_s']:.2f} s; "
            f"peak {million['peak_mb']:.0f} MB, of which these calls {million['grown_mb']:.0f} MB"
        )
        show_all_rates(folder)
        alone, together = caught(folder, 1), caught(folder, 2)
        print(f"lock in the process: caught in {alone} of {RUNS} with one, {together} with two")
        false = alarms(folder)
        print(f"killed at ten moments: {false} false alarms or unnoticed")
        left = orphaned(folder)
        print(f"first process killed: {left}")
    quick = million["merge_s"] + million["judge_s"] < SECONDS
    return quick and (alone, together, false, left) == (0, RUNS, 0, "OK")


if __name__ == "__main__":
    main()
