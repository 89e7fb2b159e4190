"""Retries, reapers and outages: what they say, and what they refuse."""

import inspect

import pytest
from pydantic import ValidationError

from jobsim.scenario.dynamics import Outage, Reaper, Retry
from jobsim.scenario.scenario import Scenario, UnknownFieldError


@pytest.mark.parametrize("part", [Retry, Reaper, Outage])
def test_every_field_is_in_the_docstring(part):
    for name in part.model_fields:
        assert f"\n{name}\n" in inspect.getdoc(part)


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ({"attempts": 1}, ()),
        ({"attempts": 4, "base": 0.5}, (0.5, 1.0, 2.0)),
        ({"attempts": 4, "base": 2.0, "factor": 1.0}, (2.0, 2.0, 2.0)),
        ({"attempts": 4, "base": 1.0, "factor": 3.0, "cap": 5.0}, (1.0, 3.0, 5.0)),
        ({"attempts": 3, "base": 9.0, "cap": 5.0}, (5.0, 5.0)),
        ({"attempts": 3, "base": 0.0}, (0.0, 0.0)),
        ({"attempts": 3, "cap": 0.0}, (0.0, 0.0)),
    ],
    ids=str,
)
def test_each_wait_is_the_one_before_times_the_factor_up_to_the_cap(fields, waits):
    assert Retry(**fields).waits() == waits


def test_a_hundred_attempts_with_an_endless_factor_do_not_overflow():
    waits = Retry(attempts=100, base=1e-300, factor=1e300, cap=1e308).waits()
    assert len(waits) == 99
    assert waits[-1] == 1e308


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"attempts": 1}, "Nobody asks again."),
        ({"attempts": 2}, "A failed job is asked for again once, after 1 s."),
        ({"attempts": 4}, "A failed job is asked for again up to 3 times, after 1 to 4 s."),
        (
            {"attempts": 4, "factor": 1.0, "jitter": 0.5},
            (
                "A failed job is asked for again up to 3 times, "
                "after 1 s less a random share of up to 50 %."
            ),
        ),
        (
            {"attempts": 2, "budget": 0.125},
            (
                "A failed job is asked for again once, after 1 s, "
                "while a budget of 12.5 % of all requests lasts."
            ),
        ),
    ],
    ids=str,
)
def test_a_retry_is_a_sentence(fields, sentence):
    assert Retry(**fields).describe() == sentence


@pytest.mark.parametrize(
    ("skew", "end"), [(0.0, "."), (0.5, "; its clock is 0.5 s ahead."), (-2.0, " 2 s behind.")]
)
def test_a_reaper_is_a_sentence(skew, end):
    sentence = Reaper(timeout=30.0, skew=skew).describe()
    assert sentence.startswith("A reaper looks every 1 s and fails what has been running for 30 s")
    assert sentence.endswith(end)


@pytest.mark.parametrize(
    ("workers", "sentence"),
    [(1, "1 worker is gone from 5 s to 7 s."), (1200, "1,200 workers are gone from 5 s to 7 s.")],
)
def test_an_outage_is_a_sentence(workers, sentence):
    assert Outage(at=5.0, duration=2.0, workers=workers).describe() == sentence


@pytest.mark.parametrize(
    ("part", "fields", "problem"),
    [
        (Retry, {"attempts": 0}, "greater than or equal to 1"),
        (Retry, {"attempts": 101}, "less than or equal to 100"),
        (Retry, {"base": -1.0}, "greater than or equal to 0"),
        (Retry, {"factor": 0.9}, "greater than or equal to 1"),
        (Retry, {"cap": -0.1}, "greater than or equal to 0"),
        (Retry, {"jitter": 1.1}, "less than or equal to 1"),
        (Retry, {"budget": -0.1}, "greater than or equal to 0"),
        (Retry, {"burst": 0}, "greater than or equal to 1"),
        (Retry, {"base": float("inf")}, "finite"),
        (Reaper, {}, "Field required"),
        (Reaper, {"timeout": 0.0}, "greater than 0"),
        (Reaper, {"timeout": 1.0, "every": 0.0}, "greater than 0"),
        (Reaper, {"timeout": 1.0, "skew": 1.0}, "skew = 1.0 is not below timeout = 1.0"),
        (Reaper, {"timeout": 1.0, "skew": "1"}, "valid number"),
        (Outage, {"at": -1.0, "duration": 1.0, "workers": 1}, "greater than or equal to 0"),
        (Outage, {"at": 1.0, "duration": 0.0, "workers": 1}, "greater than 0"),
        (Outage, {"at": 1.0, "duration": 1.0, "workers": 0}, "greater than or equal to 1"),
        (Outage, {"at": 1.0, "duration": 1.0}, "Field required"),
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused(part, fields, problem):
    with pytest.raises(ValidationError, match=problem):
        part(**fields)


def test_a_path_reaches_into_a_part_that_is_there():
    scenario = Scenario(retry=Retry(attempts=5), reaper=Reaper(timeout=3.0))
    changed = scenario.replace({"retry.jitter": 1.0, "reaper.timeout": 4.0})
    assert changed.retry == Retry(attempts=5, jitter=1.0)
    assert changed.reaper == Reaper(timeout=4.0)
    assert changed.replace({"retry": None}).retry is None


def test_a_path_reaches_into_a_part_that_the_same_change_puts_there():
    changed = Scenario().replace({"retry.jitter": 1.0, "retry": {"attempts": 2}})
    assert changed.retry == Retry(attempts=2, jitter=1.0)


def test_a_path_into_a_part_that_is_not_there_names_the_part():
    with pytest.raises(ValueError, match=r"has no retry, so no 'retry\.jitter'; give 'retry'"):
        Scenario().replace({"retry.jitter": 1.0})


def test_outages_are_replaced_as_a_whole():
    outage = {"at": 1.0, "duration": 2.0, "workers": 3}
    assert Scenario().replace({"outages": [outage]}).outages == (Outage(**outage),)
    with pytest.raises(UnknownFieldError, match="did you mean 'outages'"):
        Scenario(outages=(Outage(**outage),)).replace({"outages.at": 2.0})


@pytest.mark.parametrize(
    "fields",
    [
        {"retry": Retry()},
        {"reaper": Reaper(timeout=1.0)},
        {"outages": (Outage(at=0.0, duration=1.0, workers=1),)},
        {"patience": {"kind": "constant", "value": 1.0}},
        {"work": {"crash": 0.1}},
        {"arrivals": {"kind": "closed", "users": 1}},
    ],
    ids=str,
)
def test_each_part_alone_is_feedback(fields):
    assert Scenario(**fields).has_feedback is True
    assert Scenario(work={"restart": {"kind": "constant", "value": 1.0}}).has_feedback is False


def test_a_scenario_with_all_parts_can_be_a_key():
    scenario = Scenario(retry=Retry(), reaper=Reaper(timeout=1.0), outages=())
    assert {scenario: 1}[scenario.replace({})] == 1
