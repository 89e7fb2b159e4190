"""A grid of settings on common random numbers, on any executor, whatever fails on the way."""

from __future__ import annotations

import math
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pandas as pd
import pytest

from jobsim import Scenario, preset
from jobsim.figures.intervals import intervals
from jobsim.figures.metrics import UNITS, figures_of
from jobsim.scenario.distributions import Constant
from jobsim.scenario.scenario import UnknownFieldError
from jobsim.studies import cells, pool
from jobsim.studies.grid import StudyFailed
from jobsim.studies.sweep import sweep
from jobsim.virtual import server
from jobsim.virtual.run_virtual import run_virtual

SCENARIO = Scenario(jobs=200, workers=2, arrivals={"kind": "poisson", "rate": 1.5}, seed=3)
OVER = {"workers": [2, 3], "arrivals.rate": [1.0, 1.5]}
STORMY = SCENARIO.replace(
    {
        "patience": {"kind": "constant", "value": 2.0},
        "retry": {"attempts": 3, "budget": 0.5},
        "reaper": {"timeout": 3.0},
        "work.crash": 0.1,
    }
)


@pytest.fixture(scope="module")
def table():
    return sweep(SCENARIO, OVER, replications=3)


def test_there_is_one_row_a_setting_and_replication_in_order(table):
    keys = table[["workers", "arrivals.rate", "replication"]].to_numpy().tolist()
    assert keys == [[w, rate, r] for w in (2, 3) for rate in (1.0, 1.5) for r in (0, 1, 2)]
    assert table["error"].isna().all()


def test_each_row_is_a_run_that_anybody_can_repeat(table):
    row = table.iloc[7]
    changes = {name: row[name].item() for name in (*OVER, "seed")}
    run = run_virtual(SCENARIO.replace(changes))
    figures = figures_of(run.jobs, run.workload, skipped=20)
    assert row["warmup"] == 20
    assert {name: row[name] for name in figures} == pytest.approx(figures, rel=0, nan_ok=True)
    assert row["seed"] != SCENARIO.seed
    assert table.loc[0, "seed"] == SCENARIO.seed


def test_replication_r_has_one_seed_at_every_setting(table):
    assert (table.groupby("replication")["seed"].nunique() == 1).all()
    assert table["seed"].nunique() == 3
    # The same jobs: their work is the same whatever the rate and the workers.
    assert (table.groupby("replication")["service_mean"].nunique() <= 2).all()


def test_different_workers_are_sampled_once(monkeypatch):
    sampled = []
    real = cells.Workload.sample
    monkeypatch.setattr(
        cells.Workload, "sample", staticmethod(lambda s: sampled.append(s) or real(s))
    )
    sweep(SCENARIO, OVER | {"clients": [1, 2]}, replications=3)
    assert len(sampled) == 2 * 3  # the rates and the replications


def test_theory_stands_beside_each_setting():
    table = sweep(SCENARIO, {"workers": [1, 2]}, replications=1)
    assert table["theory"].tolist() == ["M/M/1 (exact)", "M/M/2 (exact)"]
    assert table["wait_p95_theory"].tolist()[0] == math.inf
    assert 0 < table["wait_mean_theory"].tolist()[1] < math.inf
    assert sweep(preset("stampede"), {"workers": [8]}, replications=1)["theory"].item() == "none"


def test_the_warm_up_is_deleted_as_asked():
    def deleted(warmup, scenario=SCENARIO):
        table = sweep(scenario, {"workers": [2]}, replications=1, warmup=warmup)
        assert table["warmup"].item() + table["jobs"].item() == scenario.jobs
        return table["warmup"].item()

    assert deleted(None) == 20
    assert deleted(0.25) == 50
    assert deleted(0.0) == 0
    assert deleted(None, preset("stampede")) == 0  # the whole run is a transient
    unpaid = SCENARIO.replace({"payment.abandon": 0.5})
    assert 0 <= deleted("mser5", unpaid) < 200


def test_parts_are_labelled_in_words():
    over = {"work.service": [Constant(value=1.0), {"kind": "exponential", "mean": 1.0}]}
    table = sweep(SCENARIO, over, replications=1)
    assert table["work.service"].tolist() == ["1 s", "1 s on average, exponentially distributed"]
    table = sweep(SCENARIO, {"work": [{"fail": 0.5}]}, replications=1)
    assert "fail=0.5" in table["work"].item()


def test_a_part_that_is_not_there_is_a_setting_like_any_other():
    table = sweep(STORMY, {"retry.budget": [None, 0.1], "retry.jitter": [0.0]}, replications=2)
    assert table["retry.budget"].tolist() == ["none", "none", 0.1, 0.1]
    assert len(intervals(table, "wait_mean")) == 2
    out = [{"at": 5.0, "duration": 9.0, "workers": 1}]
    table = sweep(SCENARIO, {"outages": [[], out, [*out, *out]]}, replications=1)
    gone = "1 worker is gone from 5 s to 14 s."
    assert table["outages"].tolist() == ["none", gone, f"{gone} {gone}"]


# Feedback


def totals(run):
    deleted = run.jobs["request"].isin(
        run.jobs.query("attempt == 1").nsmallest(20, "created")["request"]
    )
    return int(deleted.sum()), figures_of(run.jobs, run.workload, skipped=20)


@pytest.mark.parametrize(
    "over",
    [
        {"reaper.timeout": [2.5, 4.0]},
        {"retry.attempts": [2, 4]},
        {"retry.jitter": [0.0, 1.0]},
        {"retry.budget": [0.0, 0.5]},
        {"work.crash": [0.0, 0.2]},
        {"patience.value": [1.0, 4.0]},
    ],
)
def test_whatever_answers_back_can_be_swept_over(over):
    table = sweep(STORMY, over, replications=2)
    assert table["error"].isna().all()
    assert (table["theory"] == "none").all()
    for row in table.to_dict("records"):
        changes = {name: row[name] for name in (*over, "seed")}
        deleted, figures = totals(run_virtual(STORMY.replace(changes)))
        assert row["warmup"] == deleted
        assert {name: row[name] for name in figures} == pytest.approx(figures, nan_ok=True)
    assert table["jobs"].nunique() > 1


def test_users_of_a_closed_loop_can_be_swept_over():
    closed = SCENARIO.replace({"arrivals": {"kind": "closed", "users": 1}})
    table = sweep(closed, {"arrivals.users": [1, 4]}, replications=2)
    assert (table["warmup"] == 20).all()
    waits = intervals(table, "wait_mean")["mean"].tolist()
    assert waits[0] == 0.0 < waits[1]
    assert table["theory"].tolist() == ["M/M/2//1 (exact)"] * 2 + ["M/M/2//4 (exact)"] * 2


def test_reapers_and_outages_draw_nothing_so_their_settings_are_sampled_once(monkeypatch):
    sampled = []
    real = cells.Workload.sample
    monkeypatch.setattr(
        cells.Workload, "sample", staticmethod(lambda s: sampled.append(s) or real(s))
    )
    outage = {"at": 20.0, "duration": 20.0, "workers": 2}
    over = {"reaper": [None, {"timeout": 2.0}], "outages": [[], [outage]]}
    table = sweep(SCENARIO, over, replications=3)
    assert len(sampled) == 3
    # Without either there is no feedback, and the same figures as ever.
    plain = sweep(SCENARIO, {"workers": [2]}, replications=3)
    same = table[(table["reaper"] == "none") & (table["outages"] == "none")]
    assert same["wait_mean"].tolist() == plain["wait_mean"].tolist()
    stuck = table[(table["reaper"] == "none") & (table["outages"] != "none")]
    assert (stuck["stuck"] > 0).any()


def test_the_warm_up_of_requests_that_were_asked_again_is_made_of_whole_requests():
    def settled(scenario, warmup):
        run = run_virtual(scenario)
        return cells.outcome_of(run.jobs, run.workload, scenario, warmup).figures, run.jobs

    figures, jobs = settled(STORMY, 0.25)
    first_fifty = jobs[jobs["request"] < 50]
    assert figures["warmup"] == len(first_fifty) > 50
    figures, jobs = settled(STORMY, "mser5")
    assert figures["warmup"] + figures["jobs"] == len(jobs)
    # Users do not ask in the order of the requests' numbers.
    closed = SCENARIO.replace({"arrivals": {"kind": "closed", "users": 10}, "retry": {}})
    figures, jobs = settled(closed, 0.1)
    early = jobs.sort_values("created").iloc[20:]
    assert figures["makespan"] == pytest.approx(early["finished"].max() - early["created"].min())
    assert jobs["created"].iloc[20:].min() < early["created"].min()


def test_a_path_into_a_part_that_is_not_there_says_to_give_the_part_first():
    with pytest.raises(ValueError, match=r"no reaper, so no 'reaper.timeout'; give 'reaper' as"):
        sweep(SCENARIO, {"reaper.timeout": [1.0]})
    with pytest.raises(ValueError, match="give 'patience' as a whole first"):
        sweep(SCENARIO, {"patience.mean": [1.0]})
    both = SCENARIO.replace({"reaper": {"timeout": 9.0}, "reaper.timeout": 4.0})
    assert both.reaper.timeout == 4.0


def test_numpy_values_are_taken_for_the_numbers_they_hold():
    table = sweep(SCENARIO, {"workers": np.arange(1, 3)}, replications=1)
    assert table["workers"].tolist() == [1, 2]


# What is checked before anything runs


@pytest.fixture
def nothing_runs(monkeypatch):
    def fail(*_args):
        raise AssertionError("something ran")

    monkeypatch.setattr(cells.Workload, "sample", fail)


@pytest.mark.parametrize(
    ("over", "error", "text"),
    [
        ({"workers": [2], "arrivals.rat": [1.0]}, UnknownFieldError, "did you mean"),
        ({"workers": [2, 0]}, ValueError, "workers"),
        ({"seed": [1, 2]}, ValueError, "seed cannot be swept over"),
        ({"workers": []}, ValueError, "workers has no values"),
        ({"workers": [4, 5, 4]}, ValueError, "workers has the value 4 twice"),
        ({}, ValueError, "over is empty"),
    ],
)
@pytest.mark.usefixtures("nothing_runs")
def test_a_grid_that_cannot_be_run_is_refused_first(over, error, text):
    with pytest.raises(error, match=text):
        sweep(SCENARIO, over)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"replications": 0}, "replications is 0"),
        ({"warmup": 1.0}, "fraction is 1.0"),
        ({"warmup": "mser"}, "warmup is 'mser'"),
    ],
)
@pytest.mark.usefixtures("nothing_runs")
def test_other_arguments_are_checked_first_too(how, text):
    with pytest.raises(ValueError, match=text):
        sweep(SCENARIO, {"workers": [2]}, **how)


# What goes wrong on the way


def test_a_failed_run_is_named_and_the_others_are_there():
    far = {"kind": "constant", "value": 2.0**34}
    over = {"work.service": [{"kind": "constant", "value": 1.0}, far]}
    with pytest.warns(RuntimeWarning, match=r"2 of 4 runs failed.*replication=0: ValueError: work"):
        table = sweep(SCENARIO, over, replications=2)
    assert table["error"].notna().tolist() == [False, False, True, True]
    assert table["wait_mean"].notna().tolist() == [True, True, False, False]


def test_a_fault_at_one_number_of_workers_does_not_lose_the_others(monkeypatch):
    real = server.fcfs

    def fcfs(paid, service, workers, **columns):
        if workers == 3:
            raise MemoryError
        real(paid, service, workers, **columns)

    monkeypatch.setattr(server, "fcfs", fcfs)
    with pytest.warns(RuntimeWarning, match="the first: workers=3, replication=0: MemoryError"):
        table = sweep(SCENARIO, {"workers": [3, 2]}, replications=2)
    assert table["wait_mean"].notna().tolist() == [False, False, True, True]
    assert list(table)[:3] == ["workers", "replication", "seed"]


def test_a_sweep_without_one_success_is_an_error():
    endless = SCENARIO.replace({"jobs": None})
    with pytest.raises(StudyFailed, match=r"all 6 runs failed; the first: workers=1.*never end"):
        sweep(endless, {"workers": [1, 2]}, replications=3)


class Interrupting(Executor):
    """Runs tasks at once; after the third, the user has had enough."""

    def __init__(self):
        self.futures = []

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        self.futures.append(future)
        if len(self.futures) <= 3:
            future.set_result(function(*args, **kwargs))
        return future


def test_ctrl_c_returns_what_is_done(monkeypatch):
    executor = Interrupting()

    class Bar:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def update_to(self, done):
            if done == 6:
                raise KeyboardInterrupt

    monkeypatch.setattr(pool, "bar", lambda *_, **__: Bar())
    with pytest.warns(RuntimeWarning, match="interrupted: 6 of 20 runs are done"):
        table = sweep(SCENARIO, {"workers": [2, 3]}, replications=10, executor=executor)
    assert table["replication"].tolist() == [0, 1, 2] * 2
    assert all(future.cancelled() for future in executor.futures[3:])


def test_ctrl_c_before_the_first_result_gives_an_empty_table(monkeypatch):
    def stop(*_args):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(pool, "_as_completed", stop)
    with pytest.warns(RuntimeWarning, match="interrupted: 0 of 20 runs"):
        assert sweep(SCENARIO, {"workers": [2]}).empty


# Executors


def test_threads_and_one_by_one_and_processes_give_the_same(table, monkeypatch):
    with ProcessPoolExecutor(1) as processes, ThreadPoolExecutor(2) as threads:
        for executor in (processes, threads):
            pd.testing.assert_frame_equal(
                sweep(SCENARIO, OVER, replications=3, executor=executor), table
            )
    monkeypatch.setattr(pool, "find_spec", lambda name: None)
    pd.testing.assert_frame_equal(sweep(SCENARIO, OVER, replications=3), table)


def test_by_default_threads_are_taken_where_numba_is(monkeypatch):
    used = set()
    monkeypatch.setattr(pool, "find_spec", lambda name: object())
    monkeypatch.setattr(
        pool, "run_task", lambda task: used.add(threading.current_thread().name) or task.run()
    )
    sweep(SCENARIO, OVER, replications=2)
    assert used
    assert all(name.startswith("jobsim") for name in used)


def test_a_large_study_of_small_runs_is_compiled(monkeypatch):
    asked = []
    monkeypatch.setattr(
        server.compiled.recursion, "load_if_worth_it", lambda jobs, threshold: asked.append(jobs)
    )
    monkeypatch.setattr(
        server.compiled.loop, "load_if_worth_it", lambda jobs, threshold: asked.append(-jobs)
    )
    sweep(SCENARIO, {"workers": [2, 3]}, replications=5)
    assert 200 * 2 * 5 in asked
    assert min(asked) > 0
    asked.clear()
    sweep(STORMY, {"workers": [2, 3]}, replications=5)
    assert -200 * 3 * 2 * 5 in asked
    assert max(asked) < 0


class Broken(Executor):
    """Loses its second task, and takes no third."""

    def __init__(self):
        self.tasks = 0

    def submit(self, function, /, *args, **kwargs):
        self.tasks += 1
        if self.tasks > 2:
            raise BrokenProcessPool("a child process terminated abruptly")
        future = Future()
        if self.tasks == 1:
            future.set_result(function(*args, **kwargs))
        else:
            future.set_exception(BrokenProcessPool())
        return future


def test_an_executor_that_breaks_loses_only_what_it_had_not_done():
    with pytest.warns(RuntimeWarning, match="2 of 3 runs failed"):
        table = sweep(SCENARIO, {"workers": [2]}, replications=3, executor=Broken())
    assert table["error"].tolist()[1:] == [
        "BrokenProcessPool",
        "BrokenProcessPool: a child process terminated abruptly",
    ]


def test_slow_tasks_are_waited_for(monkeypatch):
    release = threading.Event()
    waited = []

    class Slow(Executor):
        def submit(self, function, /, *args, **kwargs):
            future = Future()

            def work():
                release.wait(10)
                future.set_result(function(*args, **kwargs))

            threading.Thread(target=work).start()
            return future

    class Patient(pool.queue.SimpleQueue):
        def get(self, timeout):
            try:
                return super().get(timeout=timeout)
            except pool.queue.Empty:
                waited.append(timeout)
                release.set()
                raise

    monkeypatch.setattr(pool, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(pool.queue, "SimpleQueue", Patient)
    table = sweep(SCENARIO, {"workers": [2]}, replications=1, executor=Slow())
    assert len(table) == 1
    assert waited


# Intervals


def test_intervals_are_taken_by_setting(table):
    found = intervals(table, "wait_mean")
    assert list(found) == ["workers", "arrivals.rate", "mean", "half_width", "level", "n"]
    rows = table[(table["workers"] == 3) & (table["arrivals.rate"] == 1.0)]
    assert found.loc[2, "mean"] == pytest.approx(rows["wait_mean"].mean())
    assert found["n"].tolist() == [3] * 4


def test_every_metric_is_a_column(table):
    assert set(run_virtual(SCENARIO).metrics()) <= set(table)
    stormy = sweep(STORMY, {"workers": [2]}, replications=1)
    assert {name for name in UNITS if not name.startswith("lateness")} <= set(stormy)
