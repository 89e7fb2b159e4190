"""Which numbers of a scenario have a slider, and over which range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from jobsim.plot.parts.words import with_unit
from jobsim.scenario.part import unit_of
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.varying import Varying

# They change how much is drawn, or nothing that virtual time shows.
_LEFT_ALONE = {"jobs", "duration", "seed", "clients", "pollers", "poll_interval"}
_LEFT_ALONE |= {"arrivals.at", "payment.duplicate", "payment.lag"}

_TIMES = 3
"""The top of a slider, as a multiple of the given value."""


@dataclass(frozen=True)
class Knob:
    """One number of a scenario and the range in which to try it.

    Attributes
    ----------
    path
        Dotted path, as for `Scenario.replace`.
    value
        What the scenario has; an int where only whole numbers fit.
    low, high, step
        The range of the slider; `low` lies within what the field allows.
    description
        The description of the field.
    label
        The field in words, with its unit.
    """

    path: str
    value: float
    low: float
    high: float
    step: float
    description: str
    label: str

    def changes(self, value: float) -> dict[str, Any]:
        """Return the change that a slider's value makes, as `Scenario.replace` takes it."""
        return {self.path: self.fit(value)}

    @property
    def digits(self) -> int:
        """Decimals that tell two steps apart."""
        return max(0, -math.floor(math.log10(self.step) + 1e-9))

    def fit(self, value: float) -> float:
        """Return a slider's value without the errors of binary fractions, as the field takes it.

        Examples
        --------
        >>> Knob("work.fail", 0.0, 0.0, 1.0, 0.01, "", "").fit(0.30000000000000004)
        0.3
        """
        return round(value) if isinstance(self.value, int) else round(value, self.digits)


@dataclass(frozen=True)
class PeakKnob(Knob):
    """The height of the spikes of arrivals that vary: it moves all points at the highest rate."""

    points: tuple[tuple[float, float], ...]

    def changes(self, value: float) -> dict[str, Any]:
        """Return the points with the highest rate at the slider's value."""
        peak = self.fit(value)
        moved = [(time, peak if rate == self.value else rate) for time, rate in self.points]
        return {self.path: moved}


@dataclass(frozen=True)
class BudgetKnob(Knob):
    """The budget of retries that have none yet: the top of the slider means no limit."""

    def changes(self, value: float) -> dict[str, Any]:
        """Return the budget, none at the top of the slider."""
        return {self.path: None if value >= self.high else self.fit(value)}


def knobs(scenario: Scenario) -> list[Knob]:
    """Return the plain numbers of a scenario that shape its run in virtual time.

    They are found by walking its fields, so each kind of arrivals and of distribution has its own.

    Examples
    --------
    >>> [knob.path for knob in knobs(Scenario(jobs=10)) if knob.path.startswith("arrivals")]
    ['arrivals.rate']
    """
    return [*_walk(scenario, ""), *_special(scenario)]


def knobs_of_log(scenario: Scenario) -> list[Knob]:
    """Return what can be changed on the jobs of a log: workers, and how much traffic there is.

    Examples
    --------
    >>> [knob.path for knob in knobs_of_log(Scenario(jobs=10))]
    ['workers', 'traffic']
    """
    about = "Times as many jobs: some of the log's, or copies of it laid over it."
    traffic = Knob("traffic", 1.0, 0.1, 4.0, 0.1, about, "traffic (times the log's)")
    return [*(knob for knob in knobs(scenario) if knob.path == "workers"), traffic]


def _special(scenario: Scenario) -> Iterator[Knob]:
    """Yield numbers that matter but are not plain fields: the peak rate, the retry budget."""
    arrivals, retry = scenario.arrivals, scenario.retry
    if isinstance(arrivals, Varying):
        peak = arrivals.peak_rate
        yield PeakKnob(
            "arrivals.points",
            peak,
            0.0,
            _TIMES * peak,
            round_step(peak / 20, peak),
            "The highest rate of the arrivals, in jobs per second.",
            "peak of arrivals (jobs/s)",
            arrivals.points,
        )
    if retry is not None and retry.budget is None:
        field = type(retry).model_fields["budget"]
        yield BudgetKnob(
            "retry.budget",
            1.0,
            0.0,
            1.0,
            0.01,
            f"{field.description} Here 1 is no limit.",
            "retry budget (1: no limit)",
        )


def _walk(part: BaseModel, above: str) -> Iterator[Knob]:
    given = part.model_dump()  # leaves out the figures that follow from the given ones
    for name, field in type(part).model_fields.items():
        path, value = above + name, getattr(part, name)
        if path in _LEFT_ALONE or name not in given:
            continue
        if isinstance(value, BaseModel):
            yield from _walk(value, f"{path}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield _knob(path, value, field)


def _knob(path: str, value: float, field: FieldInfo) -> Knob:
    """Choose a slider's range from the value and the field's bounds, so that it holds both."""
    limits = dict(_limits(field))
    least, most = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt", math.inf))
    low: float
    high: float
    if isinstance(value, int):
        step = max(1.0, round_step(value / 20, value)) if value else 1.0
        low, high = (step if least else 0), max(_TIMES * value, value + 8)
    elif (least, most) == (0, 1):
        step, low, high = 0.01, 0.0, 1.0
    else:
        # A time of zero does not show its scale; a few seconds suit most scenarios.
        step = round_step(abs(value) / 20, value) if value else 0.1
        low = 0.0 if least is None or value < 0 else float(least)
        high = float(f"{_TIMES * abs(value):.6g}") or 10.0
    if "gt" in limits and low <= limits["gt"]:
        low = step
    low, high = min(low, value), min(high, most)
    label = with_unit(path, unit_of(field))
    return Knob(path, value, low, high, step, field.description or "", label)


def round_step(largest: float, value: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at most `largest`, that divides `value`.

    If none down to a thousandth of `largest` does, the greatest such number.

    Examples
    --------
    >>> round_step(0.32, 6.4), round_step(0.4, 8)
    (0.2, 0.2)
    """
    power = math.floor(math.log10(largest))
    # From text, because a product with a power of ten is not exactly the decimal that is shown.
    steps = [float(f"{digit}e{power - down}") for down in range(3) for digit in (5, 2, 1)]
    fitting = [step for step in steps if step <= largest * (1 + 1e-9)]
    for step in fitting:
        if math.isclose(value / step, round(value / step), rel_tol=1e-9):
            return step
    return fitting[0]


def _limits(field: FieldInfo) -> Iterator[tuple[str, Any]]:
    """Yield a field's bounds by name."""
    # An optional field is a union, whose members have the bounds.
    inner = [
        mark
        for option in get_args(field.annotation)
        for info in getattr(option, "__metadata__", ())
        for mark in (info.metadata if isinstance(info, FieldInfo) else (info,))
    ]
    for mark in [*inner, *field.metadata]:
        for name in ("ge", "gt", "le", "lt"):
            if (bound := getattr(mark, name, None)) is not None:
                yield name, bound
