"""Outages: what they say, and what they refuse."""

import inspect

import pytest
from pydantic import ValidationError

from jobsim.scenario.outage import Outage
from jobsim.scenario.scenario import Scenario, UnknownFieldError


def test_every_field_is_in_the_docstring():
    for name in Outage.model_fields:
        assert f"\n{name}\n" in inspect.getdoc(Outage)


@pytest.mark.parametrize(
    ("workers", "sentence"),
    [(1, "1 worker is gone from 5 s to 7 s."), (1200, "1,200 workers are gone from 5 s to 7 s.")],
)
def test_an_outage_is_a_sentence(workers, sentence):
    assert Outage(at=5.0, duration=2.0, workers=workers).describe() == sentence


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"at": -1.0, "duration": 1.0, "workers": 1}, "greater than or equal to 0"),
        ({"at": 1.0, "duration": 0.0, "workers": 1}, "greater than 0"),
        ({"at": 1.0, "duration": 1.0, "workers": 0}, "greater than or equal to 1"),
        ({"at": 1.0, "duration": 1.0}, "Field required"),
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused(fields, problem):
    with pytest.raises(ValidationError, match=problem):
        Outage(**fields)


def test_outages_are_replaced_as_a_whole():
    outage = {"at": 1.0, "duration": 2.0, "workers": 3}
    assert Scenario().replace({"outages": [outage]}).outages == (Outage(**outage),)
    with pytest.raises(UnknownFieldError, match="did you mean 'outages'"):
        Scenario(outages=(Outage(**outage),)).replace({"outages.at": 2.0})
