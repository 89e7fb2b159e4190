"""The order in which programs are explored, and their bounds: the most promising first."""

from __future__ import annotations

from collections.abc import Iterable

from jobsim.testing.explore.programs import MOVES, Program, crossed, programs, with_snapshot

FEW, SHARE = 50, 0.4
"""A stage of at most 50 programs gets at most 40 % of the budget from two preemptions on."""


class Stage:
    """Programs of one kind, to be explored up to one bound."""

    def __init__(self, what: str, some: Iterable[Program], bound: int) -> None:
        self.what, self.programs, self.bound = what, list(some), bound
        # Short programs with many preemptions must not use up what all others need.
        self.share = SHARE if len(self.programs) <= FEW and bound > 1 else None


def stages_of(threads: tuple[int, ...], most: int, *, snapshot: bool) -> list[Stage]:
    """Return what to explore, in the order in which it is likely to find something."""
    if not threads or set(threads) - {2, 3}:
        raise ValueError(f"threads must be 2, 3 or both, not {threads}; see programs= for others")
    one, three = programs(2, 1), programs(3, 1)
    pairs = [program for program in programs(2, 2) if program.calls > 2]
    # Three threads with one move: the smallest programs that show a fault of three.
    alike = [p for p in three if len(set(p.threads)) == 1 and p.threads[0][0] in MOVES][:3]
    two_jobs = [program for program in crossed() if snapshot or not program.snapshots]
    snapped = list(with_snapshot()) if snapshot else []
    ones = [program for program in snapped if program.calls == 2]
    twos = [program for program in snapped if program.calls > 2]
    kinds = [
        # The kind, how many threads, the programs, and the position of each bound in the order.
        ("two threads with one call each", 2, one, (0, 1, 3)),
        ("three threads that ask for the same move", 3, alike, (2, 2, 9)),
        ("two threads with at most two calls", 2, pairs, (4, 6, 10)),
        ("three threads with one call each", 3, three, (5, 7, 11)),
        ("two threads that use two jobs", 2, two_jobs, (2, 2, 8)),
        ("two threads, one call each and a snapshot", 2, ones, (2, 2, 8)),
        ("two threads, at most two calls and a snapshot", 2, twos, (9, 9, 12)),
    ]
    stages: list[tuple[int, Stage]] = []
    for what, number, some, turns in kinds:
        if number not in threads or not some:
            continue
        for bound in range(most + 1):
            turn = turns[bound] if bound < len(turns) else 100 * bound + turns[-1]
            later = turns[bound + 1] if bound + 1 < min(len(turns), most + 1) else None
            # The bounds of a kind nest, so a higher one repeats the schedules of a lower one.
            if turn != later:  # else the next bound comes at once, and begins with this one
                stages.append((turn, Stage(what, some, bound)))
    return [stage for _, stage in sorted(stages, key=lambda pair: pair[0])]
