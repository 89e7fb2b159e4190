"""Scenarios to begin with, each with a reason to run it."""

from __future__ import annotations

import difflib
import functools
import importlib.resources
import tomllib

from jobsim.domain.exceptions import JobsimError
from jobsim.scenario.files import validate
from jobsim.scenario.scenario import Scenario

_NAMES = (
    "steady",
    "stampede",
    "bursty",
    "busy-hour",
    "unpaid",
    "duplicate-payments",
    "lost-webhooks",
    "block-time-payments",
    "overload",
    "outage",
    "stuck-jobs",
    "impatient-reaper",
    "retry-storm",
    "closed-loop",
)


class UnknownPresetError(JobsimError, ValueError):
    """There is no preset of this name; use one of the choices.

    Parameters
    ----------
    name
        The name that was asked for.
    choices
        The names that exist.

    Examples
    --------
    >>> str(UnknownPresetError("stedy", ("steady", "unpaid")))
    "There is no preset 'stedy'; did you mean 'steady'? There are: steady, unpaid"
    """

    def __init__(self, name: str, choices: tuple[str, ...]) -> None:
        super().__init__(name, choices)
        self.name, self.choices = name, choices

    def __str__(self) -> str:
        close = difflib.get_close_matches(self.name, self.choices, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        return f"There is no preset {self.name!r}{hint} There are: {', '.join(self.choices)}"


def preset(name: str, /) -> Scenario:
    """Return one of the package's scenarios; change it with `Scenario.replace`.

    Parameters
    ----------
    name
        One of the names that `presets` lists.

    Raises
    ------
    UnknownPresetError
        If there is no preset of this name; its text suggests one. A ValueError too.

    Examples
    --------
    >>> preset("steady").replace({"workers": 7}).workers
    7
    """
    if name not in _NAMES:
        raise UnknownPresetError(name, _NAMES)
    return _read(name)


def presets() -> dict[str, str]:
    """Return the name of every preset and why one would run it, the simplest first.

    Examples
    --------
    >>> presets()["unpaid"]
    'Nearly a third of the jobs are never paid: they wait for ever, and the store only grows.'
    """
    return {name: _read(name).why for name in _NAMES}


@functools.cache
def _read(name: str) -> Scenario:
    # Read through importlib: in a zipped installation there is no path.
    file = importlib.resources.files("jobsim.scenario") / "preset_files" / f"{name}.toml"
    return validate(tomllib.loads(file.read_text(encoding="utf-8")), file.name, Scenario)
