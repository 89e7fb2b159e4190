"""How long the runs of a study have to be for what they are asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from jobsim.studies.grid import Found
from jobsim.studies.horizon import worth
from jobsim.studies.pooled import JUDGED, Pooled

Run = Callable[[int | None, range], Found]
"""Runs replications of so many jobs each, by their numbers."""

# By how much runs are made longer at a time. Runs of the length that was asked for may be too short
# to tell how much too short they are; a pilot that was made longer already is believed.
_LEAST_AT_FIRST, _MOST_AT_ONCE = 4.0, 16.0

# What part of a half-width that is to be reached is accepted, and planned for.
_ACCEPTED, _PLANNED = 0.8, 0.65

_PILOTS = 1_000_000_000  # the first replication of the pilots: nobody makes so many


def long_enough(found: Found, run: Run, *, metric: str, level: float, goal: float) -> Found:
    """Return replications that are long enough for the usual figures and `metric`, if any are.

    Pilots with seeds of their own decide how long, so that the length does not depend on the
    beginnings of the very runs that are reported. The length is planned for clearly less than a
    half-width that is to be reached: of intervals that stop just below it, too many are there by
    luck.

    Parameters
    ----------
    found
        Replications of one setting, of the length that was asked for.
    run
        What makes further ones.
    metric
        Judged besides `JUDGED`.
    level
        Confidence level of the half-width.
    goal
        Which part of the mean the half-width of `metric` is to be; 0 if nothing is to be reached.
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
            # A pilot that is itself far too short only tells how long the next one is to be.
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
    """Return how many times as many jobs are wanted; at most 1 if these will do."""
    figures = tuple(dict.fromkeys((*JUDGED, metric)))
    found = pooled.factor(figures, service_mean, pilot=pilot)
    if goal:
        interval = pooled.interval(metric, level)
        reached = interval.half_width / (goal * abs(interval.mean)) if interval.mean else 0.0
        if reached > _ACCEPTED:
            found = max(found, (reached / _PLANNED) ** 2)
    return found
