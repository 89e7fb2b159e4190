"""Settings times replications: run on common random numbers, put into one tidy table."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import pandas as pd

from jobsim.domain.exceptions import JobsimError
from jobsim.scenario.scenario import Scenario
from jobsim.studies.cells import Figures, Task, Warmup, replication_seed, same_draws
from jobsim.studies.pool import Cluster, run_tasks
from jobsim.studies.theory import theory

THEORY = {
    "wait_mean_theory": "wait_mean",
    "sojourn_mean_theory": "sojourn_mean",
    "utilisation_theory": "utilisation",
}
"""Columns of a sweep that `theory` fills, besides percentiles of the wait."""

_PERCENTILES = (50, 95, 99)


class StudyFailed(JobsimError):  # noqa: N818 - says what happened, like a verdict
    """Not one run of a study succeeded; mend what its first error names.

    Parameters
    ----------
    cells
        How many runs there were.
    first
        The first of them and its error.
    """

    def __init__(self, cells: int, first: str) -> None:
        super().__init__(cells, first)
        self.cells, self.first = cells, first

    def __str__(self) -> str:
        return f"all {self.cells:,} runs failed; the first: {self.first}"


@dataclass(frozen=True)
class Setting:
    """One point of the grid.

    Attributes
    ----------
    labels
        The swept fields and their values.
    scenario
        The scenario with these values.
    warmup
        What to delete of its runs.
    """

    labels: dict[str, Any]
    scenario: Scenario
    warmup: Warmup


def run_grid(
    settings: Sequence[Setting],
    replications: range,
    *,
    executor: Executor | Cluster | None,
    progress: bool | None,
) -> tuple[pd.DataFrame, bool]:
    """Return one row a setting and replication, and whether Ctrl-C cut it short.

    Replication r has one seed at all settings. Those that draw alike, such as different
    numbers of workers, are sampled and sorted once.

    Raises
    ------
    StudyFailed
        If every run failed.

    Warns
    -----
    RuntimeWarning
        Naming the first failed run, or saying that the study was interrupted.
    """
    alike: dict[tuple[Scenario, Warmup], list[int]] = {}
    for number, setting in enumerate(settings):
        alike.setdefault((same_draws(setting.scenario), setting.warmup), []).append(number)
    cells = len(settings) * len(replications)
    tasks, places = [], []
    for replication in replications:
        for (drawn, warmup), members in alike.items():
            scenarios = tuple(settings[number].scenario for number in members)
            tasks.append(Task(scenarios, replication_seed(drawn.seed, replication), warmup, cells))
            places.append([(number, replication) for number in members])
    outcomes, interrupted = run_tasks(tasks, executor, progress)
    found = {
        place: (task.seed, outcome)
        for task, where, done in zip(tasks, places, outcomes, strict=True)
        for place, outcome in zip(where, done or (), strict=bool(done))
    }
    _report(settings, found, cells, interrupted)
    return _table(settings, found), interrupted


_Found = dict[tuple[int, int], tuple[int, Figures | str]]


def _table(settings: Sequence[Setting], found: _Found) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    theories = [_theory(setting.scenario) for setting in settings]
    for (number, replication), (seed, outcome) in sorted(found.items(), key=lambda cell: cell[0]):
        row = {**settings[number].labels, "replication": replication, "seed": seed}
        if isinstance(outcome, str):
            row |= theories[number] | {"error": outcome}
        else:
            row |= outcome | theories[number] | {"error": None}
        rows.append(row)
    if not rows:
        return pd.DataFrame(columns=[*settings[0].labels, "replication", "seed"])
    # A row with figures has all names, in their order; one with an error lacks some.
    fullest: dict[str, Any] = max(rows, key=len)
    return pd.DataFrame(rows, columns=list(fullest)).astype({"error": "str"})


def _theory(scenario: Scenario) -> dict[str, float | str]:
    known = theory(scenario)
    row: dict[str, float | str] = {name: getattr(known, of) for name, of in THEORY.items()}
    row |= {f"wait_p{q}_theory": known.wait_percentile(q) for q in _PERCENTILES}
    kind = "" if known.model == "none" else " (exact)" if known.exact else " (approximation)"
    return row | {"theory": known.model + kind}


def _report(settings: Sequence[Setting], found: _Found, cells: int, interrupted: bool) -> None:
    failed = {place: text for place, (_, text) in sorted(found.items()) if isinstance(text, str)}
    if failed:
        (number, replication), text = next(iter(failed.items()))
        labels = {**settings[number].labels, "replication": replication}
        first = f"{', '.join(f'{name}={value}' for name, value in labels.items())}: {text}"
        if len(failed) == cells:
            raise StudyFailed(cells, first)
        warnings.warn(
            f"{len(failed):,} of {cells:,} runs failed and have no figures, see the column "
            f"'error'; the first: {first}",
            RuntimeWarning,
            stacklevel=4,
        )
    if interrupted:
        warnings.warn(
            f"interrupted: {len(found):,} of {cells:,} runs are done", RuntimeWarning, stacklevel=4
        )
