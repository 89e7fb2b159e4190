"""What does not fit into memory is refused before it begins, and what fits is not."""

import pytest

from jobsim import Scenario, Workload, preset, presets
from jobsim.scenario import size
from jobsim.scenario.size import (
    TooLargeError,
    expected_requests,
    machine_bytes,
    require_drawable,
    require_memory,
)


@pytest.mark.parametrize("name", presets())
def test_every_preset_has_about_as_many_requests_as_are_expected(name):
    scenario = preset(name)
    expected, made = expected_requests(scenario), Workload.sample(scenario).requests
    # An upper bound where the rate varies; otherwise chance alone lies between the two.
    assert made - 5 * made**0.5 <= expected
    if scenario.arrivals.kind != "varying":
        assert expected <= made + 5 * made**0.5


def test_presets_fit():
    for name in presets():
        require_memory(preset(name), 1e9, threads=True)
        require_memory(preset(name), 1e9, threads=False)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"jobs": 2_000_000_000}, "jobs need about 700 GB"),
        ({"duration": 1e12, "jobs": None}, "jobs"),
        ({"duration": 1e308, "jobs": None}, "jobs"),
        ({"workers": 10**12}, "actors"),
        ({"arrivals": {"kind": "closed", "users": 10**12}}, "actors"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_do(changes, what):
    scenario = Scenario(jobs=10).replace(changes)
    with pytest.raises(TooLargeError, match=rf"{what}.* more than the limit of 10 GB; try less"):
        require_memory(scenario, 10e9, threads=False, advice="try less")


def test_threads_take_more_than_virtual_time():
    scenario = Scenario(jobs=1_000_000)
    require_memory(scenario, 1e9, threads=False)
    with pytest.raises(TooLargeError):
        require_memory(scenario, 1e9, threads=True)


def test_the_number_of_requests_of_a_log_counts():
    with pytest.raises(TooLargeError):
        require_memory(Scenario(), 1e9, threads=False, requests=10_000_000)


def test_a_workload_that_no_memory_holds_is_refused_and_not_tried(monkeypatch):
    monkeypatch.setattr(size, "machine_bytes", lambda: 4e9)
    with pytest.raises(TooLargeError, match="the limit of 4 GB"):
        Workload.sample(Scenario(jobs=1_000_000_000))
    require_drawable(Scenario(jobs=1_000_000))


def test_this_machine_has_some_memory():
    assert 1e8 < machine_bytes() < 1e15
