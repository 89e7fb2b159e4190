"""Histories of two hosts in true time, and what clocks that are off make of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.clocks import HostClock, RoundTrip, judge_hosts
from jobsim.tables.schema import CALLS

MS = 1_000_000
S = 1_000 * MS

Ints = NDArray[np.int64]


def history(
    jobs: int = 300, *, stale_ns: int | Ints = 0, seed: int = 0
) -> tuple[pd.DataFrame, Ints]:
    """Return calls in true time and their hosts.

    The client and the reader are on host 0, the worker on host 1. The reader reads each job in
    RUNNING right after it was written; `stale_ns` later than the write it still reads the old one.
    """
    rng = np.random.default_rng(seed)
    stale = np.broadcast_to(stale_ns, jobs).tolist()
    rows, hosts = [], []
    for job in range(jobs):
        at = job * 20 * MS
        took = rng.integers(100_000, 400_000, 3)
        gap = stale[job] or 10_000
        write = at + 5 * MS
        read = write + took[1] + gap
        seen = "awaiting_payment" if stale[job] else "running"
        rows += [
            ("client-0", "create", None, at, at + took[0], "awaiting_payment", job),
            ("worker-0", "update_status", "running", write, write + took[1], "running", job),
            ("reader-0", "get", None, read, read + took[2], seen, job),
        ]
        hosts += [0, 1, 0]
    names = ["actor", "op", "target", "invoked_ns", "returned_ns", "observed", "job"]
    calls = pd.DataFrame(rows, columns=names).assign(
        outcome="ok", count=-1, changed=False, backdated=False, error=None
    )
    return calls[list(CALLS)].astype(CALLS), np.array(hosts)


def clock_of(offset_ns: int, ppm: float) -> Callable[[Ints | int], Ints]:
    """Return what a host's clock shows at true moments."""
    return lambda true: (np.asarray(true) * (1 + ppm * 1e-6)).astype(np.int64) + offset_ns


def seen_by(calls: pd.DataFrame, hosts: Ints, shows: Callable[[Ints], Ints]) -> pd.DataFrame:
    """Return the calls with the stamps of their own hosts."""
    far = hosts == 1
    times = calls[["invoked_ns", "returned_ns"]].to_numpy(copy=True)
    times[far] = shows(times[far])
    return calls.assign(invoked_ns=times[:, 0], returned_ns=times[:, 1])


def known_to_within(uncertainty_ns: int, shows: Callable[[Ints | int], Ints]) -> HostClock:
    """Return a clock of which round trips tell that much and no more, at any time."""
    u = uncertainty_ns
    return HostClock([RoundTrip(0, int(shows(u)), 2 * u)], drift=0.0)


def stale_reads_found(uncertainty_ns: int, late_ns: Ints) -> int:
    """Return how many of reads on another host than the write are proved to be stale.

    Each reads the old status that much later than the write had returned.
    """
    calls, hosts = history(len(late_ns), stale_ns=late_ns)
    shows = clock_of(3 * S, 0)
    clocks = {1: known_to_within(uncertainty_ns, shows)}
    verdict = judge_hosts(seen_by(calls, hosts, shows), hosts, clocks, check_history)
    return verdict.counts.get("real_time", 0)


def late_reads(number: int, *, seed: int = 0) -> Ints:
    """Return by how much reads are late: 0.5 ms on average, exponentially distributed."""
    drawn = np.random.default_rng(seed).exponential(0.5 * MS, number)
    return drawn.astype(np.int64) + 1
