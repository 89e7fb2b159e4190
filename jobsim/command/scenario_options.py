"""The scenario that a command uses: a preset or a file, with some fields changed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobsim.command.arguments import count
from jobsim.command.limits import add_limits, memory_limit_bytes, read_limit_bytes
from jobsim.command.log_options import log_name, log_of, refuse_without_log

if TYPE_CHECKING:
    from jobsim.scenario.scenario import Scenario
    from jobsim.scenario.workload import Workload

_SUFFIXES = {".toml", ".json"}


def add_scenario(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """Add the options that name a scenario, and those that change it."""
    parser.add_argument(
        "scenario", nargs=nargs, metavar="PRESET|FILE", help="a preset, or a .toml or .json file"
    )
    changes = parser.add_argument_group("changes to the scenario")
    for name, what in (
        ("jobs", "how many jobs"),
        ("workers", "how many workers"),
        ("clients", "how many threads that create jobs"),
        ("seed", "seed of every random choice"),
    ):
        changes.add_argument(f"--{name}", type=count, metavar="N", help=what)
    add_limits(parser)


def scenario_of(options: argparse.Namespace) -> Scenario:
    """Return the scenario that the options name."""
    from jobsim.scenario.presets import preset
    from jobsim.scenario.scenario import Scenario

    given = options.scenario
    log: str | None = getattr(options, "log", None)
    if given is None:
        if log is None:
            options.parser.error("give a PRESET, a scenario FILE or a --log")
        scenario = Scenario()
    elif Path(given).suffix.lower() in _SUFFIXES:
        scenario = Scenario.load(given, limit_bytes=read_limit_bytes(options))
    else:
        scenario = preset(given)
    changes: dict[str, Any] = {
        name: value
        for name in ("jobs", "workers", "clients", "seed")
        if (value := getattr(options, name)) is not None
    }
    if log is not None:
        # The log itself says how many jobs there are and when, unless the user does.
        changes = {"jobs": None, "duration": None, "name": log_name(options)} | changes
    return scenario.replace(changes)


def workload_of(options: argparse.Namespace, scenario: Scenario) -> Workload:
    """Return the jobs of the log that the options name; it says how many workers unless they do."""
    from jobsim.scenario.trace_rows import shown_workers

    log = log_of(options)
    if options.scenario is None and options.workers is None:
        scenario = scenario.replace(shown_workers(log))
    return log.workload(scenario)


def load_of(options: argparse.Namespace) -> Scenario | Workload:
    """Return the scenario or the log's workload that a study uses; say what was read."""
    from jobsim.command.terminal import say

    with options.signals.heard():
        scenario = scenario_of(options)
        refuse_without_log(options)
        if options.log is not None:
            workload = workload_of(options, scenario)
            assert workload.source is not None  # noqa: S101 - a log has one
            say(workload.source.describe() + "\n")
            return workload
    require_fits(scenario, options, threads=False)
    return scenario


def require_fits(
    scenario: Scenario, options: argparse.Namespace, *, threads: bool, requests: int | None = None
) -> None:
    """Refuse a run that would not fit into memory, before it begins."""
    from jobsim.scenario.size import require_memory

    require_memory(
        scenario,
        memory_limit_bytes(options),
        threads=threads,
        requests=requests,
        advice="ask for fewer, or allow more with --memory GB",
    )
