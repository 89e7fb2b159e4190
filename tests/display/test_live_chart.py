"""The chart of a run that goes on: its counts, its picture, and when it is drawn."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsim.display import live_chart
from jobsim.display.live_chart import EVERY_S, SHARE, Pace, Picture, Steps, occupancy_svg
from jobsim.display.palette import STATUS_COLOURS
from jobsim.plot.occupancy import STACKED

SVG = "{http://www.w3.org/2000/svg}"


class Clocks:
    """Wall time and CPU time that pass when told to."""

    def __init__(self):
        self.wall = self.cpu = 100.0

    def pace(self):
        return Pace(clock=lambda: self.wall, spent=lambda: self.cpu)


def test_a_picture_is_due_twice_a_second():
    clocks = Clocks()
    pace = clocks.pace()
    assert pace.is_due()
    with pace:
        clocks.cpu += EVERY_S * SHARE / 2
    clocks.wall += EVERY_S * 0.99
    assert not pace.is_due()
    clocks.wall += EVERY_S * 0.01
    assert pace.is_due()


def test_slow_drawing_is_drawn_less_often_so_that_it_keeps_to_its_share():
    clocks = Clocks()
    pace = clocks.pace()
    drawn, began = 0.0, clocks.wall
    for cost in (0.2, 0.01, 1.5, 0.04):
        with pace:
            clocks.cpu += cost
            clocks.wall += cost
        drawn += cost
        while not pace.is_due():
            clocks.wall += 0.01
    assert drawn / (clocks.wall - began) == pytest.approx(SHARE, rel=0.05)


def test_time_spent_waiting_for_the_other_threads_does_not_slow_the_pace():
    clocks = Clocks()
    pace = clocks.pace()
    with pace:
        clocks.wall += 0.4
    clocks.wall += EVERY_S - 0.4
    assert pace.is_due()


@given(st.lists(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 3)), max_size=20), max_size=6))
def test_steps_count_every_transition_at_its_time(looks):
    steps, everything = Steps(), []
    for look in looks:
        everything += look
        steps.add(
            np.array([time for time, _ in look], dtype=float),
            np.array([target for _, target in look], dtype=np.int8),
        )
    begin, reached = steps.reached()
    assert steps.last == max((time for time, _ in everything), default=0.0)
    width = begin[1] if len(begin) > 1 else np.inf
    for status in range(4):
        times = sorted(time for time, target in everything if target == status)
        assert np.array_equal(reached[:, status], np.searchsorted(times, begin + width, "left"))


def test_a_run_of_any_length_has_many_bins():
    steps = Steps()
    for time in (1e-3, 1.0, 3600.0):
        steps.add(np.array([time]), np.array([0], dtype=np.int8))
        begin, reached = steps.reached()
        assert 256 <= len(begin) <= 512
    assert reached[-1, 0] == 3


def steps_of(*transitions):
    steps = Steps()
    time, target = zip(*transitions, strict=True)
    steps.add(np.array(time, dtype=float), np.array(target, dtype=np.int8))
    return steps


SIX = steps_of((0.5, 0), (1, 0), (1, 0), (2, 1), (3, 2), (3, 1), (4, 3), (6, 0))


def parsed(svg):
    return ET.fromstring(svg)  # noqa: S314 - our own


def areas(svg):
    colours = {colour: status for status, colour in STATUS_COLOURS.items()}
    return {
        colours[path.get("fill")]: path.get("d")
        for path in parsed(svg).iter(f"{SVG}path")
        if path.get("fill") in colours
    }


def test_the_picture_says_its_counts_in_words():
    text = "".join(parsed(occupancy_svg(SIX, jobs=9, end=7.0)).itertext())
    assert "■ completed 1■ failed 1■ running 0■ awaiting payment 2" in text
    assert "4 of 9 jobs in 7 s" in text
    assert "refused" not in text


def test_refused_calls_are_said_too():
    svg = occupancy_svg(SIX, jobs=4, end=7.0, refused=1234)
    assert "1,234 calls refused, 4 jobs in 7 s" in svg


def test_the_stack_is_that_of_the_occupancy_chart():
    heights = {}
    for status, path in areas(occupancy_svg(SIX, jobs=4, end=6.0, over=True)).items():
        corners = [float(y) for y in re.findall(r"V([\d.]+)", path)][:-1]
        heights[status] = [round((live_chart._BOTTOM - y) * 4.08 / 172, 1) for y in corners]
    # Painted from the top of the stack down, each over those above it.
    assert tuple(reversed(heights)) == STACKED
    assert heights["awaiting_payment"] == [1, 3, 4]
    assert heights["running"] == [1, 2]
    assert heights["failed"] == [1, 2]
    assert heights["completed"] == [1]


def test_while_the_run_goes_on_the_axes_leave_room():
    now, over = (areas(occupancy_svg(SIX, jobs=99, end=6.0, over=over)) for over in (False, True))
    ends = [float(re.findall(r"H([\d.]+)", area["awaiting_payment"])[-1]) for area in (now, over)]
    assert ends == [pytest.approx(60 + 560 * 0.6), 620]


@pytest.mark.parametrize("over", [False, True])
def test_an_empty_picture_is_a_picture(over):
    root = parsed(occupancy_svg(Steps(), jobs=0, end=0.0, over=over))
    assert "0 jobs in 0 s" in "".join(root.itertext())


def test_ticks_are_round_and_whole_for_jobs():
    assert live_chart._ticks(1.02, most=4, least_step=1.0) == [0, 1]
    assert live_chart._ticks(20.0, most=4, least_step=1.0) == [0, 5, 10, 15, 20]
    assert live_chart._ticks(0.3, most=7) == pytest.approx([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3])


def test_a_picture_is_shown_once_and_then_replaced(monkeypatch):
    shown = []

    class Handle:
        def update(self, bundle, *, raw):
            shown.append(("update", bundle["text/plain"], raw))

    def display(bundle, *, raw, display_id):
        shown.append(("display", bundle["text/plain"], raw and display_id))
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    picture = Picture()
    for text in ("one", "two", "three"):
        picture.show("<svg/>", text)
    assert shown == [("display", "one", True), ("update", "two", True), ("update", "three", True)]
