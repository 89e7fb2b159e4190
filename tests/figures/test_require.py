"""Requirements are read strictly, and met only by data."""

import pickle

import pytest

from jobsim.figures.require import Requirement, RequirementError


@pytest.mark.parametrize(
    ("text", "value", "met"),
    [
        ("wait_p95<30", 29.9, True),
        ("wait_p95<30", 30.0, False),
        (" wait_p95 <= 30 ", 30.0, True),
        ("throughput>1e-3", 0.5, True),
        ("failed==0", 1.0, False),
        ("completed>=5", 5.0, True),
    ],
)
def test_a_figure_is_compared_with_its_bound(text, value, met):
    requirement = Requirement.parse(text)
    assert requirement.is_met({requirement.figure: value}) is met


@pytest.mark.parametrize("figures", [{}, {"wait_p95": float("nan")}])
@pytest.mark.parametrize("text", ["wait_p95<30", "wait_p95>30"])
def test_a_figure_without_data_meets_nothing(figures, text):
    assert not Requirement.parse(text).is_met(figures)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("wait_p95", "write it like"),
        ("wait_p95 < ", "write it like"),
        ("wait_p95=<3", "write it like"),
        ("wait_p95<soon", "'soon' is not a number"),
        ("wait_p95<nan", "'nan' is not a number"),
        ("trhoughput<3", "did you mean 'throughput'"),
        ("xyz<3", "choose from jobs"),
    ],
)
def test_what_is_no_requirement_is_said_with_what_to_do(text, problem):
    with pytest.raises(RequirementError, match=problem) as caught:
        Requirement.parse(text)
    assert pickle.loads(pickle.dumps(caught.value)).problem == caught.value.problem  # noqa: S301


def test_its_text_can_be_read_again():
    assert Requirement.parse(str(Requirement.parse("wait_p95 <= 30"))).bound == 30.0
