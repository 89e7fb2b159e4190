"""What a study answers for: the steady state of a load, or exactly this finite run."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from jobsim.scenario.closed import Closed
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.varying import Varying

Horizon = Literal["steady", "scenario"]
"""``"steady"``: as if the load had always been there. ``"scenario"``: this run, from its first job
to its last, with no warm-up deleted."""

# Total jobs that a study may run before it gives up on a narrower answer: a few seconds of work.
# Keys: whether the engine is compiled, and whether the scenario is an open queue.
_WORTH = {(True, True): 24_000_000, (True, False): 2_000_000,
          (False, True): 6_000_000, (False, False): 200_000}  # fmt: skip


def not_stationary(scenario: Scenario) -> str:
    """Return why a scenario has no steady state that longer runs would approach; empty if it has.

    Examples
    --------
    >>> not_stationary(Scenario(jobs=100, workers=2))
    ''
    >>> not_stationary(Scenario(duration=100.0))
    'the arrivals end after a given duration'
    """
    load = scenario.offered_load
    reasons = {
        "the arrivals end after a given duration": scenario.duration is not None,
        "nothing says how many jobs there are": scenario.jobs is None,
        "workers are out for a while": bool(scenario.outages),
        "the arrival rate changes": isinstance(scenario.arrivals, Varying),
        "the arrivals have no long-run rate": scenario.arrivals.mean_rate is None
        and not isinstance(scenario.arrivals, Closed),
        "the load is more than the workers can serve": load is not None
        and load >= scenario.workers,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def check_horizon(horizon: Horizon | None, scenario: Scenario) -> tuple[Horizon, str]:
    """Return the horizon of a study and why it is that one.

    Raises
    ------
    ValueError
        If it is neither of the two, or "steady" for a load that has no steady state.
    """
    reason = not_stationary(scenario)
    if horizon is None:
        return ("scenario", reason) if reason else ("steady", "the load is stationary")
    if horizon not in ("steady", "scenario"):
        raise ValueError(f"horizon is {horizon!r}; choose 'steady' or 'scenario'")
    if horizon == "steady" and reason:
        raise ValueError(f"there is no steady state to ask for: {reason}; take horizon='scenario'")
    return horizon, "it was asked for"


def worth(scenario: Scenario) -> int:
    """Return the total number of jobs that a study of one setting may run before it gives up."""
    return _WORTH[find_spec("numba") is not None, scenario.open_queue]
