"""From the jobs that are in the system now: when the backlog is gone, how long a new job waits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.display.text import Rows, Shown, count_of, format_duration
from jobsim.run.run import Run
from jobsim.scenario.distributions import Distribution
from jobsim.scenario.log import Log
from jobsim.studies.arrival_fit import fit_arrivals
from jobsim.studies.calibrate import FEW
from jobsim.studies.fitting import fit_times
from jobsim.studies.seen import seen_part, service_times
from jobsim.virtual.recursion import fcfs, queue_order

Floats = NDArray[np.float64]

_DRAWS = 200
_SAME = 4  # futures with the same parameters, because a pool takes longer to draw than a future
_POOL = 100_000
_MOST_ARRIVALS = 20_000  # of one draw, after which the system counts as never empty


@dataclass(frozen=True, eq=False, repr=False)
class Forecast(Shown):
    """What becomes of the jobs that are in the system at a moment.

    Attributes
    ----------
    name
        Of the log or the run.
    at
        The moment, in seconds from the first arrival.
    running, waiting
        How many jobs were being worked on, and paid and waiting.
    rate
        Jobs per second that arrive from then on.
    table
        DataFrame, one row per number of workers: `workers`; `load`, the work that arrives over the
        work that is done; median, `low` and `high` (95 % prediction interval) in seconds from the
        moment on of `drained` (the last job now in the system has ended), `wait` (of a job that is
        paid now), and `empty` (nobody is in the system for the first time; infinite at a load of 1
        and more, and where that is not within several times the drain): columns `drained`,
        `drained_low`, `drained_high`, `wait`, ...
    """

    name: str
    at: float
    running: int
    waiting: int
    rate: float
    table: pd.DataFrame

    def _display(self) -> tuple[str, Rows]:
        """Return the rows of the display."""
        inside = f"{self.running:,} running, {self.waiting:,} waiting"
        rows: Rows = [("now", f"{format_duration(self.at)} after the first arrival: {inside}")]
        for row in self.table.to_dict("records"):
            said = [
                f"{what} {_spread(row, name)}"
                for what, name in (
                    ("backlog gone after", "drained"),
                    ("a new job waits", "wait"),
                    ("first empty after", "empty"),
                )
            ]
            rows.append((count_of(int(row["workers"]), "worker"), "; ".join(said)))
        return f"Forecast of {self.name}", rows


def _spread(row: Mapping[Any, float], name: str) -> str:
    # Many workers are never all idle at once, although each of them is now and then.
    beyond = "never" if row["load"] >= 1.0 else "not foreseeable"
    if math.isinf(row[name]):
        return beyond
    high = row[f"{name}_high"]
    last = beyond if math.isinf(high) else format_duration(high)
    return f"{format_duration(row[name])} ({format_duration(row[f'{name}_low'])} to {last})"


def forecast(
    source: Log | Run, *, at: float | None = None, workers: int | Iterable[int] | None = None
) -> Forecast:
    """Predict what becomes of the jobs in the system, served first come first served.

    Parameters
    ----------
    source
        A log, of which only what was known at the moment is used; or a run, whose scenario gives
        the service times.
    at
        Seconds from the first arrival; None takes the end.
    workers
        One number or several; None takes the run's, or as many as the log shows at work at once.

    Notes
    -----
    Jobs in service take the time that is left for their age, drawn from the fitted service times;
    those in the queue follow in the order of their payments. Later jobs stand behind them, and so
    delay none of them; they matter only for `empty`, and arrive as a Poisson process. Where fewer
    workers are asked for than are at work, these finish what they have begun. Intervals include the
    uncertainty of the fit.

    Raises
    ------
    ValueError
        If the moment lies outside, too few jobs had ended by then, or a number is below 1.

    Examples
    --------
    >>> from jobsim import Scenario, run_virtual
    >>> spike = Scenario(jobs=300, workers=4, arrivals={"kind": "stampede"})
    >>> found = forecast(run_virtual(spike), at=20.0, workers=[4, 8])
    >>> drained = found.table["drained"]
    >>> bool(drained[0] > 1.8 * drained[1])
    True
    """
    rng = np.random.default_rng(0)
    if isinstance(source, Run):
        name, moment, ages, waiting = _of_run(source, at)
        scenario = source.workload.scenario
        draws: list[Distribution] = [scenario.work.service] * _DRAWS
        rate = scenario.arrivals.mean_rate
        rates = np.full(_DRAWS, 0.0 if rate is None else rate * (scenario.payment.confirmed or 1.0))
        crew = [scenario.workers]
    else:
        name, moment, ages, waiting, draws, rates = _of_log(source, at, rng)
        crew = [max(source.peak_concurrency()[0], 1)]
    if workers is not None:
        crew = [workers] if isinstance(workers, int) else list(workers)
    if not crew or min(crew) < 1:
        raise ValueError(f"workers is {workers}; each number is at least 1")
    rows = [_foretold(count, ages, waiting, draws, rates, rng) for count in crew]
    return Forecast(name, moment, len(ages), waiting, float(rates.mean()), pd.DataFrame(rows))


def _of_run(run: Run, at: float | None) -> tuple[str, float, Floats, int]:
    jobs = run.jobs
    moment = _moment(at, float(jobs[["created", "finished"]].max().max()))
    started, finished = jobs["started"].to_numpy(), jobs["finished"].to_numpy()
    running = (started <= moment) & ~(finished <= moment)
    waiting = (jobs["paid"].to_numpy() <= moment) & ~(started <= moment)
    return run.workload.scenario.name, moment, moment - started[running], int(waiting.sum())


def _of_log(
    log: Log, at: float | None, rng: np.random.Generator
) -> tuple[str, float, Floats, int, list[Distribution], Floats]:
    """Return the state at a moment, and service and rate once per draw, as known at that moment."""
    moment = _moment(at, max(log.end, log.span))
    seen = seen_part(log, moment)
    times = service_times(seen)
    if len(times.known) < FEW:
        few = count_of(len(times.known), "job")
        raise ValueError(f"only {few} had ended by then: {FEW} are needed")
    still = seen["outcome"].eq("unfinished")
    ages = seen.loc[still & seen["service"].notna(), "service"].to_numpy(dtype=np.float64)
    waiting = int((still & seen["service"].isna() & (seen["paid"] <= moment)).sum())
    fit = fit_times(times)
    drawn = [
        fit.distribution if fit.draw is None else fit.draw(rng) for _ in range(_DRAWS // _SAME)
    ]
    draws = [service for service in drawn for _ in range(_SAME)]
    first = np.sort(seen.loc[(seen["attempt"] == 1) & seen["paid"].notna(), "paid"].to_numpy())
    rate = fit_arrivals(first - first[0], max(moment - float(first[0]), 1e-9)).rate
    deviation = (rate.high - rate.low) / 2 / 1.96
    rates = np.maximum(rng.normal(rate.value, deviation, _DRAWS), 0.0)
    return log.name, moment, ages, waiting, draws, rates


def _moment(at: float | None, end: float) -> float:
    if at is None:
        return end
    if not 0 <= at <= end:
        raise ValueError(f"at is {at}; it lies between 0 and {end:.6g} s after the first arrival")
    return float(at)


def _foretold(
    workers: int,
    ages: Floats,
    waiting: int,
    draws: list[Distribution],
    rates: Floats,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return the row of one number of workers."""
    found = np.empty((len(draws), 3))
    loads = []
    same = all(service is draws[0] for service in draws)
    pool = np.empty(0)
    for number, (service, rate) in enumerate(zip(draws, rates, strict=True)):
        if not number or service is not draws[number - 1]:
            pool = np.sort(service.sample(rng, _POOL if same else _POOL // 5))
        left = np.sort(_remainders(pool, ages, rng))
        # Workers beyond the number finish what they have begun; the first to finish leave.
        free = left[max(len(left) - workers, 0) :]
        work = rng.choice(pool, waiting)
        load = float(rate) * float(pool.mean()) / workers
        loads.append(load)
        found[number] = _one(workers, left, free, work, float(rate), load, pool, rng)
    row: dict[str, float] = {"workers": workers, "load": float(np.mean(loads))}
    for place, name in enumerate(("drained", "wait", "empty")):
        low, middle, high = np.quantile(found[:, place], [0.025, 0.5, 0.975], method="nearest")
        row |= {name: float(middle), f"{name}_low": float(low), f"{name}_high": float(high)}
    return row


def _remainders(pool: Floats, ages: Floats, rng: np.random.Generator) -> Floats:
    """Draw what is left of jobs of these ages: service times longer than each, less the age."""
    first = np.searchsorted(pool, ages, side="right")
    beyond = len(pool) - first
    place = first + (rng.random(len(ages)) * beyond).astype(np.intp)
    inside = np.minimum(place, len(pool) - 1)
    # Older than anything in the pool: as long again on average, as in a heavy tail.
    older = ages * rng.exponential(1.0, len(ages))
    return np.where(beyond > 0, pool[inside] - ages, older)


def _one(
    workers: int,
    left: Floats,
    free: Floats,
    work: Floats,
    rate: float,
    load: float,
    pool: Floats,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Play one future; return when the backlog is gone, a new job's wait, and first emptiness."""
    now = np.zeros(len(free) + len(work) + 1)
    tasks = np.concatenate([free, work, [0.0]])
    started, finished = _serve(now, tasks, workers)
    drained = max(float(finished[:-1].max(initial=0.0)), float(left.max(initial=0.0)))
    wait = float(started[-1])
    if load >= 1.0:
        return drained, wait, math.inf
    if not rate > 0 or not len(free) + len(work):
        return drained, wait, drained
    # The backlog shrinks by the workers' spare time: look somewhat further than that.
    horizon = 4.0 * (drained / (1.0 - load)) + 50.0 * float(pool.mean())
    count = int(min(rate * horizon + 100, _MOST_ARRIVALS))
    arrival = np.cumsum(rng.exponential(1.0 / rate, count))
    every = np.concatenate([now[:-1], arrival])
    tasks = np.concatenate([tasks[:-1], rng.choice(pool, count)])
    _, finished = _serve(every, tasks, workers)
    latest = np.maximum.accumulate(finished)[len(now) - 2 :]
    latest = np.maximum(latest, left.max(initial=0.0))
    hit = np.flatnonzero(arrival >= latest[:-1])
    return drained, wait, float(latest[hit[0]]) if len(hit) else math.inf


def _serve(paid: Floats, tasks: Floats, workers: int) -> tuple[Floats, Floats]:
    started, finished = np.empty(len(paid)), np.empty(len(paid))
    worker = np.empty(len(paid), dtype=np.int32)
    order = queue_order(paid)
    fcfs(paid, tasks, workers, started=started, finished=finished, worker=worker, order=order)
    return started, finished
