"""How long the runs of a study have to be for its figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from jobsim.studies.grid import Found
from jobsim.studies.horizon import worth
from jobsim.studies.pooled import JUDGED, Pooled

Run = Callable[[int | None, range], Found]
"""Makes the replications with these numbers, with the given number of jobs each."""

# Factors by which runs are made longer at a time. Runs of the given length may be too short to show
# how much too short they are; a pilot that has already been made longer is believed.
_LEAST_AT_FIRST, _MOST_AT_ONCE = 4.0, 16.0

# The share of the wanted half-width that is accepted, and that is planned for.
_ACCEPTED, _PLANNED = 0.8, 0.65

_PILOTS = 1_000_000_000  # the number of the first pilot, beyond all replications


def long_enough(found: Found, run: Run, *, metric: str, level: float, goal: float) -> Found:
    """Return replications that are long enough for the usual figures and `metric`, if any are.

    Pilots with their own seeds decide the length, so that it does not depend on the beginnings of
    the runs that are reported. The length is planned for clearly less than the wanted half-width:
    of the intervals that end just below it, too many are there by luck.

    Parameters
    ----------
    found
        Replications of one setting, of the length that was asked for.
    run
        Makes further replications.
    metric
        A figure that is judged besides `JUDGED`.
    level
        Confidence level of the half-width.
    goal
        The wanted half-width of `metric`, as a share of its mean; 0 if there is no goal.
    """
    scenario = found.settings[0].scenario
    count = len(found.cells)
    own, pilots = range(count), range(_PILOTS, _PILOTS + count)
    most = worth(scenario) // count
    jobs = scenario.jobs or 1

    def factor(runs: Found, part: float = goal, *, pilot: bool = False) -> float:
        service_mean = scenario.work.service.mean
        return _factor(runs.pooled(0), metric, level, part, service_mean, pilot=pilot)

    growing, wanted = 0, factor(found)
    while not found.interrupted and wanted > 1.0 and jobs < most:
        least = _LEAST_AT_FIRST
        while True:
            pilot = run(jobs, pilots)
            if pilot.interrupted:
                return replace(found, interrupted=True)
            growing = growing + 1 if grows(pilot) else 0
            wanted = factor(pilot, pilot=True)
            jobs = min(math.ceil(jobs * min(max(wanted, least), _MOST_AT_ONCE)), most)
            least = 1.0
            # A pilot that is itself far too short only tells how long the next one should be.
            if growing == 2 or wanted <= _MOST_AT_ONCE or jobs == most:
                break
        found = run(jobs, own)
        if growing == 2:  # longer runs do not settle either
            break
        # A half-width that is missed now is reached by more replications.
        wanted = factor(found, 0.0)
    return found


def grows(found: Found) -> bool:
    """Return whether waits are clearly longer in the second half of the runs.

    Where jobs influence each other no formula says whether the workers can keep up.
    """
    if found.settings[0].scenario.open_queue:
        return False
    halves = np.array([outcome.halves for outcome in found.outcomes(0)])
    if len(halves) < 2:
        return False
    more = halves[:, 1] - halves[:, 0]
    error = more.std(ddof=1) / math.sqrt(len(more))
    return bool(more.mean() > 4.0 * error and halves[:, 1].mean() > 1.3 * halves[:, 0].mean())


def _factor(
    pooled: Pooled, metric: str, level: float, goal: float, service_mean: float, *, pilot: bool
) -> float:
    """Return how many times as many jobs are wanted; at most 1 if these are enough."""
    figures = tuple(dict.fromkeys((*JUDGED, metric)))
    found = pooled.factor(figures, service_mean, pilot=pilot)
    if goal:
        interval = pooled.interval(metric, level)
        reached = interval.half_width / (goal * abs(interval.mean)) if interval.mean else 0.0
        if reached > _ACCEPTED:
            found = max(found, (reached / _PLANNED) ** 2)
    return found
