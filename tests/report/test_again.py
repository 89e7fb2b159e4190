"""What the report says how to run the same jobs again is true."""

from __future__ import annotations

import ast
import math

import pandas as pd
import pytest
from report_runs import FOUR, made
from tables_equal import assert_runs_equal

import jobsim
from jobsim import InMemoryJobRepository, Run, preset, run_threads, run_virtual
from jobsim.command import main as cli
from jobsim.report.again import again, as_preset, as_python, call_of
from jobsim.scenario.workload import Workload
from jobsim.threads.pace import choose_speedup


def threaded(scenario, speedup):
    """Return a run of the preset that says it was made with threads, without running them."""
    run = run_virtual(scenario)
    told = {"engine": "threads", "speedup": speedup, "repository": InMemoryJobRepository.__name__}
    return Run(run.workload, run.info.model_copy(update=told), run.jobs)


def test_the_command_of_a_preset_runs_the_very_same_jobs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = run_virtual(preset("steady").replace({"jobs": 40, "workers": 9, "seed": 5}))
    code = again(run, "r")
    assert code == ("shell", "jobsim run steady --jobs 40 --workers 9 --seed 5 --engine virtual")
    assert cli.main([*code.text.split()[1:], "--no-report", "--out", "again"]) == 0
    repeated = Run.load("again")
    assert repeated.workload.digest() == run.workload.digest()
    assert repeated.jobs.equals(run.jobs)


@pytest.mark.parametrize("speedup", [math.inf, 2.5])
def test_a_threaded_run_names_its_speed_up(speedup):
    code = again(threaded(preset("steady"), speedup), "r")
    assert code.text == f"jobsim run steady --speedup {speedup}"


@pytest.mark.parametrize("schedule", ["fair", 7])
def test_the_command_of_a_run_that_took_turns_takes_the_same_turns(tmp_path, monkeypatch, schedule):
    monkeypatch.chdir(tmp_path)
    run = run_threads(preset("steady").replace({"jobs": 20}), schedule=schedule)
    code = again(run, "r")
    assert code.text == f"jobsim run steady --jobs 20 --schedule {schedule}"
    assert cli.main([*code.text.split()[1:], "--no-report", "--out", "again"]) == 0
    assert_runs_equal(Run.load("again"), run)
    assert call_of(run) == f"jobsim.run_threads(workload, schedule={schedule!r})"


def test_the_speed_up_that_the_command_would_choose_is_left_out():
    speedup = choose_speedup(Workload.sample(preset("steady")))
    assert again(threaded(preset("steady"), speedup), "r").text == "jobsim run steady"


def test_a_scenario_of_ones_own_begins_from_the_saved_run():
    code = again(run_virtual(preset("steady").replace({"work.fail": 0.9})), "my run")
    assert code.language == "python"
    assert code.text.splitlines() == [
        "import jobsim",
        "",
        'workload = jobsim.Run.load("my run").workload',
        "run = jobsim.run_virtual(workload)",
    ]


def test_a_duration_that_jobs_replaced_is_no_option_of_the_command():
    assert as_preset(preset("overload").replace({"jobs": 5, "duration": None})) is None
    assert as_preset(preset("steady").replace({"jobs": None, "duration": 5.0})) is None


def test_jobs_that_the_preset_would_not_draw_begin_from_the_saved_run():
    workload = Workload.sample(preset("steady").replace({"seed": 8}))
    other = Workload(
        preset("steady"), workload.arrival, workload.delay, workload.lag, workload.service,
        workload.fails,
    )  # fmt: skip
    assert again(run_virtual(other), "r").language == "python"


def test_a_trace_begins_from_the_saved_run():
    trace = Workload.from_frame(pd.DataFrame({"submit": [0, 1], "run_time": [1.0, 1.0]}))
    assert again(run_virtual(trace), "r").language == "python"


def test_a_run_that_was_not_saved_begins_from_itself():
    assert as_python(None) == "workload = run.workload"


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "it's"])
def test_any_folder_is_a_python_string(name):
    line = as_python(name)
    literal = line.removeprefix("workload = jobsim.Run.load(").removesuffix(").workload")
    assert ast.literal_eval(literal) == name


@pytest.mark.parametrize(
    ("told", "call"),
    [
        ({}, "jobsim.run_threads(workload, Mine())"),
        ({"repository": "<b>"}, "jobsim.run_threads(workload, MyRepository())"),
        ({"repository": "InMemoryJobRepository"}, "jobsim.run_threads(workload)"),
        ({"speedup": math.inf}, 'jobsim.run_threads(workload, Mine(), speedup=float("inf"))'),
        ({"speedup": 2.5}, "jobsim.run_threads(workload, Mine(), speedup=2.5)"),
        ({"perturbed": True}, "jobsim.run_threads(workload, Mine(), perturb=True)"),
        ({"processes": 2}, "jobsim.run_threads(workload, Mine, processes=2)"),
    ],
)
def test_the_call_names_what_was_not_the_default(told, call):
    assert call_of(made(FOUR, engine="threads", **told)) == call


def test_the_call_of_a_threaded_run_is_valid():
    workload = Workload.sample(preset("steady").replace({"jobs": 5}))
    run = run_threads(workload, speedup=math.inf, progress=False)
    call = call_of(run, perturb=True)
    assert call == 'jobsim.run_threads(workload, speedup=float("inf"), perturb=True)'
    called = {"jobsim": jobsim, "workload": workload}
    assert eval(call, called).check().ok  # noqa: S307 - what a reader would type
