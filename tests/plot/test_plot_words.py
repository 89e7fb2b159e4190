"""Units follow from what a field says of itself; its annotation is the independent check."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest

from jobsim.figures.metrics import UNITS
from jobsim.plot.words import _unit, field_unit, in_words, metric_unit, with_unit
from jobsim.scenario.part import Part

BY_ANNOTATION = {
    "Seconds": "s",
    "PositiveSeconds": "s",
    "Rate": "jobs/s",
    "Probability": "share",
    "Count": "",
}


def kinds(of: type[Part] = Part) -> Iterator[type[Part]]:
    for kind in of.__subclasses__():
        if kind.__module__.startswith("jobsim."):
            yield kind
            yield from kinds(kind)


FIELDS = sorted(
    (kind.__name__, name, annotation.removesuffix(" | None"))
    for kind in kinds()
    for name, annotation in inspect.get_annotations(kind).items()
    if annotation.removesuffix(" | None") in BY_ANNOTATION
)


@pytest.mark.parametrize(("kind", "name", "annotation"), FIELDS)
def test_the_unit_of_a_field_is_that_of_its_kind_of_number(kind, name, annotation):
    (part,) = [found for found in kinds() if found.__name__ == kind]
    assert _unit(part.model_fields[name]) == BY_ANNOTATION[annotation]


def test_there_are_fields_of_each_kind():
    assert {annotation for _, _, annotation in FIELDS} == set(BY_ANNOTATION)


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("reaper.timeout", "s"),
        ("reaper.skew", "s"),
        ("arrivals.rate", "jobs/s"),
        ("arrivals.think.mean", "s"),
        ("work.service.cv", ""),
        ("work.fail", "share"),
        ("retry.budget", "share"),
        ("retry.factor", ""),
        ("patience.mean", "s"),
        ("payment.deadline", "s"),
        ("duration", "s"),
        ("workers", ""),
        ("jobs", ""),
        ("jobs.of.nobody", ""),
        ("no.such.field", ""),
    ],
)
def test_the_unit_of_a_path(path, unit):
    assert field_unit(path) == unit


def test_a_unit_that_the_words_say_is_not_said_twice():
    assert with_unit("requests", "requests") == "requests"
    assert with_unit("false_kills", "jobs") == "false kills (jobs)"
    assert with_unit("score", "") == "score"


def test_metrics_have_their_units_and_words():
    assert {metric_unit(name) for name in UNITS} == set(UNITS.values())
    assert metric_unit("score") == ""
    assert in_words("payment.delay.p95") == "payment delay p95"
