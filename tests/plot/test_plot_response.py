"""The chart of responses from the intended and from the actual start."""

from __future__ import annotations

import numpy as np
import pytest
from report_runs import made, retried

from jobsim import plot
from jobsim.plot.response import CHART, served_responses


def late(*starts: tuple[float, float, float]):
    """Return a run by when requests were meant to start, did start, and were served."""
    rows = [
        (number, 1, created, created, created, finished, "completed", "worker-0")
        for number, (_, created, finished) in enumerate(starts)
    ]
    run = retried(rows)
    run.jobs = run.jobs.assign(arrival=[meant for meant, _, _ in starts])
    return run


def test_the_lines_are_the_two_times_of_each_request() -> None:
    ax = plot.response(late((0.0, 0.0, 1.0), (1.0, 3.0, 4.0)))
    lines = {line.get_label().partition(":")[0]: line for line in ax.lines}
    assert 3.0 in lines["from the intended start"].get_xdata()
    assert lines["from the actual start"].get_xdata()[1] == 1.0
    assert "2 requests served" in [text.get_text() for text in ax.texts]


def test_requests_that_gave_up_are_counted_and_not_drawn() -> None:
    rows = [
        (0, 1, 0.0, 0.0, 0.0, 1.0, "completed", "worker-0"),
        (1, 1, 0.0, 0.0, 0.0, 9.0, "completed", "worker-1"),
    ]
    run = retried(rows, left={1: 5.0})
    assert len(served_responses(run.jobs)) == 1
    assert "1 request served, 1 not" in [text.get_text() for text in plot.response(run).texts]


def test_the_sentence_tells_both_tails() -> None:
    run = late((0.0, 0.0, 1.0), (1.0, 3.0, 4.0))
    intended = np.percentile([1.0, 3.0], 95)
    assert CHART.sentence(run) == (
        "50 % of the served requests began later than they were meant to. From the intended start "
        f"95 % of them took {intended:.3g} s or less, from the actual start 1 s or less."
    )


@pytest.mark.parametrize(("start", "worth"), [(0.0, False), (4.0, True)])
def test_it_is_worth_showing_where_requests_begin_late(start, worth) -> None:
    assert CHART.is_worth_showing(late((0.0, start, 9.0))) is worth


def test_nothing_served_is_no_chart() -> None:
    assert CHART.sentence(made()) == "No request was served."
    assert not CHART.is_worth_showing(made())
