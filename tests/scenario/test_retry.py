"""Retries: how their backoff grows, what they say, and what they refuse."""

import inspect

import pytest
from pydantic import ValidationError

from jobsim.scenario.retry import Retry
from jobsim.scenario.scenario import Scenario


def test_every_field_is_in_the_docstring():
    for name in Retry.model_fields:
        assert f"\n{name}\n" in inspect.getdoc(Retry)


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
    ("fields", "problem"),
    [
        ({"attempts": 0}, "greater than or equal to 1"),
        ({"attempts": 101}, "less than or equal to 100"),
        ({"base": -1.0}, "greater than or equal to 0"),
        ({"factor": 0.9}, "greater than or equal to 1"),
        ({"cap": -0.1}, "greater than or equal to 0"),
        ({"jitter": 1.1}, "less than or equal to 1"),
        ({"budget": -0.1}, "greater than or equal to 0"),
        ({"burst": 0}, "greater than or equal to 1"),
        ({"base": float("inf")}, "finite"),
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused(fields, problem):
    with pytest.raises(ValidationError, match=problem):
        Retry(**fields)


def test_a_path_reaches_into_a_part_that_the_same_change_puts_there():
    changed = Scenario().replace({"retry.jitter": 1.0, "retry": {"attempts": 2}})
    assert changed.retry == Retry(attempts=2, jitter=1.0)


def test_a_path_into_a_part_that_is_not_there_names_the_part():
    with pytest.raises(ValueError, match=r"has no retry, so no 'retry\.jitter'; give 'retry'"):
        Scenario().replace({"retry.jitter": 1.0})
