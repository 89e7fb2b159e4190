"""Every broken repository that exploration catches, and its schedule replayed a hundred times.

One line per repository: rule, preemptions, schedules until it was found, equal replays. Takes a
minute or two; not among those that ``make bench`` runs, for it measures nothing.
"""

from __future__ import annotations

import sys
import time

from jobsim.testing import explore_repository, replay_schedule
from jobsim.testing.broken import GALLERY

REPLAYS = 100
MOST_PREEMPTIONS = 3


def main() -> bool:
    """Print the table; return whether every replay told the same story."""
    held, caught = True, 0
    for name, factory in GALLERY.items():
        before = time.process_time()
        found = explore_repository(factory, budget=14_000)
        violation = found.violation
        if violation is None:
            print(f"{name:<28}not caught by exploration", flush=True)
            continue
        caught += 1
        equal = sum(replay_schedule(factory, violation.schedule) == violation
                    for _ in range(REPLAYS))  # fmt: skip
        held &= equal == REPLAYS and violation.preemptions <= MOST_PREEMPTIONS
        print(
            f"{name:<28}{violation.rule:<18}{violation.preemptions} preemptions "
            f"{found.schedules:>6,} schedules {equal:>4}/{REPLAYS} "
            f"{time.process_time() - before:6.1f} s",
            flush=True,
        )
    print(f"{caught} of {len(GALLERY)} caught, every replay equal: {held}")
    return held


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
