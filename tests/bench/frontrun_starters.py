"""frontrun's verdict on threads that ask for RUNNING at once; run by frontrun's own command.

Install it for this alone, in an environment of its own that can import jobsim.
"""

from __future__ import annotations

import time

import frontrun

from jobsim import InMemoryJobRepository, InvalidStateTransitionError, JobStatus
from jobsim.testing.broken import CheckAndActApart, TwoLocksForOneJob


class Race:
    def __init__(self, kind: type[InMemoryJobRepository]) -> None:
        self.repository = kind()
        self.job_id = self.repository.create("a" * 64).job_id
        self.won: list[bool] = []

    def start(self) -> None:
        try:
            self.repository.update_status(self.job_id, JobStatus.RUNNING)
        except InvalidStateTransitionError:
            return
        self.won.append(True)


def main() -> None:
    for number in (2, 3, 4):
        for kind in (InMemoryJobRepository, CheckAndActApart, TwoLocksForOneJob):
            begun = time.perf_counter()
            found = frontrun.explore(
                setup=lambda kind=kind: Race(kind),
                workers=Race.start,
                count=number,
                invariant=lambda race: len(race.won) == 1,
            )
            verdict = "holds" if found.property_holds else "VIOLATED"
            print(
                f"frontrun, {number} starters, {kind.__name__:<22}{verdict:<10}"
                f"{found.num_explored:>7,} executions {time.perf_counter() - begun:7.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
