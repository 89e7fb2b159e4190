"""Studies of a log's own jobs: what can be changed on them, and how many workers they need.

A log is one history, not a load from which more can be drawn: its studies are exact for these
jobs, and have no confidence interval. `jobsim.calibrate` learns a load from it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.display.text import Rows, Shown, count_of, format_share
from jobsim.figures.metrics import figures_of
from jobsim.scenario.draws import draw_payment, stream_of
from jobsim.scenario.log import Log
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.ticks import to_ticks
from jobsim.scenario.workload import Workload
from jobsim.studies.words import in_words
from jobsim.virtual.server import Server

_KEPT = ("workers", "clients", "pollers", "poll_interval", "reaper", "outages", "name", "why")
"""The fields that do not change any job."""

_TRAFFIC = 97  # the stream of thinning and superposition; those of a workload are far below
_DAY = 86_400.0


class FixedByLogError(ValueError):
    """A log's own jobs fix this field; the text says what can be changed.

    Parameters
    ----------
    field
        The field that was to be changed.
    """

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field

    def __str__(self) -> str:
        return (
            f"{self.field!r} cannot be changed on a log: its jobs are what they were. Change "
            "workers, reaper, outages, payment, arrivals.rate or traffic (a factor), or learn a "
            "scenario from it: jobsim.calibrate(log).scenario"
        )


def jobs_of_log(load: object) -> Workload | None:
    """Return the workload of a log or of a workload; None for a scenario."""
    if isinstance(load, Log):
        return load.workload()
    return load if isinstance(load, Workload) else None


def with_changes(workload: Workload, changes: Mapping[str, Any]) -> tuple[Workload, str]:
    """Return a log's jobs with some fields changed, and in words how its arrivals were made.

    Parameters
    ----------
    workload
        The jobs.
    changes
        Dotted path to new value, as for `Scenario.replace`. `arrivals.rate`, in jobs per second,
        and ``traffic``, a factor, make more or fewer of the jobs, see `with_traffic`. A payment is
        drawn anew, in place of the logged one.

    Raises
    ------
    FixedByLogError
        For a field that the log's jobs fix.

    Examples
    --------
    >>> from jobsim.scenario.log import read_log
    >>> log = read_log(pd.DataFrame({"submitted": [0, 5], "runtime": [2, 2]}))
    >>> with_changes(log.workload(), {"workers": 3})[0].scenario.workers
    3
    """
    plain: dict[str, Any] = {}
    factor, payment = 1.0, False
    for path, value in changes.items():
        top = path.split(".")[0]
        if path == "traffic":
            factor *= float(value)
        elif path == "arrivals.rate":
            factor *= float(value) / _rate(workload)
        elif top in _KEPT or top in {"payment", "seed"}:
            plain[path] = value
            payment |= top == "payment"
        else:
            raise FixedByLogError(path)
    scenario = workload.scenario.replace(plain)
    if payment:
        delay, lag = draw_payment(scenario, len(workload))
        # Where the log says who never paid, drawn payments leave that to the draw alone.
        never = np.isnan(workload.delay) if not _logged_payment(workload) else np.False_
        delay[never] = lag[never] = np.nan
        workload = replace(workload, scenario=scenario, delay=delay, lag=lag)
    else:
        workload = replace(workload, scenario=scenario)
    return with_traffic(workload, factor)


def with_traffic(workload: Workload, factor: float) -> tuple[Workload, str]:
    """Return a log's jobs at another traffic, and how that was made.

    Below 1 each job stays with this probability (thinning). Above 1 copies of the log are laid over
    it (superposition), each moved in time: by whole days where the log has at least two, so that
    hours keep their traffic, otherwise by any time; what moves out at the end comes in at the
    start. The last copy is thinned. So bursts of the log are neither kept nor lost as a whole:
    twice the traffic is twice as many independent users, not the same users asking twice.

    Parameters
    ----------
    workload
        The jobs; its scenario's seed says which stay and where copies lie.
    factor
        How much traffic, above 0; 1 changes nothing.

    Examples
    --------
    >>> from jobsim.scenario.log import read_log
    >>> log = read_log(pd.DataFrame({"submitted": range(1000), "runtime": 1}))
    >>> doubled, how = with_traffic(log.workload(), 2.0)
    >>> len(doubled), how
    (2000, 'the log and 1 copy of it, moved in time')
    """
    if not 0 < factor < math.inf:
        raise ValueError(f"traffic is {factor}; it is a factor above 0")
    if factor == 1.0:
        return workload, "as logged"
    rng = stream_of(workload.scenario.seed, _TRAFFIC)
    # Drawn for every job whatever the factor is, so that less traffic is a subset of more.
    stay = rng.random(len(workload))
    if factor < 1.0:
        how = f"each job stays with probability {factor:.4g}"
        return _taken(workload, np.flatnonzero(stay < factor), None), how
    copies, part = int(factor), factor - int(factor)
    rows = [np.arange(len(workload))]
    times = [workload.arrival]
    span = float(workload.arrival[-1]) + _gap(workload)
    for number in range(1, copies + (part > 0)):
        kept = np.arange(len(workload)) if number < copies else np.flatnonzero(stay < part)
        rows.append(kept)
        # Wrapped round, not cut off: every job of the copy stays within the log's time.
        times.append(np.mod(workload.arrival[kept] + _shift(rng, span), span))
    whole = copies - 1
    how = f"the log and {count_of(whole, 'copy', 'copies')} of it" if whole else "the log"
    if part:
        how += f" and {format_share(part)} of another"
    return _taken(workload, np.concatenate(rows), np.concatenate(times)), f"{how}, moved in time"


def _shift(rng: np.random.Generator, span: float) -> float:
    days = int(span // _DAY)
    return float(rng.integers(1, days)) * _DAY if days >= 2 else float(rng.uniform(0.0, span))


def _gap(workload: Workload) -> float:
    return float(workload.arrival[-1]) / max(len(workload) - 1, 1)


def _rate(workload: Workload) -> float:
    # One mean gap more than the last arrival, so that a copy that wraps round does not collide.
    span = float(workload.arrival[-1]) + _gap(workload)
    if not span > 0:
        raise ValueError("all jobs of the log arrive at once: it has no rate; use traffic")
    return len(workload) / span


def _logged_payment(workload: Workload) -> bool:
    return workload.source is not None and workload.source.pays


def _taken(
    workload: Workload, rows: NDArray[np.intp], times: NDArray[np.float64] | None
) -> Workload:
    """Return some rows of a workload, each possibly more than once, in order of arrival."""
    arrival = workload.arrival[rows] if times is None else to_ticks(times)
    if not len(rows):
        raise ValueError("no job is left at this traffic")
    # Stable: jobs at the same instant keep the order of the log, and copies come after it.
    order = np.argsort(arrival, kind="stable")
    arrays = {name: array[rows][order] for name, array in workload.arrays().items()}
    arrays["arrival"] = arrival[order] - arrival[order][0]
    # Logged waits are those of the logged traffic, so there is nothing to compare with any more.
    arrays.pop("logged_wait", None)
    return Workload(scenario=workload.scenario, source=workload.source, **arrays)


def first_jobs(workload: Workload, most: int) -> Workload:
    """Return the first jobs of a workload without retries, at most `most`.

    Examples
    --------
    >>> from jobsim.scenario.log import read_log
    >>> log = read_log(pd.DataFrame({"submitted": range(9), "runtime": 1}))
    >>> len(first_jobs(log.workload(), 4))
    4
    """
    if len(workload) <= most:
        return workload
    arrays = {name: array[:most] for name, array in workload.arrays().items()}
    return Workload(scenario=workload.scenario, source=workload.source, **arrays)


def figures_of_jobs(
    server: Server, scenario: Scenario, *, also: Sequence[str] = ()
) -> dict[str, float]:
    """Return the key figures of a log's jobs at a setting: of all of them, nothing deleted."""
    return figures_of(server.measure(scenario), server.workload, scenario, also=also)


@dataclass(frozen=True, eq=False, repr=False)
class WorkersForLog(Shown):
    """The smallest number of workers with which a log's own jobs meet a target.

    Attributes
    ----------
    workload
        The jobs.
    metric, target
        What was asked for.
    workers
        The answer; None if no number meets the target.
    value
        The metric at that number of workers; without an answer, with a worker for every job.
    table
        One row per number of workers that was tried, with the figures of that run.
    reason
        Why fewer are too few; without an answer, why there is none.
    horizon
        Always ``"scenario"``: exactly these jobs.
    """

    workload: Workload
    metric: str
    target: float
    workers: int | None
    value: float
    table: pd.DataFrame
    reason: str
    horizon: str = "scenario"

    @property
    def met(self) -> bool:
        """Whether some number of workers meets the target."""
        return self.workers is not None

    @property
    def sentence(self) -> str:
        """The answer in words."""
        target = f"{self.metric} of {in_words(self.target, self.metric)}"
        if self.workers is None:
            return f"no answer for a {target}: {self.reason}"
        found = in_words(self.value, self.metric)
        return f"{count_of(self.workers, 'worker')} for a {target}: it would have been {found}"

    def _display(self) -> tuple[str, Rows]:
        rows = [("answer", self.sentence)]
        if self.workers is not None:
            rows.append(("fewer", self.reason))
        rows.append(("horizon", "exactly the jobs of the log, at their times"))
        tried = ", ".join(f"{workers:,}" for workers in self.table["workers"])
        rows.append(("tried", tried or "nothing"))
        return f"Workers needed by {self.workload.scenario.name!r}", rows


def workers_for_log(
    workload: Workload, metric: str, target: float, *, at_least: bool
) -> WorkersForLog:
    """Return the smallest number of workers with which these jobs meet a target.

    Without feedback more workers never make anyone wait longer on the same jobs, so the search may
    skip numbers; with feedback each is tried, from 1 on.

    Parameters
    ----------
    workload
        The jobs.
    metric, target
        A figure of `jobsim.figures.metrics.metrics` and its bound.
    at_least
        Whether the figure is to be at least the target.
    """
    server, scenario = Server(workload, runs=20), workload.scenario
    found: dict[int, dict[str, float]] = {}

    def figure(workers: int) -> float:
        if workers not in found:
            setting = scenario.replace({"workers": workers})
            found[workers] = figures_of_jobs(server, setting, also=(metric,))
        if metric not in found[workers]:
            raise ValueError(f"these jobs have no {metric}")
        return found[workers][metric]

    def meets(workers: int) -> bool:
        value = figure(workers)
        return value >= target if at_least else value <= target

    # A worker for every job: if that does not meet the target, no number does.
    most = max(len(workload), 1)
    ideal = figure(most)
    ideal_meets = meets(most)
    del found[most]  # only a bound, not a number worth showing
    if not ideal_meets:
        what = "is not known" if math.isnan(ideal) else f"is {in_words(ideal, metric)}"
        reason = f"with a worker for every job, so that nobody waits, it {what}"
        return WorkersForLog(workload, metric, target, None, ideal, _tried(found), reason)
    if not scenario.open_queue:
        answer = next(workers for workers in itertools.count(1) if meets(workers))
    else:
        low, high = 0, 1
        # Doubling first: a figure of few workers is slow to compute, and the answer may be far off.
        while not meets(high):
            low, high = high, min(2 * high, most)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if meets(middle) else (middle, high)
        answer = high
    reason = "there is no fewer than one"
    # The number below is tried at least once, so that the reason is a figure, not a guess.
    if answer > 1:
        reason = f"{count_of(answer - 1, 'worker')}: {in_words(figure(answer - 1), metric)}"
    value = figure(answer)
    return WorkersForLog(workload, metric, target, answer, value, _tried(found), reason)


def _tried(found: Mapping[int, Mapping[str, float]]) -> pd.DataFrame:
    rows = [{"workers": workers, **found[workers]} for workers in sorted(found)]
    return pd.DataFrame(rows, columns=None if rows else ["workers"])


def sweep_log(
    workload: Workload,
    over: Mapping[str, Iterable[Any]],
    *,
    replications: int,
    figures: Sequence[str] = (),
) -> pd.DataFrame:
    """Run a log's jobs at every combination of some fields' values, as `jobsim.sweep` does.

    Returns
    -------
    DataFrame
        One row per setting and replication: the fields, `replication`, `seed`, the figures, and
        `arrivals_made`, how the arrivals were made. Replications differ only where something is
        drawn: a payment, or which jobs make another traffic; otherwise there is one.
    """
    grid = {path: list(values) for path, values in over.items()}
    drawn = any(path.split(".")[0] in {"traffic", "arrivals", "payment"} for path in grid)
    rows = []
    for values in itertools.product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        # Without a draw all replications would be the same run.
        for number in range(replications if drawn else 1):
            # The first replication has the scenario's own seed, so that it can be run again by
            # itself.
            seed = workload.scenario.seed + number
            changed, how = with_changes(workload, {**point, "seed": seed})
            found = figures_of_jobs(Server(changed), changed.scenario, also=figures)
            row = {**point, "replication": number, "seed": seed, "warmup": 0, **found}
            rows.append(row | {"arrivals_made": how, "error": None})
    return pd.DataFrame(rows).astype({"error": "str"})
