"""The chart of the stages of a job."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from report_runs import FOUR, made, retried

from jobsim import plot
from jobsim.plot.dwell import CHART
from jobsim.plot.parts.style import INK, STATUS_COLOURS


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


def test_dwell_draws_how_long_jobs_were_without_a_worker_where_one_was_lost() -> None:
    assert "lost" not in plot.dwell(made(FOUR)).get_legend().get_texts()[-1].get_text()
    rows = [(0, 1, 0.0, 0.0, 1.0, 9.0, "failed", "worker-0")]
    ax = plot.dwell(retried(rows, released={0: 3.0}, crashed=[0], reaped=[0]))
    x, share = line(ax, "lost")
    assert x[share > 0][0] == pytest.approx(6.0)


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


def test_the_sentence_names_the_stage_that_took_most_of_the_time() -> None:
    assert CHART.sentence(made(FOUR)) == (
        "Half of the finished jobs took 6 s or less from creation to end; 95 % took 8.7 s or less. "
        "74 % of that time they were being worked on."
    )


def test_the_sentence_without_a_finished_job() -> None:
    assert CHART.sentence(made(FOUR[3:])) == "No job was finished, so no job took any time."
