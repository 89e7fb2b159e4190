"""What a run's charts show, in one sentence each, computed from its tables.

Every function takes a run and returns a sentence, also where there is nothing to tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from jobsim.display.text import count_of, format_duration, format_number
from jobsim.figures.durations import dwell as stages_of
from jobsim.figures.durations import latencies
from jobsim.run.run import Run

_AT_ONCE = 0.05
"""Jobs that come in within this share of the run come in at once."""

STAGES: Mapping[str, str] = MappingProxyType(
    {"unpaid": "until paid", "wait": "waiting for a worker", "service": "being worked on"}
)
"""The stages of a job in the words of the report, by their names in `dwell`."""

_SLOWEST = 0.01
"""The share of the jobs whose waits are set against all others'."""


def percent(share: float) -> str:
    """Return a share as a percentage that is 0 % or 100 % only if it is exactly that.

    Examples
    --------
    >>> percent(0.314), percent(0.0042), percent(0.9997), percent(1.0)
    ('31 %', '0.4 %', '99.9 %', '100 %')
    """
    value = 100.0 * share
    if 0.0 < value < 0.1:
        return "less than 0.1 %"
    if 0.0 < value < 1.0:
        return f"{value:.1f} %"
    if 99.0 < value < 100.0:
        return f"{math.floor(10.0 * value) / 10.0:.1f} %"
    return f"{value:.0f} %"


def lifecycle(run: Run) -> str:
    """Say how the jobs ended, and how many calls were refused."""
    figures = run.metrics()
    created = int(figures["created"])
    if not created:
        return "No job was created."
    ends = {
        "completed": "completed",
        "failed": "failed",
        "unpaid": "never paid",
        "waiting": "still waiting for a worker",
        "stuck": "still running",
    }
    counts = [
        f"{figures[name]:,.0f} {how} ({percent(figures[name] / created)})"
        for name, how in ends.items()
        if figures[name]
    ]
    refused = int(figures["rejected"])
    also = f"; {count_of(refused, 'call')} refused" if refused else ""
    return f"Of {count_of(created, 'job')}: {', '.join(counts)}{also}."


def occupancy(run: Run) -> str:
    """Say how many jobs were on their way at most, and how many at the end."""
    created, started, finished = (
        run.jobs[name].dropna().to_numpy() for name in ("created", "started", "finished")
    )
    if not len(created):
        return "No job was created."
    peak, after = _peak(created, finished)
    running, _ = _peak(started, finished)
    were = "was" if peak == 1 else "were"
    left = len(created) - len(finished)
    end = f"{count_of(left, 'job')} had not ended" if left else "all had ended"
    return (
        f"At most {count_of(peak, 'job')} {were} on their way at once, first after "
        f"{format_duration(after)}, and at most {running:,} of them running; when the run ended, "
        f"{end}."
    )


def _peak(begun: NDArray[np.float64], ended: NDArray[np.float64]) -> tuple[int, float]:
    """Return how many were under way at most, and when first; who ends makes room first."""
    if not len(begun):
        return 0, math.nan
    begun, ended = np.sort(begun), np.sort(ended)
    under_way = np.arange(1, len(begun) + 1) - np.searchsorted(ended, begun, side="right")
    at = int(under_way.argmax())
    return int(under_way[at]), float(begun[at])


def throughput(run: Run) -> str:
    """Say how fast jobs came in and got done, and what was left over."""
    created = run.jobs["created"].dropna().to_numpy()
    finished = run.jobs["finished"].dropna().to_numpy()
    if not len(created) or not len(finished):
        return f"{count_of(len(created), 'job')} came in and none got done."
    came_in = float(created.max() - created.min())
    took = float(finished.max() - created.min())
    if came_in <= _AT_ONCE * took:
        them = "them" if len(finished) == len(created) else f"{len(finished):,} of them"
        return (
            f"{count_of(len(created), 'job')} came in within {format_duration(came_in)}; getting "
            f"{them} done took {format_duration(took)}, {format_number(len(finished) / took)} "
            "jobs per second."
        )
    done = int(np.count_nonzero(finished <= created.max()))
    return (
        f"While jobs came in, {format_number(len(created) / came_in)} per second were created and "
        f"{format_number(done / came_in)} got done; {len(created) - done:,} were still on their "
        "way when the last one came."
    )


def waits(run: Run) -> str:
    """Say how long paid jobs waited for a worker, and what the slowest of them add."""
    seconds = np.sort(stages_of(run.jobs)["wait"].dropna().to_numpy())
    if not len(seconds):
        return "No job was paid and started, so none waited."
    total = float(seconds.sum())
    if not total:
        return f"None of the {count_of(len(seconds), 'paid job')} waited for a worker."
    p95 = format_duration(float(np.percentile(seconds, 95)))
    slowest = math.ceil(_SLOWEST * len(seconds))
    cause = percent(float(seconds[-slowest:].sum()) / total)
    who = "slowest job causes" if slowest == 1 else "slowest 1 % cause"
    return f"95 % of jobs waited less than {p95}; the {who} {cause} of all waiting."


def time_spent(run: Run) -> str:
    """Say what the time of a finished job was made of, on average."""
    stages = stages_of(run.jobs).dropna()
    total = float(stages["sojourn"].sum())
    if not total:
        return "No job was finished, so there is no time to divide."
    shares = {name: percent(float(stages[name].sum()) / total) for name in stages}
    return (
        f"A finished job took {format_duration(total / len(stages))} on average: "
        f"{shares['unpaid']} of that until it was paid, {shares['wait']} waiting for a worker, "
        f"{shares['service']} being worked on."
    )


def dwell(run: Run) -> str:
    """Say how long finished jobs took, and which stage is the longest of them."""
    stages = stages_of(run.jobs).dropna()
    if stages.empty:
        return "No job was finished, so no job took any time."
    half, most = (format_duration(value) for value in np.percentile(stages["sojourn"], (50, 95)))
    medians = stages[list(STAGES)].median()
    longest = str(medians.idxmax())
    return (
        f"Half of the finished jobs took less than {half} from creation to end, 95 % less than "
        f"{most}; the longest stage is usually {STAGES[longest]}, "
        f"{format_duration(float(medians[longest]))} at the median."
    )


def swimlanes(run: Run) -> str:
    """Say how busy the workers were, and how evenly."""
    started = run.jobs.loc[run.jobs["started"].notna(), "worker"].value_counts()
    if started.empty:
        return "No worker started a job."
    workers = run.workload.scenario.workers
    most, least = int(started.max()), int(started.min()) if len(started) == workers else 0
    busy = run.metrics()["utilisation"]
    who = f"The {workers:,} workers were" if workers > 1 else "The one worker was"
    told = "" if math.isnan(busy) else f"{who} busy {percent(busy)} of the time"
    if workers == 1:
        return f"{told}." if told else f"The one worker started {count_of(most, 'job')}."
    spread = f"he busiest started {count_of(most, 'job')}, the least busy {least:,}."
    return f"{told}; t{spread}" if told else f"T{spread}"


def latency(run: Run) -> str:
    """Say how long calls on the repository took, and which was the slowest."""
    table = None if run.calls is None else latencies(run.calls)
    if table is None or table.empty:
        return "No call on a repository was recorded."
    half, most = (
        format_duration(float(value) / 1e6) for value in table["latency"].quantile([0.5, 0.99])
    )
    longest = table.iloc[int(table["latency"].argmax())]
    return (
        f"Half of the {count_of(len(table), 'repository call')} took less than {half}, 99 % less "
        f"than {most}; the slowest, {longest['op']}, took "
        f"{format_duration(float(longest['latency']) / 1e6)}."
    )
