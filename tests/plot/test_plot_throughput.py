"""The chart of jobs in and out."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from chart_text import texts
from matplotlib.colors import to_rgba
from report_runs import FOUR, made

from jobsim import Scenario, plot, run_virtual
from jobsim.plot.parts.style import STATUS_COLOURS
from jobsim.plot.throughput import CHART


def test_the_line_is_what_came_in_and_the_bars_are_what_ended(run: SimpleNamespace) -> None:
    run.transitions["time"] *= 20  # 90 s: windows of 2 s
    ax = plot.throughput(run)
    (created,) = [patch for patch in ax.patches if patch.get_label() == "created"]
    values, edges, _ = created.get_data()
    assert created.get_edgecolor() == to_rgba(STATUS_COLOURS["awaiting_payment"])
    assert np.diff(edges) == pytest.approx(2.0)
    assert values.sum() * 2.0 == pytest.approx(5)
    assert values[0] == 1.0
    completed, failed = ax.containers
    for bars, status, at in ((completed, "completed", 60.0), (failed, "failed", 80.0)):
        assert bars.get_label() == status
        (bar,) = [bar for bar in bars if bar.get_height()]
        assert bar.get_facecolor() == to_rgba(STATUS_COLOURS[status])
        assert (bar.get_x(), bar.get_width(), bar.get_height()) == (at, 2.0, 0.5)


def test_failed_bars_stand_on_completed_ones(run: SimpleNamespace) -> None:
    run.transitions["time"] = 1.0
    completed, failed = plot.throughput(run).containers
    assert failed[0].get_y() == completed[0].get_height() == 1.0


def test_the_chart_says_how_wide_its_windows_are(run: SimpleNamespace) -> None:
    run.transitions["time"] *= 20
    assert "windows of 2 s" in texts(plot.throughput(run))


def test_a_spike_that_would_flatten_the_rest_is_cut_and_told() -> None:
    number = np.arange(200)
    waiting = "awaiting_payment"
    moves = pd.concat(
        [
            pd.DataFrame({"time": 0.0, "job": number, "source": None, "target": waiting}),
            pd.DataFrame(
                {"time": number * 1.0, "job": number, "source": "running", "target": "completed"}
            ),
        ]
    )
    ax = plot.throughput(SimpleNamespace(transitions=moves))
    assert ax.get_ylim()[1] < 5
    assert "↑ 40 per second" in texts(ax)  # 200 jobs in the first window of 5 s


def test_the_sentence_of_a_stream_tells_both_rates() -> None:
    rows = [(float(at), at, at, at + 1.5, "completed", "worker-0") for at in range(11)]
    assert CHART.sentence(made(rows)) == (
        "While jobs came in, 1 jobs per second were created and 54 jobs per minute ended; 2 were "
        "still in the system when the last one came in."
    )


@pytest.mark.parametrize(("left", "them"), [((), "all of them"), (FOUR[3:], "2 of them")])
def test_the_sentence_of_a_stampede_tells_how_long_it_took(left, them) -> None:
    rows = [
        (0.0, 0.0, 0.0, 4.0, "completed", "worker-0"),
        (0.1, 0.1, 4.0, 8.0, "failed", "worker-0"),
    ]
    rows += [(0.1, *row[1:]) for row in left]
    assert CHART.sentence(made(rows)) == (
        f"{len(rows)} jobs came in within 100 ms; {them} ended within 8 s, 15 jobs per minute."
    )


def test_the_sentence_without_an_end() -> None:
    assert CHART.sentence(made(FOUR[3:])) == "1 job came in, and none ended."
    assert not CHART.is_worth_showing(made(FOUR[3:]))


def test_the_sentence_of_work_without_any_length() -> None:
    run = run_virtual(Scenario(jobs=1, work={"service": {"kind": "constant", "value": 0.0}}))
    assert CHART.sentence(run) == "1 job came in at once; it ended at once too."
