"""The chart of the jobs in the system, and the cumulative one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from chart_text import texts
from matplotlib.colors import to_rgba
from report_runs import FOUR, NAN, made, retried

from jobsim import Scenario, plot
from jobsim.figures.in_system import PARTS, in_system
from jobsim.plot.occupancy import CHART, STACKED, status_steps
from jobsim.plot.parts.style import STATUS_COLOURS


def corners(area) -> set[tuple[float, float]]:
    return {tuple(point) for point in area.get_paths()[0].vertices.tolist()}


def assert_stacked(areas, table, names) -> None:
    """A step polygon holds the corner points (time, floor) and (time, top) of every row."""
    floor = np.zeros(len(table))
    for area, name in zip(areas, names, strict=True):
        assert area.get_label() == name
        top = floor + table[name].to_numpy()
        found = corners(area)
        assert {*zip(table.index, floor, strict=True), *zip(table.index, top, strict=True)} <= found
        floor = top


def test_the_stack_is_as_high_as_the_jobs_in_the_system(run: SimpleNamespace) -> None:
    table = in_system(run.jobs)
    drawn = [part for part in PARTS if table[part].any()]
    assert_stacked(plot.occupancy(run).collections, table, drawn)


def test_jobs_that_ended_are_not_drawn(run: SimpleNamespace) -> None:
    labels = texts(plot.occupancy(run))
    assert "being worked on\n1 (peak 2)" in labels
    assert "paid, waiting\n0 (peak 1)" in labels
    assert "awaiting payment\n1 (peak 2)" in labels
    assert not any("completed" in label for label in labels)


def test_a_line_shows_how_many_workers_there_are(run: SimpleNamespace) -> None:
    ax = plot.occupancy(run)
    assert list(ax.lines[0].get_ydata()) == [2, 2]
    assert "2 workers" in texts(ax)


def test_more_workers_than_jobs_leave_the_axis_to_the_jobs(run: SimpleNamespace) -> None:
    run.workload.scenario = Scenario(workers=400)
    ax = plot.occupancy(run)
    assert len(ax.lines) == 0
    assert ax.get_ylim()[1] < 10


def test_the_cumulative_stack_is_as_high_as_the_table_says(run: SimpleNamespace) -> None:
    ax = plot.occupancy(run, cumulative=True)
    table = status_steps(run.transitions)
    assert_stacked(ax.collections, table, STACKED)
    for area, status in zip(ax.collections, STACKED, strict=True):
        assert tuple(area.get_facecolor()[0]) == to_rgba(STATUS_COLOURS[status])
    assert "5 jobs created" in texts(ax)


def test_a_status_that_never_occurred_is_not_drawn(run: SimpleNamespace) -> None:
    run.transitions = run.transitions.head(3)
    areas = plot.occupancy(run, cumulative=True).collections
    assert [area.get_label() for area in areas] == ["running", "awaiting_payment"]


def test_the_sentence_tells_the_peak_and_the_end() -> None:
    assert CHART.sentence(made(FOUR)) == (
        "Peak: 4 jobs in the system, at 2 s (2 being worked on, 1 paid and waiting, 1 awaiting "
        "payment). At the end of the run 1 job had not ended."
    )


def test_a_job_that_ends_makes_room_for_one_that_begins_at_the_same_moment() -> None:
    rows = [
        (0.0, 0.0, 0.0, 1.0, "completed", "worker-0"),
        (1.0, 1.0, 1.0, 2.0, "completed", "worker-0"),
    ]
    assert CHART.sentence(made(rows)) == (
        "Peak: 1 job in the system, at 0 s (1 being worked on). At the end of the run the system "
        "was empty."
    )


def test_a_job_whose_worker_was_lost_is_not_being_worked_on() -> None:
    rows = [(0, 1, 0.0, 0.0, 0.0, 9.0, "failed", "worker-0"),
            (1, 1, 5.0, 5.0, NAN, NAN, "awaiting_payment", None)]  # fmt: skip
    run = retried(rows, released={0: 3.0}, crashed=[0], reaped=[0])
    assert "(1 RUNNING without a worker, 1 paid and waiting)" in CHART.sentence(run)


@pytest.mark.parametrize("run", [made(), made(calls=[])])
def test_an_empty_run_has_a_sentence_and_is_not_worth_a_chart(run) -> None:
    assert CHART.sentence(run) == "No job was created."
    assert not CHART.is_worth_showing(run)
