"""How many workers exact formulas give."""

from __future__ import annotations

import math
from collections.abc import Callable

from jobsim.figures.names import Figure
from jobsim.scenario.scenario import Scenario
from jobsim.studies.formulas import workers_for
from jobsim.studies.theory import theory


def workers_by_theory(scenario: Scenario, asked: Figure, target: float) -> int | None:
    """Return the fewest workers that meet a target in the steady state, if a formula is exact.

    Examples
    --------
    >>> from jobsim.figures.names import parse_figure
    >>> busy = Scenario(jobs=100, arrivals={"kind": "poisson", "rate": 6.4})
    >>> workers_by_theory(busy, parse_figure("wait_p95"), 0.5)
    10
    """
    figure = _exact_figure(asked)
    load = scenario.offered_load
    if figure is None or load is None or scenario.work.crash:
        return None
    workers = workers_for(load)
    # Beyond that the figure no longer changes.
    most = workers + max(64, 2 * workers)
    while workers < most:
        value = figure(scenario.replace({"workers": workers}))
        if math.isnan(value):
            return None
        if meets(value, value, asked, target):
            return workers
        workers += 1
    return None


def meets(low: float, high: float, asked: Figure, target: float) -> bool:
    """Return whether everything between two values meets a target."""
    return low >= target if asked.at_least else high <= target


def _exact_figure(asked: Figure) -> Callable[[Scenario], float] | None:
    """Return the function that gives a steady-state figure exactly, NaN where none does."""

    def figure(scenario: Scenario) -> float:
        # Only exact formulas: an approximation would call a right answer wrong.
        known = theory(scenario)
        if not known.exact:
            return math.nan
        if asked.statistic == "quantile":
            return known.wait_percentile(100.0 * asked.value)
        if asked.statistic == "within":
            return 1.0 - known.wait_exceeds(asked.value)
        return float(getattr(known, asked.name))

    if asked.statistic in {"quantile", "within"}:
        longest = asked.statistic == "quantile" and asked.value == 1.0
        return figure if asked.quantity == "wait" and not longest else None
    return figure if asked.name in ("wait_mean", "sojourn_mean", "utilisation") else None
