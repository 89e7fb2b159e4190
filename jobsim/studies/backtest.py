"""A log beside the model: its own jobs served again, and its last part predicted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.display.text import Rows, Shown, count_of, format_duration, format_share
from jobsim.scenario.log import Log
from jobsim.scenario.workload import Workload
from jobsim.studies.calibrate import FEW, Calibration, calibrate
from jobsim.virtual.recursion import fcfs, queue_order
from jobsim.virtual.server import Server

Floats = NDArray[np.float64]

FIGURES = ("mean", "p50", "p95", "p99")
"""The figures of a wait that are compared."""

CLOSE = 0.1
"""The relative error up to which a replay explains a log."""

_SHARES = (0.5, 0.95, 0.99)
_MEANT = 0.1  # waits below this share of the mean service count as none
_DRAWS = 200
_MOST_JOBS = 20_000_000  # over all draws


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Shown):
    """How well first come, first served explains the waits of a log.

    Attributes
    ----------
    log
        The log.
    workers
        The number of workers with which its jobs were served again.
    found
        Whether that number was searched for; otherwise it was given.
    explains
        Whether the replay gives the logged waits; None if the log has none.
    table
        DataFrame, one row per figure of `FIGURES`: `figure`, `logged`, `replayed`, `error`.
    by_hour
        DataFrame: `hour` (from the first arrival), `jobs`, `logged` and `replayed` mean waits.
    waits
        DataFrame, one row per job with a logged wait: `arrival`, `logged`, `replayed`.
    unseen
        DataFrame, the last part: `figure`, `logged`, `low` and `high` (95 % prediction interval of
        the calibrated scenario), `inside`; None where nothing could be calibrated.
    sentences
        The conclusions.
    """

    log: Log
    workers: int
    found: bool
    explains: bool | None
    table: pd.DataFrame
    by_hour: pd.DataFrame
    waits: pd.DataFrame
    unseen: pd.DataFrame | None
    sentences: tuple[str, ...]

    def _display(self) -> tuple[str, Rows]:
        """Return the rows of the display."""
        how = "explains the log best" if self.found else "as given"
        how = "as many as ran at once" if self.found and self.explains is None else how
        rows: Rows = [("workers", f"{self.workers:,}, {how}")]
        for row in self.table.to_dict("records"):
            logged, replayed = (format_duration(row[name]) for name in ("logged", "replayed"))
            rows.append((f"wait {row['figure']}", f"{logged} logged, {replayed} replayed"))
        if self.unseen is not None:
            for row in self.unseen.to_dict("records"):
                inside = "inside" if row["inside"] else "OUTSIDE"
                ends = f"{format_duration(row['low'])} to {format_duration(row['high'])}"
                text = f"{format_duration(row['logged'])} logged, {inside} {ends}"
                rows.append((f"unseen {row['figure']}", text))
        rows += [("verdict", sentence) for sentence in self.sentences]
        return f"Backtest of {self.log.name}", rows


def backtest(log: Log, workers: int | None = None, *, holdout: float = 0.25) -> Backtest:
    """Serve a log's own jobs again, predict its unseen last part, and compare with the log.

    Parameters
    ----------
    log
        The log.
    workers
        The number of workers; None searches for the one that explains the logged waits best.
    holdout
        Share of the span that the calibrated scenario does not see.

    Notes
    -----
    Jobs that were running when the log ended take part with the time for which they had run. The
    interval of the last part is one for new waits in a part of that length, including the
    uncertainty of the fit: even the exact model comes within 10 % of them in only half of logs.

    Examples
    --------
    >>> from jobsim import Scenario, read_log, run_virtual
    >>> load = Scenario(jobs=2000, workers=3, arrivals={"kind": "poisson", "rate": 2.4})
    >>> found = backtest(read_log(run_virtual(load).jobs), holdout=0)
    >>> found.workers, found.explains
    (3, True)
    """
    paid, service, logged, arrival = _jobs(log)
    told = ~np.isnan(logged)
    peak = max(log.peak_concurrency()[0], 1)
    if not told.any():
        count = workers or peak
        replayed = _waits(paid, service, count)
        sentences: tuple[str, ...] = (
            "the log records no waits: there is nothing to compare the simulated ones with",
        )
        return _result(
            log, count, workers is None, None, arrival, logged, replayed, None, sentences
        )
    count = workers or _best(paid, service, logged, told, peak)
    replayed = _waits(paid, service, count)
    table = _table(logged[told], replayed[told])
    explains = _explained(table, logged[told], replayed[told], float(np.mean(service)))
    sentences = _verdict(log, count, workers is None, explains, peak)
    unseen = _unseen(log, count, holdout) if holdout and told.sum() >= 4 * FEW else None
    if unseen is not None and not unseen["inside"].all():
        worst = ", ".join(unseen.loc[~unseen["inside"], "figure"])
        sentences = (*sentences, f"the calibrated scenario misses the unseen part: {worst}")
    return _result(
        log, count, workers is None, explains, arrival, logged, replayed, unseen, sentences
    )


def _jobs(log: Log) -> tuple[Floats, Floats, Floats, Floats]:
    """Return paid, service, logged wait and arrival of all jobs that took a worker."""
    jobs = log.jobs
    running = log.running
    if len(running):
        jobs = pd.concat([jobs, running], ignore_index=True)
    ran = jobs["service"].notna() & ~jobs["outcome"].isin(["unpaid", "cancelled_before"])
    jobs = jobs[ran].sort_values("arrival", kind="stable")
    paid = jobs["paid"].fillna(jobs["arrival"]).to_numpy(dtype=np.float64)
    first = min(float(paid.min()), 0.0)
    return (
        paid - first,
        jobs["service"].to_numpy(dtype=np.float64),
        jobs["wait"].to_numpy(dtype=np.float64),
        jobs["arrival"].to_numpy(dtype=np.float64),
    )


def _waits(paid: Floats, service: Floats, workers: int) -> Floats:
    started, finished = np.empty(len(paid)), np.empty(len(paid))
    worker = np.empty(len(paid), dtype=np.int32)
    order = queue_order(paid)
    fcfs(paid, service, workers, started=started, finished=finished, worker=worker, order=order)
    return started - paid


def _best(paid: Floats, service: Floats, logged: Floats, told: NDArray[np.bool_], peak: int) -> int:
    """Return the number of workers whose waits lie closest to the logged ones.

    More workers never make anyone wait longer, so the mean wait falls; around where it crosses the
    logged one all numbers are tried.
    """
    goal = float(logged[told].mean())
    low, high = 1, max(peak, 1)
    while high - low > 1:
        middle = (low + high) // 2
        if float(_waits(paid, service, middle)[told].mean()) > goal:
            low = middle
        else:
            high = middle
    tried = {count for count in (low - 1, low, high, high + 1, peak) if count >= 1}

    def distance(count: int) -> float:
        found = _waits(paid, service, count)[told]
        return float(np.mean(np.abs(np.sort(found) - np.sort(logged[told]))))

    return min(sorted(tried), key=distance)


def _figures(waits: Floats) -> list[float]:
    return [float(waits.mean()), *(float(x) for x in np.quantile(waits, _SHARES))]


def _table(logged: Floats, replayed: Floats) -> pd.DataFrame:
    table = pd.DataFrame(
        {"figure": FIGURES, "logged": _figures(logged), "replayed": _figures(replayed)}
    )
    same = table["replayed"] == table["logged"]
    with np.errstate(divide="ignore", invalid="ignore"):
        error = (table["replayed"] - table["logged"]) / table["logged"]
    return table.assign(error=error.mask(same, 0.0))


def _explained(table: pd.DataFrame, logged: Floats, replayed: Floats, service_mean: float) -> bool:
    """Say whether all figures that matter agree, and most single jobs too."""
    matter = (table["logged"] > _MEANT * service_mean) | (table["replayed"] > _MEANT * service_mean)
    figures = bool((table["error"].abs()[matter] <= CLOSE).all())
    off = np.abs(replayed - logged) > np.maximum(CLOSE * logged, _MEANT * service_mean)
    return figures and float(off.mean()) <= CLOSE


def _verdict(log: Log, workers: int, found: bool, explains: bool, peak: int) -> tuple[str, ...]:
    """Say whether the replay explains the log, and if not, which signs in the log say why."""
    served = f"{count_of(workers, 'worker')}, first come first served"
    if explains:
        return (f"{served}, {'explains' if workers == 1 else 'explain'} the logged waits",)
    tried = "no number of workers explains" if found else f"{served}, do not explain"
    best = f" (the closest is {workers:,})" if found else ""
    sentences = [f"{tried} the logged waits{best}"]
    overtaken = _out_of_order(log)
    if overtaken > 0.02:
        sentences.append(
            f"{format_share(overtaken)} of jobs started before the one that was ready just before "
            "them: "
            "priorities, several queues, or small jobs that fill gaps"
        )
    idle = _waited_beside_idle(log, peak)
    if idle > 0.1:
        sentences.append(
            f"for {format_share(idle)} of the time that somebody waited, fewer ran than the "
            f"{peak:,} that "
            "ran at once at most: jobs that take several workers, or workers that were away"
        )
    if len(sentences) == 1:
        sentences.append("service times may hold more than work, or waits other queues")
    return tuple(sentences)


def _out_of_order(log: Log) -> float:
    """Return how often a job started before the one that was ready just before it."""
    jobs = log.jobs[log.jobs["started"].notna() & log.jobs["paid"].notna()]
    jobs = jobs.sort_values("paid", kind="stable")
    started = jobs["started"].to_numpy()
    if len(started) < 2:
        return 0.0
    slack = 1.0 if bool((started == np.rint(started)).all()) else 1e-3
    return float(np.mean(started[1:] < started[:-1] - slack))


def _waited_beside_idle(log: Log, peak: int) -> float:
    """Return the share of the time with a queue in which fewer than `peak` jobs were running."""
    jobs = log.jobs[log.jobs["started"].notna() & log.jobs["paid"].notna()]
    start, end = jobs["started"].to_numpy(), (jobs["started"] + jobs["service"]).to_numpy()
    moments = np.concatenate([jobs["paid"].to_numpy(), start, start, end])
    size = len(jobs)
    queue = np.repeat([1, -1, 0, 0], size)
    running = np.repeat([0, 0, 1, -1], size)
    order = np.argsort(moments, kind="stable")
    width = np.diff(moments[order])
    waiting = np.cumsum(queue[order])[:-1] > 0
    busy = np.cumsum(running[order])[:-1]
    total = float(width[waiting].sum())
    return float(width[waiting & (busy < peak)].sum()) / total if total > 0 else 0.0


def _unseen(log: Log, workers: int, holdout: float) -> pd.DataFrame | None:
    """Return the waits of the last part beside what the calibrated scenario predicts."""
    try:
        calibration = calibrate(log, holdout=holdout)
    except ValueError:  # too few jobs in the first part
        return None
    last = log.jobs[log.jobs["arrival"] > calibration.cut]
    logged = last["wait"].dropna().to_numpy()
    # Arrivals that the scenario repeats from the log end where the seen part ends.
    if len(logged) < FEW or calibration.scenario.arrivals.kind == "schedule":
        return None
    found = predicted(calibration, workers, log.span - calibration.cut)
    # Weibull's positions (1939): a new draw lies between them with exactly this probability.
    low, high = np.quantile(found, [0.025, 0.975], axis=0, method="weibull")
    values = np.quantile(logged, [0.5, 0.95])
    # Times are in ticks, and a log's seconds are rounded as well.
    inside = (values >= low - 1e-3) & (values <= high + 1e-3)
    # As in the replay: negligible waits, in the log and in the model, are not a misfit.
    trifle = _MEANT * calibration.service.mean.value
    inside |= (values <= trifle) & (low <= trifle)
    return pd.DataFrame(
        {"figure": ["p50", "p95"], "logged": values, "low": low, "high": high, "inside": inside}
    )


def predicted(calibration: Calibration, workers: int, length: float) -> Floats:
    """Return p50 and p95 of the waits in parts of a length, one row per draw of the scenario.

    Each draw has its own parameters, and a time before the part that is as long as the part.
    """
    rng = np.random.default_rng(0)
    # A rate by the hour must meet the hours of the part; a constant one needs only a warm-up.
    constant = calibration.scenario.arrivals.kind in {"poisson", "renewal"}
    before = min(length, calibration.cut) if constant else calibration.cut
    expected = calibration.arrivals.rate.value * (length + before)
    draws = int(np.clip(_MOST_JOBS / max(expected, 1.0), 20, _DRAWS))
    found = []
    for number in range(draws):
        scenario = calibration.drawn(rng).replace(
            {"jobs": None, "duration": before + length, "workers": workers, "seed": number}
        )
        jobs = Server(Workload.sample(scenario), runs=draws).serve(scenario)
        late = jobs["arrival"] > before
        waits = (jobs["started"] - jobs["paid"])[late].dropna().to_numpy()
        if len(waits):
            found.append(np.quantile(waits, [0.5, 0.95]))
    return np.array(found) if found else np.full((1, 2), math.nan)


def _result(
    log: Log,
    workers: int,
    found: bool,
    explains: bool | None,
    arrival: Floats,
    logged: Floats,
    replayed: Floats,
    unseen: pd.DataFrame | None,
    sentences: tuple[str, ...],
) -> Backtest:
    """Put the result together from waits that the search already has."""
    waits = pd.DataFrame({"arrival": arrival, "logged": logged, "replayed": replayed})
    told = waits.dropna(subset=["logged"])
    # Floor, so that the hours are those of the log's own clock from its first arrival on.
    hour = (waits["arrival"] // 3600).astype("int64").rename("hour")
    hours = waits.groupby(hour).agg(
        jobs=("arrival", "size"), logged=("logged", "mean"), replayed=("replayed", "mean")
    )
    table = pd.DataFrame({"figure": FIGURES, "logged": math.nan, "replayed": _figures(replayed)})
    if len(told):
        table = _table(told["logged"].to_numpy(), told["replayed"].to_numpy())
    return Backtest(
        log, workers, found, explains, table, hours.reset_index(), waits, unseen, sentences
    )
