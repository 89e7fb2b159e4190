from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from jobsim import plot
from jobsim.plot.lanes import MAX_CLIENTS, MAX_SPANS_A_LANE, MAX_WORKERS, lanes
from jobsim.plot.style import STATUS_COLOURS


def many(*, workers: int, clients: int, jobs: int) -> SimpleNamespace:
    number = np.arange(jobs)
    table = pd.DataFrame({"started": number * 1.0, "finished": number + 0.5}).assign(
        status="completed", worker=[f"w{k}" for k in number % workers]
    )
    created = pd.DataFrame({"time": number * 1.0, "source": None, "target": "awaiting_payment"})
    created["actor"] = [f"c{k}" for k in number % clients]
    return SimpleNamespace(jobs=table, transitions=created, calls=None)


def test_lanes_are_in_natural_order_clients_first(run: SimpleNamespace) -> None:
    ax = plot.swimlanes(run)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["c-0", "c-1", "w-2", "w-10"]
    assert ax.yaxis_inverted()


def test_bars_run_from_start_to_finish_in_the_colour_of_the_end(run: SimpleNamespace) -> None:
    bars = {group.get_label(): group for group in plot.swimlanes(run).containers}
    expected = {
        "completed": ("completed", 2, 1.0, 2.0),
        "failed": ("failed", 2, 3.0, 1.0),
        # Still running when the last thing happened, at 4.5 s.
        "still running": ("running", 3, 3.5, 1.0),
    }
    assert set(bars) == set(expected)
    for label, (status, lane, start, width) in expected.items():
        (bar,) = bars[label]
        assert (bar.get_x(), bar.get_width()) == (start, width)
        assert bar.get_y() + bar.get_height() / 2 == pytest.approx(lane)
        assert bar.get_facecolor() == to_rgba(STATUS_COLOURS[status])


def test_creations_are_ticks_on_the_lane_of_their_client(run: SimpleNamespace) -> None:
    (ticks,) = plot.swimlanes(run).lines
    assert sorted(zip(ticks.get_xdata(), ticks.get_ydata(), strict=True)) == [
        (0.0, 0),
        (0.0, 1),
        (2.0, 0),
        (2.5, 1),
        (4.5, 1),
    ]
    assert to_rgba(ticks.get_color()) == to_rgba(STATUS_COLOURS["awaiting_payment"])


def test_a_small_run_leaves_nothing_out(run: SimpleNamespace) -> None:
    assert lanes(run).left_out == ""


def test_a_large_run_shows_the_first_lanes_and_a_while_and_says_so() -> None:
    large = many(workers=40, clients=30, jobs=4000)
    shown = lanes(large)
    assert shown.clients == [f"c{k}" for k in range(MAX_CLIENTS)]
    assert shown.workers == [f"w{k}" for k in range(MAX_WORKERS)]
    assert len(shown.spans) == MAX_SPANS_A_LANE * MAX_WORKERS
    assert shown.spans["started"].max() <= shown.end
    assert shown.ticks["time"].max() <= shown.end
    text = "the first 8 of 30 clients, 16 of 40 workers, 26.7 min of 66.7 min"
    assert shown.left_out == text
    ax = plot.swimlanes(large)
    assert text in [drawn.get_text() for drawn in ax.texts]
    assert ax.get_xlim()[1] == shown.end


def test_creations_too_close_to_tell_apart_are_drawn_once() -> None:
    burst = many(workers=1, clients=1, jobs=3)
    burst.transitions["time"] = [0.0, 1e-9, 2.0]
    assert lanes(burst).ticks["time"].tolist() == [0.0, 2.0]


def test_narrow_bars_have_no_edge_that_would_hide_them(run: SimpleNamespace) -> None:
    run.jobs.loc[0, "finished"] = run.jobs.loc[0, "started"] + 0.01
    widths = {
        group.get_label(): group[0].get_linewidth() for group in plot.swimlanes(run).containers
    }
    assert widths["completed"] == 0
    assert widths["failed"] > 0


def test_names_of_actors_are_drawn_as_they_stand(run: SimpleNamespace) -> None:
    run.transitions["actor"] = "$pay$"
    ax = plot.swimlanes(run)
    ax.figure.canvas.draw()
    assert ax.get_yticklabels()[0].get_text() == r"\$pay\$"


def test_a_run_in_which_no_job_started_has_lanes_of_clients_only(run: SimpleNamespace) -> None:
    run.jobs[["started", "finished"]] = float("nan")
    assert lanes(run).workers == []
    assert plot.swimlanes(run).containers == []
