"""What queueing theory says about a scenario: which model applies, and why no other."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jobsim.display.text import count_of, rows_as_html, rows_as_text
from jobsim.scenario.arrivals import Bursts, Paced, Poisson
from jobsim.scenario.closed import Closed
from jobsim.scenario.distributions import Constant, Exponential
from jobsim.scenario.scenario import Scenario
from jobsim.studies import formulas

NO_MODEL = "none"
"""The `Theory.model` of a scenario for which there is no formula."""

NO_SHARE = (
    "the deadline cuts off an unknown share of the payments, so the rate of paid jobs is unknown"
)


@dataclass(frozen=True, repr=False)
class Theory:
    """The steady state of a scenario, as far as there are formulas.

    A figure without a formula is NaN; one that grows without bound is infinite. Rates are per
    second, times in seconds.

    Attributes
    ----------
    model
        ``"M/M/8"``, ``"M/G/1"``, ``"G/G/8"``, ``"M/M/8//20"``, or ``"none"``; the first number
        is that of the workers, the last that of the users of a closed loop.
    exact
        Whether the model's formulas are exact for this scenario's steady state.
    workers
        Number of workers.
    rate
        Arrivals to the queue: jobs whose payment is confirmed, per second.
    service_mean
        Mean service time.
    offered_load
        `rate` times `service_mean`, in erlangs.
    utilisation
        Share of the workers' time that is worked, at most 1.
    stable
        Whether the queue has a steady state; None where there is no rate.
    wait_mean
        Mean wait from payment to start.
    wait_range
        The factors of `wait_mean` between which the true mean lies; both 1 where it is exact.
    wait_probability
        Probability that a paid job has to wait.
    queue_mean
        Mean number of paid jobs that wait, by Little's law.
    sojourn_mean
        Mean time from arrival to the end of the work, of paid jobs: payment, wait and service.
    paying_mean
        Mean number of jobs whose payment is under way (M/G/infinity).
    unpaid_rate
        Never-paid jobs per second; their number grows for ever.
    notes
        Which models apply and why not others.
    """

    model: str
    exact: bool
    workers: int
    rate: float
    service_mean: float
    offered_load: float
    utilisation: float
    stable: bool | None
    wait_mean: float
    wait_probability: float
    queue_mean: float
    sojourn_mean: float
    paying_mean: float
    unpaid_rate: float
    notes: tuple[str, ...]
    wait_range: tuple[float, float] = (1.0, 1.0)

    @property
    def kind(self) -> str:
        """The model, whether it is exact, and how far off its mean wait may be if not."""
        if self.model == NO_MODEL:
            return self.model
        if self.exact:
            return f"{self.model} (exact)"
        low, high = self.wait_range
        return f"{self.model} (approximation: mean wait {low:.2g} to {high:.2g} times this)"

    def wait_percentile(self, q: float) -> float:
        """Return the wait that `q` percent of the paid jobs do not exceed.

        Known for M/M/c; infinite where the queue is unstable, NaN where there is no formula.

        Raises
        ------
        ValueError
            If `q` is not from 0 to below 100.
        """
        if not 0 <= q < 100:
            raise ValueError(f"q is {q}; it is a percentage, from 0 to below 100")
        if self.stable is False:
            return math.inf
        if not self._is_mmc:
            return math.nan
        return formulas.mmc_wait_percentile(self.workers, self.rate, self.service_mean, q)

    def wait_exceeds(self, time: float) -> float:
        """Return the probability that a paid job waits longer than `time` seconds.

        Known for M/M/c; 1 where the queue is unstable, NaN where there is no formula.

        Raises
        ------
        ValueError
            If `time` is negative.
        """
        if not time >= 0:
            raise ValueError(f"time is {time}; a wait is compared with a time of at least 0 s")
        if self.stable is False:
            return 1.0
        if not self._is_mmc:
            return math.nan
        return formulas.mmc_wait_exceeds(self.workers, self.rate, self.service_mean, time)

    @property
    def _is_mmc(self) -> bool:
        return self.model == _named("M/M", self.workers)

    def _rows(self) -> list[tuple[str, str]]:
        """Return the rows of the display, without the figures that the model does not give."""
        rows = [("model", self.kind)]
        if not math.isnan(self.offered_load):
            rows.append(("offered load", f"{self.offered_load:.6g} erlangs"))
            share = f"{100 * self.utilisation:.4g} % of {count_of(self.workers, 'worker')}"
            state = "" if self.stable else f"; unstable: {formulas.needs(self.offered_load)}"
            rows.append(("utilisation", share + state))
        values = [
            ("mean wait", self.wait_mean, "s"),
            ("p95 wait", self.wait_percentile(95), "s"),
            ("must wait", 100 * self.wait_probability, "% of paid jobs"),
            ("queue", self.queue_mean, "jobs on average"),
            ("mean sojourn", self.sojourn_mean, "s"),
            ("being paid", self.paying_mean or math.nan, "jobs on average"),
            ("never paid", self.unpaid_rate or math.nan, "jobs/s, for ever"),
        ]
        rows += [
            (name, f"{value:.4g} {unit}") for name, value, unit in values if not math.isnan(value)
        ]
        return rows + [("note", note) for note in self.notes]

    def __repr__(self) -> str:
        return rows_as_text(None, self._rows())

    def _repr_html_(self) -> str:
        return rows_as_html(None, self._rows())


def theory(scenario: Scenario) -> Theory:
    """Return what queueing theory says about a scenario's steady state.

    The model is M/M/c for exponential work, M/G/1 for one worker, otherwise Allen and Cunneen's
    approximation for G/G/c; M/M/c//N for a closed loop of exponential thought and work; see
    `jobsim.studies.formulas`. For an unstable load too a value is returned, with infinite waits and
    a row that says how many workers it needs. Where jobs influence each other in any other way
    there is no model, and a note says why.

    Parameters
    ----------
    scenario
        Any scenario.

    Examples
    --------
    >>> from jobsim.scenario.scenario import Scenario
    >>> theory(Scenario(jobs=1000, arrivals={"kind": "poisson", "rate": 6.4}, workers=8))
    model         M/M/8 (exact)
    offered load  6.4 erlangs
    utilisation   80 % of 8 workers
    mean wait     0.286 s
    p95 wait      1.384 s
    must wait     45.76 % of paid jobs
    queue         1.831 jobs on average
    mean sojourn  1.286 s
    note          a run starts empty, so its first jobs wait less than in the steady state
    """
    if not scenario.open_queue:
        return _with_feedback(scenario)
    workers, service = scenario.workers, scenario.work.service
    arrival_rate, confirmed = scenario.arrivals.mean_rate, scenario.payment.confirmed
    stable: bool | None = None
    wait = waits = rate = math.nan
    if arrival_rate is None:
        model, exact, notes = NO_MODEL, False, [_transient(scenario)]
    elif confirmed is None:
        model, exact, notes = NO_MODEL, False, [NO_SHARE]
    else:
        rate = arrival_rate * confirmed
        # Strictly: at a load of exactly one the queue has no steady state either.
        stable = rate * service.mean < workers
        model, exact, notes = _model(scenario, arrival_rate)
        wait, waits = _wait(scenario, model, rate) if stable else (math.inf, 1.0)
        if stable:
            notes.append("a run starts empty, so its first jobs wait less than in the steady state")
        else:
            growth = rate - workers / service.mean
            notes.append(f"the queue has no steady state: it grows by {growth:.4g} jobs/s")
    load, paying = rate * service.mean, scenario.payment.confirmation_mean
    return Theory(
        model=model,
        exact=exact,
        workers=workers,
        rate=rate,
        service_mean=service.mean,
        offered_load=load,
        utilisation=min(load / workers, 1.0) if stable is not None else math.nan,
        stable=stable,
        wait_mean=wait,
        wait_probability=waits,
        queue_mean=rate * wait if rate else 0.0,
        sojourn_mean=paying + wait + service.mean,
        paying_mean=formulas.mginf_occupancy_mean(rate, paying),
        unpaid_rate=(arrival_rate or math.nan) - rate,
        notes=tuple(notes),
        wait_range=_wait_range(scenario, model, rate) if stable else (1.0, 1.0),
    )


def _wait_range(scenario: Scenario, model: str, rate: float) -> tuple[float, float]:
    if model != _named("G/G", scenario.workers):
        return 1.0, 1.0
    arrival_cv2, service_cv2 = _cv2s(scenario, rate)
    load = rate * scenario.work.service.mean
    return formulas.ggc_wait_range(
        scenario.workers, load, arrival_cv2=arrival_cv2, service_cv2=service_cv2
    )


def _with_feedback(scenario: Scenario) -> Theory:
    """Return the theory of a closed loop that has a formula; otherwise one without figures."""
    workers, service = scenario.workers, scenario.work.service
    reasons = _why_not_finite_source(scenario)
    closed = scenario.arrivals if isinstance(scenario.arrivals, Closed) and not reasons else None
    if closed is None:
        # NaN passes through every product below, so that nothing is claimed.
        model, state = NO_MODEL, formulas.FiniteSource(math.nan, math.nan, math.nan)
        notes = (f"none of these formulas covers {', '.join(reasons)}",)
    else:
        model = f"{_named('M/M', workers)}//{closed.users}"
        state = formulas.finite_source(workers, closed.users, closed.think.mean, service.mean)
        ends = "its last requests are those of ever fewer users, unless a duration ends it before"
        notes = (f"a run begins with all users in thought, and {ends}",)
    load = state.throughput * service.mean
    return Theory(
        model=model,
        exact=closed is not None,
        workers=workers,
        rate=state.throughput,
        service_mean=service.mean,
        offered_load=load,
        utilisation=load / workers,
        stable=None if closed is None else True,
        wait_mean=state.wait_mean,
        wait_probability=state.wait_probability,
        queue_mean=state.throughput * state.wait_mean,
        sojourn_mean=state.wait_mean + service.mean,
        paying_mean=math.nan,
        unpaid_rate=math.nan,
        notes=notes,
    )


def _why_not_finite_source(scenario: Scenario) -> list[str]:
    """Return in words why a scenario with feedback is not M/M/c//N."""
    closed, payment = scenario.arrivals, scenario.payment
    found: dict[str, bool] = {
        "retries": scenario.retry is not None,
        "patience that runs out": scenario.patience is not None,
        "a reaper": scenario.reaper is not None,
        "crashes": scenario.work.crash > 0,
        "outages": bool(scenario.outages),
    }
    if isinstance(closed, Closed):
        found |= {
            "paced users": closed.paced,
            "thought that is not exponential": not isinstance(closed.think, Exponential),
            "work that is not exponential": not isinstance(scenario.work.service, Exponential)
            or not scenario.work.service.mean,
            "payments in a closed loop that take time or never come": payment.confirmed != 1.0
            or payment.confirmation_mean > 0,
        }
    return [what for what, there in found.items() if there]


def _named(letters: str, workers: int) -> str:
    return f"{letters}/{workers}"


def _transient(scenario: Scenario) -> str:
    return (
        f"{scenario.arrivals.kind} arrivals have no long-run rate, so there is no steady state: "
        "the whole run is a transient, which these formulas do not describe"
    )


def _model(scenario: Scenario, arrival_rate: float) -> tuple[str, bool, list[str]]:
    """Return the model's name, whether its formulas are exact, and the reasons."""
    workers, payment, service = scenario.workers, scenario.payment, scenario.work.service
    arrivals = scenario.arrivals
    if isinstance(arrivals, Paced) or (isinstance(arrivals, Bursts) and arrivals.size == 1):
        reason = (
            f"not M/M/c or M/G/1: {arrivals.kind} arrivals are not Poisson; Allen-Cunneen's "
            "approximation, percentiles unknown"
        )
        # Only paid jobs come to the queue.
        rate = arrival_rate * (payment.confirmed or 0.0)
        if rate * service.mean < workers:
            cv2 = _cv2s(scenario, rate)[0]
            reason += f"; the times between payments have a squared cv of {cv2:.4g} for this queue"
        return _named("G/G", workers), False, [reason]
    if not isinstance(arrivals, Poisson):
        return NO_MODEL, False, [f"none of these formulas covers {arrivals.kind} arrivals"]
    notes = []
    if payment.abandon or payment.lost or not isinstance(payment.delay, Constant):
        notes.append(
            "payments are Poisson too: independent delays, losses and abandonment keep them so "
            "(displacement and thinning)"
        )
    if isinstance(service, Exponential):
        return _named("M/M", workers), True, notes
    if workers == 1:
        reason = "not M/M/1: the work is not exponential; the mean is exact, percentiles unknown"
        return _named("M/G", 1), True, [reason, *notes]
    reason = (
        f"not M/M/{workers}: the work is not exponential; not M/G/1: more than one worker; "
        "the mean wait is Allen-Cunneen's approximation, percentiles unknown"
    )
    return _named("G/G", workers), False, [reason, *notes]


def _cv2s(scenario: Scenario, rate: float) -> tuple[float, float]:
    """Return the squared cv of the times between payments and of the work, for G/G/c."""
    service = scenario.work.service
    service_cv2 = service.variance / service.mean**2 if service.mean else 0.0
    if isinstance(scenario.arrivals, Poisson):
        return 1.0, service_cv2
    return _paced_cv2(scenario, rate, service_cv2), service_cv2


def _paced_cv2(scenario: Scenario, rate: float, service_cv2: float) -> float:
    """Return the squared coefficient of variation that evenly spaced arrivals have for a queue.

    Without delays, abandonment leaves geometric gaps: p of them is their squared cv. Scattered
    by delays of standard deviation s, payments look like Poisson ones over times that are short
    against s: the gap between neighbours gains 2 s squared, up to 1. Over longer times t they are
    as regular as ever, for a delay only moves a payment across the edge of t: the count in t varies
    by a share s / t of what Poisson's does. A queue averages over about its relaxation time,
    which grows with the load and with the variation itself; so the two are found together (as
    in the robust queueing of Whitt and You 2018, Operations Research 66(1)). Confirmations that
    are lost for ever count as abandoned, those that are sent again as delayed.
    """
    payment, workers, mean = scenario.payment, scenario.workers, scenario.work.service.mean
    kept = payment.confirmed or 0.0
    # With delivery: a confirmation that is sent again is a later payment.
    spread = math.sqrt(payment.confirmation_variance)
    short = min(1.0, 1.0 - kept + 2.0 * (spread * rate) ** 2)
    # The share of capacity that is left: queues grow with one over it.
    free = 1.0 - rate * mean / workers
    found = short
    for _ in range(100):
        # Halfway each time: the two pull each other in opposite directions.
        time = mean * (1.0 - free) * (found + service_cv2) / (2.0 * workers * free**2)
        long = 1.0 - kept + kept * (min(1.0, spread / time) if time else 1.0)
        found = 0.5 * (found + min(short, long))
    return found


def _wait(scenario: Scenario, model: str, rate: float) -> tuple[float, float]:
    """Return the mean wait and the probability of one, for a stable load."""
    workers, service = scenario.workers, scenario.work.service
    if model == NO_MODEL:
        return math.nan, math.nan
    if model == _named("M/M", workers):
        mean = formulas.mmc_wait_mean(workers, rate, service.mean)
        return mean, formulas.erlang_c(workers, rate * service.mean)
    if model == _named("M/G", 1):
        # Poisson arrivals see time averages, so this is how often one finds the worker busy.
        return formulas.mg1_wait_mean(rate, service.mean, service.variance), rate * service.mean
    arrival_cv2, service_cv2 = _cv2s(scenario, rate)
    mean = formulas.ggc_wait_mean(
        workers, rate, service.mean, arrival_cv2=arrival_cv2, service_cv2=service_cv2
    )
    return mean, math.nan
