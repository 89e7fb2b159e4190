"""The names of figures: any percentile, any service level, and what is none."""

from __future__ import annotations

import pytest

from jobsim.figures.names import UNITS, UnknownFigureError, parse_figure, unit_of
from jobsim.figures.require import Requirement, RequirementError


@pytest.mark.parametrize("name", UNITS)
def test_every_figure_is_read_with_its_unit(name):
    assert parse_figure(name).name == name
    assert parse_figure(name).unit == unit_of(name) == UNITS[name]


@pytest.mark.parametrize(
    ("name", "quantity", "statistic", "value"),
    [
        ("wait_p90", "wait", "quantile", 0.9),
        ("response_p99_9", "response", "quantile", 0.999),
        ("wait_p100", "wait", "quantile", 1.0),
        ("wait_within_20s", "wait", "within", 20.0),
        ("sojourn_within_1_5min", "sojourn", "within", 90.0),
        ("response_within_250ms", "response", "within", 0.25),
        ("service_max", "service", "max", 0.0),
    ],
)
def test_percentiles_and_levels_are_read(name, quantity, statistic, value):
    figure = parse_figure(name)
    assert figure[1:3] == (quantity, statistic)
    assert figure.value == pytest.approx(value)
    assert figure.at_least == (statistic == "within")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("wait_p101", "between 0 and 100"),
        ("wait_within_20parsecs", "write the time in us, ms, s"),
        ("wait_p9o", "did you mean 'wait_p9"),
        ("patience_p90", "choose from|did you mean"),
        ("", "choose from"),
    ],
)
def test_what_is_no_figure_is_refused_with_what_to_do(name, problem):
    with pytest.raises(UnknownFigureError, match=problem):
        parse_figure(name)


def test_a_requirement_may_name_any_percentile_or_level():
    assert Requirement.parse("wait_within_20s >= 0.8").figure == "wait_within_20s"
    assert str(Requirement.parse("response_p99.9<30")) == "response_p99_9<30"
    with pytest.raises(RequirementError, match="write the time in"):
        Requirement.parse("wait_within_20x>0.8")
