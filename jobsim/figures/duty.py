"""The time that workers spent on duty and at work in a window: the two parts of utilisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobsim.figures.window import Window
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.tables.job_arrays import JobArrays, Jobs, arrays_of

Seconds = NDArray[np.float64]


class Absences(NamedTuple):
    """When workers are out: one entry per absence; those of one worker may overlap.

    Attributes
    ----------
    worker
        int64, its number.
    start, end
        float64, seconds.
    """

    worker: NDArray[np.int64]
    start: Seconds
    end: Seconds


def absences(jobs: Jobs, workload: Workload, scenario: Scenario) -> Absences:
    """Return when the workers of a run were out: by an outage, or dead and not yet back.

    Parameters
    ----------
    jobs
        The `jobs` table of the run.
    workload
        What was run: it has the time that each worker takes to come back.
    scenario
        The scenario of the workers; it may differ from the workload's own.
    """
    parts = [_restarts(arrays_of(jobs), workload)]
    for outage in scenario.outages:
        number = np.arange(min(outage.workers, scenario.workers))
        start = np.full(len(number), outage.at)
        parts.append(Absences(number, start, start + outage.duration))
    return Absences(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def on_duty(absent: Absences, workers: int, window: Window) -> float:
    """Return the seconds that all workers together were on duty in a window.

    Examples
    --------
    >>> absent = Absences(np.array([0, 0]), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> on_duty(absent, 2, Window(0.0, 10.0, 0, "the end"))
    17.0
    """
    # An absence outside the window becomes one without length.
    start = np.clip(absent.start, window.start, window.end)
    end = np.clip(absent.end, window.start, window.end)
    # Absences of one worker may overlap, as when an outage comes while it restarts; each second
    # counts once.
    order = np.lexsort((start, absent.worker))
    worker, start, end = absent.worker[order], start[order], end[order]
    if not len(worker):
        return workers * window.length
    # Each absence counts from where the earlier ones of its worker ended: a running maximum,
    # which begins anew at each worker because the workers are set far apart in time.
    apart = (worker - worker[0]) * (window.end - window.start + 1.0)
    reached = np.maximum.accumulate(np.concatenate([[-np.inf], (end + apart)[:-1]])) - apart
    gone = np.maximum(end - np.maximum(start, reached), 0.0)
    return workers * window.length - float(gone.sum())


def at_work(jobs: Jobs, window: Window) -> float:
    """Return the seconds that all workers together were at jobs in a window.

    Wasted work counts: on jobs whose worker was lost, and after the reaper has failed the job. A
    worker that is still at its job is at work up to the end of the window.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> jobs = jobs_of(started=[0.0, 1.0, 4.0], released=[5.0, 2.0, float("nan")])
    >>> at_work(jobs, Window(1.0, 6.0, 0, "the end"))
    7.0
    """
    jobs = arrays_of(jobs)
    started, released = jobs["started"], jobs["released"]
    begun = jobs.has("started")
    if not begun.all():
        started, released = started[begun], released[begun]
    spent = np.fmin(released, window.end)  # NaN is not over yet
    # In place: of a long run the memory for another column takes longer than its arithmetic.
    spent -= np.maximum(started, window.start)
    return float(np.maximum(spent, 0.0, out=spent).sum())


def _restarts(jobs: JobArrays, workload: Workload) -> Absences:
    """Return the absences of workers that died at their jobs; those of outages are separate."""
    nobody = Absences(np.empty(0, np.int64), np.empty(0), np.empty(0))
    if workload.crash is None or workload.restart is None:
        return nobody
    lost = np.flatnonzero(jobs["crashed"])
    request = jobs["request"][lost].astype(np.int64)
    row = request * workload.attempts + jobs["attempt"][lost] - 1
    started, died = (jobs[name][lost] for name in ("started", "released"))
    # A worker that an outage took comes back at its end, not after a restart. 1e-6 s is a little
    # more than a tick, and so more than any rounding.
    own = np.isclose(died - started, workload.crash[row], rtol=0, atol=1e-6)
    back = died + workload.restart[row]
    worker = jobs.worker[lost].astype(np.int64)
    return Absences(worker[own], died[own], back[own])
