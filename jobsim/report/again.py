"""How to run the same jobs again: a command where one does it, otherwise Python."""

from __future__ import annotations

import math
from typing import NamedTuple

from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.run.run import Run
from jobsim.scenario.presets import UnknownPresetError, preset
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.threads.pace import choose_speedup

_OPTIONS = ("jobs", "workers", "clients", "seed")
"""The fields of a scenario that the command line changes."""


class Code(NamedTuple):
    """Something to type, one or more lines."""

    language: str
    """``shell`` or ``python``."""
    text: str


def as_preset(scenario: Scenario) -> str | None:
    """Return the preset and the options that give this scenario, None if nothing does.

    Examples
    --------
    >>> as_preset(preset("steady").replace({"workers": 9}))
    'steady --workers 9'
    >>> as_preset(preset("steady").replace({"work.fail": 0.5})) is None
    True
    """
    try:
        base = preset(scenario.name)
    except UnknownPresetError:
        return None
    changed = {
        name: value
        for name in _OPTIONS
        if (value := getattr(scenario, name)) != getattr(base, name)
    }
    if None in changed.values() or base.replace(changed) != scenario:
        return None
    return " ".join([scenario.name, *(f"--{name} {value}" for name, value in changed.items())])


def as_python(shown: str | None) -> str:
    """Return the line of Python that gives the workload of a run.

    Parameters
    ----------
    shown
        The run's folder, as the user wrote it; None if the run was not saved.
    """
    loaded = "run" if shown is None else f"jobsim.Run.load({_string(shown)})"
    return f"workload = {loaded}.workload"


def _string(text: str) -> str:
    """Return a Python string, in double quotes where no escape is needed."""
    plain = text.isprintable() and not set(text) & set('"\\')
    return f'"{text}"' if plain else repr(text)


def again(run: Run, shown: str | None) -> Code:
    """Return what runs the same jobs in the same way once more.

    A command for a preset on jobsim's own repository, if it still draws the same jobs; otherwise
    Python, from the saved run, which holds its jobs.
    """
    return _command(run) or Code("python", _python(run, shown))


def _command(run: Run) -> Code | None:
    """Return a command that repeats the run exactly; None if no command does."""
    info, workload = run.info, run.workload
    # The class name of another repository does not say how a command line could make it.
    own = info.engine == "virtual" or info.repository == InMemoryJobRepository.__name__
    scenario = as_preset(workload.scenario)
    if scenario is None or workload.source is not None or not own or info.perturbed:
        return None
    # Another version may draw other jobs; a command would then repeat another run.
    if Workload.sample(workload.scenario).digest() != workload.digest():
        return None
    if info.engine == "virtual":
        return Code("shell", f"jobsim run {scenario} --engine virtual")
    if info.schedule is not None:
        return Code("shell", f"jobsim run {scenario} --schedule {info.schedule}")
    if info.speedup == choose_speedup(workload):
        return Code("shell", f"jobsim run {scenario}")
    return Code("shell", f"jobsim run {scenario} --speedup {info.speedup!r}")


def _python(run: Run, shown: str | None) -> str:
    return "\n".join(["import jobsim", "", as_python(shown), f"run = {call_of(run)}"])


def call_of(run: Run, **more: bool) -> str:
    """Return the call of the engine that made the run; `more` are further options."""
    info = run.info
    if info.engine == "virtual":
        return "jobsim.run_virtual(workload)"
    arguments = ["workload"]
    if info.repository != InMemoryJobRepository.__name__:
        named = info.repository.isidentifier() and info.repository.isascii()
        name = info.repository if named else "MyRepository"
        made_there = info.schedule is not None or info.processes > 1
        arguments.append(name if made_there else f"{name}()")
    if info.schedule is not None:
        arguments.append(f"schedule={info.schedule!r}")
    elif info.speedup != 1.0:
        speedup = 'float("inf")' if math.isinf(info.speedup) else repr(info.speedup)
        arguments.append(f"speedup={speedup}")
    if info.processes > 1:
        arguments.append("executor=client" if info.hosts else f"processes={info.processes}")
    options = {"perturb": True} if info.perturbed else {}
    arguments += [f"{name}={value}" for name, value in (options | more).items()]
    return f"jobsim.run_threads({', '.join(arguments)})"
