"""A threaded run beside its virtual twin: what became of the same jobs, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobsim.display.text import Rows, Shown, format_duration, format_share
from jobsim.figures.durations import percentiles
from jobsim.figures.metrics import has_retries_or_losses
from jobsim.run.run import Run
from jobsim.virtual.recursion import fcfs
from jobsim.virtual.run_virtual import run_virtual

KEYS = ["request", "attempt"]
_OUTCOMES = ("status", "rejected")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Shown):
    """How far a threaded run and a virtual one of the same workload agree.

    Attributes
    ----------
    jobs
        One row per job of either run, indexed by `request` and `attempt`:
        `status_threaded`, `status_virtual`, `rejected_threaded`, `rejected_virtual`, missing
        where a run lacks the job; `found_in`, ``"both"``, ``"threaded"`` or ``"virtual"``; and
        in scenario seconds

        - `drift`, how much later it started on threads than in the virtual run
        - `dispatch`, how much later it started than an ideal dispatcher would have started it,
          given the measured payments and busy times; NaN where a reaper, crashes or outages
          leave it unknown when workers were busy
        - `lateness`, how long after its arrival it was created
    speedup
        Scenario seconds per wall second of the threaded run; divide by it for wall times.
    feedback
        Whether clients asked again or left, or jobs lost their worker. Then a job may be in only
        one run, or end differently, although no repository is at fault: what is close to a
        timeout, or to the end of a client's patience, falls on either side of it.
    waits
        The mean waits of the threaded run and of the virtual one, in seconds.
    service
        The mean service in the virtual run, in seconds.
    """

    jobs: pd.DataFrame
    speedup: float
    feedback: bool = False
    waits: tuple[float, float] = (math.nan, math.nan)
    service: float = math.nan

    @property
    def times_agree(self) -> bool | None:
        """Whether the mean waits are alike; None where there is none to compare.

        They are not if they differ by more than half of the longer one and by more than a tenth of
        the mean service: threads that wake late make different queues.
        """
        threaded, virtual = self.waits
        if math.isnan(threaded) or math.isnan(virtual) or math.isinf(self.speedup):
            return None
        apart = abs(threaded - virtual)
        return not (apart > max(threaded, virtual) / 2 and apart > self.service / 10)

    @property
    def unmatched(self) -> pd.DataFrame:
        """The rows of jobs that only one of the runs has."""
        rows: pd.DataFrame = self.jobs[self.jobs["found_in"] != "both"]
        return rows

    @property
    def different(self) -> pd.DataFrame:
        """The rows of jobs in both runs whose status or number of refused calls differs."""
        matched = self.jobs[self.jobs["found_in"] == "both"]
        same = [
            matched[f"{name}_threaded"].astype("object") == matched[f"{name}_virtual"]
            for name in _OUTCOMES
        ]
        rows: pd.DataFrame = matched[~(same[0] & same[1])]
        return rows

    @property
    def agree(self) -> bool:
        """Whether both runs have the same jobs, with equal statuses and refused calls."""
        return self.unmatched.empty and self.different.empty

    @property
    def drifted(self) -> float:
        """Share of the started jobs that drifted by more than their own lateness.

        NaN where there is no drift. At high load it is most jobs: they wait for jobs that were
        late. That is queueing, not error.
        """
        drift = self.jobs["drift"]
        known = drift.notna()
        if not known.any():
            return math.nan
        beyond = drift[known].abs() > self.jobs.loc[known, "lateness"].abs()
        return float(beyond.mean())

    def _verdict(self) -> str:
        if not self.agree:
            return "DIFFER"
        if self.times_agree is not False:
            return "agree"
        threaded, virtual = map(format_duration, self.waits)
        return f"same outcomes, other TIMES: mean wait {threaded}, {virtual} in virtual time"

    def times(self) -> pd.DataFrame:
        """Return percentiles of `lateness`, `dispatch` and `drift`, in scenario seconds."""
        return percentiles(self.jobs[["lateness", "dispatch", "drift"]], q=(0.5, 0.95, 1.0))

    def _display(self) -> tuple[str, Rows]:
        """Return the rows of the display."""
        unmatched, different = len(self.unmatched), len(self.different)
        rows = [
            ("verdict", self._verdict()),
            ("jobs", f"{len(self.jobs) - unmatched:,} in both runs, {unmatched:,} in one only"),
            ("outcomes", f"{different:,} differ in status or refused calls"),
        ]
        if self.feedback and not self.agree:
            rows.append(("feedback", "moments decide who asks again, so runs may part ways"))
        labels = {"lateness": "lateness", "dispatch": "dispatch delay", "drift": "raw drift"}
        times = self.times()
        for name, label in labels.items():
            if times[name].notna().all():
                rows.append((label, self._spread(times[name])))
        if not math.isnan(self.drifted):
            rows.append(
                (
                    "drift",
                    f"exceeds their own lateness for {format_share(self.drifted)} of the jobs",
                )
            )
        return "Threads beside virtual time", rows

    def _spread(self, seconds: pd.Series) -> str:
        parts = {"p50": "p50", "p95": "p95", "p100": "max"}
        text = ", ".join(f"{name} {format_duration(seconds[at])}" for at, name in parts.items())
        if math.isinf(self.speedup) or self.speedup == 1.0:
            return text
        wall = format_duration(seconds["p50"] / self.speedup)
        return f"{text}; p50 {wall} of wall time"


def compare(threaded: Run, virtual: Run | None = None) -> Comparison:
    """Compare a threaded run with a virtual run of the same workload.

    Without feedback, statuses and refused calls must agree exactly; with it, see
    `Comparison.feedback`. Times cannot agree: threads wake up late, and a late job delays those
    that wait for it. So the virtual engine is given the measured payments and busy times, and the
    difference that remains is the delay of dispatch.

    Parameters
    ----------
    threaded
        A run of `run_threads`.
    virtual
        A run of `run_virtual`; by default the twin, of the same workload.

    Raises
    ------
    ValueError
        If the first run is virtual, or the second one is not.

    Examples
    --------
    >>> from jobsim import Scenario, run_threads
    >>> compare(run_threads(Scenario(jobs=20, workers=2), speedup=float("inf"))).agree
    True
    """
    if threaded.info.engine != "threads":
        raise ValueError("the first run is virtual; compare(threaded, virtual) takes it second")
    virtual = run_virtual(threaded.workload) if virtual is None else virtual
    if virtual.info.engine != "virtual":
        raise ValueError("the second run has threads; two threaded runs share no clock")
    speedup = threaded.info.speedup
    ours = threaded.jobs[[*KEYS, *_OUTCOMES, "started", "lateness"]].assign(
        dispatch=threaded.jobs["started"] - _ideal_starts(threaded)
    )
    joined = ours.merge(
        virtual.jobs[[*KEYS, *_OUTCOMES, "started"]],
        on=KEYS,
        how="outer",
        suffixes=("_threaded", "_virtual"),
        indicator="found_in",
        validate="one_to_one",
    ).set_index(KEYS)
    runs = {"left_only": "threaded", "right_only": "virtual"}
    joined["found_in"] = joined["found_in"].cat.rename_categories(runs)
    # A run that never waits has only the wall clock, which cannot be compared.
    drift = joined["started_threaded"] - joined["started_virtual"]
    joined["drift"] = drift if threaded.info.keeps_time else math.nan
    names = [f"{what}_{which}" for what in _OUTCOMES for which in ("threaded", "virtual")]
    columns = [*names, "found_in", "drift", "dispatch", "lateness"]
    figures = [run.metrics() for run in (threaded, virtual)]
    return Comparison(
        joined[columns],
        speedup,
        any(map(has_retries_or_losses, figures)),
        waits=(figures[0]["wait_mean"], figures[1]["wait_mean"]),
        service=figures[1]["service_mean"],
    )


def _ideal_starts(run: Run) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return when jobs would start with their measured payments and busy times."""
    jobs, scenario = run.jobs, run.workload.scenario
    if scenario.reaper or scenario.work.crash or scenario.outages:
        # There the end of a job is not the time at which its worker was free again.
        return np.full(len(jobs), np.nan)
    busy = (jobs["finished"] - jobs["started"]).to_numpy()
    started, finished = np.empty(len(jobs)), np.empty(len(jobs))
    fcfs(
        # A job that never ended has no busy time, so it is left out.
        jobs["paid"].where(~np.isnan(busy)).to_numpy(),
        np.nan_to_num(busy),
        scenario.workers,
        started=started,
        finished=finished,
        worker=np.empty(len(jobs), dtype=np.int32),
    )
    return started
