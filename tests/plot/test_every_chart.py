"""What holds for every chart, one test a promise."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from jobsim import Scenario, plot
from jobsim.display.palette import INK
from jobsim.proof.verdict_value import Call, Violation
from jobsim.tables.jobs_table import jobs_of

CHARTS = [name for name in plot.__all__ if name != "dark"]
SCALED = [name for name in CHARTS if name not in ("lifecycle", "schedule")]
UNITS = {
    "attempts": ("number", "requests"),
    "backtest": ("(s)", "share"),
    "calibration": ("(s)", "share"),
    "compare": ("(s)", "share"),
    "counterexample": ("(µs)", ""),
    "dwell": ("(s)", "share"),
    "forecast": ("workers", "(s)"),
    "goodput": ("(s)", "jobs per second"),
    "latency": ("(µs", ""),
    "occupancy": ("(s)", "jobs"),
    "outage": ("(s)", "jobs"),
    "response": ("(s)", "share"),
    "running_age": ("(s)", "(s)"),
    "sweep": ("workers", "(ms)"),
    "swimlanes": ("(s)", ""),
    "throughput": ("(s)", "jobs per second"),
    "unpaid": ("(s)", "jobs"),
    "waits": ("(s)", "share"),
    "warmup": ("number", "(s)"),
}


def subject(name: str, run: SimpleNamespace) -> object:
    """Return what the chart is of: the run, a study with a row for each of its jobs, or a proof."""
    jobs = run.jobs
    wait = (jobs["started"] - jobs["paid"]).to_numpy()
    if name == "backtest":
        waits = pd.DataFrame({"arrival": jobs["created"], "logged": wait, "replayed": wait / 2})
        return SimpleNamespace(waits=waits, workers=3)
    if name == "calibration":
        known = wait[~np.isnan(wait)]
        share = (np.arange(200 if len(known) else 0) + 0.5) / 200  # as many as a calibration has
        logged = np.quantile(known, share) if len(known) else share
        ends = {"logged": logged, "fitted": logged * 1.1}
        return SimpleNamespace(curves=pd.DataFrame({"quantity": "service", "share": share, **ends}))
    if name == "forecast":
        ends = {
            f"{what}{end}": wait for what in ("drained", "wait") for end in ("", "_low", "_high")
        }
        table = pd.DataFrame({"workers": np.arange(len(wait)) + 1, **ends}).dropna().head(8)
        return SimpleNamespace(table=table, running=3, waiting=20)
    if name == "compare":
        off = pd.DataFrame({"lateness": wait, "dispatch": wait / 2, "drift": -2 * wait})
        return SimpleNamespace(jobs=off, agree=True)
    if name == "counterexample":
        calls = (
            Call(0, "worker-1", "update_status", 0, "running", 0, 400, "ok", "running"),
            Call(1, "reader-0", "get", 0, None, 700, 900, "ok", "awaiting_payment"),
        )
        return Violation(0, "real_time", "job 0: " + "the job went back, " * 9, calls)
    if name == "schedule":
        rows = [
            SimpleNamespace(thread=n // 7 % 2, kind="line", text="x = " + "y" * n, place="a.py:3")
            for n in range(40)
        ]
        names = ["thread-0", "thread-1"]
        return SimpleNamespace(rows=rows, threads=names, sentence="job 0: " + "went back, " * 9)
    if name in ("attempts", "goodput", "outage", "running_age"):
        gone = {"at": 1.0, "duration": 1.0, "workers": 1}
        scenario = Scenario(reaper={"timeout": 2.0}, outages=[gone])
        return SimpleNamespace(
            jobs=jobs.assign(released=0.5, crashed=True),
            transitions=run.transitions,
            workload=SimpleNamespace(scenario=scenario),
        )
    if name == "sweep":
        at = np.arange(len(jobs))
        columns = {"workers": at // 2, "replication": at % 2, "wait_p95": wait}
        return pd.DataFrame(columns).head(100)  # as many settings as jobs would be no sweep
    return run


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_draws_on_the_axes_it_is_given_and_makes_no_figure(
    name: str, run: SimpleNamespace
) -> None:
    figure, axes = plt.subplots(1, 2)
    found = getattr(plot, name)(subject(name, run), ax=axes[0])
    assert found is axes[0]
    assert plt.get_fignums() == [figure.number]
    assert not axes[1].has_data()


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_without_axes_makes_one_figure_and_leaves_the_current_one_alone(
    name: str, run: SimpleNamespace
) -> None:
    _, mine = plt.subplots()
    found = getattr(plot, name)(subject(name, run))
    assert found is not mine
    assert not mine.has_data()
    assert len(plt.get_fignums()) == 2


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_a_title_on_the_left(name: str, run: SimpleNamespace) -> None:
    assert getattr(plot, name)(subject(name, run)).get_title(loc="left")


@pytest.mark.parametrize("name", SCALED)
def test_the_labels_have_units(name: str, run: SimpleNamespace) -> None:
    ax = getattr(plot, name)(subject(name, run))
    x, y = UNITS[name]
    assert x in ax.get_xlabel()
    assert y in ax.get_ylabel()


@pytest.mark.parametrize(
    "name", [name for name in SCALED if name not in ("latency", "counterexample")]
)
def test_the_chart_of_an_empty_run_says_so_and_has_its_labels(
    name: str, empty: SimpleNamespace
) -> None:
    ax = getattr(plot, name)(subject(name, empty))
    assert any(text.get_text().startswith("no ") for text in ax.texts)
    assert UNITS[name][0] in ax.get_xlabel()
    ax.figure.canvas.draw()


@pytest.mark.parametrize("name", CHARTS)
def test_no_text_is_cut_off_at_the_size_of_a_notebook(name: str, run: SimpleNamespace) -> None:
    ax = getattr(plot, name)(subject(name, run))
    ax.figure.canvas.draw()
    drawn = ax.figure.get_tightbbox()  # in inches; counts the text that is drawn, no other
    width, height = ax.figure.get_size_inches()
    assert min(drawn.x0, drawn.y0) >= -0.01
    assert drawn.x1 <= width + 0.01
    assert drawn.y1 <= height + 0.01


@pytest.mark.parametrize("name", CHARTS)
def test_a_small_chart_keeps_its_text_inside_and_its_size(name: str, run: SimpleNamespace) -> None:
    figure, ax = plt.subplots(figsize=(4.5, 3), layout="constrained")
    getattr(plot, name)(subject(name, run), ax=ax)
    figure.canvas.draw()
    drawn = figure.get_tightbbox()
    assert min(drawn.x0, drawn.y0) >= -0.01
    assert drawn.x1 <= 4.51
    assert drawn.y1 <= 3.01
    # Long text must not push the chart itself together.
    assert ax.get_position().width > 0.5


@pytest.mark.parametrize("name", CHARTS)
def test_charts_side_by_side_keep_to_their_own_half(name: str, run: SimpleNamespace) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2))  # as people make it: without a layout
    for ax in axes:
        getattr(plot, name)(subject(name, run), ax=ax)
    figure.canvas.draw()
    left, right = (ax.get_tightbbox() for ax in axes)
    assert left.x0 >= 0
    assert left.x1 <= figure.bbox.width / 2 <= right.x0
    assert right.x1 <= figure.bbox.width
    assert min(left.y0, right.y0) >= 0
    assert max(left.y1, right.y1) <= figure.bbox.height


@pytest.mark.parametrize("name", CHARTS)
def test_a_large_run_draws_few_points(name: str, run: SimpleNamespace) -> None:
    """Counts what is drawn; how long that takes is for the benchmarks."""
    jobs = 20_000
    rng = np.random.default_rng(3)
    created = np.cumsum(rng.exponential(0.1, jobs))
    started = created + rng.exponential(1.0, jobs)
    finished = started + rng.exponential(1.0, jobs)
    number = np.arange(jobs)
    worker = "w-" + pd.Series(number % 20).astype("str")
    run.jobs = jobs_of(created=created, started=started, finished=finished, worker=worker)
    run.transitions = pd.concat(
        pd.DataFrame({"time": time, "job": number, "source": source, "target": target})
        for time, source, target in (
            (created, None, "awaiting_payment"),
            (started, "awaiting_payment", "running"),
            (finished, "running", "completed"),
        )
    ).assign(actor="c-" + pd.Series(number % 20).astype("str"))
    ax = getattr(plot, name)(subject(name, run))
    vertices = sum(len(line.get_xdata()) for line in ax.lines)
    vertices += sum(len(path.vertices) for c in ax.collections for path in c.get_paths())
    vertices += sum(len(patch.get_path().vertices) for patch in ax.patches)
    assert vertices < 40_000


@pytest.mark.parametrize("name", CHARTS)
def test_on_dark_paper_no_ink_is_left(name: str, run: SimpleNamespace) -> None:
    ax = plot.dark(getattr(plot, name)(subject(name, run)))
    ax.figure.canvas.draw()
    texts = [text for text in ax.figure.findobj(Text) if text.get_text()]
    assert to_hex(INK) not in {to_hex(text.get_color()) for text in texts}
