"""A scenario over a grid of settings, on common random numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import pandas as pd

from jobsim.figures.names import parse_figure
from jobsim.scenario.log import Log
from jobsim.scenario.part import Part
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.studies.cells import DISTRIBUTIONS, Warmup, check_warmup, default_warmup
from jobsim.studies.grid import Setting, run_grid
from jobsim.studies.horizon import check_horizon
from jobsim.studies.of_log import jobs_of_log, sweep_log
from jobsim.studies.pool import Cluster


def sweep(
    scenario: Scenario | Workload | Log,
    over: Mapping[str, Iterable[Any]],
    *,
    replications: int = 20,
    figures: Sequence[str] = (),
    warmup: Warmup | None = None,
    executor: Executor | Cluster | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Run a scenario in virtual time at every combination of some fields' values.

    Replication r has the same seed at every setting (common random numbers), so settings are
    compared on the same jobs, see `paired`. `jobsim.figures.intervals.intervals` turns a
    column into means with their confidence intervals, `jobsim.plot.sweep` draws it.

    Parameters
    ----------
    scenario
        What to vary. On a `Log` or a `Workload` only fields that do not change its jobs can be
        varied: workers, reaper, outages, payment, ``arrivals.rate``, and ``traffic``, a factor.
    over
        Dotted path of a field to its values, as for `Scenario.replace`. All are checked
        before anything runs.
    replications
        Runs of each setting. Their seeds follow from that of the scenario, which is the seed of
        the first run.
    figures
        Further figures: any quantile and any share, such as ``"wait_p90"`` and
        ``"wait_within_20s"``.
    warmup
        What to delete from the start of each run: a fraction of its requests, with all their
        attempts, or ``"mser5"``. By default a tenth, more where payments come late, and nothing
        where arrivals have no rate.
    executor
        Any `concurrent.futures.Executor`, or a Dask `Client`; results are the same on all.
        By default threads where numba is installed, otherwise none.
    progress
        Whether to show a bar; None shows it in a notebook or on a terminal.

    Returns
    -------
    DataFrame
        One row per setting and replication, in this order: the swept fields; `replication`
        and its `seed`; `warmup`, how many jobs were deleted; the figures of
        `jobsim.figures.metrics.metrics` of the others; for each quantile, the jackknife value
        whose mean over replications is the quantile of all their jobs together, such as
        `wait_p95_jackknife`; `too_short`, the figures for which runs of this length are too short
        to tell about the steady state, or too few; theoretical values, such as
        `wait_mean_theory`, and their model (`theory`); `error`, missing where there is none.
        After Ctrl-C, the rows that are done.

    Raises
    ------
    UnknownFieldError
        If the scenario has no such field.
    PartNotGivenError
        If the field is one of a part that is None, such as `reaper.timeout` without a reaper.
    ValueError
        If a value does not fit or is given twice, if a field has no values, or for `seed`,
        which is what replications vary.
    StudyFailed
        If every run failed.

    Warns
    -----
    RuntimeWarning
        If some runs failed, naming the first, or after Ctrl-C.

    Examples
    --------
    >>> from jobsim.figures.intervals import intervals
    >>> table = sweep(Scenario(jobs=500), {"workers": [1, 2]}, replications=3)
    >>> table[["workers", "replication", "seed"]].tail(1).to_dict("list")["replication"]
    [2]
    >>> list(intervals(table, "wait_mean").columns)
    ['workers', 'mean', 'half_width', 'level', 'n']

    A reaper that kills healthy jobs, compared with one that finds dead workers late:

    >>> from jobsim import preset
    >>> over = {"reaper.timeout": [15.0, 60.0]}
    >>> table = sweep(preset("impatient-reaper"), over, replications=3)
    >>> kills, recovery = intervals(table, "false_kills"), intervals(table, "recovery_mean")
    >>> bool(kills["mean"][0] > 50 > kills["mean"][1]), recovery["mean"].round(-1).tolist()
    (True, [10.0, 60.0])
    """
    if replications < 1:
        raise ValueError(f"replications is {replications}; a setting needs at least 1")
    grid = _grid(over)
    for figure in figures:
        asked = parse_figure(figure)
        if asked.quantity not in DISTRIBUTIONS or asked.statistic not in ("quantile", "within"):
            raise ValueError(
                f"{figure!r} is not a quantile or a share of {', '.join(DISTRIBUTIONS)}; give one "
                "such as 'wait_p90' or 'wait_within_20s'"
            )
    jobs = jobs_of_log(scenario)
    if jobs is not None:
        return sweep_log(jobs, grid, replications=replications, figures=figures)
    assert isinstance(scenario, Scenario)  # noqa: S101 - jobs_of_log knows all else
    settings = list(_settings(scenario, grid, warmup))
    found = run_grid(settings, range(replications), executor=executor, progress=progress)
    return found.table(figures)


def _grid(over: Mapping[str, Iterable[Any]]) -> dict[str, list[Any]]:
    """Return the values of each field, checked before the first run."""
    if not over:
        raise ValueError("over is empty; name at least one field and its values")
    if "seed" in over:
        raise ValueError("seed cannot be swept over: it is what the replications vary")
    grid = {path: list(values) for path, values in over.items()}
    for path, values in grid.items():
        if not values:
            raise ValueError(f"{path} has no values to sweep over")
        # By equality, not by hash: values may be parts of a scenario given as dicts.
        twice = [value for number, value in enumerate(values) if value in values[:number]]
        if twice:
            raise ValueError(f"{path} has the value {twice[0]!r} twice")
    return grid


def _settings(
    scenario: Scenario, grid: Mapping[str, list[Any]], warmup: Warmup | None
) -> Iterable[Setting]:
    """Yield the points of a grid with their settings."""
    for point in itertools.product(*grid.values()):
        changed = scenario.replace(dict(zip(grid, point, strict=True)))
        labels = {path: _label(changed, path) for path in grid}
        how = default_warmup(changed) if warmup is None else check_warmup(warmup)
        yield Setting(labels, changed, how, check_horizon(None, changed)[0])


def _label(scenario: Scenario, path: str) -> Any:
    """Return the value of a field as a table can hold it: a whole part in words."""
    value: Any = scenario
    for name in path.split("."):
        value = getattr(value, name)
    if isinstance(value, tuple):
        return " ".join(map(_in_words, value)) or "none"
    # A missing value would fall out of every grouping.
    return "none" if value is None else _in_words(value) if isinstance(value, Part) else value


def _in_words(part: Any) -> str:
    words: str = getattr(part, "describe", part.__repr__)()
    return words
