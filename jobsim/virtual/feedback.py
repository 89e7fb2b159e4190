"""A workload with feedback in virtual time: arrays in, the table of jobs out."""

from __future__ import annotations

from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.scenario.closed import Closed
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.scenario.workload import Workload
from jobsim.tables.jobs_table import jobs_table, shared
from jobsim.virtual import compiled as _compiled
from jobsim.virtual.recursion import rejections
from jobsim.virtual.rules import begin, play
from jobsim.virtual.state import FAR, NEVER, TOKEN, Job, Outage, Request, Rules, Simulation, Worker

COMPILE_FROM = 400_000
"""The number of rows from which loading or compiling the loop costs less than it saves."""

LATEST = 2.0**40
"""The latest second at which an outage or the reaper may act: far beyond all drawn times."""

DRAWN = ("pause", "delay", "service", "fails", "patience", "crash", "restart")
"""The arrays of a workload that become fields of the loop's jobs."""

Kind = TypeVar("Kind")


def serve_feedback(
    workload: Workload, scenario: Scenario, *, compiled: bool | None = None
) -> pd.DataFrame:
    """Return the `jobs` table of a workload whose jobs influence each other.

    One row per job that was asked for, in order of (request, attempt). Pure, so threads may call
    it at the same time; the compiled loop releases the GIL.

    Parameters
    ----------
    workload
        The jobs.
    scenario
        The workers and the rules. May differ from the workload's own scenario in what is not drawn.
    compiled
        Whether to run the compiled loop. By default it is used if it is already loaded in this
        process, or if numba can be imported and there are at least `COMPILE_FROM` rows.

    Raises
    ------
    ImportError
        If `compiled` is true and numba cannot be imported.

    Examples
    --------
    Every first attempt fails, and so does every second:

    >>> scenario = Scenario(jobs=2, work={"fail": 1.0}, retry={"attempts": 2})
    >>> serve_feedback(Workload.sample(scenario), scenario)["attempt"].tolist()
    [1, 2, 1, 2]
    """
    jobs, requests, workers, outages = _service(workload, scenario)
    rules = _rules(scenario, asks=False)
    if compiled is None:
        run = _compiled.loop.load_if_worth_it(len(workload), threshold=COMPILE_FROM)
    else:
        run = _compiled.loop.load() if compiled else None
    if run is not None:
        run(jobs, requests, workers, outages, rules, np.zeros(4, np.int64))
    else:
        # Plain Python works on objects several times as fast as on records of an array.
        played = _objects(Job, jobs)
        crew, asked = _objects(Worker, workers), _objects(Request, requests)
        play(played, asked, crew, _objects(Outage, outages), rules, [0] * 4)
        names = jobs.dtype.names or ()
        jobs = np.array(list(map(attrgetter(*names), played)), dtype=jobs.dtype)
    return _table(workload, scenario, jobs)


def simulation(workload: Workload) -> Simulation:
    """Return the service of a workload at time 0 in plain Python, for threads that play it."""
    jobs, requests, workers, outages = _service(workload, workload.scenario)
    return begin(
        _objects(Job, jobs),
        _objects(Request, requests),
        _objects(Worker, workers),
        _objects(Outage, outages),
        _rules(workload.scenario, asks=True),
        [0] * 4,
    )


def _service(workload: Workload, scenario: Scenario) -> list[NDArray[np.void]]:
    """Return the records that the rules work on: jobs, requests, workers, outages."""
    outages = _records(Outage, len(scenario.outages))
    for number, outage in enumerate(scenario.outages):
        outages[number] = (_tick(outage.at), _tick(outage.at + outage.duration), outage.workers)
    requests = _records(Request, workload.requests)
    return [_jobs(workload), requests, _records(Worker, scenario.workers), outages]


def _records(kind: type, length: int) -> NDArray[np.void]:
    """Return records with the fields of a dataclass and their defaults; 0 without a default."""
    dtype = [(field.name, np.int64) for field in fields(kind)]
    first = tuple(0 if field.default is MISSING else field.default for field in fields(kind))
    return np.array([first], dtype=dtype).repeat(length)


def _objects(kind: type[Kind], records: NDArray[np.void]) -> list[Kind]:
    return [kind(*values) for values in records.tolist()]


def _jobs(workload: Workload) -> NDArray[np.void]:
    jobs = _records(Job, len(workload))
    for name in DRAWN:
        times: NDArray[np.float64] | None = getattr(workload, name)
        jobs[name] = NEVER if times is None else _ticks(times)
    if workload.scenario.users is None:
        first = slice(None, None, workload.attempts)
        jobs["intended"][first] = _ticks(workload.arrival[first])
    return jobs


def _rules(scenario: Scenario, *, asks: bool) -> Rules:
    """Turn a scenario into plain integers, which compiled code needs."""
    closed = scenario.arrivals if isinstance(scenario.arrivals, Closed) else None
    reaper, retry = scenario.reaper, scenario.retry
    budget = None if retry is None else retry.budget
    return Rules(
        attempts=scenario.attempts,
        users=scenario.users or 0,
        paced=closed is not None and closed.paced,
        doors=FAR if scenario.duration is None else _tick(scenario.duration),
        timeout=NEVER if reaper is None else _tick(reaper.timeout - reaper.skew),
        from_creation=reaper is not None and reaper.since == "created",
        every=1 if reaper is None else max(1, _tick(reaper.every)),
        budget=NEVER if budget is None else round(budget * TOKEN),
        burst=0 if retry is None else retry.burst * TOKEN,
        asks=asks,
    )


def _table(workload: Workload, scenario: Scenario, jobs: NDArray[np.void]) -> pd.DataFrame:
    """Turn the engine's records into the `jobs` table; ticks become seconds only here."""
    asked = np.flatnonzero(jobs["created"] != NEVER)
    told = jobs.take(asked)  # ten times as fast as an index, for records

    def seconds(name: str) -> NDArray[np.float64]:
        return np.where(told[name] == NEVER, np.nan, told[name] * (1.0 / TICKS_PER_SECOND))

    def happened(name: str) -> NDArray[np.bool_]:
        flags: NDArray[np.bool_] = told[name] != NEVER
        return flags

    paid = seconds("paid")
    columns: dict[str, NDArray[Any]] = {
        # The smallest types that will do: a table of millions of jobs is mostly these columns.
        "request": (asked // scenario.attempts).astype(np.int32),
        "attempt": (asked % scenario.attempts + 1).astype(np.int8),
        "arrival": seconds("intended"),
        "created": seconds("created"),
        "paid": paid,
        "started": seconds("started"),
        "finished": seconds("finished"),
        "status": told["status"].astype(np.int8),
        "worker": told["worker"].astype(np.int32),
        "rejected": rejections(paid, workload.lag[asked]) + told["rejected"].astype(np.int32),
        "released": seconds("released"),
        "crashed": happened("crashed"),
        "reaped": happened("reaped"),
        "left": seconds("left"),
    }
    return jobs_table(shared(columns), scenario.workers)


def _ticks(times: NDArray[np.float64] | NDArray[np.bool_]) -> NDArray[np.int64]:
    if times.dtype == np.bool_:
        return times.astype(np.int64)
    return np.where(np.isnan(times), NEVER, times * TICKS_PER_SECOND).astype(np.int64)


def _tick(seconds: float) -> int:
    # Nothing happens beyond all drawn times, and sums of a few such ticks still fit 64 bits.
    return round(min(seconds, LATEST) * TICKS_PER_SECOND)
