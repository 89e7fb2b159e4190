"""The command line: parse, call, print."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import ValidationError

from jobsim import __version__
from jobsim.command.arguments import columns, over, positive, requirement, target
from jobsim.display.text import count_of, printable
from jobsim.domain.exceptions import JobsimError
from jobsim.figures.metrics import UNITS
from jobsim.figures.require import Requirement
from jobsim.scenario.files import explain
from jobsim.scenario.presets import preset, presets
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload

if TYPE_CHECKING:
    from jobsim.proof.verdict import Verdict
    from jobsim.run.run import Run

OK, NOT_MET, BAD_INPUT, INTERRUPTED, OUTPUT_CLOSED = 0, 1, 2, 130, 141

_SCENARIO_SUFFIXES = {".toml", ".json"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name, and return its exit code.

    0: done, and the run held. 1: a check found a violation, or a requirement is not met.
    2: the input is at fault, said in one line. 130: Ctrl-C; what a run had recorded is saved.
    141: whoever read the output closed it, as `head` does.
    """
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except KeyboardInterrupt:
        print("jobsim: interrupted", file=sys.stderr)
        return INTERRUPTED
    except ValidationError as exc:
        return _bad_input(": ".join(explain(exc)))
    except BrokenPipeError:
        # Whoever read the output has enough, as `head` does. What is still in the buffer
        # would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    except OSError as exc:
        return _bad_input(f"{exc.filename}: {exc.strerror}" if exc.filename else str(exc))
    except (JobsimError, ValueError) as exc:
        return _bad_input(str(exc))
    return code


def _bad_input(problem: str) -> int:
    print(f"jobsim: {printable(problem, limit=1000)}", file=sys.stderr)
    return BAD_INPUT


def _run(options: argparse.Namespace) -> int:
    from jobsim.run.saved import require_free

    workload = _workload(options)
    folder = options.out or _new_folder(workload.scenario.name)
    require_free(folder)
    _introduce(workload)
    run = _engine(options, workload)
    run.save(folder)
    verdict = None if run.calls is None else run.check()
    code = _report(run, verdict, options.require)
    if run.ended == "interrupted":
        print(f"\nInterrupted: what was recorded is in {folder}")
        return INTERRUPTED
    print(f"\nThe tables are in {folder}")
    if options.report:
        _add_report(folder)
    return code


def _engine(options: argparse.Namespace, workload: Workload) -> Run:
    if options.engine == "threads":
        from jobsim.threads.run_threads import run_threads

        return run_threads(workload, speedup=options.speedup, wall_limit=options.wall_limit)
    if options.speedup is not None or options.wall_limit is not None:
        options.parser.error("--speedup and --wall-limit are for --engine threads")
    from jobsim.virtual.run_virtual import run_virtual

    return run_virtual(workload)


def _sweep(options: argparse.Namespace) -> int:
    from jobsim.figures.intervals import intervals
    from jobsim.studies.sweep import sweep

    grid = dict(options.over)
    if len(grid) < len(options.over):
        options.parser.error("--over names a field twice; give all its values at once")
    if options.out is not None and options.out.exists():
        options.parser.error(f"{options.out} is there already; choose another name or remove it")
    table = sweep(_scenario(options), grid, replications=options.replications)
    for metric in options.metric or ["wait_mean", "wait_p95", "utilisation"]:
        found = intervals(table, metric)
        print(f"{metric} ({UNITS[metric]}), {found['level'].iloc[0]:.0%} confidence")
        print(found.drop(columns="level").to_string(index=False, float_format="{:.4g}".format))
        print()
    if options.out is not None:
        table.to_csv(options.out, index=False, mode="x")
        print(f"All figures of all {count_of(len(table), 'run')} are in {options.out}")
    return NOT_MET if table["error"].notna().any() else OK


def _workers_needed(options: argparse.Namespace) -> int:
    from jobsim.studies.sizing import workers_needed

    metric, bound = options.target
    answer = workers_needed(
        _scenario(options), replications=options.replications, **{metric: bound}
    )
    print(answer)
    return OK if answer.met else NOT_MET


def _presets(_options: argparse.Namespace) -> int:
    listing = presets()
    width = max(map(len, listing))
    for name, why in listing.items():
        print(f"{name:<{width}}  {why}")
    return OK


def _show(options: argparse.Namespace) -> int:
    from jobsim.run.run import Run

    run = Run.load(options.run)
    print(run.workload.scenario.describe() if run.workload.source is None else _trace(run.workload))
    print()
    return _report(run, None if run.calls is None else run.check(), options.require)


def _check(options: argparse.Namespace) -> int:
    from jobsim.run.run import Run

    verdict = Run.load(options.run).check()
    print(verdict)
    return _code(verdict)


def _report_of(options: argparse.Namespace) -> int:
    from jobsim.report.build import build_report

    print(f"The report is {build_report(options.run, options.out)}")
    return OK


def _workload(options: argparse.Namespace) -> Workload:
    scenario = _scenario(options)
    if options.trace is None:
        return Workload.sample(scenario)
    read = Workload.from_swf if _is_swf(options.trace) else Workload.from_csv
    more = {} if options.columns is None else {"columns": options.columns}
    workload = read(options.trace, scenario=scenario, **more)
    print(_trace(workload))
    return workload


def _scenario(options: argparse.Namespace) -> Scenario:
    given = options.scenario
    trace: Path | None = getattr(options, "trace", None)
    if given is None:
        if trace is None:
            parser: _Parser = options.parser
            parser.error("give a PRESET, a scenario FILE or a --trace")
        scenario = Scenario(name=trace.name, workers=8)
    elif Path(given).suffix in _SCENARIO_SUFFIXES:
        scenario = Scenario.load(given)
    else:
        scenario = preset(given)
    changes: dict[str, Any] = {
        name: value
        for name in ("jobs", "workers", "clients", "seed")
        if (value := getattr(options, name)) is not None
    }
    if trace is not None:
        # The trace itself says how many jobs there are and when, unless a person does.
        changes = {"jobs": None, "duration": None, "name": trace.name} | changes
    return scenario.replace(changes)


def _is_swf(path: Path) -> bool:
    return ".swf" in path.suffixes


def _trace(workload: Workload) -> str:
    assert workload.source is not None  # noqa: S101 - only called for traces, tells mypy so
    return workload.source.describe() + "\n"


def _introduce(workload: Workload) -> None:
    scenario = workload.scenario
    name, why = printable(scenario.name), printable(scenario.why)
    print(f"{name}: {why}" if why else name)
    asked = count_of(len(workload), "job")
    if workload.attempts > 1:
        asked = f"{count_of(workload.requests, 'request')} of up to {workload.attempts} attempts"
    print(
        f"{asked}, {count_of(scenario.clients, 'client')}, "
        f"{count_of(scenario.workers, 'worker')}, {count_of(scenario.pollers, 'poller')}\n"
    )


def _new_folder(name: str) -> Path:
    """Return a folder under `runs` that is not there yet."""
    stem = "".join(ch if ch.isalnum() or ch in "-_" else "-" for ch in name)[:60].strip("-")
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    folder = first = Path("runs") / f"{stem or 'run'}-{stamp}"
    number = 2
    while folder.exists():
        folder = first.with_name(f"{first.name}-{number}")
        number += 1
    return folder


def _report(run: Run, verdict: Verdict | None, requirements: Sequence[Requirement]) -> int:
    """Print what happened, what was proved and what was required; return the exit code."""
    print(run)
    code = OK
    if verdict is not None:
        print(f"\n{verdict}")
        code = _code(verdict)
    figures = run.metrics()
    for wanted in requirements:
        met = wanted.is_met(figures)
        found = figures.get(wanted.figure, float("nan"))
        print(f"{'met' if met else 'NOT MET'}: {wanted} ({wanted.figure} is {found:.4g})")
        code = code if met else NOT_MET
    return code


def _code(verdict: Verdict) -> int:
    return NOT_MET if verdict.violations else OK


def _add_report(folder: Path) -> None:
    """Make the report of a saved run; where that fails, the run is good all the same."""
    from jobsim.report.build import build_report
    from jobsim.report.errors import ReportError, ReportExtraMissing

    try:
        path = build_report(folder)
    except ReportExtraMissing as exc:
        print(f"No report: {exc}")
    except ReportError as exc:
        print(f"jobsim: {printable(str(exc), limit=1000)}", file=sys.stderr)
    else:
        print(f"The report is {path}")


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}; see '{self.prog} --help'\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="jobsim",
        description="Simulate the life of a job: real threads on a real repository, proved.",
    )
    parser.add_argument("--version", action="version", version=f"jobsim {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")

    run = _command(commands, "run", _run, "run a preset, a scenario file or a trace")
    _add_scenario(run, nargs="?")
    run.add_argument("--trace", type=Path, metavar="FILE", help="a .swf or .csv log to run")
    run.add_argument(
        "--columns",
        type=columns,
        metavar="OURS=THEIRS,...",
        help="columns of a .csv trace: arrival or end, service, wait, status",
    )
    run.add_argument(
        "--engine",
        choices=("threads", "virtual"),
        default="threads",
        help="real threads (the default), or virtual time",
    )
    run.add_argument(
        "--speedup",
        type=positive,
        metavar="X",
        help="scenario seconds per second; inf never waits; by default about ten seconds in all",
    )
    run.add_argument("--wall-limit", type=positive, metavar="S", help="end after so many seconds")
    run.add_argument("--out", type=Path, metavar="FOLDER", help="a new folder for the run")
    run.add_argument(
        "--no-report", action="store_false", dest="report", help="leave out the report"
    )
    _add_require(run)

    sweep = _command(commands, "sweep", _sweep, "run every setting in virtual time")
    _add_scenario(sweep)
    sweep.add_argument(
        "--over",
        type=over,
        action="append",
        required=True,
        metavar="FIELD=VALUES",
        help="a field and its values, as in workers=4:12 or arrivals.rate=1,2.5; may be repeated",
    )
    sweep.add_argument(
        "--metric",
        choices=tuple(UNITS),
        action="append",
        metavar="FIGURE",
        help="a figure to print; may be repeated",
    )
    sweep.add_argument("--out", type=Path, metavar="FILE.csv", help="a new file for all figures")

    needed = _command(
        commands,
        "workers-needed",
        _workers_needed,
        "find the smallest number of workers that will do",
    )
    _add_scenario(needed)
    needed.add_argument(
        "target", type=target, metavar="FIGURE=X", help="the target, as in wait_p95=30"
    )
    for study in (sweep, needed):
        study.add_argument(
            "--replications", type=int, default=20, metavar="N", help="runs of each setting"
        )

    _command(commands, "presets", _presets, "list the presets, each with why one would run it")

    report = _command(commands, "report", _report_of, "write a saved run's report, an HTML file")
    report.add_argument("run", type=Path, metavar="RUN", help="the folder of a saved run")
    report.add_argument(
        "--out",
        type=Path,
        metavar="FILE.html",
        help="a new file; by default report.html in the folder, where an older one is replaced",
    )

    show = _command(commands, "show", _show, "show a saved run")
    show.add_argument("run", type=Path, metavar="RUN", help="the folder of a saved run")
    _add_require(show)

    check = _command(commands, "check", _check, "prove or refute that a saved run held")
    check.add_argument("run", type=Path, metavar="RUN", help="the folder of a saved run")
    return parser


def _command(commands: Any, name: str, function: Any, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what)
    parser.set_defaults(command=function, parser=parser)
    return parser


def _add_scenario(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    parser.add_argument(
        "scenario", nargs=nargs, metavar="PRESET|FILE", help="a preset, or a .toml or .json file"
    )
    for name, what in (
        ("jobs", "how many jobs"),
        ("workers", "how many workers"),
        ("clients", "how many threads that create"),
        ("seed", "seed of every random choice"),
    ):
        parser.add_argument(f"--{name}", type=int, metavar="N", help=what)


def _add_require(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--require",
        type=requirement,
        action="append",
        default=[],
        metavar="'FIGURE<X'",
        help="exit with 1 unless it holds, for instance 'wait_p95<30'; may be repeated",
    )


if __name__ == "__main__":
    sys.exit(main())
