"""Every random choice of a scenario, one stream per quantity."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobsim.scenario.arrivals import Poisson
from jobsim.scenario.closed import Closed
from jobsim.scenario.distributions import Distribution
from jobsim.scenario.payment import Payment
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.ticks import TICKS_PER_SECOND, blocks, round_in_place, to_ticks

LONGEST = 2.0**33
"""Seconds up to which whole ticks are exact floats: 272 years."""

# One stream per quantity. New ones go last, so that old seeds keep their meaning.
ARRIVALS, DELAY, ABANDONMENT, DUPLICATE, LAG, SERVICE, FAILURE, LOSS = range(8)
THOUGHT, BACKOFF, PATIENCE, CRASH, CRASH_MOMENT, RESTART, CALL_TIME = range(8, 15)

NEEDED_FOR = {
    "pause": "`retry` and closed arrivals",
    "patience": "`patience`",
    "crash": "`work.crash`",
    "restart": "`work.crash`",
    "call_time": "`call_time`",
}

COARSE = 0.01
"""Largest relative change of the mean of drawn times when they are rounded to ticks."""

FASTEST = TICKS_PER_SECOND / 16
"""Arrivals per second; an exponential gap of 16 ticks loses 1/(24 * 16^2) of its mean."""


def stream_of(seed: int, stream: int, attempt: int = 1) -> np.random.Generator:
    """Return the generator of one quantity; each later attempt has one of its own.

    So the first attempts are the same jobs, however many attempts may follow.
    """
    # The first keys are those of SeedSequence.spawn.
    key = (stream,) if attempt == 1 else (stream, attempt)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def needed_arrays(scenario: Scenario) -> list[str]:
    """Return the optional arrays without which a scenario cannot be run."""
    needed = []
    if scenario.retry is not None or isinstance(scenario.arrivals, Closed):
        needed.append("pause")
    if scenario.patience is not None:
        needed.append("patience")
    if scenario.work.crash:
        needed += ["crash", "restart"]
    if scenario.call_time is not None:
        needed.append("call_time")
    return needed


def draw_arrivals(scenario: Scenario) -> NDArray[np.float64]:
    """Draw when each request is asked for; see `ArrivalProcess.sample`."""
    rng = stream_of(scenario.seed, ARRIVALS)
    rate = scenario.arrivals.mean_rate
    if isinstance(scenario.arrivals, Poisson) and rate is not None and rate > FASTEST:
        raise ValueError(
            f"arrivals.rate is {rate:.3g} per second; above {FASTEST:,.0f} the time between jobs "
            "is too short for the resolution of time (2**-20 s): multiply all times of the "
            "scenario by 1,000"
        )
    arrival = scenario.arrivals.sample(rng, scenario.jobs, scenario.duration)
    _check_longest("arrivals", arrival)
    return arrival


def draw_payment(
    scenario: Scenario, n: int, attempt: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the payments of a scenario: the same draws that `Workload.sample` makes.

    Parameters
    ----------
    scenario
        Its `payment` and `seed` are used.
    n
        Number of jobs.
    attempt
        For which attempt of each request.

    Returns
    -------
    delay, lag : numpy.ndarray
        float64, shape (n,), as in `Workload`; NaN where nothing is confirmed.

    Examples
    --------
    >>> draw_payment(Scenario(), 2)
    (array([0., 0.]), array([nan, nan]))
    """
    stream = partial(stream_of, scenario.seed, attempt=attempt)
    payment = scenario.payment
    delay = _times(stream(DELAY), "payment.delay", payment.delay, n)
    if payment.duplicate:
        lag = _times(stream(LAG), "payment.lag", payment.lag, n)
        lag[~_events(stream(DUPLICATE), payment.duplicate, n)] = np.nan
    else:
        lag = np.full(n, np.nan)
    if payment.deadline is not None:
        # Rounded as the delays are, so that a delay that equals the deadline still meets it.
        delay[delay > to_ticks(np.array([payment.deadline]))] = np.nan
    if payment.lost:
        delay += _resend_waits(stream(LOSS), payment, n)
        _check_longest("payment.resend", delay[~np.isnan(delay)])
    if payment.abandon:
        delay[_events(stream(ABANDONMENT), payment.abandon, n)] = np.nan
    if payment.abandon or payment.lost or payment.deadline is not None:
        lag[np.isnan(delay)] = np.nan
    return delay, lag


def draw_attempt(scenario: Scenario, n: int, attempt: int) -> dict[str, NDArray[Any]]:
    """Draw everything that one attempt of each request needs."""
    stream = partial(stream_of, scenario.seed, attempt=attempt)
    delay, lag = draw_payment(scenario, n, attempt)
    drawn: dict[str, NDArray[Any]] = {
        "delay": delay,
        "lag": lag,
        "service": _times(stream(SERVICE), "work.service", scenario.work.service, n),
        "fails": _events(stream(FAILURE), scenario.work.fail, n),
    }
    needed = needed_arrays(scenario)
    if "pause" in needed:
        drawn["pause"] = _pause(scenario, n, attempt)
    if "patience" in needed:
        assert scenario.patience is not None  # noqa: S101 - which is why it is needed
        drawn["patience"] = _times(stream(PATIENCE), "patience", scenario.patience, n)
    if "crash" in needed:
        crash = round_in_place(stream(CRASH_MOMENT).random(n) * drawn["service"])
        restart = _times(stream(RESTART), "work.restart", scenario.work.restart, n)
        # A moment that was rounded to the end of the work is not a crash: the work is done.
        crashes = _events(stream(CRASH), scenario.work.crash, n) & (crash < drawn["service"])
        crash[~crashes] = np.nan
        restart[~crashes] = np.nan
        drawn |= {"crash": crash, "restart": restart}
    if "call_time" in needed:
        assert scenario.call_time is not None  # noqa: S101 - which is why it is needed
        drawn["call_time"] = _times(stream(CALL_TIME), "call_time", scenario.call_time, n)
    return drawn


def _resend_waits(rng: np.random.Generator, payment: Payment, n: int) -> NDArray[np.float64]:
    """Draw the delay that lost deliveries add to each confirmation; NaN where none arrives.

    One draw per job, so a higher probability only loses more deliveries.
    """
    waits = to_ticks(np.array([*payment.resend_waits, np.nan]))
    deliveries = len(payment.resend_waits)
    # At least k deliveries are lost with probability lost**k; in increasing order, so k falls.
    at_least = payment.lost ** np.arange(deliveries, 0.0, -1.0)
    return waits[deliveries - np.searchsorted(at_least, rng.random(n), side="right")]


def _pause(scenario: Scenario, n: int, attempt: int) -> NDArray[np.float64]:
    """Draw what comes before an attempt: thinking before the first, backoff before others."""
    if attempt == 1:
        if not isinstance(scenario.arrivals, Closed):
            return np.full(n, np.nan)
        rng = stream_of(scenario.seed, THOUGHT)
        return _times(rng, "arrivals.think", scenario.arrivals.think, n)
    assert scenario.retry is not None  # noqa: S101 - or there were no further attempt
    shares = stream_of(scenario.seed, BACKOFF, attempt).random(n)
    # `wait * (1 - jitter * u)`, in place: an array of millions is not copied at each step.
    shares *= -scenario.retry.jitter
    shares += 1.0
    shares *= scenario.retry.waits()[attempt - 2]
    _check_longest("retry", shares)
    return round_in_place(shares)


def _times(
    rng: np.random.Generator, name: str, distribution: Distribution, n: int
) -> NDArray[np.float64]:
    """Draw times in whole ticks; refuse a scale on which rounding would bias the mean."""
    times = distribution.sample(rng, n)
    _check_longest(name, times)
    # Only the means are compared: rounding errors that cancel are harmless.
    drawn = float(times.sum())
    rounded = round_in_place(times)
    if drawn > 0 and abs(float(rounded.sum()) / drawn - 1.0) > COARSE:
        off = float(rounded.sum()) / drawn - 1.0
        raise ValueError(
            f"{name} is {drawn / n:.3g} s on average, near the resolution of time (2**-20 s), and "
            f"would be off by {off:+.1%}: multiply all times of the scenario by 1,000"
        )
    return rounded


def _check_longest(name: str, times: NDArray[np.float64]) -> None:
    longest = times.max(initial=0.0)
    if longest > LONGEST:
        raise ValueError(f"{name} gave {longest:.3g} s, beyond 2**33 s (272 years): scale it down")


def _events(rng: np.random.Generator, probability: float, n: int) -> NDArray[np.bool_]:
    """Draw to which of `n` jobs an event happens; a higher probability only adds jobs."""
    happens = np.zeros(n, dtype=np.bool_)
    if probability:
        for block in blocks(happens):
            np.less(rng.random(len(block)), probability, out=block)
    return happens
