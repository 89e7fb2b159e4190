"""Random schedules that find a bug with a probability that can be stated.

PCT: S. Burckhardt, P. Kothari, M. Musuvathi and S. Nagarakatte, "A randomized scheduler with
probabilistic guarantees of finding bugs", ASPLOS 2010. The thread with the highest priority
runs; at d - 1 random points the running thread's priority drops below all others. A bug that needs
d ordering constraints is found with probability at least 1 / (n k^(d-1)) for n threads, k points.
"""

from __future__ import annotations

import random

from jobsim.testing.explore.search import Deviations, Planned


class Pct(Planned):
    """One random schedule; keeps its decisions, so that it can be explained and run again.

    Parameters
    ----------
    seed
        Of this schedule.
    points
        The approximate number of points of a run, k.
    depth
        How many ordering constraints a bug may need, d.
    """

    def __init__(self, seed: int, *, points: int, depth: int) -> None:
        super().__init__(())
        self._always = True
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._drops = {self._random.randrange(points): n for n in range(depth - 1)}
        self._priority: dict[int, float] = {}
        self._taken: list[tuple[int, int]] = []

    @property
    def deviations(self) -> Deviations:
        """How this run deviated from the default schedule."""
        return tuple(self._taken)

    def _of(self, thread: int) -> float:
        if thread not in self._priority:
            self._priority[thread] = 10 + self._random.random()
        return self._priority[thread]

    def at_yield(self, me: int, others: list[int]) -> int:
        """Return another thread: with its priority unchanged, `me` would spin for ever."""
        self._priority[me] = -float(len(self.trace))
        return super().at_yield(me, others)

    def _decide(self, at: int, default: int, options: list[int]) -> int:
        """Return the thread with the highest priority; that of `default` may drop first."""
        drop = self._drops.get(at)
        if drop is not None:
            self._priority[default] = drop
        # Sorted, so that threads draw their priorities in a fixed order.
        to = max(sorted({default, *options}), key=self._of)
        if to != default:
            self._taken.append((at, to))
        return to


def probability(threads: int, points: int, depth: int, runs: int) -> float:
    """Return the least probability with which `runs` random schedules find a bug of this depth.

    Examples
    --------
    >>> round(probability(threads=2, points=50, depth=2, runs=100), 3)
    0.634
    """
    once: float = 1 / (threads * max(points, 1) ** (depth - 1))
    missed: float = (1 - once) ** runs
    return 1 - missed
