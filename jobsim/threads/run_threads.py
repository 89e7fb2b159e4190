"""The engine with real threads on a real repository."""

from __future__ import annotations

import math

from jobsim.display.progress import LiveProgress
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.protocol import JobRepository, require_repository
from jobsim.run.run import Run
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.threads.pace import choose_speedup
from jobsim.threads.session import Session


def run_threads(
    source: Scenario | Workload,
    repository: JobRepository | None = None,
    *,
    speedup: float | None = 1.0,
    perturb: bool = False,
    progress: LiveProgress = None,
    wall_limit: float | None = None,
) -> Run:
    """Run a workload with real threads on a real repository, and record every call.

    Clients create jobs on schedule, confirmed payments reach the workers, workers move jobs
    to RUNNING, sleep for the service time and move them to COMPLETED or FAILED, pollers look
    on. With feedback clients ask again, workers may die, and a reaper fails what runs too long.
    An exception that the repository raises is data, and its thread goes on. Ctrl-C
    and `wall_limit` end the run early and return what was recorded; a second Ctrl-C leaves out
    the last look at the repository, and no number of them loses what was recorded.

    Parameters
    ----------
    source
        A scenario, which is sampled first, or a workload.
    repository
        Any object with the four methods of `JobRepository`; it may already hold jobs. By
        default a new `InMemoryJobRepository`.
    speedup
        Scenario seconds per wall second. Infinity never waits: its times are wall seconds.
        None chooses one that ends in about ten wall seconds.
    perturb
        Whether to switch threads at random moments inside the repository's own code, to bring
        its races to light; see `jobsim.threads.perturb`. The draws come from the scenario's
        seed; nothing else in an engine is drawn, and how the threads take turns is up to the
        operating system all the same.
    progress
        Whether to show a progress bar with the counts by status; None shows it in a notebook
        or on a terminal. In a notebook "live" shows a chart of the jobs in each status instead,
        about twice a second, and leaves the last one behind; elsewhere it shows the bar.
    wall_limit
        Wall seconds after which the run ends; None sets no limit.

    Returns
    -------
    Run
        With `calls` and `final`; `run.ended` says how it ended. Threads that never came back
        from a repository call are named in `run.unreturned`.

    Raises
    ------
    RuntimeError
        If `perturb` finds no free tool id of `sys.monitoring`.
    RunFailed
        If the engine itself is at fault; its `run` holds what was recorded.
    TypeError
        If the repository lacks a method, or the source is neither scenario nor workload.
    ValueError
        If `speedup` or `wall_limit` is not positive, if `speedup` is infinite and the scenario
        has feedback, or `progress` is none of its values.

    Examples
    --------
    >>> from jobsim import Scenario
    >>> run = run_threads(Scenario(jobs=20, workers=2), speedup=float("inf"))
    >>> run.transitions.groupby("target", observed=True).size().to_dict()
    {'awaiting_payment': 20, 'running': 20, 'completed': 20}
    """
    if isinstance(source, Scenario):
        source = Workload.sample(source)
    elif not isinstance(source, Workload):
        raise TypeError(f"run_threads takes a Scenario or a Workload, not {source!r}")
    repository = InMemoryJobRepository() if repository is None else repository
    require_repository(repository)
    speedup = choose_speedup(source) if speedup is None else float(speedup)
    for name, value in (("speedup", speedup), ("wall_limit", wall_limit)):
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, not {value}")
    if progress not in (True, False, None, "live"):
        raise ValueError(f"progress must be True, False, None or 'live', not {progress!r}")
    if speedup == math.inf and source.scenario.has_feedback:
        raise ValueError(
            "speedup=inf skips all waiting, and retries, patience, reapers, crashes, outages and "
            "closed loops are about waiting; give a finite one, or None"
        )
    return Session(source, repository, speedup, perturb=perturb).run(progress, wall_limit)
