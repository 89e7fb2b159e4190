"""Calls a second from processes and from as many threads; the merge of a million calls.

Prints, for the guide, what a machine gives. Promises only what does not depend on it: a million
calls are merged and judged in seconds, a race between processes is caught in each of 20 runs, and a
process that is killed at each of ten moments leaves a verdict without an alarm.
"""

from __future__ import annotations

import math
import resource
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shared_repositories as shared

from jobsim import Scenario
from jobsim.domain.codes import AWAITING, COMPLETED, CREATE, OK, RUNNING, UPDATE
from jobsim.proof.checks.all_checks import check_history
from jobsim.repository.call_rows import KEPT, encode
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.journal import JournalReader
from jobsim.repository.recorded import RecordedRepository
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.tables.calls import calls_table
from jobsim.testing.postgres import PostgresServer, PostgresUnavailable
from jobsim.threads.run_threads import run_threads

CALLS, PARTS, SECONDS = 1_000_000, 8, 10.0
RUNS = 20


def rate(url: str, actors: int, processes: int) -> tuple[float, Any]:
    """Return calls a second while a database is pressed, and the outcome."""
    scenario = Scenario(jobs=600, clients=actors, workers=actors)
    run = run_threads(
        scenario, partial(SqlJobRepository, url), processes=processes, speedup=math.inf
    )
    return len(run.calls) / run.info.wall_seconds, run.check().outcome.value


def show_rates(name: str, url: str) -> None:
    """Print a row for as many actors on threads and on processes."""
    for number in (1, 2, 4):
        threads, first = rate(url, number, 1)
        spread, second = rate(url, number, number)
        print(
            f"{name:24} {number} clients and workers: threads {threads:7,.0f} calls/s ({first}), "
            f"{number} processes {spread:7,.0f} calls/s ({second})"
        )


def merged(folder: Path) -> tuple[float, float, float]:
    """Return seconds to merge and to judge a million calls of several files, and MB grown."""
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
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    calls = calls_table(recorded)
    middle = time.perf_counter()
    assert check_history(calls).outcome.value == "OK"
    end = time.perf_counter()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return middle - start, end - middle, grown


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


def main() -> bool:
    """Print all of it; return whether the promises held."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        merge, judge, grown = merged(folder)
        print(
            f"{CALLS:,} calls of {PARTS}: merge {merge:.2f} s, judge {judge:.2f} s, {grown:.0f} MB"
        )
        for mode in ("FULL", "OFF"):
            show_rates(f"SQLite {mode}", f"sqlite:///{folder}/{mode}.db?synchronous={mode}")
        try:
            for mode, settings in (
                ("durable", {"fsync": "on"}),
                ("not durable", {"synchronous_commit": "off"}),
            ):
                with PostgresServer(settings=settings) as server:
                    show_rates(f"PostgreSQL {mode}", server.url)
        except PostgresUnavailable as exc:
            print(f"PostgreSQL left out: {exc}")
        alone, together = caught(folder, 1), caught(folder, 2)
        print(f"lock in the process: caught in {alone} of {RUNS} with one, {together} with two")
        false = alarms(folder)
        print(f"killed at ten moments: {false} false alarms or unnoticed")
    return merge + judge < SECONDS and (alone, together, false) == (0, RUNS, 0)


if __name__ == "__main__":
    main()
