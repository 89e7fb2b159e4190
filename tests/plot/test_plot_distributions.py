from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from jobsim import plot
from jobsim.plot.distributions import ecdf
from jobsim.plot.style import INK, STATUS_COLOURS


def test_a_long_ecdf_is_thinned_to_exact_steps_with_both_ends() -> None:
    values = np.random.default_rng(1).exponential(1.0, 50_000)
    x, share = ecdf(values, points=100)
    assert 50 <= len(x) <= 100
    assert (x[0], x[-1], share[-1]) == (values.min(), values.max(), 1.0)
    ordered = np.sort(values)
    assert np.array_equal(np.searchsorted(ordered, x, side="right") / 50_000, share)


def test_a_thinned_ecdf_keeps_the_tail_down_to_single_values() -> None:
    _, share = ecdf(np.arange(50_000.0), points=100)
    above = 1 - share[share < 1]
    assert above.min() == pytest.approx(1 / 50_000)
    assert (above[:-1] / above[1:]).max() < 2.1


def test_the_ecdf_of_nothing_has_no_step() -> None:
    x, share = ecdf([float("nan")])
    assert len(x) == len(share) == 0


def line(ax: plot.Axes, stage: str) -> tuple[np.ndarray, np.ndarray]:
    (found,) = [line for line in ax.lines if str(line.get_label()).startswith(stage)]
    return found.get_xdata(), found.get_ydata()


def test_dwell_draws_the_steps_of_each_stage(run: SimpleNamespace) -> None:
    ax = plot.dwell(run)
    assert ax.get_xscale() == "linear"
    x, share = line(ax, "unpaid")  # 1.0, 1.5 and 0.5 s
    assert x[:4].tolist() == [0.0, 0.5, 1.0, 1.5]
    assert share[:4].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    x, share = line(ax, "wait")  # 0.0, 1.5 and 0.5 s: a third did not wait
    assert x[:3].tolist() == [0.0, 0.5, 1.5]
    assert share[:3].tolist() == pytest.approx([1 / 3, 2 / 3, 1])


def test_dwell_colours_a_stage_as_the_status_it_is_spent_in(run: SimpleNamespace) -> None:
    lines = plot.dwell(run).lines
    waiting, running = STATUS_COLOURS["awaiting_payment"], STATUS_COLOURS["running"]
    assert [to_rgba(line.get_color()) for line in lines] == [
        to_rgba(colour) for colour in (waiting, waiting, running, INK)
    ]
    assert lines[0].get_linestyle() != lines[1].get_linestyle()


def test_dwell_tells_median_and_p95(run: SimpleNamespace) -> None:
    legend = plot.dwell(run).get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[2] == "service\nmedian 1.5 s\np95 1.95 s"


def test_dwell_leaves_out_a_stage_that_no_job_ended(run: SimpleNamespace) -> None:
    run.jobs[["started", "finished"]] = float("nan")
    assert len(plot.dwell(run).lines) == 1


def test_dwell_is_logarithmic_where_stages_differ_widely(run: SimpleNamespace) -> None:
    run.jobs["created"] = run.jobs["paid"] - 0.01
    run.jobs["finished"] = run.jobs["started"] + 5.0
    ax = plot.dwell(run)
    assert ax.get_xscale() == "log"
    assert ax.get_xlim()[0] <= 0.01
    x, share = line(ax, "wait")
    assert (x[0], share[0]) == (ax.get_xlim()[0], pytest.approx(1 / 3))


def test_dwell_of_stages_without_length_is_linear(run: SimpleNamespace) -> None:
    for column in ("paid", "started", "finished"):
        run.jobs[column] = run.jobs["created"]
    ax = plot.dwell(run)
    assert ax.get_xscale() == "linear"
    assert line(ax, "sojourn")[1].tolist() == [1.0, 1.0]


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
