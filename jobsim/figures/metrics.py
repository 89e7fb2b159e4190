"""A run in a few numbers, for summaries and for sweeps."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from jobsim.figures.duty import Absences, absences, at_work, on_duty
from jobsim.figures.measured import Measured
from jobsim.figures.names import UNITS, parse_figure
from jobsim.figures.window import Window, window_of
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.tables.job_arrays import Jobs, arrays_of

__all__ = ["UNITS", "figures_of", "has_retries_or_losses", "metrics"]

Figures = dict[str, float]


def figures_of(
    jobs: Jobs,
    workload: Workload,
    scenario: Scenario | None = None,
    *,
    skipped: int | None = None,
    also: Collection[str] = (),
) -> Figures:
    """Return the key figures of a run, over the window of its scenario.

    Parameters
    ----------
    jobs
        The `jobs` table of the run, all of it.
    workload
        What was run.
    scenario
        The workers and the rules of the run; the workload's own by default.
    skipped
        How many requests are warm-up. They are left out of all figures; by default of rates
        only, see `jobsim.figures.window.window_of`.
    also
        Names of further figures, see `jobsim.figures.names.parse_figure`.
    """
    scenario = workload.scenario if scenario is None else scenario
    jobs = arrays_of(jobs)
    return metrics(
        jobs,
        workers=scenario.workers,
        window=window_of(jobs, scenario, skipped=skipped),
        absent=absences(jobs, workload, scenario),
        only_window=skipped is not None,
        also=also,
    )


def metrics(
    jobs: Jobs,
    *,
    workers: int,
    window: Window | None = None,
    absent: Absences | None = None,
    only_window: bool = False,
    also: Collection[str] = (),
    measured: Measured | None = None,
) -> Figures:
    """Return key figures of a table of jobs, one flat dictionary.

    Parameters
    ----------
    jobs
        The `jobs` table of a run, all of it: what was begun before the window may be worked on
        in it.
    workers
        How many workers served it, at least 1.
    window
        The time over which rates are measured; by default from the first request to the last, see
        `jobsim.figures.window`.
    absent
        When workers were out; by default never.
    only_window
        Whether requests before the window are left out of counts and durations as well.
    also
        Names of further figures, see `jobsim.figures.names.parse_figure`.
    measured
        The table's durations over this window, where they are needed for more than figures.

    Returns
    -------
    dict
        Counts of jobs:

        - `jobs`, asked for; `created`, of those; `paid`, created and with a confirmation;
          `unpaid`, created and never paid
        - `waiting`, paid and never started; `in_progress`, RUNNING with a worker at it when the
          run ended; `stuck`, RUNNING without one; `completed`; `failed`
        - `rejected`, calls that were refused

        Seconds:

        - `wait_mean`, `wait_p50`, `wait_p95`, `wait_p99`, from paid to started, of the jobs that
          were started
        - `sojourn_mean`, `sojourn_p50`, ..., from created to finished, of those that ended
        - `service_mean`, from started to finished, without reaped jobs
        - `makespan`, from the first creation to the last finish
        - `lateness_p50`, `lateness_p99`, `lateness_max`, created late against the schedule
        - `response_mean`, `response_p50`, ..., from the intended start of a request to its
          useful result, with lateness and all retries; infinite where the client left with
          nothing, or waits for a job that is stuck. See `jobsim.figures.attempts`

        Over the window: `utilisation`, time at work, wasted or not, over the time on duty;
        `throughput`, jobs that ended per second; `goodput`, requests served per second.

        Requests, and what cut jobs off:

        - `requests`, made; `served`, of those; `left`, whose client gave up
        - `amplification`, jobs created per request
        - `crashed`, jobs whose worker died or went; `reaped`, failed by the reaper;
          `false_kills`, reaped while the worker was still at it
        - `recovery_mean`, `recovery_max`, seconds from the loss of a job's worker until the
          reaper failed the job

        What has no data is NaN. `UNITS` has the unit of each.

    Raises
    ------
    ValueError
        If `workers` is below 1.
    UnknownFigureError
        If a name in `also` is not that of a figure.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> jobs = jobs_of(started=[0.0, 3.0], finished=[3.0, 4.0], status=["completed", "failed"])
    >>> found = metrics(jobs, workers=1, also=["wait_within_2s"])
    >>> found["wait_mean"], found["utilisation"], found["throughput"], found["wait_within_2s"]
    (1.5, 1.0, 0.5, 0.5)
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers!r}")
    jobs = arrays_of(jobs)
    window = window_of(jobs) if window is None else window
    if measured is None:
        measured = Measured(jobs, window, only_window=only_window)
    # Without time on duty the utilisation is NaN, not a division by zero.
    duty = workers * window.length if absent is None else on_duty(absent, workers, window)
    found = measured.counts() | measured.rates()
    found["makespan"] = measured.makespan()
    found["utilisation"] = at_work(jobs, window) / duty if duty > 0 else math.nan
    names = [*UNITS, *also]
    found |= measured.figures(parse_figure(name) for name in names if name not in found)
    # Always in the same order, whatever else was asked for.
    return {name: found[name] for name in [*UNITS, *(parse_figure(name).name for name in also)]}


def has_retries_or_losses(figures: Mapping[str, float]) -> bool:
    """Return whether the figures of requests differ from those of jobs.

    They do where clients ask again, or leave although none of their jobs failed, or where jobs
    lose their worker or are reaped.
    """
    return (
        figures["requests"] != figures["jobs"]
        or figures["left"] != figures["failed"]
        or figures["crashed"] + figures["reaped"] > 0
    )
