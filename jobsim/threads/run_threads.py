"""The engine with real threads on a real repository."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, Literal, cast

from jobsim.display.progress import LiveProgress
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.protocol import JobRepository, RepositoryFactory, require_repository
from jobsim.run.run import Run, RunFailed
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.threads.clustered import Cluster
from jobsim.threads.controlled import FAIR, Controlled
from jobsim.threads.pace import choose_speedup
from jobsim.threads.session import Injector, Session
from jobsim.threads.spreading import spread, spreading_of


def run_threads(
    source: Scenario | Workload,
    repository: JobRepository | RepositoryFactory | None = None,
    *,
    schedule: int | Literal["fair"] | None = None,
    speedup: float | None = 1.0,
    perturb: bool = False,
    progress: LiveProgress = None,
    wall_limit: float | None = None,
    faults: Injector | None = None,
    processes: int | None = None,
    executor: Cluster | None = None,
) -> Run:
    """Run a workload with real threads on a real repository, and record every call.

    Clients create jobs on schedule, and confirmed payments reach the workers. Workers move jobs
    to RUNNING, sleep for the service time and move them to COMPLETED or FAILED; pollers read them.
    With feedback clients retry, workers may die, and a reaper fails jobs that run too long. An
    exception that the repository raises is data, and its thread goes on. Ctrl-C and `wall_limit`
    end the run early and return what was recorded; a second Ctrl-C skips the final reads, and no
    number of them loses what was recorded.

    Parameters
    ----------
    source
        A scenario, which is sampled first, or a workload.
    repository
        Any object with the four methods of `JobRepository`; it may already hold jobs. Or a factory,
        a class or a function: the repository that it makes is closed after the run if it has a
        method `close`. By default a new `InMemoryJobRepository`. With a schedule it has to be a
        factory, since the locks of the repository must be made under control.
    schedule
        Who decides which thread runs. None leaves it to the operating system and the wall clock.
        Otherwise one thread runs at a time, and time jumps: nobody waits, times are those of the
        scenario, and the run can be repeated. "fair" makes one call after the other, in the order
        of virtual time, and the run equals `run_virtual`. A number is the seed of a random schedule
        that also switches in the middle of the repository's own lines: the same seed, Python and
        code give the same jobs, transitions and calls.
    speedup
        Scenario seconds per wall second. Infinity means no waiting: times are wall seconds then.
        None chooses a speed-up at which the run takes about ten wall seconds.
    perturb
        Whether to switch threads at random moments inside the repository's own code, to expose
        its races; see `jobsim.threads.perturb`. The draws come from the scenario's seed, but the
        operating system still decides how the threads interleave.
    progress
        Whether to show a progress bar with the counts by status; None shows it in a notebook
        or on a terminal. In a notebook "live" shows a chart of the jobs in each status instead,
        about twice a second, and leaves the last one behind; elsewhere it shows the bar.
    wall_limit
        Wall seconds after which the run ends; None sets no limit.
    faults
        Injects faults between the repository and its database, such as
        `jobsim.testing.faults.Faults`; the repository must connect through it. The final reads and
        the final count are made when the faults are over. `Run.faults` keeps what was injected.
    processes
        Over how many processes the actors are spread. Each makes a repository of its own with the
        factory, which must be importable, or cloudpickle must be installed. There is one history
        and one verdict; see the guide, "Several processes". The calls of a process that dies are
        kept, and the run goes on without it, see `run.info.died`. None means one process, or with
        an executor all workers of the cluster, as far as there are actors for them.
    executor
        A Dask `Client`: the processes are those of its workers, which may be on several hosts. The
        clocks of other hosts are measured, see `jobsim.proof.clocks`, and the verdict holds
        whatever they say. Without an executor, processes are started on this host.

    Returns
    -------
    Run
        With `calls` and `final`; `run.ended` says how it ended. Threads that never returned
        from a repository call are named in `run.unreturned`.

    Raises
    ------
    RuntimeError
        If `perturb` finds no free tool id of `sys.monitoring`.
    FactoryCannotTravel
        If the factory cannot be sent to another process.
    ProcessNotStarted
        If a process cannot make its repository.
    RunFailed
        If the engine itself failed, or the repository raised SystemExit or the like, or could not
        be closed; its `run` holds what was recorded.
    TypeError
        If the repository lacks a method, if a schedule or processes come with an instance instead
        of a factory, if the executor is not a Dask client, or the source is neither a scenario nor
        a workload.
    jobsim.turns.control.ControlError
        If another run with a schedule is under way in this process.
    ValueError
        If `schedule` is invalid, or comes with `perturb`, `faults` or a `speedup`.
        If `processes` is not from 1 to the number of actors or of the cluster's workers, or it or
        `executor` comes with `schedule` or `perturb`.
        If `speedup` or `wall_limit` is not positive, if `speedup` is infinite and the scenario
        has feedback, or `progress` is invalid.

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
    _require_common(progress, wall_limit)
    spreading = spreading_of(
        source.scenario, processes, executor, schedule=schedule, perturb=perturb
    )
    if schedule is not None:
        _require_schedule(schedule, speedup=speedup, perturb=perturb)
        if faults is not None:
            raise ValueError("faults happen in wall time, and with a schedule time jumps")
        factory = _factory(repository)
        return Controlled(source, factory, schedule).run(progress, wall_limit)
    speedup = choose_speedup(source) if speedup is None else float(speedup)
    if not speedup > 0:
        raise ValueError(f"speedup must be positive, not {speedup}")
    if speedup == math.inf and source.scenario.has_feedback:
        raise ValueError(
            "speedup=inf skips all waiting, and retries, patience, reapers, crashes, outages and "
            "closed loops are about waiting; give schedule=1, which waits for nothing and skips "
            "nothing, or a finite speedup"
        )
    with ExitStack() as closing:
        stage = None
        if spreading is not None:
            factory = _factory(repository, "processes")
            stage = spread(source, factory, spreading, speedup, closing)
        made, close = _made(repository)
        try:
            require_repository(made)
            session = Session(source, made, speedup, perturb=perturb, faults=faults, stage=stage)
            run = session.run(progress, wall_limit)
        except BaseException:
            with suppress(Exception):  # what failed first is what matters
                close()
            raise
        _close(close, run)
        return run


def _require_common(progress: object, wall_limit: float | None) -> None:
    """Raise if an argument that every kind of run takes is invalid."""
    if progress not in (True, False, None, "live"):
        raise ValueError(f"progress must be True, False, None or 'live', not {progress!r}")
    if wall_limit is not None and not wall_limit > 0:
        raise ValueError(f"wall_limit must be positive, not {wall_limit}")


def _made(repository: Any) -> tuple[JobRepository, Callable[[], object]]:
    """Return the repository, or the one that the factory makes, and what closes the latter.

    Having the methods does not tell them apart: a class has them too, and an instance may be
    callable.
    """
    made: Any = InMemoryJobRepository() if repository is None else repository
    close: Any = None
    if isinstance(made, type) or (callable(made) and not hasattr(made, "update_status")):
        made = made()
        close = getattr(made, "close", None)
    return cast("JobRepository", made), close if callable(close) else lambda: None


def _close(close: Callable[[], object], run: Run) -> None:
    """Close the repository after its run, which is not lost whatever that does."""
    try:
        close()
    except KeyboardInterrupt:
        pass  # it took too long; the run is whole
    except BaseException as exc:
        problem = f"close() of the repository raised {type(exc).__name__}: {exc}"
        raise RunFailed(problem, run) from exc


def _require_schedule(schedule: object, *, speedup: float | None, perturb: bool) -> None:
    """Raise if a schedule is invalid, or contradicts another argument."""
    number = isinstance(schedule, int) and not isinstance(schedule, bool) and schedule >= 0
    if not number and schedule != FAIR:
        raise ValueError(f"schedule must be 'fair', a seed from 0 on, or None, not {schedule!r}")
    if perturb:
        raise ValueError(
            "perturb=True leaves the turns to the operating system, and a schedule takes them; "
            "leave out perturb: a seed switches in the repository's own lines too"
        )
    if speedup != 1.0:
        raise ValueError(
            f"speedup={speedup} is about the wall clock, and with a schedule time jumps; "
            "leave out speedup"
        )


def _factory(repository: Any, what: str = "a schedule") -> RepositoryFactory:
    """Return the factory of the repository; raise if it is an instance."""
    if repository is None:
        return InMemoryJobRepository
    if not callable(repository) or (
        not isinstance(repository, type) and hasattr(repository, "update_status")
    ):
        name = type(repository).__name__
        raise TypeError(
            f"with {what}, pass what makes the repository and not an instance: {name}, or "
            f"lambda: {name}(...); its locks must be made where they are used"
        )
    factory: RepositoryFactory = repository
    return factory
