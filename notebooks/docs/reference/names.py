"""The public names, and where each is documented, as reStructuredText for autodoc."""

from __future__ import annotations

import importlib
import inspect
import types
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

import jobsim
from jobsim import plot, testing
from jobsim.testing.broken import GALLERY

from .fields import scenario_parts
from .text import notes_below, sentence

PACKAGES = {
    "domain": (),
    "repository": (
        "repository.adapt.AdaptedRepository",
        "repository.actor_recorder.BadAnswerError",
    ),
    "services": (),
    "scenario": (
        "scenario.scenario.UnknownFieldError",
        "scenario.presets.UnknownPresetError",
        "scenario.files.ScenarioFileError",
    ),
    "run": ("run.info.RunInfo", "run.info.Platform", "run.info.Unreturned", "run.hosts.RemoteHost"),
    "virtual": (),
    "threads": ("threads.member.ProcessNotStarted", "threads.travel.FactoryCannotTravel"),
    "tables": ("tables.lifecycle.illegal_transitions",),
    "proof": (
        "proof.verdict_value.Verdict",
        "proof.verdict_value.Outcome",
        "proof.verdict_value.Violation",
        "proof.verdict_value.Call",
        "proof.verdict_value.HistoryViolation",
        "proof.checks.all_checks.check_history",
        "proof.clocks.RoundTrip",
        "proof.clocks.HostClock",
        "proof.clocks.judge_hosts",
    ),
    "figures": (
        "figures.metrics.metrics",
        "figures.names.UNITS",
        "figures.durations.dwell",
        "figures.durations.holding_times",
        "figures.durations.latencies",
        "figures.durations.percentiles",
        "figures.flow.transition_matrix",
        "figures.flow.occupancy",
        "figures.flow.throughput",
        "figures.intervals.intervals",
        "figures.require.Requirement",
        "figures.require.RequirementError",
    ),
    "logs": (
        "logs.source.OutcomePolicy",
        "logs.source.TraceSource",
        "logs.source.TraceError",
    ),
    "explorer": ("explorer.panel.Explorer",),
    "studies": (
        "studies.theory.Theory",
        "studies.replicate.Replications",
        "studies.paired.paired",
        "studies.long_run.wait_interval",
        "studies.workers_answer.WorkersNeeded",
        "studies.compare.Comparison",
        "studies.replay.Replay",
        "studies.little.LittlesLaw",
        "studies.little.littles_law",
        "studies.grid.StudyFailed",
        "studies.statistics.*",
        "studies.formulas.*",
    ),
}
"""What a page lists besides the package's names in `jobsim.__all__`; ``*`` is all of a module."""

_LISTED = {"plot": plot, "testing": testing}


def package(name: str) -> str:
    """Return the objects of a package: those to import from the top, then others."""
    if name in _LISTED:
        broken = [f"testing.broken.{each.__name__}" for each in GALLERY.values()]
        more = broken if name == "testing" else []
        return _listing(f"jobsim.{name}", _LISTED[name].__all__) + _more(more)
    public = [each for each, home in sorted(jobsim._HOME.items()) if home.split(".")[0] == name]
    more = list(PACKAGES.get(name, ()))
    if name == "scenario":
        parts = [part for part in scenario_parts() if part.__name__ not in jobsim.__all__]
        more += [f"{part.__module__}.{part.__name__}".removeprefix("jobsim.") for part in parts]
    return _listing("jobsim", public) + _more(more)


def other_packages() -> str:
    """Return the packages of public names without a page, so that a new one is not forgotten."""
    homes = {home.split(".")[0] for home in jobsim._HOME.values()}
    return "\n".join(package(name) for name in sorted(homes - set(PACKAGES) - set(_LISTED)))


def _listing(module: str, names: Iterable[str]) -> str:
    """Return a table of a module's objects, then each in full."""
    found = {name: getattr(_loaded(module), name) for name in names}
    if not found:
        return ""
    # Data has no docstring that autosummary could find.
    table = "".join(f"   {name}\n" for name, value in found.items() if callable(value))
    full = "\n".join(_directive(module, name, value) for name, value in found.items())
    summary = f".. autosummary::\n   :nosignatures:\n\n{table}" if table else ""
    return f".. currentmodule:: {module}\n\n{summary}\n{full}\n"


def _directive(module: str, name: str, value: Any) -> str:
    if not callable(value):
        home = getattr(_loaded(module), "_HOME", {}).get(name)
        defined = f"{module}.{home}" if home else module
        note = notes_below(_loaded(defined))[name].replace("\n", "\n   ")
        return f".. data:: {name}\n\n   {note}\n"
    if not inspect.isclass(value):
        return f".. autofunction:: {name}\n"
    if issubclass(value, BaseException):
        return f".. autoexception:: {name}\n"
    every = "   :undoc-members:\n" * issubclass(value, Enum)
    return f".. autoclass:: {name}\n   :members:\n{every}"


def _more(paths: Iterable[str]) -> str:
    """Return a section for each module, with its first sentence; paths are below jobsim."""
    by_module: dict[str, list[str]] = {}
    for path in paths:
        module, _, name = path.rpartition(".")
        names = _defined(_loaded(f"jobsim.{module}")) if name == "*" else [name]
        by_module.setdefault(module, []).extend(names)
    sections = []
    for path, names in by_module.items():
        title = f"jobsim.{path}"
        summary = sentence(inspect.getdoc(_loaded(title)) or "")
        sections.append(f"\n{title}\n{'-' * len(title)}\n\n{summary}\n\n{_listing(title, names)}")
    return "\n".join(sections)


def _loaded(module: str) -> types.ModuleType:
    return importlib.import_module(module)


def _defined(module: types.ModuleType) -> Iterator[str]:
    for name, value in vars(module).items():
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__:
            yield name
