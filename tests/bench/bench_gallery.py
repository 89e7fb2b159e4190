"""How many of 20 runs find each broken repository, by check and pressure, and no false alarm.

Takes about a quarter of an hour.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
import time
from collections import Counter

from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.testing.broken import GALLERY
from jobsim.testing.conformance.checks import CHECKS, Check
from jobsim.testing.conformance.pressure import Pressure
from jobsim.testing.conformance.run_check import run_check

RUNS = 20
CORRECT_RUNS = 2_000
PROMISED = 19

ALONE = [check for check in CHECKS if check.pressure is None]
RACES = {check.run: check for check in CHECKS if check.pressure is not None}.values()


def caught(factory: type, checks: list[Check], *, all_checks: bool) -> Counter[str]:
    """Return how often each check failed; ``""`` counts the runs in which any did.

    Unless `all_checks` are made, a run ends with the first that fails.
    """
    found: Counter[str] = Counter()
    for seed in range(RUNS):
        results = (run_check(check, factory, seed=seed) for check in checks)
        failing = (result.check.name for result in results if result.result == "failed")
        failed = list(failing if all_checks else itertools.islice(failing, 1))
        found.update(failed)
        found[""] += bool(failed)
    return found


def under(pressure: Pressure) -> list[Check]:
    """Return every race once, under this pressure."""
    return [
        dataclasses.replace(check, name=check.run.__name__, pressure=pressure) for check in RACES
    ]


def main() -> bool:
    """Print the table; return whether everything broken was found and nothing else."""
    held = True
    print(f"of {RUNS} runs: {'one thread':>28}  " + "  ".join(each.value for each in Pressure))
    for name, factory in GALLERY.items():
        alone = caught(factory, ALONE, all_checks=True)
        found = [
            caught(factory, under(each), all_checks=each is Pressure.PERTURBED) for each in Pressure
        ]
        held &= max(alone[""], found[-1][""]) >= PROMISED
        counts = "  ".join(
            f"{counter['']:>{len(each.value)}}"
            for counter, each in zip(found, Pressure, strict=True)
        )
        print(f"{name:<28}{alone['']:>12}  {counts}", flush=True)
        for label, counter in (("one thread", alone), ("perturbed", found[-1])):
            told = ", ".join(f"{check} {n}" for check, n in counter.most_common() if check)
            if told:
                print(f"    {label}: {told}", flush=True)
    return held & no_alarm()


def no_alarm() -> bool:
    """Run every race on the correct repository, under each pressure in turn."""
    begun = time.perf_counter()
    per_round = sum(len(under(pressure)) for pressure in Pressure)
    rounds = -(-CORRECT_RUNS // per_round)
    alarms = 0
    for run in range(rounds):
        for pressure in Pressure:
            alarms += sum(
                run_check(check, InMemoryJobRepository, seed=run).result != "passed"
                for check in under(pressure)
            )
    spent = time.perf_counter() - begun
    print(f"correct repository: {rounds * per_round:,} runs, {alarms} alarms, {spent:.0f} s")
    return alarms == 0


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
