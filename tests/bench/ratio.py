"""Two ways to do the same work, timed against each other in one process."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable


def speed_ratio(
    ours: Callable[[], object],
    bare: Callable[[], object],
    *,
    rounds: int = 41,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Return how fast `ours` is as a fraction of `bare`: the median over paired rounds.

    The two take turns within a round and swap who begins, so that a slow moment of the
    machine hits both. The clock counts CPU time, so that other programs on the machine do not
    matter; work that waits for a server or a disk needs a wall clock.
    """
    ratios = []
    for number in range(rounds):
        pair = [ours, bare] if number % 2 else [bare, ours]
        spent = {work: _seconds(work, clock) for work in pair}
        ratios.append(spent[bare] / spent[ours])
    return statistics.median(ratios)


def report(name: str, ratio: float, at_least: float | None = None) -> bool:
    """Print one line; return False if the ratio is below what was promised."""
    kept = at_least is None or ratio >= at_least
    promise = "" if at_least is None else f"   at least {at_least:.2f}: {'yes' if kept else 'NO'}"
    print(f"{name:<52}{ratio:6.2f}{promise}", flush=True)
    return kept


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    # A collection belongs to nobody in particular: none inside the measured stretch.
    gc.collect()
    gc.disable()
    try:
        start = clock()
        work()
        return clock() - start
    finally:
        gc.enable()
