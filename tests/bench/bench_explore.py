"""How long the explorer takes from a slider's move to the new picture and figures.

CPU time, so that other programs on the machine do not count; nothing in it waits.
"""

from __future__ import annotations

import statistics
import sys
import time

from ratio import report

import jobsim

JOBS = 10_000
BUDGET = 0.100
MOVES = 31


def main() -> bool:
    """Move two sliders to and fro; report how many times the budget holds the median move."""
    explorer = jobsim.explore(jobsim.preset("steady").replace({"jobs": JOBS}))
    rate, workers = (explorer.sliders[path] for path in ("arrivals.rate", "workers"))
    spent = []
    for number in range(MOVES):
        slider, value = (rate, 5.0 + 0.2 * number) if number % 2 else (workers, 8 + number % 5)
        before = time.process_time()
        slider.value = value
        spent.append(time.process_time() - before)
        assert not explorer.problem
    return report(
        f"slider to picture, {JOBS:,} jobs: budget / median", BUDGET / statistics.median(spent), 1.0
    )


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
