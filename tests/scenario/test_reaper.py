"""Reapers: what they say, and what they refuse."""

import inspect

import pytest
from pydantic import ValidationError

from jobsim.scenario.reaper import Reaper


def test_every_field_is_in_the_docstring():
    for name in Reaper.model_fields:
        assert f"\n{name}\n" in inspect.getdoc(Reaper)


@pytest.mark.parametrize(
    ("skew", "end"), [(0.0, "."), (0.5, "; its clock is 0.5 s ahead."), (-2.0, " 2 s behind.")]
)
def test_a_reaper_is_a_sentence(skew, end):
    sentence = Reaper(timeout=30.0, skew=skew).describe()
    assert sentence.startswith("A reaper looks every 1 s and fails what has been running for 30 s")
    assert sentence.endswith(end)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "Field required"),
        ({"timeout": 0.0}, "greater than 0"),
        ({"timeout": 1.0, "every": 0.0}, "greater than 0"),
        ({"timeout": 1.0, "skew": 1.0}, "skew = 1.0 is not below timeout = 1.0"),
        ({"timeout": 1.0, "skew": "1"}, "valid number"),
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused(fields, problem):
    with pytest.raises(ValidationError, match=problem):
        Reaper(**fields)
