"""A scenario in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobsim.scenario.part import in_words

if TYPE_CHECKING:
    from jobsim.scenario.scenario import Payment, Scenario, Work


def describe(scenario: Scenario) -> str:
    """Return a scenario in a few plain sentences, one a line, with units.

    Examples
    --------
    >>> from jobsim.scenario.scenario import Scenario
    >>> print(describe(Scenario(jobs=1)).splitlines()[1])
    1 job arrives at random (Poisson), 1 per second on average.
    """
    lines = [
        f"{scenario.name}: {scenario.why}" if scenario.why else scenario.name,
        _arrivals(scenario),
        _payment(scenario.payment),
        _work(scenario.work),
        _threads(scenario),
        *_load(scenario),
    ]
    return "\n".join(lines)


def _arrivals(scenario: Scenario) -> str:
    what = scenario.arrivals.describe()
    who = "Jobs"
    if scenario.jobs is not None:
        who = _number(scenario.jobs, "job")
        what = what.replace("arrive", "arrives", 1) if scenario.jobs == 1 else what
    if scenario.duration is None:
        return f"{who} {what}."
    until = f"until {in_words(scenario.duration)} s"
    return f"{who} {what}, {until}{' at the latest' if scenario.jobs is not None else ''}."


def _payment(payment: Payment) -> str:
    after = f"after {payment.delay.describe()}" if payment.delay.mean else "at once"
    sentences = [f"Payment is confirmed {after}."]
    if payment.abandon:
        sentences.append(f"{_percent(payment.abandon)} of jobs are never paid and wait for ever.")
    if payment.duplicate:
        sentences.append(
            f"{_percent(payment.duplicate)} of confirmations come twice, "
            f"the second one later by {payment.lag.describe()}."
        )
    return " ".join(sentences)


def _work(work: Work) -> str:
    takes = f"Work takes {work.service.describe()}."
    return f"{takes} {_percent(work.fail)} of jobs fail." if work.fail else takes


def _threads(scenario: Scenario) -> str:
    workers, clients = _number(scenario.workers, "worker"), _number(scenario.clients, "client")
    return f"{workers}, {clients}, {_pollers(scenario)}; seed {scenario.seed}."


def _pollers(scenario: Scenario) -> str:
    if not scenario.pollers:
        return "no pollers"
    pollers = _number(scenario.pollers, "poller")
    if not scenario.poll_interval:
        return f"{pollers} reading as fast as possible"
    return f"{pollers} reading every {in_words(scenario.poll_interval)} s"


def _load(scenario: Scenario) -> list[str]:
    load = scenario.offered_load
    if load is None:
        return []
    utilisation = load / scenario.workers
    line = f"Offered load {in_words(load)} erlangs on {_number(scenario.workers, 'worker')}: "
    if utilisation < 1.0:
        return [f"{line}utilisation {_percent(utilisation)} per worker."]
    return [f"{line}not less than they can do, so the backlog grows while jobs arrive."]


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g} %"
