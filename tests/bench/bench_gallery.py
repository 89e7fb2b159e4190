"""How many of 20 runs find each broken repository, by check and pressure, and no false alarm."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections import Counter

from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.testing.broken import GALLERY
from jobsim.testing.checks import CHECKS, Check, run_check
from jobsim.testing.pressure import Pressure

RUNS = 20
CORRECT_RUNS = 2_000
PROMISED = 19

ALONE = [check for check in CHECKS if check.pressure is None]
RACES = {check.run: check for check in CHECKS if check.pressure is not None}.values()


def caught(
    factory: type, checks: list[Check], runs: int, seed: int = 0
) -> tuple[int, Counter[str]]:
    """Return in how many runs any check failed, and how often each did."""
    found: Counter[str] = Counter()
    total = 0
    for run in range(runs):
        failed = [
            check.name
            for check in checks
            if run_check(check, factory, seed=seed + run).result == "failed"
        ]
        found.update(failed)
        total += bool(failed)
    return total, found


def under(pressure: Pressure) -> list[Check]:
    """Return every race, once, under this pressure."""
    names = {
        check: check.name.partition("_perturbed")[0].partition("_threads")[0] for check in RACES
    }
    return [dataclasses.replace(check, name=names[check], pressure=pressure) for check in RACES]


def main() -> bool:
    """Print the tables; return whether everything broken was found and nothing else."""
    held = True
    print(f"runs of {RUNS} that find it    alone  " + "  ".join(each.value for each in Pressure))
    for name, factory in GALLERY.items():
        alone, _ = caught(factory, ALONE, 1)
        totals, best = [], Counter()
        for pressure in Pressure:
            total, best = caught(factory, under(pressure), RUNS)
            totals.append(total)
        held &= alone == 1 or totals[-1] >= PROMISED
        counts = "  ".join(f"{n:>{len(p.value)}}" for n, p in zip(totals, Pressure, strict=True))
        checks = ", ".join(f"{check} {n}" for check, n in best.most_common())
        print(f"{name:<26}  {'yes' if alone else 'no':>5}  {counts}   {checks}", flush=True)
    return held & no_alarm()


def no_alarm() -> bool:
    """Run every race on the correct repository, under each pressure in turn."""
    begun = time.perf_counter()
    per_round = sum(len(under(pressure)) for pressure in Pressure)
    rounds = -(-CORRECT_RUNS // per_round)
    alarms = 0
    for run in range(rounds):
        for pressure in Pressure:
            alarms += sum(caught(InMemoryJobRepository, under(pressure), 1, seed=run)[1].values())
    spent = time.perf_counter() - begun
    print(f"correct repository: {rounds * per_round:,} runs, {alarms} alarms, {spent:.0f} s")
    return alarms == 0


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
