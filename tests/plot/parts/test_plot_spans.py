from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from jobsim import Scenario
from jobsim.plot.parts.spans import (
    Span,
    disturbances,
    mark_faults,
    shade,
    shade_durations,
)
from jobsim.tables.schema import FAULTS

SPIKE = [(0, 1.0), (60, 1.0), (60, 9.0), (70, 9.0), (70, 1.0)]


def found_in(scenario, end):
    return disturbances(SimpleNamespace(workload=SimpleNamespace(scenario=scenario)), end)


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
    assert found_in(both, 200.0) == [
        Span(5.0, 6.0, "1 of 4 workers gone"),
        Span(60.0, 70.0, "spike of 9 requests/s"),
        Span(80.0, 90.0, "4 of 4 workers gone"),
    ]


def test_what_outlasts_the_run_is_cut_and_what_comes_later_left_out():
    outages = [{"at": at, "duration": 10.0, "workers": 1} for at in (5.0, 20.0)]
    both = spiky(SPIKE).replace({"outages": outages})
    assert [span[:2] for span in found_in(both, 12.0)] == [(5.0, 12.0)]


def test_spikes_come_again_with_their_period():
    found = found_in(spiky(SPIKE, 100.0), 265.0)
    assert [span[:2] for span in found] == [(60, 70), (160, 170), (260, 265)]


@pytest.mark.parametrize(
    "points",
    [
        [(0, 1.0), (60, 9.0), (70, 1.0)],  # it has no stretch at the highest rate
        [(0, 9.0), (150, 9.0), (150, 1.0)],  # most of the run is at the highest rate
    ],
)
def test_a_peak_that_is_no_stretch_and_a_long_stretch_are_no_spikes(points):
    assert found_in(spiky(points), 200.0) == []


def test_arrivals_at_a_constant_rate_have_no_spike():
    assert found_in(scenario(), 100.0) == []


def test_a_span_is_named_once_beside_it_where_there_is_room():
    ax = plt.subplots()[1]
    ax.set_xlim(0, 100)
    shade(ax, [Span(5, 10, "early"), Span(80, 90, "late"), Span(92, 95, "late")])
    assert [patch.get_x() for patch in ax.patches] == [5, 80, 92]
    early, late = ax.texts
    assert (early.get_text(), early.xy[0], early.get_ha()) == ("early", 10, "left")
    assert (late.get_text(), late.xy[0], late.get_ha()) == ("late", 80, "right")
    assert early.xyann[1] > late.xyann[1]  # so that two names cannot meet


KINDS = list(FAULTS["kind"].categories)


def struck(*rows, speedup=2.0):
    """Return what is read of a run with faults: kind, begin and end in ns after its start."""
    zero = 7_000
    stamps = [
        (kind, number, zero + begun, -1 if ended is None else zero + ended)
        for number, (kind, begun, ended) in enumerate(rows)
    ]
    return SimpleNamespace(
        faults=pd.DataFrame(stamps, columns=list(FAULTS)).astype(FAULTS),
        info=SimpleNamespace(zero_ns=zero, speedup=speedup),
        workload=SimpleNamespace(scenario=scenario()),
    )


S = 1_000_000_000


@pytest.fixture
def axes():
    ax = plt.subplots()[1]
    ax.set_xlim(0, 100)
    return ax


def ticks(ax) -> list[float]:
    return [float(path.vertices[0, 0]) for each in ax.collections for path in each.get_paths()]


def widths(ax) -> list[tuple[float, float]]:
    return [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches]


def test_cuts_and_delays_are_ticks_and_stalls_and_dead_servers_spans_of_scenario_time(axes):
    run = struck(
        ("cut_before", 1 * S, 1 * S),
        ("stall", 5 * S, 6 * S),
        ("cut_after", 10 * S, 10 * S),
        ("delay", 11 * S, 12 * S),
        ("kill_backend", 20 * S, 25 * S),
    )
    mark_faults(axes, run, 100.0)
    assert ticks(axes) == [2.0, 20.0, 22.0]
    assert widths(axes) == [(10.0, 12.0), (40.0, 50.0)]
    assert [text.get_text() for text in axes.texts] == [
        "stall",
        "server gone",
        "ticks above: 2 cuts, 1 delay",
    ]
    heights = [text.xyann[1] for text in axes.texts]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 3


def test_where_nobody_waits_faults_are_in_wall_seconds(axes):
    mark_faults(axes, struck(("cut_after", 3 * S, 3 * S), speedup=float("inf")), 100.0)
    assert ticks(axes) == [3.0]


def test_many_cuts_share_ticks_and_all_are_counted(axes):
    run = struck(*(("cut_before", n * S // 100, n * S // 100) for n in range(5000)))
    mark_faults(axes, run, 100.0)
    assert 100 <= len(ticks(axes)) <= 151
    assert axes.texts[0].get_text() == "ticks above: 5,000 cuts"


def test_many_stalls_close_together_are_one_span(axes):
    run = struck(*(("stall", n * S // 100, n * S // 100 + 1000) for n in range(1000)))
    mark_faults(axes, run, 100.0)
    assert len(axes.patches) == 1


def test_a_server_that_never_came_back_is_gone_to_the_end_and_disturbs():
    run = struck(("kill_server", 20 * S, None), ("stall", 1 * S, 2 * S))
    assert disturbances(run, 90.0) == [Span(40.0, 90.0, "server gone")]
    assert disturbances(run, 30.0) == []


@pytest.mark.parametrize("faults", [None, struck().faults])
def test_without_faults_nothing_is_marked(axes, faults):
    mark_faults(axes, SimpleNamespace(faults=faults, info=struck().info), 100.0)
    shade_durations(axes, faults)
    assert [*axes.patches, *axes.collections, *axes.texts] == []


def test_durations_are_shaded_from_the_shortest_to_the_longest(axes):
    us = 1_000
    run = struck(
        ("stall", 0, 20 * us),
        ("stall", 0, 30 * us),
        ("delay", 0, 5 * us),
        ("cut_after", 0, 50 * us),
        ("kill_server", 0, None),
    )
    shade_durations(axes, run.faults)
    assert widths(axes) == [(5.0, 5.0), (20.0, 30.0)]
    assert [text.get_text() for text in axes.texts] == ["delay", "stall"]


def test_every_kind_of_fault_is_drawn(axes):
    for kind in KINDS:
        mark_faults(axes, struck((kind, S, 2 * S)), 100.0)
    assert len(axes.patches) + len(axes.collections) == len(KINDS)
