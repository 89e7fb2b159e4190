"""What a schedule costs, and what frontrun makes of the same repositories where it is installed.

CPU time; nothing in it waits but threads for their turn.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from ratio import report

from jobsim import InMemoryJobRepository
from jobsim.testing import Program, explore_repository
from jobsim.testing.broken import CheckAndActApart
from jobsim.testing.explore.programs import programs

PROMISED_S = 450e-6
EVERY = 20
"""One in so many of the 1,764 programs is run here; `--all` runs them all."""


def cost(name: str, factory: object, **options: object) -> tuple[float, int]:
    """Explore, print what came of it, and return CPU seconds and schedules."""
    before = time.process_time()
    found = explore_repository(factory, budget=10**7, **options)
    spent = time.process_time() - before
    verdict = found.violation.rule if found.violation else "holds" if found.complete else "open"
    print(
        f"{name:<44}{verdict:<16}{found.schedules:>9,} schedules {spent:7.2f} s "
        f"{spent / found.schedules * 1e6:6.0f} us each",
        flush=True,
    )
    return spent, found.schedules


def starters(number: int) -> list[list[str]]:
    return [["running"]] * number


def main() -> bool:
    """Report how many times the promise holds the cost of a schedule."""
    some = programs(2, 2)[:: 1 if "--all" in sys.argv else EVERY]
    spent, run = cost("two calls each at one preemption", InMemoryJobRepository, programs=some,
                      preemptions=1)  # fmt: skip
    more, runs = cost("one call each at two preemptions", InMemoryJobRepository,
                      programs=programs(2, 1), preemptions=2)  # fmt: skip
    cost("three starters at two preemptions", InMemoryJobRepository,
         programs=[Program(starters(3))], preemptions=2)  # fmt: skip
    cost("four starters at one preemption", InMemoryJobRepository,
         programs=[Program(starters(4))], preemptions=1)  # fmt: skip
    for number in (2, 3, 4):
        cost(f"{number} starters, check and act apart", CheckAndActApart,
             programs=[Program(starters(number))])  # fmt: skip
    held = report("a schedule: 450 us / cost", PROMISED_S * (run + runs) / (spent + more), 1.0)
    compare()
    return held


def compare() -> None:
    """Let frontrun explore the same starters, if its command is on the path."""
    command = shutil.which("frontrun")
    if command is None:
        print("frontrun is not installed: no comparison")
        return
    script = Path(__file__).with_name("frontrun_starters.py")
    python = Path(command).with_name("python")
    subprocess.run([command, str(python), str(script)], check=True)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
