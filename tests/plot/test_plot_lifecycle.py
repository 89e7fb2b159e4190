from __future__ import annotations

import math
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from report_runs import FOUR, NAN, made

from jobsim import plot
from jobsim.figures.flow import CREATION
from jobsim.plot.lifecycle import CHART, lifecycle_edges
from jobsim.plot.parts.style import STATUS_COLOURS
from jobsim.tables.schema import TRANSITIONS

STATUSES = list(STATUS_COLOURS)


def with_moves(run: SimpleNamespace, *pairs: tuple[str | None, str]) -> None:
    more = pd.DataFrame(pairs, columns=["source", "target"]).assign(time=5.0, actor="x")
    more["job"] = 100 + more.index  # a job each, so that its source is taken at its word
    run.transitions = pd.concat([run.transitions, more]).astype(TRANSITIONS)


def test_the_edges_hold_counts_and_medians_of_the_time_before(run: SimpleNamespace) -> None:
    found = lifecycle_edges(run.transitions)
    assert found["source"].tolist() == [CREATION, "awaiting_payment", "running", "running"]
    assert found["target"].tolist() == STATUSES
    assert found["count"].tolist() == [5, 3, 1, 1]
    assert math.isnan(found["median"][0])
    assert found["median"].tolist()[1:] == [1.0, 2.0, 1.0]
    assert found["legal"].all()


def test_pairs_that_are_not_legal_follow(run: SimpleNamespace) -> None:
    with_moves(run, ("completed", "running"), ("completed", "running"))
    extra = lifecycle_edges(run.transitions).iloc[4:]
    assert extra[["source", "target", "count", "legal"]].to_numpy().tolist() == [
        ["completed", "running", 2, False]
    ]


def test_the_edges_of_an_empty_run_are_the_four_legal_ones(empty: SimpleNamespace) -> None:
    found = lifecycle_edges(empty.transitions)
    assert found["count"].tolist() == [0, 0, 0, 0]
    assert found["median"].isna().all()


def test_each_box_has_the_colour_of_its_status_and_its_jobs_at_the_end(
    run: SimpleNamespace,
) -> None:
    ax = plot.lifecycle(run)
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    assert [box.get_label() for box in boxes] == STATUSES
    for box in boxes:
        assert box.get_facecolor() == to_rgba(STATUS_COLOURS[box.get_label()])
    texts = [text.get_text() for text in ax.texts]
    for name, jobs in (("awaiting\npayment", "2"), ("running", "1"), ("failed", "1")):
        assert texts[texts.index(name) + 1] == jobs


def test_each_arrow_tells_count_and_median_and_is_as_wide_as_its_share(
    run: SimpleNamespace,
) -> None:
    ax = plot.lifecycle(run)
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert [arrow.get_linewidth() for arrow in arrows] == [5.0, 3.4, 1.8, 1.8]
    texts = [text.get_text() for text in ax.texts]
    assert texts[texts.index("3") + 1] == "median 1 s"
    assert "median 2 s" in texts


def test_an_empty_run_still_has_its_state_machine(empty: SimpleNamespace) -> None:
    ax = plot.lifecycle(empty)
    assert ax.get_title(loc="left") == "Lives of 0 jobs"
    assert not any("median " in text.get_text() for text in ax.texts[1:])
    ax.figure.canvas.draw()


def test_what_is_not_legal_is_listed_most_frequent_first(run: SimpleNamespace) -> None:
    with_moves(
        run, ("running", "running"), ("failed", "running"), ("failed", "running"), (None, "failed")
    )
    texts = [text.get_text() for text in plot.lifecycle(run).texts]
    assert texts[-1].splitlines() == [
        "not legal, yet accepted:",
        "failed → running: 2",
        "(created) → failed: 1",
        "running → running: 1",
    ]


def test_a_long_list_of_what_is_not_legal_is_cut_and_counted(run: SimpleNamespace) -> None:
    with_moves(run, *(("failed", target) for target in STATUSES), ("completed", "failed"))
    texts = [text.get_text() for text in plot.lifecycle(run).texts]
    assert texts[-1].endswith("\nand 1 other pair")


def test_text_shrinks_with_the_axes(run: SimpleNamespace) -> None:
    _, axes = plt.subplots(1, 3, figsize=(9, 3))
    small = plot.lifecycle(run, ax=axes[0]).texts[1].get_fontsize()
    assert small < 0.6 * plot.lifecycle(run).texts[1].get_fontsize()


def test_the_sentence_tells_how_jobs_ended() -> None:
    run = made(FOUR)
    assert CHART.sentence(run) == (
        "Of 4 jobs: 2 completed (50 %), 1 failed (25 %), 1 never paid (25 %)."
    )
    run.jobs = run.jobs.assign(rejected=[3, 0, 0, 0])
    assert CHART.sentence(run).endswith("1 never paid (25 %); 3 calls refused.")


def test_the_sentence_tells_what_is_left() -> None:
    rows = [
        (0.0, 0.0, 0.0, NAN, "running", "worker-0"),
        (0.0, 0.0, NAN, NAN, "awaiting_payment", None),
    ]
    assert CHART.sentence(made(rows)) == (
        "Of 2 jobs: 1 still waiting for a worker (50 %), 1 still running (50 %)."
    )
