"""The code of a scenario makes it again; its display cuts what is too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsim import Scenario, preset, presets
from jobsim.display.text import MAX_TEXT
from jobsim.scenario.code import as_code

SCHEDULE = Scenario(arrivals={"kind": "schedule", "times": [float(k) for k in range(1000)]})


def made(code):
    return eval(code, {"Scenario": Scenario})  # noqa: S307 - to be evaluated is what it is for


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_made_again_by_its_code_and_by_its_repr(name):
    scenario = preset(name)
    assert made(as_code(scenario)) == scenario
    assert made(repr(scenario)) == scenario


def test_parts_that_are_optional_or_many_are_made_again():
    scenario = Scenario(
        jobs=5,
        retry={"attempts": 2},
        reaper={"timeout": 9.0},
        outages=[{"at": 1.0, "duration": 2.0, "workers": 1}],
        arrivals={"kind": "closed", "users": 2, "think": {"kind": "constant", "value": 1.0}},
    )
    assert made(as_code(scenario)) == scenario


@given(name=st.text(), why=st.text(), seed=st.integers(0, 2**62))
def test_any_text_is_made_again(name, why, seed):
    scenario = Scenario(jobs=1, name=name, why=why, seed=seed)
    assert made(as_code(scenario)) == scenario


def test_a_default_is_not_said():
    assert repr(Scenario(jobs=3)) == "Scenario(jobs=3)"
    assert "abandon" not in repr(preset("steady"))


def test_the_pair_that_was_given_is_said_and_not_what_follows():
    assert "'median': 10.0, 'p95': 40.0" in repr(preset("unpaid"))
    assert "cv" not in repr(preset("unpaid"))


def test_lines_stay_within_the_width():
    for name in presets():
        assert max(map(len, repr(preset(name)).splitlines())) <= 100


def test_the_code_of_a_long_schedule_is_whole_and_its_repr_is_short():
    assert made(as_code(SCHEDULE)) == SCHEDULE
    assert len(repr(SCHEDULE)) < 400
    with pytest.raises(ValueError, match="arrivals"):  # it cannot be taken for the whole
        made(repr(SCHEDULE))


def test_the_repr_of_a_long_text_is_cut():
    scenario = Scenario(jobs=1, why="x" * 10_000)
    assert len(repr(scenario)) < 2 * MAX_TEXT
    assert made(as_code(scenario)) == scenario
