from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from jobsim import Scenario
from jobsim.plot.parts.spans import Span, disturbances, shade, window

SPIKE = [(0, 1.0), (60, 1.0), (60, 9.0), (70, 9.0), (70, 1.0)]


def scenario(**fields) -> Scenario:
    return Scenario(jobs=10, workers=4, **fields)


def spiky(points, period=None) -> Scenario:
    return scenario(arrivals={"kind": "varying", "points": points, "period": period})


def test_outages_and_spikes_come_in_order_of_their_start():
    outages = [
        {"at": 80.0, "duration": 10.0, "workers": 9},
        {"at": 5.0, "duration": 1.0, "workers": 1},
    ]
    both = spiky(SPIKE).replace({"outages": outages})
    assert disturbances(both, 200.0) == [
        Span(5.0, 6.0, "1 of 4 workers gone"),
        Span(60.0, 70.0, "spike of 9 requests/s"),
        Span(80.0, 90.0, "4 of 4 workers gone"),
    ]


def test_what_outlasts_the_run_is_cut_and_what_comes_later_left_out():
    outages = [{"at": at, "duration": 10.0, "workers": 1} for at in (5.0, 20.0)]
    both = spiky(SPIKE).replace({"outages": outages})
    assert [span[:2] for span in disturbances(both, 12.0)] == [(5.0, 12.0)]


def test_spikes_come_again_with_their_period():
    found = disturbances(spiky(SPIKE, 100.0), 265.0)
    assert [span[:2] for span in found] == [(60, 70), (160, 170), (260, 265)]


@pytest.mark.parametrize(
    "points",
    [
        [(0, 1.0), (60, 9.0), (70, 1.0)],  # it has no stretch at the highest rate
        [(0, 9.0), (150, 9.0), (150, 1.0)],  # most of the run is at the highest rate
    ],
)
def test_a_peak_that_is_no_stretch_and_a_long_stretch_are_no_spikes(points):
    assert disturbances(spiky(points), 200.0) == []


def test_arrivals_at_a_constant_rate_have_no_spike():
    assert disturbances(scenario(), 100.0) == []


def test_a_span_is_named_once_beside_it_where_there_is_room():
    ax = plt.subplots()[1]
    ax.set_xlim(0, 100)
    shade(ax, [Span(5, 10, "early"), Span(80, 90, "late"), Span(92, 95, "late")])
    assert [patch.get_x() for patch in ax.patches] == [5, 80, 92]
    early, late = ax.texts
    assert (early.get_text(), early.xy[0], early.get_ha()) == ("early", 10, "left")
    assert (late.get_text(), late.xy[0], late.get_ha()) == ("late", 80, "right")
    assert early.xyann[1] > late.xyann[1]  # so that two names cannot meet


@pytest.mark.parametrize(
    ("every", "width"), [(30.0, 15.0), (20.0, 20.0), (41.0, 41.0 / 3), (3.0, 21.0), (1000.0, 20.0)]
)
def test_windows_are_in_step_with_bursts(every, width):
    bursts = scenario(arrivals={"kind": "bursts", "size": 5, "every": every})
    moves = pd.DataFrame({"time": [0.0, 1000.0]})  # on their own, windows of 20 s
    run = SimpleNamespace(transitions=moves, workload=SimpleNamespace(scenario=bursts))
    assert window(run) == pytest.approx(width)


def test_windows_without_bursts_are_round():
    moves = pd.DataFrame({"time": [0.0, 1000.0]})
    steady = SimpleNamespace(scenario=scenario())
    assert window(SimpleNamespace(transitions=moves, workload=steady)) == 20.0
    assert window(SimpleNamespace(transitions=moves)) == 20.0
