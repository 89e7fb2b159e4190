"""A scenario in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jobsim.display.text import (
    Rows,
    count_of,
    format_duration,
    format_given_share,
    format_number,
    format_percent,
    printable,
)

if TYPE_CHECKING:
    from jobsim.scenario.payment import Payment
    from jobsim.scenario.scenario import Scenario, Work
    from jobsim.scenario.workload import Workload


def describe(scenario: Scenario) -> str:
    """Return a scenario in a few plain sentences, one per line, with units.

    Examples
    --------
    >>> from jobsim.scenario.scenario import Scenario
    >>> print(describe(Scenario(jobs=1)).splitlines()[1])
    1 job arrives at random (Poisson), 1 per second on average.
    """
    title, rows = title_and_rows(scenario)
    return "\n".join([title, *(sentence for _, sentence in rows)])


def title_and_rows(scenario: Scenario) -> tuple[str, Rows]:
    """Return the name and reason of a scenario, and its sentences, each with what it is about."""
    name, why = printable(scenario.name), printable(scenario.why)
    return f"{name}: {why}" if why else name, [
        ("arrivals", _arrivals(scenario)),
        ("payment", _payment(scenario.payment)),
        ("work", _work(scenario.work)),
        *_feedback(scenario),
        ("threads", _threads(scenario)),
        *(("load", sentence) for sentence in _load(scenario)),
    ]


def workload_rows(workload: Workload) -> Rows:
    """Return what was drawn, or read from a trace, in a few figures over all its rows."""
    attempts = f", up to {workload.attempts} attempts each" if workload.attempts > 1 else ""
    rows = [("requests", f"{workload.requests:,}{attempts}")]
    if workload.source is not None:
        rows.append(("source", workload.source.name))
    if not len(workload):
        return rows
    if workload.scenario.arrivals.kind != "closed":  # there only a run can tell
        # Sorted by arrival, so the ends of the array are the ends of the load.
        first, last = (format_duration(float(workload.arrival[at])) for at in (0, -1))
        rows.append(("arrivals", f"from {first} to {last}"))
    unpaid = int(np.count_nonzero(np.isnan(workload.delay)))
    twice = int(np.count_nonzero(~np.isnan(workload.lag)))
    fail = int(np.count_nonzero(workload.fails))
    return [
        *rows,
        ("payment", _spread(workload.delay, {"never paid": unpaid, "confirmed twice": twice})),
        ("service", _spread(workload.service, {"to fail": fail})),
    ]


def _spread(times: NDArray[np.float64], counts: dict[str, int]) -> str:
    # NaN means "never", which is counted separately.
    known = times[~np.isnan(times)]
    parts = [f"{count:,} {what}" for what, count in counts.items() if count]
    if len(known):
        mean, longest = (format_duration(float(value)) for value in (known.mean(), known.max()))
        parts.insert(0, f"mean {mean}, longest {longest}")
    return "; ".join(parts)


def _arrivals(scenario: Scenario) -> str:
    what = scenario.arrivals.describe()
    who = "Jobs"
    if scenario.jobs is not None:
        who = count_of(scenario.jobs, "job")
        what = what.replace("arrive", "arrives", 1) if scenario.jobs == 1 else what
    if scenario.duration is None:
        return f"{who} {what}."
    until = f"until {format_number(scenario.duration)} s"
    return f"{who} {what}, {until}{' at the latest' if scenario.jobs is not None else ''}."


def _payment(payment: Payment) -> str:
    """Say how jobs are paid; leave out what never happens."""
    after = f"after {payment.delay.describe()}" if payment.delay.mean else "at once"
    sentences = [f"Payment is confirmed {after}."]
    if payment.abandon:
        sentences.append(
            f"{format_given_share(payment.abandon)} of jobs are never paid and wait for ever."
        )
    if payment.deadline is not None:
        sentences.append(
            f"Nobody pays later than {format_number(payment.deadline)} s after asking."
        )
    if payment.lost:
        sentences.append(_losses(payment))
    if payment.duplicate:
        sentences.append(
            f"{format_given_share(payment.duplicate)} of confirmations come twice, "
            f"the second one later by {payment.lag.describe()}."
        )
    return " ".join(sentences)


def _losses(payment: Payment) -> str:
    lost = format_given_share(payment.lost)
    if not payment.resend:
        return f"{lost} of confirmations are lost for ever."
    waits = ", ".join(format_number(wait) for wait in payment.resend)
    return (
        f"{lost} of deliveries of a confirmation are lost; each lost one is sent again, "
        f"{waits} s later, then no more."
    )


def _work(work: Work) -> str:
    """Say how long work takes and how often it goes wrong; leave out what never happens."""
    sentences = [f"Work takes {work.service.describe()}."]
    if work.fail:
        sentences.append(f"{format_given_share(work.fail)} of jobs fail.")
    if work.crash:
        back = f"after {work.restart.describe()}" if work.restart.mean else "at once"
        sentences.append(
            f"In {format_given_share(work.crash)} of jobs the worker dies in the middle; "
            f"it is back {back}."
        )
    return " ".join(sentences)


def _feedback(scenario: Scenario) -> Rows:
    """Say how jobs affect one another; mention a missing reaper where it matters."""
    rows: Rows = []
    if scenario.patience is not None:
        then = "asks again or leaves" if scenario.attempts > 1 else "leaves"
        lasts = f"A client's patience with a job lasts {scenario.patience.describe()}"
        rows.append(("patience", f"{lasts}; then it {then}, and the job is served all the same."))
    if scenario.retry is not None:
        rows.append(("retries", scenario.retry.describe()))
    if scenario.reaper is not None:
        rows.append(("reaper", scenario.reaper.describe()))
    elif scenario.work.crash or scenario.outages:
        rows.append(("reaper", "Nobody fails a job whose worker is gone: it is RUNNING for ever."))
    return rows + [("outage", outage.describe()) for outage in scenario.outages]


def _threads(scenario: Scenario) -> str:
    workers, clients = count_of(scenario.workers, "worker"), count_of(scenario.clients, "client")
    return f"{workers}, {clients}, {_pollers(scenario)}; seed {scenario.seed}."


def _pollers(scenario: Scenario) -> str:
    if not scenario.pollers:
        return "no pollers"
    pollers = count_of(scenario.pollers, "poller")
    if not scenario.poll_interval:
        return f"{pollers} reading as fast as possible"
    return f"{pollers} reading every {format_number(scenario.poll_interval)} s"


def _load(scenario: Scenario) -> list[str]:
    """Say whether the workers can keep up, where a stationary answer exists."""
    load = scenario.offered_load
    if load is None:
        return []
    # Of first attempts only; what adds to it is named in the same sentence.
    utilisation = load / scenario.workers
    crew = count_of(scenario.workers, "worker")
    line = f"Offered load {format_number(load)} erlangs{_before(scenario)} on {crew}: "
    # A crash cuts work short, so the backlog need not grow then.
    if utilisation < 1.0 or scenario.work.crash:
        return [f"{line}utilisation {format_percent(utilisation)} per worker."]
    return [f"{line}more than they can keep up with, so the backlog grows while jobs arrive."]


def _before(scenario: Scenario) -> str:
    """Return what the offered load leaves out: it is that of first attempts."""
    left_out = {
        "retries": scenario.attempts > 1,
        "crashes": scenario.work.crash > 0,
        "outages": bool(scenario.outages),
    }
    names = [name for name, there in left_out.items() if there]
    return f" before {' and '.join(names)}" if names else ""
