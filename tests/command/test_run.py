"""``jobsim run``: what it prints, and what it leaves behind."""

import json
from pathlib import Path

import pytest
from command_line import SWF, TINY, jobsim, one_line_error
from ctrl_c import ctrl_c_once

from jobsim import InMemoryJobRepository, JobStatus, Run, Scenario
from jobsim.report.errors import ReportError, ReportExtraMissing


def test_a_run_prints_its_summary_and_leaves_tables_and_a_report(tmp_path, capsys, reports):
    assert jobsim("run", "steady", *TINY, "--out", "mine") == 0
    out = capsys.readouterr().out
    assert "8 of 8 created" in out
    assert "✓ verdict  OK" in out
    assert out.splitlines()[-2:] == ["Tables  mine", f"Report  {Path('mine', 'report.html')}"]
    assert reports == [("mine", None)]
    assert len(Run.load(tmp_path / "mine").jobs) == 8


def test_a_run_without_a_report(capsys, reports):
    assert jobsim("run", "steady", *TINY, "--no-report", "--out", "mine") == 0
    assert reports == []
    assert capsys.readouterr().out.splitlines()[-1] == "Tables  mine"


@pytest.mark.parametrize(
    ("error", "said"),
    [(ReportExtraMissing("nbclient"), "pip install"), (ReportError("no kernel"), "no kernel")],
)
def test_a_run_is_good_without_its_report(monkeypatch, capsys, error, said):
    def fail(_run):
        raise error

    monkeypatch.setattr("jobsim.report.build.build_report", fail)
    assert jobsim("run", "steady", *TINY, "--out", "mine") == 0
    out, err = capsys.readouterr()
    assert said in " ".join((out + err).split())


def test_a_run_gets_a_folder_of_its_own(tmp_path):
    for _ in range(2):
        assert jobsim("run", "stampede", *TINY) == 0
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_summary_fits_a_terminal(capsys):
    jobsim("run", "steady", *TINY, "--out", "mine")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 26


@pytest.mark.parametrize(
    ("option", "value"), [("jobs", 5), ("workers", 3), ("clients", 3), ("seed", 9)]
)
def test_options_change_the_scenario(tmp_path, option, value):
    assert jobsim("run", "steady", *TINY, f"--{option}", value, "--out", "r") == 0
    assert getattr(Run.load(tmp_path / "r").workload.scenario, option) == value


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_a_scenario_can_come_from_a_file(tmp_path, suffix):
    path = tmp_path / f"mine.{suffix}"
    getattr(Scenario(name="mine", jobs=4), f"to_{suffix}")(path)
    assert jobsim("run", path, "--speedup", "inf", "--out", "r") == 0
    assert Run.load(tmp_path / "r").workload.scenario.name == "mine"


@pytest.mark.parametrize("scenario", [[], ["steady"]])
def test_a_trace_runs_whole_and_says_what_was_skipped(tmp_path, capsys, scenario):
    (tmp_path / "log.swf").write_text(SWF)
    assert jobsim("run", *scenario, "--trace", "log.swf", "--speedup", "inf", "--out", "r") == 0
    out = capsys.readouterr().out
    assert "3 rows, 2 jobs used" in out
    assert "missing run time" in out
    assert Run.load(tmp_path / "r").jobs["status"].tolist() == ["completed", "failed"]


def test_a_csv_trace_takes_columns(tmp_path):
    (tmp_path / "log.csv").write_text("a,b\n0,1\n1,1\n")
    arguments = ["--trace", "log.csv", "--columns", "arrival=a,service=b", "--speedup", "inf"]
    assert jobsim("run", *arguments, "--out", "r") == 0
    assert len(Run.load(tmp_path / "r").jobs) == 2


def test_jobs_cut_a_trace_when_a_person_says_so(tmp_path):
    (tmp_path / "log.swf").write_text(SWF)
    assert jobsim("run", "--trace", "log.swf", *TINY, "--jobs", "1", "--out", "r") == 0
    assert len(Run.load(tmp_path / "r").jobs) == 1


def test_a_violation_is_exit_code_one(use_repository, capsys):
    class Careless(InMemoryJobRepository):
        """Takes every step, legal or not."""

        def update_status(self, job_id, target, result=None, error=None):
            changes = {"status": JobStatus(target), "result": result, "error": error}
            self._store[job_id] = self.get(job_id).model_copy(update=changes)
            return self._store[job_id]

    use_repository(Careless)
    scenario = ["duplicate-payments", "--jobs", "40", "--speedup", "inf"]
    assert jobsim("run", *scenario, "--out", "r") == 1
    assert "VIOLATED" in capsys.readouterr().out
    assert jobsim("check", "r") == 1


@pytest.mark.parametrize(("bound", "code"), [("completed>0", 0), ("completed<0", 1)])
def test_a_requirement_that_is_not_met_is_exit_code_one(capsys, bound, code):
    arguments = ["steady", *TINY, "--out", "r", "--require", "jobs==8", "--require", bound]
    assert jobsim("run", *arguments) == code
    out = capsys.readouterr().out
    assert "✓ jobs==8: 8 jobs" in out
    assert ("✗ completed<0" in out) is (code == 1)
    assert jobsim("show", "r", "--require", bound) == code


def test_ctrl_c_saves_what_was_recorded(tmp_path, use_repository, capsys):
    press = ctrl_c_once()

    class Interrupting(InMemoryJobRepository):
        def create(self, input_hash):
            if self.count() >= 2:
                press()
            return super().create(input_hash)

    use_repository(Interrupting)
    assert jobsim("run", "overload", "--speedup", "1", "--out", "r") == 130
    assert "interrupted; what was recorded is in r" in one_line_error(capsys)
    run = Run.load(tmp_path / "r")
    assert run.ended == "interrupted"
    assert run.jobs["created"].notna().sum() >= 2


def test_a_run_that_cannot_be_saved_is_refused_before_it_begins(tmp_path, capsys):
    (tmp_path / "taken").mkdir()
    assert jobsim("run", "steady", "--out", "taken") == 2
    assert "taken: already exists" in one_line_error(capsys)


def test_hostile_names_are_inert(tmp_path, capsys):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"name": "../../\x1b[31m<b>\x00", "jobs": 2}))
    assert jobsim("run", path, "--speedup", "inf") == 0
    assert "\x1b" not in capsys.readouterr().out
    assert [folder.parent.name for folder in tmp_path.glob("runs/*")] == ["runs"]


def test_a_virtual_run_leaves_tables_and_a_report_but_has_no_verdict(capsys, reports):
    assert jobsim("run", "steady", "--jobs", "50", "--engine", "virtual", "--out", "v") == 0
    out = capsys.readouterr().out
    assert "virtual time; complete" in out
    assert "verdict" not in out
    assert reports == [("v", None)]
    assert jobsim("check", "v") == 2
    assert "only a threaded run has calls" in one_line_error(capsys)


def test_any_percentile_and_any_level_can_be_required(capsys):
    run = ["run", "steady", "--jobs", "50", "--engine", "virtual", "--no-report", "--out", "r"]
    levels = ["--require", "wait_p90<1e9", "--require", "wait_within_20s>=0.8"]
    assert jobsim(*run, *levels, "--require", "wait_p99.9<0") == 1
    marks = [line[0] for line in capsys.readouterr().out.splitlines() if "wait_" in line]
    assert marks == ["✓", "✓", "✗"]
