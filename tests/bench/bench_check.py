"""The verdict on a history: calls a second, growth with size, and against a brute-force search."""

from __future__ import annotations

import dataclasses
import random
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from ratio import report, speed_ratio

from jobsim.domain.codes import COMPLETED, FAILED
from jobsim.domain.marks import ERROR_TEXT, INPUT_HASH, RESULT_TEXT
from jobsim.proof.checks.all_checks import check_history
from jobsim.tables.schema import CALLS, FINAL, OP, OUTCOME, STATUS

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from wgl_oracle import linearizable, right_history, table

WORKERS = 8
SMALL = 2_000
PROMISED = 5e6  # calls a second, on a million calls


def right_run(size: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return calls, final reads and creates of a correct run of about `size` calls.

    Each job is created, read, started by one of the workers, confirmed a second time (refused
    from RUNNING), read and ended, with calls of 2 to 5 microseconds.
    """
    rng = np.random.default_rng(7)
    jobs = size // 6
    job = np.arange(jobs, dtype=np.int32)
    ends = np.where(rng.random(jobs) < 0.1, 3, 2).astype(np.int8)
    worker = (job % WORKERS).astype(np.int8)
    start = job.astype(np.int64) * 20_000
    reader = np.int8(WORKERS)
    columns = []
    for offset, actor, op, target, outcome, observed in (
        (0, reader, 0, -1, 0, 0),
        (10_000, reader, 1, -1, 0, 0),
        (20_000, worker, 2, 1, 0, 1),
        (40_000, reader, 2, 1, 1, 1),
        (60_000, reader, 1, -1, 0, 1),
        (140_000, worker, 2, ends, 0, ends),
    ):
        invoked = start + offset
        returned = invoked + rng.integers(2_000, 5_000, jobs)
        parts = (actor, op, job, target, invoked, returned, outcome, observed)
        columns.append([np.broadcast_to(part, jobs) for part in parts])
    actor, op, number, target, invoked, returned, outcome, observed = (
        np.concatenate(parts) for parts in zip(*columns, strict=True)
    )
    order = np.argsort(invoked, kind="stable")
    actors = [f"worker-{n}" for n in range(WORKERS)] + ["client-0"]
    code = pd.Categorical.from_codes
    calls = pd.DataFrame(
        {
            "actor": code(actor[order], actors),
            "op": code(op[order], dtype=OP),
            "job": number[order],
            "target": code(target[order], dtype=STATUS),
            "invoked_ns": invoked[order],
            "returned_ns": returned[order],
            "outcome": code(outcome[order], dtype=OUTCOME),
            "observed": code(observed[order], dtype=STATUS),
            "count": np.int64(-1),
            "changed": False,
            "backdated": False,
            "error": pd.Categorical.from_codes(np.full(len(order), -1), []),
        }
    ).astype(CALLS)
    texts = {COMPLETED: RESULT_TEXT, FAILED: ERROR_TEXT}
    written = {
        end: np.array([text.format(actor=name) for name in actors], object)[worker]
        for end, text in texts.items()
    }
    final = pd.DataFrame(
        {
            "job": job,
            "outcome": code(np.zeros(jobs, np.int8), dtype=OUTCOME),
            "status": code(ends, dtype=STATUS),
            "changed": False,
            "input_hash": [INPUT_HASH.format(request=n) for n in range(jobs)],
            "blockchain_identifier": [f"mock_bc_{n:08x}" for n in range(jobs)],
            "created_at": pd.to_datetime(start, unit="ns", utc=True).as_unit("us"),
            "updated_at": pd.to_datetime(start + 140_000, unit="ns", utc=True).as_unit("us"),
            "result": pd.Series(np.where(ends == 2, written[2], None)).astype("str"),
            "error": pd.Series(np.where(ends == 3, written[3], None)).astype("str"),
        }
    ).astype(FINAL)
    created = pd.DataFrame({"job_id": [f"{n:036x}" for n in range(jobs)]}).astype("str")
    return calls, final, created


def calls_per_second(size: int, rounds: int) -> float:
    """Return the best of some rounds of the complete check."""
    calls, final, created = right_run(size)
    spent = []
    for _ in range(rounds):
        begun = time.perf_counter()
        verdict = check_history(
            calls, final, workers=WORKERS, count_before=0, created=created, engine_texts=True
        )
        spent.append(time.perf_counter() - begun)
        if not verdict.ok:
            raise RuntimeError(str(verdict))
    return len(calls) / min(spent)


def main() -> bool:
    """Print the speeds and ratios; return whether those that are promised hold."""
    speed = {}
    for size, rounds in ((100_000, 15), (1_000_000, 7), (10_000_000, 2)):
        speed[size] = calls_per_second(size, rounds)
        print(f"check, {size:>10,} calls: {speed[size] / 1e6:6.1f} million calls a second")
    held = report("check of 1e6 calls / promised speed", speed[10**6] / PROMISED, at_least=1)
    held &= report("calls a second, 1e7 / 1e6", speed[10**7] / speed[10**6], at_least=0.7)
    rng = random.Random(7)
    small = [right_history(rng, 7, job) for job in range(SMALL)]
    calls = table(small)

    def search() -> None:
        for ops in small:
            linearizable([dataclasses.replace(op, job=0) for op in ops])

    return held & report(
        f"check / brute-force search, {SMALL:,} jobs of 7 calls",
        speed_ratio(lambda: check_history(calls), search, rounds=5),
        at_least=10,
    )


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
