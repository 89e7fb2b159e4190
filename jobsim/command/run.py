"""``jobsim run``: a preset, a scenario file or a log, on threads or in virtual time."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobsim.command.arguments import count, positive, schedule
from jobsim.command.codes import BAD_INPUT
from jobsim.command.endings import fault
from jobsim.command.explained import FIGURES
from jobsim.command.keeping import claim_for, keep
from jobsim.command.log_options import add_log, refuse_without_log
from jobsim.command.results import add_require, say_run
from jobsim.command.scenario_options import add_scenario, require_fits, scenario_of, workload_of
from jobsim.command.terminal import complain, say

if TYPE_CHECKING:
    from jobsim.run.run import Run, RunFailed
    from jobsim.scenario.scenario import Scenario
    from jobsim.scenario.workload import Workload

_EXAMPLES = f"""\
examples:
  jobsim run steady
  jobsim run mine.toml --workers 6 --out runs/six
  jobsim run steady --repository sqlite:///jobs.db --processes 2
  jobsim run --log log.swf --engine virtual
  jobsim run stampede --schedule 7
  jobsim run steady --require 'wait_p95<30' --require 'failed<=30' --strict

{FIGURES}"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = _EXAMPLES
    add_scenario(parser, nargs="?")
    add_log(parser)
    parser.add_argument(
        "--engine",
        choices=("threads", "virtual"),
        default="threads",
        help="real threads (the default), or virtual time",
    )
    parser.add_argument(
        "--speedup",
        type=positive,
        metavar="X",
        help="scenario seconds per second; inf never waits; by default about ten seconds in all",
    )
    parser.add_argument(
        "--schedule",
        type=schedule,
        metavar="N|fair",
        help="threads take turns and time jumps: the run can be repeated; N seeds a random "
        "schedule",
    )
    parser.add_argument(
        "--repository",
        metavar="URL|MODULE:FACTORY",
        help="a database (sqlite:///jobs.db, postgresql+psycopg://...) or what makes a repository; "
        "by default one in memory",
    )
    parser.add_argument(
        "--processes",
        type=count,
        default=1,
        metavar="N",
        help="number of processes that share the clients, the workers and the --repository",
    )
    parser.add_argument(
        "--wall-limit", type=positive, metavar="S", help="end after S seconds of wall clock"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="a new folder for the run")
    parser.add_argument(
        "--no-report", action="store_false", dest="report", help="leave out the report"
    )
    add_require(parser)


def execute(options: argparse.Namespace) -> int:
    """Run, save, and say what happened."""
    _refuse_contradictions(options)
    signals = options.signals
    with signals.heard():
        scenario = scenario_of(options)
    with ExitStack() as closing:
        with signals.heard():
            repository = _repository(options, closing)
        return _run(options, scenario, repository)


def _run(options: argparse.Namespace, scenario: Scenario, repository: Any) -> int:
    """Run, and save what was recorded, however the run ends, before anything is printed."""
    from jobsim.run.run import RunFailed

    signals, threads = options.signals, options.engine == "threads"
    if options.log is None:
        require_fits(scenario, options, threads=threads)
    failed: RunFailed | None = None
    # From here on Ctrl-C ends the run, and what it recorded is kept.
    signals.at_once = False
    # Claimed before the run: after an hour it is too late to find out that it cannot be saved.
    with claim_for(options.out, scenario.name) as claim:
        with signals.heard():
            workload = _workload(scenario, options)
        _introduce(workload)
        try:
            run = _engine(options, workload, repository)
        except RunFailed as exc:
            run, failed = exc.run, exc
        folder, problem = keep(run, claim)
    if failed is not None:
        return _say_failed(failed, folder)
    if run.ended == "interrupted":
        complain(f"interrupted; what was recorded is in {folder}")
        return int(signals.code)
    return _say_results(run, folder, problem, options)


def _refuse_contradictions(options: argparse.Namespace) -> None:
    """Refuse options that the chosen engine would silently ignore."""
    virtual = options.engine == "virtual"
    if virtual and (options.speedup is not None or options.wall_limit is not None):
        options.parser.error("--speedup and --wall-limit are for --engine threads")
    if virtual and options.schedule is not None:
        options.parser.error("--schedule is for --engine threads; virtual time always repeats")
    if options.speedup is not None and options.schedule is not None:
        options.parser.error("--speedup is about the wall clock; with --schedule time jumps")
    if virtual and options.repository is not None:
        options.parser.error("--repository is for --engine threads; virtual time calls none")
    if options.processes != 1:
        _refuse_processes(options)
    refuse_without_log(options)


def _refuse_processes(options: argparse.Namespace) -> None:
    """Refuse several processes where they would share nothing, or make no calls."""
    if options.processes < 1:
        options.parser.error(f"--processes {options.processes}: give 1 or more")
    if options.engine == "virtual":
        options.parser.error("--processes is for --engine threads; virtual time makes no calls")
    if options.schedule is not None:
        options.parser.error("--schedule controls one process; leave out --processes")
    if options.repository is None:
        options.parser.error("--processes needs a --repository that all of them share")


def _repository(options: argparse.Namespace, closing: ExitStack) -> Any:
    """Return the repository that was named, or what makes it, for turns or for processes."""
    if options.repository is None:
        return None
    from jobsim.repository.named import made_by, repository_factory

    factory = repository_factory(options.repository)
    if options.schedule is not None or options.processes > 1:
        return factory
    # Made here, so that an unreachable database is reported before anything runs.
    made = made_by(options.repository, factory)
    if callable(close := getattr(made, "close", None)):
        closing.callback(close)
    return made


def _workload(scenario: Scenario, options: argparse.Namespace) -> Workload:
    """Sample the scenario, or read the log, whose size is only then known."""
    from jobsim.scenario.workload import Workload

    if options.log is None:
        return Workload.sample(scenario)
    workload = workload_of(options, scenario)
    threads = options.engine == "threads"
    require_fits(scenario, options, threads=threads, requests=workload.requests)
    return workload


def _introduce(workload: Workload) -> None:
    """Say what is being run."""
    from jobsim.display.text import count_of, printable

    scenario = workload.scenario
    if workload.source is not None:
        say(workload.source.describe())
        print()
    name, why = printable(scenario.name), printable(scenario.why)
    say(f"{name}: {why}" if why else name)
    # Rows are attempts; people count what was asked for.
    asked = count_of(len(workload), "job")
    if workload.attempts > 1:
        asked = f"{count_of(workload.requests, 'request')} of up to {workload.attempts} attempts"
    say(
        f"{asked}, {count_of(scenario.clients, 'client')}, "
        f"{count_of(scenario.workers, 'worker')}, {count_of(scenario.pollers, 'poller')}"
    )
    print(flush=True)


def _engine(options: argparse.Namespace, workload: Workload, repository: Any) -> Run:
    """Run on the engine that was asked for; each has its own way to end at Ctrl-C."""
    if options.engine == "threads":
        from jobsim.threads.run_threads import run_threads

        # It handles Ctrl-C itself, so that nothing that was recorded is lost.
        pace: dict[str, Any] = (
            {"speedup": options.speedup}
            if options.schedule is None
            else {"schedule": options.schedule}
        )
        return run_threads(
            workload,
            repository=repository,
            wall_limit=options.wall_limit,
            processes=options.processes,
            **pace,
        )
    from jobsim.virtual.run_virtual import run_virtual

    with options.signals.heard():
        return run_virtual(workload)


def _say_failed(failed: RunFailed, folder: Path) -> int:
    """Report that the engine failed: for lack of threads, which is no fault, or by a fault."""
    cause = failed.__cause__
    # The system's limit on threads, which the user can do something about.
    if isinstance(cause, MemoryError) or "can't start new thread" in str(cause):
        actors = "use fewer workers, clients and pollers"
        complain(f"{failed.problem}: {actors}; what was recorded is in {folder}")
        return BAD_INPUT
    return fault(cause or failed, f"What was recorded is in {folder}.")


def _say_results(run: Run, folder: Path, problem: str, options: argparse.Namespace) -> int:
    """Print the results; the run is safe by now, so Ctrl-C may end this."""
    if problem:
        complain(f"{problem}; the run is in {folder} instead")
    try:
        with options.signals.heard():
            code = say_run(run, options)
            print()
            say(str(folder), first="Tables  ")
            if options.report:
                _add_report(folder)
    except KeyboardInterrupt:
        complain(f"interrupted; the run is in {folder}")
        return int(options.signals.code)
    return BAD_INPUT if problem else code


def _add_report(folder: Path) -> None:
    """Write the report of a saved run; a failure is only reported, because the run is saved."""
    from jobsim.report.build import build_report
    from jobsim.report.errors import ReportError, ReportExtraMissing

    try:
        path = build_report(folder)
    except ReportExtraMissing as exc:
        say(str(exc), first="Report  ")
    except (ReportError, OSError) as exc:
        complain(f"no report: {exc}")
    else:
        say(str(path), first="Report  ")
