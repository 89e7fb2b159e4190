"""The words and units of fields and figures."""

from __future__ import annotations

import pytest

from jobsim.figures.metrics import UNITS
from jobsim.plot.parts.words import field_unit, in_words, metric_unit, with_unit


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
