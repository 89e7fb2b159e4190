"""The words and units of a scenario's fields and a run's figures, for axes and titles."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from jobsim.figures import names
from jobsim.scenario.part import Part, unit_of
from jobsim.scenario.scenario import Scenario


def in_words(name: str) -> str:
    """Return a field's path or a figure's name in words.

    Examples
    --------
    >>> in_words("reaper.timeout"), in_words("wait_p95")
    ('reaper timeout', '95th-percentile wait')
    """
    return names.in_words(name).replace(".", " ")


def number_of(path: str) -> str:
    """Return a field's path as the words after "by"; counts begin with "number of".

    Examples
    --------
    >>> number_of("workers"), number_of("arrivals.rate")
    ('number of workers', 'arrivals rate')
    """
    counted = {"workers", "clients", "jobs", "pollers", "arrivals.users", "retry.attempts"}
    return f"number of {in_words(path.rpartition('.')[2])}" if path in counted else in_words(path)


def with_unit(name: str, unit: str) -> str:
    """Return a name in words with its unit, unless the words already contain it.

    Examples
    --------
    >>> with_unit("false_kills", "jobs"), with_unit("requests", "requests")
    ('false kills (jobs)', 'requests')
    """
    words = in_words(name)
    return f"{words} ({unit})" if unit and unit not in words.split() else words


def metric_unit(name: str) -> str:
    """Return the unit of a figure of `jobsim.figures.metrics.metrics`; empty if unknown."""
    try:
        return names.unit_of(name)
    except names.UnknownFigureError:
        return ""


def field_unit(path: str) -> str:
    """Return the unit of a scenario's field at a dotted path; empty if it has none.

    The field's type names it, see `jobsim.scenario.part.Unit`. Where the path leads to several
    kinds of a part, it is empty unless they agree on the unit.

    Examples
    --------
    >>> [field_unit(path) for path in ("reaper.timeout", "arrivals.rate", "work.fail", "workers")]
    ['s', 'jobs/s', 'share', '']
    """
    units = {unit_of(field) for field in _fields(Scenario, path.split("."))}
    return units.pop() if len(units) == 1 else ""


def _fields(part: type[Part], steps: list[str]) -> Iterator[FieldInfo]:
    field = part.model_fields.get(steps[0])
    if field is None:
        return
    if len(steps) == 1:
        yield field
    else:
        for kind in _parts(field.annotation):
            yield from _fields(kind, steps[1:])


def _parts(annotation: Any) -> Iterator[type[Part]]:
    """Find the models in an annotation: a model, a union of models, or an optional model."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    elif get_origin(annotation) in (Union, types.UnionType):
        for choice in get_args(annotation):
            yield from _parts(choice)
    elif get_origin(annotation) is Annotated:
        yield from _parts(get_args(annotation)[0])


def the_workers_were(workers: int) -> str:
    """Return the beginning of a sentence about all workers.

    Examples
    --------
    >>> the_workers_were(8), the_workers_were(1)
    ('The 8 workers were', 'The one worker was')
    """
    return f"The {workers:,} workers were" if workers > 1 else "The one worker was"
