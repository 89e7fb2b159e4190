"""All settings in all replications: run on common random numbers, into one tidy table."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import pandas as pd

from jobsim.domain.exceptions import JobsimError
from jobsim.figures.intervals import JACKKNIFE
from jobsim.figures.metrics import UNITS
from jobsim.figures.names import parse_figure
from jobsim.scenario.scenario import Scenario
from jobsim.studies.cells import DISTRIBUTIONS, Outcome, Task, Warmup, replication_seed, same_draws
from jobsim.studies.horizon import Horizon
from jobsim.studies.pool import Cluster, run_tasks
from jobsim.studies.pooled import JUDGED, Pooled
from jobsim.studies.theory import theory

THEORY = {
    "wait_mean_theory": "wait_mean",
    "sojourn_mean_theory": "sojourn_mean",
    "utilisation_theory": "utilisation",
}
"""Columns of a sweep that come from `theory`, besides percentiles of the wait."""

_PERCENTILES = (50, 95, 99)


class StudyFailed(JobsimError):  # noqa: N818 - says what happened, like a verdict
    """No run of a study succeeded; fix what its first error names.

    Parameters
    ----------
    cells
        How many runs there were.
    first
        The first run and its error.
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
        What to delete from its runs.
    horizon
        What its runs are about.
    """

    labels: dict[str, Any]
    scenario: Scenario
    warmup: Warmup
    horizon: Horizon = "scenario"


@dataclass(frozen=True, eq=False)
class Found:
    """What the runs of a grid gave.

    Attributes
    ----------
    settings
        What was run.
    cells
        The seed and the outcome, or the text of an error, of each setting's number and
        replication, in this order.
    interrupted
        Whether Ctrl-C cut it short.
    """

    settings: Sequence[Setting]
    cells: dict[tuple[int, int], tuple[int, Outcome | str]]
    interrupted: bool

    def outcomes(self, number: int) -> list[Outcome]:
        """Return the outcomes of the runs of a setting that did not fail."""
        return [
            outcome
            for (setting, _), (_, outcome) in self.cells.items()
            if setting == number and not isinstance(outcome, str)
        ]

    def pooled(self, number: int) -> Pooled:
        """Return the replications of a setting, for its estimates."""
        outcomes = self.outcomes(number)
        return Pooled(
            pd.DataFrame([outcome.figures for outcome in outcomes]),
            [outcome.tallies for outcome in outcomes],
            steady=self.settings[number].horizon == "steady",
        )

    def and_then(self, more: Found) -> Found:
        """Return these and further replications of the same settings."""
        cells = dict(sorted((self.cells | more.cells).items(), key=lambda cell: cell[0]))
        return Found(more.settings, cells, more.interrupted)

    def table(self, figures: Sequence[str] = ()) -> pd.DataFrame:
        """Return one row per setting and replication.

        Quantiles also have a column of jackknife values, see
        `jobsim.figures.intervals.JACKKNIFE`; `too_short` names the figures for which the runs
        are too short or too few.

        Parameters
        ----------
        figures
            Quantiles and shares to add, such as ``wait_p90``.
        """
        rows: list[dict[str, Any]] = []
        extra = self._extra(figures)
        # Once per setting: replications share it, and closed loops take a while to solve.
        theories = [_theory(setting.scenario) for setting in self.settings]
        for (number, replication), (seed, outcome) in self.cells.items():
            row = {**self.settings[number].labels, "replication": replication, "seed": seed}
            if isinstance(outcome, str):
                row |= theories[number] | {"error": outcome}
            else:
                own = {name: values[replication] for name, values in extra[number].items()}
                row |= outcome.figures | own | theories[number] | {"error": None}
            rows.append(row)
        if not rows:
            return pd.DataFrame(columns=[*self.settings[0].labels, "replication", "seed"])
        # A row with figures has all names, in their order; one with an error lacks some.
        fullest: dict[str, Any] = max(rows, key=len)
        return pd.DataFrame(rows, columns=list(fullest)).astype({"error": "str"})

    def _extra(self, figures: Sequence[str]) -> list[dict[str, dict[int, Any]]]:
        """Return, per setting, the columns that need all replications together."""
        result: list[dict[str, dict[int, Any]]] = []
        for number in range(len(self.settings)):
            there = [
                replication
                for (setting, replication), (_, outcome) in self.cells.items()
                if setting == number and not isinstance(outcome, str)
            ]
            columns: dict[str, dict[int, Any]] = {}
            if there:
                pooled = self.pooled(number)
                for figure in dict.fromkeys((*_quantiles(pooled.samples), *figures)):
                    values = pooled.values(figure)
                    # A run without such jobs has no value, and it is not known which run that is.
                    if len(values) != len(there):
                        continue
                    if figure not in pooled.samples:
                        own = pooled.own(figure)
                        columns[figure] = dict(zip(there, own, strict=True))
                    columns[f"{figure}{JACKKNIFE}"] = dict(zip(there, values, strict=True))
                judged = dict.fromkeys((*JUDGED, *figures))
                short = [figure for figure in judged if pooled.shortfall(figure) > 1.0]
                columns["too_short"] = dict.fromkeys(there, " ".join(short))
            result.append(columns)
        return result


def _quantiles(samples: pd.DataFrame) -> list[str]:
    return [
        name
        for name in map(str, samples)
        if name in UNITS
        and (known := parse_figure(name)).statistic == "quantile"
        and known.quantity in DISTRIBUTIONS
    ]


def run_grid(
    settings: Sequence[Setting],
    replications: range,
    *,
    executor: Executor | Cluster | None,
    progress: bool | None,
) -> Found:
    """Run each setting once per replication.

    Replication r has the same seed at all settings. Settings with the same draws, such as
    different numbers of workers, are sampled and sorted once.

    Raises
    ------
    StudyFailed
        If every run failed.

    Warns
    -----
    RuntimeWarning
        Naming the first failed run, or saying that the study was interrupted.
    """
    alike: dict[Scenario, list[int]] = {}
    for number, setting in enumerate(settings):
        # Scenarios are hashable, so equal draws find each other without comparing all pairs.
        alike.setdefault(same_draws(setting.scenario), []).append(number)
    cells = len(settings) * len(replications)
    tasks, places = [], []
    # Replications are the outer loop: after Ctrl-C all settings have about as many.
    for replication in replications:
        for drawn, members in alike.items():
            scenarios = tuple(settings[number].scenario for number in members)
            warmups = tuple(settings[number].warmup for number in members)
            tasks.append(Task(scenarios, replication_seed(drawn.seed, replication), warmups, cells))
            places.append([(number, replication) for number in members])
    # Outcomes come in the order of the tasks, whichever executor ran them.
    outcomes, interrupted = run_tasks(tasks, executor, progress)
    found: dict[tuple[int, int], tuple[int, Outcome | str]] = {
        place: (task.seed, outcome)
        for task, where, done in zip(tasks, places, outcomes, strict=True)
        for place, outcome in zip(where, done or (), strict=bool(done))
    }
    _report(settings, found, cells, interrupted)
    return Found(settings, dict(sorted(found.items(), key=lambda cell: cell[0])), interrupted)


def _theory(scenario: Scenario) -> dict[str, float | str]:
    known = theory(scenario)
    row: dict[str, float | str] = {name: getattr(known, of) for name, of in THEORY.items()}
    row |= {f"wait_p{q}_theory": known.wait_percentile(q) for q in _PERCENTILES}
    low, high = known.wait_range
    row |= {
        "wait_mean_theory_low": low * known.wait_mean,
        "wait_mean_theory_high": high * known.wait_mean,
    }
    return row | {"theory": known.kind}


def _report(
    settings: Sequence[Setting],
    found: dict[tuple[int, int], tuple[int, Outcome | str]],
    cells: int,
    interrupted: bool,
) -> None:
    """Warn once about all failed runs; raise only if no run has figures."""
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
