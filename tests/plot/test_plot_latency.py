"""The chart of the repository's calls."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from report_runs import FOUR, made

from jobsim import plot
from jobsim.plot.latency import CHART


def test_latency_has_a_row_an_operation_in_microseconds(run: SimpleNamespace) -> None:
    ax = plot.latency(run)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["get", "create"]
    texts = [text.get_text() for text in ax.texts]
    assert "median 20 µs\np99 39.6 µs\n3 calls" in texts
    assert "median 1 µs\np99 1 µs\n1 call" in texts


def test_latency_histograms_hold_every_call_that_returned(run: SimpleNamespace) -> None:
    get, create = plot.latency(run).patches
    values, edges, _ = create.get_data()
    filled = np.flatnonzero(values - 1)
    for microseconds in (10, 20, 40):
        assert any(edges[bin_] <= microseconds < edges[bin_ + 1] for bin_ in filled)
    assert len(filled) == 3
    assert np.count_nonzero(get.get_data()[0]) == 1


def test_latency_below_the_resolution_of_the_clock_is_drawn(run: SimpleNamespace) -> None:
    run.calls["returned_ns"] = run.calls["invoked_ns"]
    _, create = plot.latency(run).patches
    assert (create.get_data()[0] > 1).sum() == 1


def test_latency_where_no_call_returned_says_so(run: SimpleNamespace) -> None:
    run.calls["outcome"] = "pending"
    assert "no call returned" in [text.get_text() for text in plot.latency(run).texts]


def test_latency_of_a_run_without_calls_is_an_error_that_says_why(
    run: SimpleNamespace, empty: SimpleNamespace
) -> None:
    run.calls = None
    for without in (run, empty):
        with pytest.raises(ValueError, match="only threaded runs have calls"):
            plot.latency(without)


def test_the_sentence_tells_the_tail_and_the_slowest_call() -> None:
    calls = [("get", 0, 1000, "ok")] * 99
    calls += [("create", 0, 2_000_000, "ok"), ("get", 0, -1, "pending")]
    assert CHART.sentence(made(FOUR, calls=calls)) == (
        "Half of the 100 repository calls took 1 µs or less; 99 % took 21 µs or less; the slowest, "
        "create, took 2 ms."
    )


def test_the_sentence_without_calls() -> None:
    assert CHART.sentence(made(calls=[])) == "No call on a repository was recorded."
    assert not CHART.is_worth_showing(made(FOUR))


@pytest.mark.parametrize(("schedule", "worth"), [(None, True), (7, False)])
def test_where_turns_are_taken_calls_take_no_time_worth_showing(schedule, worth) -> None:
    run = made(FOUR, calls=[("get", 0, 1000, "ok")], engine="threads")
    run.info = run.info.model_copy(update={"schedule": schedule})
    assert CHART.is_worth_showing(run) is worth
