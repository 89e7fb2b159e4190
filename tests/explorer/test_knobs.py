"""Which numbers of a scenario can be turned, and how far."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobsim import Scenario, preset, presets
from jobsim.explorer.knobs import knobs, round_step


def by_path(scenario):
    return {knob.path: knob for knob in knobs(scenario)}


def test_each_kind_of_distribution_has_its_own_numbers():
    unpaid = by_path(preset("unpaid"))
    assert {"payment.delay.median", "payment.delay.p95"} <= set(unpaid)
    assert "payment.delay.mean" not in unpaid  # it follows from the other two
    assert "payment.delay.value" in by_path(preset("overload"))


def test_arrivals_without_a_rate_have_no_slider_for_it():
    assert "arrivals.rate" in by_path(preset("steady"))
    assert not any(path.startswith("arrivals") for path in by_path(preset("stampede")))


def test_an_optional_part_has_sliders_once_it_is_there():
    assert "retry.attempts" not in by_path(Scenario(jobs=1))
    found = by_path(Scenario(jobs=1, retry={"budget": 0.1}, reaper={"timeout": 9.0, "skew": -1.0}))
    assert {"retry.attempts", "retry.budget", "reaper.timeout"} <= set(found)
    assert (found["retry.budget"].low, found["retry.budget"].high) == (0.0, 1.0)
    assert found["reaper.skew"].low == -1.0


def test_what_changes_nothing_here_has_no_slider():
    found = by_path(preset("duplicate-payments"))
    assert not {"jobs", "seed", "clients", "pollers", "payment.duplicate"} & set(found)
    assert not any(path.startswith("payment.lag") for path in found)


def test_a_flag_is_no_number():
    closed = Scenario(jobs=5, arrivals={"kind": "closed", "users": 2, "paced": True})
    assert "arrivals.paced" not in by_path(closed)


@pytest.mark.parametrize("name", presets())
def test_no_slider_leaves_what_its_field_allows(name):
    scenario, refused = preset(name), set()
    for knob in knobs(scenario):
        assert knob.low <= knob.value <= knob.high
        for end in (knob.low, knob.high):
            try:
                scenario.replace(knob.changes(end))
            except ValidationError as error:
                refused |= {problem["type"] for problem in error.errors()}
    assert refused <= {"value_error"}  # two fields may not fit each other, that is all


def test_whole_numbers_stay_whole():
    workers = by_path(preset("steady"))["workers"]
    assert isinstance(workers.fit(7.0), int)
    assert (
        by_path(Scenario(jobs=1, arrivals={"kind": "bursts", "size": 50, "every": 1.0}))[
            "arrivals.size"
        ].fit(51.0)
        == 51
    )


def test_a_step_divides_the_value_if_a_round_one_can():
    assert round_step(0.32, 6.4) == 0.2
    assert round_step(0.3215, 6.43) == 0.01
    assert round_step(0.157, 3.14159265) == 0.1


@given(st.floats(1e-6, 1e6))
def test_a_step_is_never_larger_than_asked_and_never_far_below(value):
    step = round_step(value / 20, value)
    assert value / 20_000 < step <= value / 20 * (1 + 1e-9)
