from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from report_runs import FOUR, NAN, made, retried

from jobsim import Scenario, plot
from jobsim.plot.parts.style import STATUS_COLOURS
from jobsim.plot.swimlanes import CHART, MAX_CLIENTS, MAX_SPANS_PER_LANE, MAX_WORKERS, lanes


def many(*, workers: int, clients: int, jobs: int) -> SimpleNamespace:
    number = np.arange(jobs)
    table = pd.DataFrame({"started": number * 1.0, "finished": number + 0.5}).assign(
        status="completed",
        worker=[f"w{k}" for k in number % workers],
        released=number + 0.5,
        crashed=False,
    )
    created = pd.DataFrame({"time": number * 1.0, "source": None, "target": "awaiting_payment"})
    created["actor"] = [f"c{k}" for k in number % clients]
    workload = SimpleNamespace(scenario=Scenario())
    return SimpleNamespace(jobs=table, transitions=created, workload=workload)


def test_lanes_are_in_natural_order_clients_first(run: SimpleNamespace) -> None:
    ax = plot.swimlanes(run)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["c-0", "c-1", "w-2", "w-10"]
    assert ax.yaxis_inverted()


def bars(ax) -> dict[str, list[tuple[float, float, float]]]:
    """Return the bars of each kind as (start, end, lane)."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for patch in ax.patches:
        corners = patch.get_path().vertices.reshape(-1, 5, 2)
        found.setdefault(patch.get_label().removeprefix("_"), []).extend(
            (bar[0, 0], bar[1, 0], (bar[0, 1] + bar[2, 1]) / 2) for bar in corners
        )
    return found


def test_bars_run_from_start_to_finish(run: SimpleNamespace) -> None:
    assert bars(plot.swimlanes(run)) == {
        "completed": [(1.0, 3.0, 2.0)],
        "failed": [(3.0, 4.0, 2.0)],
        # Still running when the last thing happened, at 4.5 s.
        "still running": [(3.5, 4.5, 3.0)],
    }


def test_bars_have_the_colour_of_their_end(run: SimpleNamespace) -> None:
    colours = {patch.get_label(): patch.get_facecolor() for patch in plot.swimlanes(run).patches}
    for label, status in (("completed", "completed"), ("still running", "running")):
        assert colours[label] == to_rgba(STATUS_COLOURS[status])


def test_creations_are_ticks_on_the_lane_of_their_client(run: SimpleNamespace) -> None:
    (ticks,) = plot.swimlanes(run).lines
    ends = np.column_stack([ticks.get_xdata(), ticks.get_ydata()]).reshape(-1, 3, 2)
    middles = sorted((lower[0], (lower[1] + upper[1]) / 2) for lower, upper, _ in ends.tolist())
    assert middles == [(0.0, 0), (0.0, 1), (2.0, 0), (2.5, 1), (4.5, 1)]
    assert to_rgba(ticks.get_color()) == to_rgba(STATUS_COLOURS["awaiting_payment"])


def test_a_small_run_leaves_nothing_out(run: SimpleNamespace) -> None:
    assert lanes(run).left_out == ""


def test_a_large_run_shows_the_first_lanes_and_a_while_and_says_so() -> None:
    large = many(workers=40, clients=30, jobs=4000)
    shown = lanes(large)
    assert shown.clients == [f"c{k}" for k in range(MAX_CLIENTS)]
    assert shown.workers == [f"w{k}" for k in range(MAX_WORKERS)]
    assert len(shown.spans) <= MAX_SPANS_PER_LANE * MAX_WORKERS + MAX_WORKERS
    assert shown.spans["started"].max() <= shown.end
    assert shown.ticks["time"].max() <= shown.end
    text = "8 of 30 clients, 16 of 40 workers, 0 s to 26.7 min of 66.7 min"
    assert shown.left_out == text
    ax = plot.swimlanes(large)
    assert text in [drawn.get_text() for drawn in ax.texts]
    assert ax.get_xlim()[1] == shown.end


def test_creations_too_close_to_tell_apart_are_drawn_once() -> None:
    burst = many(workers=1, clients=1, jobs=3)
    burst.transitions["time"] = [0.0, 1e-9, 2.0]
    assert lanes(burst).ticks["time"].tolist() == [0.0, 2.0]


def test_narrow_bars_have_no_edge_that_would_hide_them(run: SimpleNamespace) -> None:
    run.jobs.loc[0, ["finished", "released"]] = run.jobs.loc[0, "started"] + 0.01
    widths = {patch.get_label(): patch.get_linewidth() for patch in plot.swimlanes(run).patches}
    assert widths["completed"] == 0
    assert widths["failed"] > 0


def test_names_of_actors_are_drawn_as_they_stand(run: SimpleNamespace) -> None:
    run.transitions["actor"] = "$pay$"
    ax = plot.swimlanes(run)
    ax.figure.canvas.draw()
    assert ax.get_yticklabels()[0].get_text() == r"\$pay\$"


def test_a_run_in_which_no_job_started_has_lanes_of_clients_only(run: SimpleNamespace) -> None:
    run.jobs[["started", "finished", "released"]] = float("nan")
    assert lanes(run).workers == []
    assert len(plot.swimlanes(run).patches) == 0


def crash(*, reaped: bool) -> SimpleNamespace:
    """Return a run in which worker-0 dies at 3 s, and is back with another job at 4 s."""
    rows = [
        (0, 1, 0.0, 0.0, 0.0, 8.0 if reaped else NAN, "failed" if reaped else "running", "w-0"),
        (1, 1, 0.0, 0.0, 4.0, 5.0, "completed", "w-0"),
    ]
    return retried(rows, released={0: 3.0}, crashed=[0], reaped=[0] * reaped)


def test_a_bar_ends_at_the_crash_with_a_cross_and_a_hairline_to_the_reaping() -> None:
    ax = plot.swimlanes(crash(reaped=True))
    (lost,) = bars(ax)["wasted: the result came too late or never"]
    assert lost[:2] == (0.0, 3.0)
    (cross,) = [line for line in ax.lines if line.get_label() == "worker lost"]
    assert cross.get_xdata().tolist() == [3.0]
    (hairline,) = [each.get_segments() for each in ax.collections]
    assert np.asarray(hairline)[0][:, 0].tolist() == [3.0, 8.0]


def test_a_job_that_nobody_reaps_has_no_hairline() -> None:
    (hairlines,) = [each.get_segments() for each in plot.swimlanes(crash(reaped=False)).collections]
    assert len(hairlines) == 0


def test_the_bars_of_one_worker_do_not_overlap() -> None:
    spans = lanes(crash(reaped=True)).spans.sort_values("started")
    assert (spans["until"].to_numpy()[:-1] <= spans["started"].to_numpy()[1:]).all()


def test_work_that_the_reaper_overtook_is_wasted() -> None:
    rows = [(0, 1, 0.0, 0.0, 0.0, 2.0, "failed", "w-0")]
    shown = lanes(retried(rows, released={0: 6.0}, reaped=[0]))
    assert shown.spans[["until", "kind"]].to_numpy().tolist() == [[6.0, "wasted"]]


def test_a_large_run_is_shown_around_its_outage() -> None:
    large = many(workers=2, clients=1, jobs=1000)
    outage = {"at": 700.0, "duration": 20.0, "workers": 1}
    large.workload.scenario = Scenario(outages=[outage])
    shown = lanes(large)
    assert (shown.start, shown.end) == (680.0, 760.0)
    assert shown.left_out == "11.3 min to 12.7 min of 16.6 min"


def test_the_sentence_tells_how_busy_and_how_even() -> None:
    assert CHART.sentence(made(FOUR)).endswith(
        "the busiest worked for 8 s, the least busy for 6 s."
    )


def test_a_worker_that_never_started_anything_is_the_least_busy() -> None:
    assert CHART.sentence(made(FOUR, workers=3)).endswith("the least busy for 0 s.")


def test_the_sentence_of_one_worker() -> None:
    assert CHART.sentence(made(FOUR[:1], workers=1)) == "The one worker was busy 100 % of the time."


def test_the_sentence_of_a_run_in_which_nobody_worked() -> None:
    assert CHART.sentence(made(FOUR[3:])) == "No worker started a job."
    assert not CHART.is_worth_showing(made(FOUR[3:]))
