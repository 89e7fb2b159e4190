"""From a log to a workload: what each outcome means, and in which order jobs arrive.

It returns the fields of a workload instead of making one, so that `Workload` can read logs too.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from jobsim.logs.outcome_words import LABELS
from jobsim.logs.source import Ending, OutcomePolicy, TraceError, TraceSource, listing
from jobsim.logs.table import LogTable
from jobsim.scenario.draws import draw_payment
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.ticks import to_ticks

_GROUPS = {
    "cancelled_before": "cancelled before it ran",
    "cancelled_during": "cancelled while it ran",
    "unknown": "unknown outcome",
    "unrecognised": "unrecognised outcome",
}


def shown_workers(log: LogTable) -> dict[str, Any]:
    """Return the fields of a scenario with as many workers as a log itself shows.

    Where it tells no starts these are as many as work without any wait would have taken.
    """
    workers = max(log.peak_concurrency()[0], 1)
    told = "" if log.has_waits else ", had nobody waited"
    return {
        "workers": workers,
        "why": f"As many workers as the log shows at work at once{told}.",
    }


def workload_fields(
    log: LogTable, scenario: Scenario | None, outcomes: OutcomePolicy | None
) -> dict[str, Any]:
    """Return the fields of a log's workload: its jobs in order of arrival, the first one at 0.

    Raises
    ------
    TraceError
        If no job is left.
    """
    scenario = (
        Scenario(name=log.name or "log", **shown_workers(log)) if scenario is None else scenario
    )
    outcomes = outcomes or OutcomePolicy()
    jobs = log.jobs
    label = jobs["outcome"].cat.codes.to_numpy()
    ending = _endings(outcomes)[label]
    skipped = dict(log.skipped)
    kept = ending != _code("skipped")
    for name, words in _GROUPS.items():
        count = int((~kept & (label == LABELS.index(name))).sum())
        if count:
            skipped[words] = count
    arrival = jobs["arrival"].to_numpy()
    order = np.flatnonzero(kept)
    # Stable: jobs that arrived at the same instant keep the order of the log.
    order = order[np.argsort(arrival[order], kind="stable")]
    if not len(order):
        why = f"none of its {log.rows:,} rows can be used: {listing(skipped)}"
        raise TraceError(log.name, why)
    arrival = arrival[order]
    first = float(arrival[0])
    times = to_ticks(arrival - first)
    count = _open_until(scenario, times, skipped)
    order, times = order[:count], times[:count]
    label, ending = label[order], ending[order]
    delay, lag = draw_payment(scenario, count)
    if log.pays:
        # The clocks of two machines differ, so a payment may be logged before its job; it then
        # counts as immediate.
        delay = to_ticks(np.maximum(jobs["paid"].to_numpy()[order] - arrival[:count], 0.0))
    # A duplicate confirmation needs a first one, so both are missing together.
    unpaid = (ending == _code("unpaid")) | np.isnan(delay)
    delay[unpaid] = lag[unpaid] = np.nan
    wait = jobs["wait"].to_numpy()[order]
    tells_waits = "wait" in set(log.columns["role"]) or log.has_waits
    tally = np.bincount(label, minlength=len(LABELS)).tolist()
    counts = {
        name: tally[LABELS.index(name)] for name in ("completed", "failed", "unpaid", *_GROUPS)
    }
    return {
        "scenario": scenario,
        "arrival": times,
        "delay": delay,
        "lag": lag,
        "service": to_ticks(jobs["service"].to_numpy()[order]),
        "fails": ending == _code("failed"),
        "logged_wait": to_ticks(wait) if tells_waits else None,
        "source": TraceSource(
            kind=log.kind,
            name=log.name,
            sha256=log.sha256,
            rows=log.rows,
            jobs=count,
            skipped=skipped,
            **counts,
            without_wait=int(np.isnan(wait).sum()),
            first_arrival=log.first_arrival + first,
            unix_start_time=log.unix_start,
            outcomes=outcomes,
            requests=int(jobs["request"].iloc[order].nunique()),
            pays=log.pays,
        ),
    }


def _endings(outcomes: OutcomePolicy) -> NDArray[np.int8]:
    """Return how each of `LABELS` ends, as codes."""
    chosen: dict[str, Ending] = {
        "completed": "completed",
        "failed": "failed",
        "unpaid": "unpaid",
        "unfinished": "skipped",
        **{name: getattr(outcomes, name) for name in _GROUPS},
    }
    return np.array([_code(chosen[name]) for name in LABELS], dtype=np.int8)


def _code(ending: Ending) -> int:
    return get_args(Ending).index(ending)


def _open_until(scenario: Scenario, arrival: NDArray[np.float64], skipped: dict[str, int]) -> int:
    """Return how many of the jobs the scenario lets in, and count the others in `skipped`."""
    count = len(arrival)
    if scenario.duration is not None:
        # Left side: a job that arrives exactly at the end comes too late.
        count = int(np.searchsorted(arrival, scenario.duration))
        if count < len(arrival):
            skipped["arrival after the scenario's duration"] = len(arrival) - count
    if scenario.jobs is not None and scenario.jobs < count:
        skipped["beyond the scenario's number of jobs"] = count - scenario.jobs
        count = scenario.jobs
    return count
