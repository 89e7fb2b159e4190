"""What the report suggests follows from the run, and can be typed."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial

import pandas as pd
import pytest
from report_runs import FOUR, NAN, STORM, made, retried

import jobsim
from jobsim import Scenario, preset, presets, run_virtual
from jobsim.command import codes
from jobsim.command import main as cli
from jobsim.proof.verdict_value import Verdict, Violation
from jobsim.report.next_steps import MOST, next_steps
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.scenario.workload import Workload

OK = Verdict(jobs=4, calls=9, checks=("linearizability",))
BAD = replace(OK, violations=(Violation(1, "written_twice", "job 1: twice", ()),))
UNKNOWN = replace(OK, undecided=("something",))
CALM = {
    "repository": "Mine",
    "engine": "threads",
    "arrivals": {"kind": "stampede"},
}


def steps(run, verdict=OK, shown="r"):
    return [(step.reason, step.code.text) for step in next_steps(run, verdict, shown)]


def only(run, verdict=OK):
    ((reason, code),) = steps(run, verdict)
    return reason, code


def busy(workers=1, wait=0.1):
    return [(0.0, 0.0, wait, 4.0, "completed", "worker-0")] * workers


def test_a_calm_run_that_held_suggests_nothing():
    assert steps(made(busy(), workers=2, **CALM)) == []


def test_a_violation_comes_first_and_names_the_kit():
    reason, code = steps(made(FOUR, engine="threads"), BAD)[0]
    assert "no correct one" in reason
    assert code == "from jobsim.testing import check_repository\n\ncheck_repository(Mine)"


def test_an_early_end_suggests_the_whole():
    run = made(busy(), ended="time_limit", **CALM)
    reason, code = only(run)
    assert "(time limit)" in reason
    assert 'jobsim.Run.load("r").workload' in code


def test_no_verdict_suggests_threads():
    reason, code = steps(made(busy(), arrivals={"kind": "stampede"}), None)[0]
    assert "no repository was tested" in reason
    assert "jobsim.run_threads(workload, speedup=None)" in code


def test_an_undecided_verdict_suggests_an_empty_repository():
    assert "empty repository" in only(made(busy(), **CALM), UNKNOWN)[0]


STEADY = CALM | {"arrivals": {"kind": "poisson", "rate": 2.0}}


def queue(workers=1):
    """Return jobs of which the last waits three times as long as one takes."""
    return [
        (0.0, 0.0, 1.0 * at, 1.0 * at + 1.0, "completed", "worker-0") for at in range(5)
    ] * workers


def test_busy_workers_suggest_a_search_for_their_number():
    reason, code = only(made(queue(), workers=1, **STEADY))
    assert reason.startswith("Workers were busy 100 %")
    assert code.endswith("print(jobsim.workers_needed(scenario, wait_p95=0.95))")


@pytest.mark.parametrize(
    "explained",
    [
        {"arrivals": {"kind": "stampede"}},
        {"outages": [{"at": 1.0, "duration": 1.0, "workers": 1}]},
    ],
    ids=["all at once", "an outage"],
)
def test_waits_that_something_else_explains_suggest_no_workers(explained):
    assert steps(made(queue(), workers=1, **(STEADY | explained))) == []


def test_a_run_that_never_waited_suggests_virtual_time_and_judges_no_wait():
    for workers in (2, 4):
        reason, code = only(made(busy(2), workers=workers, speedup=float("inf"), **CALM))
        assert "not those of the load" in reason
        assert "jobsim.run_virtual(workload)" in code


def test_busy_workers_that_nobody_waits_for_suggest_nothing():
    assert steps(made(busy(2, wait=0.0), workers=2, **CALM)) == []


def stuck():
    rows = [*busy(), (0.0, 0.0, 0.0, NAN, "running", "worker-1")]
    run = made(rows, **(CALM | {"workers": 2}))
    run.jobs.loc[len(rows) - 1, "released"] = 0.0  # its worker is gone
    return run


def test_stuck_jobs_suggest_a_reaper():
    reason, code = only(stuck())
    assert reason.startswith("1 job stayed RUNNING")
    assert '{"reaper": {"timeout": 39}}' in code


def test_stuck_jobs_without_any_that_ended_suggest_no_timeout():
    assert steps(made([(0.0, 0.0, 0.0, NAN, "running", "worker-1")], **CALM)) == []


def test_a_storm_suggests_a_retry_budget_until_there_is_one():
    left = {4: 7.0}
    reason, code = only(retried(STORM, left=left, retry={"attempts": 2}, **CALM))
    assert reason.startswith("Each request became 1.67 jobs")
    assert 'workload.scenario.replace({"retry.budget": 0.1})' in code
    cured = {"attempts": 2, "budget": 0.1}
    assert steps(retried(STORM, left=left, retry=cured, **CALM)) == []
    once = [*STORM[:2], STORM[3]]
    assert steps(retried(once, left={2: 7.0}, retry={"attempts": 2}, **CALM)) == []


def test_false_kills_suggest_a_longer_timeout():
    rows = [(0, 1, 0.0, 0.0, 0.0, 4.0, "failed", "worker-0")]
    five = {"service": {"kind": "constant", "value": 5.0}}
    run = retried(rows, released={0: 5.0}, reaped=[0], reaper={"timeout": 3.0}, work=five, **CALM)
    reason, code = only(run)
    assert reason.startswith("The reaper failed 1 job whose worker was still at it")
    assert code.endswith('{"reaper.timeout": [3, 6, 12]}))')


def test_clients_that_leave_suggest_more_workers_and_no_shorter_wait():
    patience = {"kind": "constant", "value": 2.0}
    reason, code = only(retried(STORM, left={4: 7.0}, patience=patience, workers=3, **CALM))
    assert reason.startswith("33 % of the clients gave up")
    assert code.endswith('{"workers": [3, 5, 6]}))')


def test_of_a_trace_no_scenario_is_studied_but_its_own_jobs(capsys):
    rows = pd.DataFrame({"submit": range(20), "run_time": 9.0})
    outages = [{"at": 5.0, "duration": 5.0, "workers": 1}]
    run = run_virtual(Workload.from_frame(rows, scenario=Scenario(jobs=20, outages=outages)))
    found = [step.code.text for step in next_steps(run, OK, None)]
    assert not any("sweep" in code or "workers_needed" in code for code in found)
    code = next(code for code in found if 'replace({"reaper"' in code)
    names = {"run": run}
    exec(code, names)  # noqa: S102 - what a reader would type
    assert "20 of 20 created" in capsys.readouterr().out
    assert names["scenario"].reaper != run.workload.scenario.reaper


def test_idle_workers_suggest_fewer():
    reason, code = only(made(busy(), workers=4, **CALM))
    assert "only 24 %" in reason
    assert '"workers": range(1, 5)' in code


def test_calls_that_never_met_suggest_the_kit_for_a_repository_of_ones_own():
    never = replace(OK, untried=("start + start",))
    reason, code = only(made(busy(), **CALM), never)
    assert "such as start and start" in reason
    assert code.endswith("check_repository(Mine)")


def test_jobsims_own_repository_suggests_ones_own():
    run = made(busy(), **(CALM | {"repository": InMemoryJobRepository.__name__}))
    assert only(run)[1].endswith("check_repository(MyRepository)")


@pytest.mark.parametrize(
    "run",
    [
        made(queue(), workers=1, **STEADY),
        stuck(),
        made(busy(), **(CALM | {"workers": 4})),
        retried(STORM, left={4: 7.0}, patience={"kind": "constant", "value": 9.0}, **CALM),
        retried(
            [(0, 1, 0.0, 0.0, 0.0, 4.0, "failed", "worker-0")],
            released={0: 5.0},
            reaped=[0],
            reaper={"timeout": 3.0},
            **CALM,
        ),
    ],
    ids=["busy", "stuck", "idle", "left", "false kills"],
)
def test_the_lines_of_python_run(run, capsys, monkeypatch):
    for study in ("sweep", "workers_needed"):
        monkeypatch.setattr(jobsim, study, partial(getattr(jobsim, study), replications=2))
    found = next_steps(run, OK, None)
    assert found
    for step in found:
        exec(step.code.text, {"run": run})  # noqa: S102 - what a reader would type
    assert capsys.readouterr().out


@pytest.mark.parametrize("name", presets())
def test_what_a_preset_suggests_can_be_typed(name, monkeypatch, capsys):
    """All is typed and run, but with few jobs and few replications."""
    run = run_virtual(preset(name))
    found = next_steps(run, None, None)
    assert 1 <= len(found) <= MOST
    monkeypatch.setattr(jobsim, "run_threads", lambda *args, **kwargs: run)
    monkeypatch.setattr(type(run), "check", lambda self: OK)
    small = ["--jobs", "40", "--replications", "2"]
    for step in found:
        if step.code.language == "shell":
            assert cli.main([*shlex.split(step.code.text)[1:], *small]) in {codes.OK, codes.NOT_MET}
        else:
            exec(step.code.text, {"run": run})  # noqa: S102 - what a reader would type
    assert capsys.readouterr().err == ""
