"""The command line: what it prints, what it leaves behind, and its exit codes."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ctrl_c import ctrl_c_once

from jobsim import InMemoryJobRepository, JobStatus, Run, Scenario, __version__, presets
from jobsim.command import main as cli
from jobsim.report.errors import ReportError, ReportExtraMissing

TINY = ["--jobs", "8", "--speedup", "inf"]

SWF = """; UnixStartTime: 0
1 0 5 2 1 -1 -1 1 -1 -1 1 1 1 -1 -1 -1 -1 -1
2 3 0 2 1 -1 -1 1 -1 -1 0 1 1 -1 -1 -1 -1 -1
3 4 0 -1 1 -1 -1 1 -1 -1 1 1 1 -1 -1 -1 -1 -1
"""


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def reports(monkeypatch):
    """Note which reports are asked for instead of making them, which takes seconds."""
    asked = []

    def build(run, out=None):
        asked.append((str(run), out))
        return Path(run) / "report.html" if out is None else out

    monkeypatch.setattr("jobsim.report.build.build_report", build)
    return asked


@pytest.fixture
def use_repository(monkeypatch):
    def use(repository):
        monkeypatch.setattr("jobsim.threads.run_threads.InMemoryJobRepository", repository)

    return use


def command(*arguments):
    """Run a command and return its exit code, whether it returns or exits."""
    try:
        return cli.main([str(argument) for argument in arguments])
    except SystemExit as exc:
        return exc.code


def one_line_error(capsys):
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert len(err.splitlines()) == 1
    return err


def test_presets_are_listed_with_their_reasons(capsys):
    assert command("presets") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {why}" in out for name, why in presets().items())


def test_a_run_prints_its_summary_and_leaves_tables_and_a_report(tmp_path, capsys, reports):
    assert command("run", "steady", *TINY, "--out", "mine") == 0
    out = capsys.readouterr().out
    assert "8 of 8 created" in out
    assert "✓ verdict  OK" in out
    assert out.splitlines()[-2:] == ["Tables  mine", f"Report  {Path('mine', 'report.html')}"]
    assert reports == [("mine", None)]
    assert len(Run.load(tmp_path / "mine").jobs) == 8


def test_a_run_without_a_report(capsys, reports):
    assert command("run", "steady", *TINY, "--no-report", "--out", "mine") == 0
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
    assert command("run", "steady", *TINY, "--out", "mine") == 0
    out, err = capsys.readouterr()
    assert said in " ".join((out + err).split())


def test_a_report_can_be_made_of_a_saved_run(capsys, reports):
    assert command("report", "mine", "--out", "a.html") == 0
    assert reports == [("mine", Path("a.html"))]
    assert capsys.readouterr().out == "Report  a.html\n"


def test_a_report_that_cannot_be_made_is_exit_code_two_and_one_line(monkeypatch, capsys):
    def fail(_run, _out):
        raise ReportError("no kernel")

    monkeypatch.setattr("jobsim.report.build.build_report", fail)
    assert command("report", "mine") == 2
    assert "could not be made: no kernel" in one_line_error(capsys)


def test_a_run_gets_a_folder_of_its_own(tmp_path):
    for _ in range(2):
        assert command("run", "stampede", *TINY) == 0
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_summary_fits_a_terminal(capsys):
    command("run", "steady", *TINY, "--out", "mine")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 26


@pytest.mark.parametrize(
    ("option", "value"), [("jobs", 5), ("workers", 3), ("clients", 3), ("seed", 9)]
)
def test_options_change_the_scenario(tmp_path, option, value):
    assert command("run", "steady", *TINY, f"--{option}", value, "--out", "r") == 0
    assert getattr(Run.load(tmp_path / "r").workload.scenario, option) == value


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_a_scenario_can_come_from_a_file(tmp_path, suffix):
    path = tmp_path / f"mine.{suffix}"
    getattr(Scenario(name="mine", jobs=4), f"to_{suffix}")(path)
    assert command("run", path, "--speedup", "inf", "--out", "r") == 0
    assert Run.load(tmp_path / "r").workload.scenario.name == "mine"


@pytest.mark.parametrize("scenario", [[], ["steady"]])
def test_a_trace_runs_whole_and_says_what_was_skipped(tmp_path, capsys, scenario):
    (tmp_path / "log.swf").write_text(SWF)
    assert command("run", *scenario, "--trace", "log.swf", "--speedup", "inf", "--out", "r") == 0
    out = capsys.readouterr().out
    assert "3 rows, 2 jobs used" in out
    assert "missing run time" in out
    assert Run.load(tmp_path / "r").jobs["status"].tolist() == ["completed", "failed"]


def test_a_csv_trace_takes_columns(tmp_path):
    (tmp_path / "log.csv").write_text("a,b\n0,1\n1,1\n")
    arguments = ["--trace", "log.csv", "--columns", "arrival=a,service=b", "--speedup", "inf"]
    assert command("run", *arguments, "--out", "r") == 0
    assert len(Run.load(tmp_path / "r").jobs) == 2


def test_jobs_cut_a_trace_when_a_person_says_so(tmp_path):
    (tmp_path / "log.swf").write_text(SWF)
    assert command("run", "--trace", "log.swf", *TINY, "--jobs", "1", "--out", "r") == 0
    assert len(Run.load(tmp_path / "r").jobs) == 1


def test_show_prints_a_saved_run(capsys):
    command("run", "unpaid", *TINY, "--out", "r")
    capsys.readouterr()
    assert command("show", "r") == 0
    out = capsys.readouterr().out
    assert "Run of 'unpaid'" in out
    assert "jobs arrive at random" in out


def test_show_tells_where_a_trace_came_from(tmp_path, capsys):
    (tmp_path / "log.swf").write_text(SWF)
    command("run", "--trace", "log.swf", "--speedup", "inf", "--out", "r")
    capsys.readouterr()
    assert command("show", "r") == 0
    assert "log.swf: 3 rows" in capsys.readouterr().out


def test_check_prints_the_verdict_of_a_saved_run(capsys):
    command("run", "steady", *TINY, "--out", "r")
    capsys.readouterr()
    assert command("check", "r") == 0
    assert capsys.readouterr().out.startswith("✓ verdict  OK")


def test_a_violation_is_exit_code_one(use_repository, capsys):
    class Careless(InMemoryJobRepository):
        """Takes every step, legal or not."""

        def update_status(self, job_id, target, result=None, error=None):
            changes = {"status": JobStatus(target), "result": result, "error": error}
            self._store[job_id] = self.get(job_id).model_copy(update=changes)
            return self._store[job_id]

    use_repository(Careless)
    scenario = ["duplicate-payments", "--jobs", "40", "--speedup", "inf"]
    assert command("run", *scenario, "--out", "r") == 1
    assert "VIOLATED" in capsys.readouterr().out
    assert command("check", "r") == 1


@pytest.mark.parametrize(("bound", "code"), [("completed>0", 0), ("completed<0", 1)])
def test_a_requirement_that_is_not_met_is_exit_code_one(capsys, bound, code):
    arguments = ["steady", *TINY, "--out", "r", "--require", "jobs==8", "--require", bound]
    assert command("run", *arguments) == code
    out = capsys.readouterr().out
    assert "✓ jobs==8: 8 jobs" in out
    assert ("✗ completed<0" in out) is (code == 1)
    assert command("show", "r", "--require", bound) == code


def test_ctrl_c_saves_what_was_recorded(tmp_path, use_repository, capsys):
    press = ctrl_c_once()

    class Interrupting(InMemoryJobRepository):
        def create(self, input_hash):
            if self.count() >= 2:
                press()
            return super().create(input_hash)

    use_repository(Interrupting)
    assert command("run", "overload", "--speedup", "1", "--out", "r") == 130
    assert "interrupted; what was recorded is in r" in one_line_error(capsys)
    run = Run.load(tmp_path / "r")
    assert run.ended == "interrupted"
    assert run.jobs["created"].notna().sum() >= 2


def test_ctrl_c_outside_a_run_is_said_in_one_line(monkeypatch, capsys):
    def interrupt():
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("jobsim.scenario.presets.presets", interrupt)
    assert command("presets") == 130
    assert one_line_error(capsys) == "jobsim: interrupted\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["run", "stedy"], "did you mean 'steady'"),
        (["run"], "PRESET"),
        (["run", "none.toml"], "none.toml"),
        (["run", "bad.toml"], "bad.toml: workers: must be greater than or equal to 1, not 0"),
        (["run", "steady", "--workers", "0"], "workers: must be greater than or equal to 1"),
        (["run", "steady", "--workers", "many"], "'many' is not a whole number"),
        (["run", "steady", "--speedup", "-1"], "'-1' is not a positive number"),
        (["run", "steady", "--speedup", "fast"], "'fast' is not a positive number"),
        (["run", "steady", "--require", "trhoughput<3"], "did you mean 'throughput'"),
        (["run", "steady", "--columns", "a"], "not of the form"),
        (["run", "steady", "--out", "."], "already exists"),
        (["run", "--trace", "none.swf"], "none.swf"),
        (["show", "nowhere"], "is not a saved run"),
        (["check", "nowhere"], "is not a saved run"),
        (["run", "steady", "--engine", "virtual", "--speedup", "2"], "are for --engine threads"),
        (["run", "steady", "--engine", "steam"], "invalid choice: 'steam'"),
        (["sweep", "steady"], "--over"),
        (["sweep", "steady", "--over", "workers"], "not of the form"),
        (["sweep", "steady", "--over", "workers=1,x"], "is neither a range of numbers nor"),
        (["sweep", "steady", "--over", "wrkers=1:2"], "did you mean 'workers'"),
        (["sweep", "steady", "--over", "workers=1", "--over", "workers=2"], "twice"),
        (["sweep", "steady", "--over", "workers=1", "--out", "bad.toml"], "already exists"),
        (["workers-needed", "steady", "wait_p95"], "not of the form"),
        (["workers-needed", "steady", "speed=3"], "choose from"),
        (["fly"], "invalid choice: 'fly'"),
    ],
)
def test_bad_input_is_exit_code_two_and_one_line(tmp_path, capsys, arguments, problem):
    (tmp_path / "bad.toml").write_text("workers = 0\n")
    assert command(*arguments) == 2
    assert problem in one_line_error(capsys)


def test_a_run_that_cannot_be_saved_is_refused_before_it_begins(tmp_path, capsys):
    (tmp_path / "taken").mkdir()
    assert command("run", "steady", "--out", "taken") == 2
    assert "taken: already exists" in one_line_error(capsys)


def test_hostile_names_are_inert(tmp_path, capsys):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"name": "../../\x1b[31m<b>\x00", "jobs": 2}))
    assert command("run", path, "--speedup", "inf") == 0
    assert "\x1b" not in capsys.readouterr().out
    assert [folder.parent.name for folder in tmp_path.glob("runs/*")] == ["runs"]


def test_a_virtual_run_leaves_tables_and_a_report_but_has_no_verdict(capsys, reports):
    assert command("run", "steady", "--jobs", "50", "--engine", "virtual", "--out", "v") == 0
    out = capsys.readouterr().out
    assert "virtual time; complete" in out
    assert "verdict" not in out
    assert reports == [("v", None)]
    assert command("check", "v") == 2
    assert "only a threaded run has calls" in one_line_error(capsys)


def test_a_sweep_prints_intervals_and_writes_all_figures(tmp_path, capsys):
    arguments = ["--over", "workers=7:8", "--over", "arrivals.rate=1,2.5", "--replications", "3"]
    chosen = ["--metric", "wait_p95", "--out", "all.csv"]
    assert command("sweep", "steady", "--jobs", "200", *arguments, *chosen) == 0
    out = capsys.readouterr().out
    assert "wait_p95 (s)" in out
    assert "3 runs each" in out
    assert out.count("±") == 4
    assert "12 runs are in all.csv" in out
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 13


def test_workers_needed_prints_its_answer(capsys):
    few = ["--jobs", "300", "--replications", "3"]
    assert command("workers-needed", "steady", "wait_p95=60", *few) == 0
    assert "workers for a wait_p95 of at most 60 s" in capsys.readouterr().out


def test_a_target_that_no_number_of_workers_meets_is_exit_code_one(capsys):
    few = ["--jobs", "300", "--replications", "3"]
    assert command("workers-needed", "steady", "sojourn_mean=0.001", *few) == 1


def test_a_reader_who_has_enough_is_no_error():
    shell = f"{sys.executable} -m jobsim.command.main presets | true; echo ${{PIPESTATUS[0]}}"
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    done = subprocess.run(
        [bash, "-c", shell], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    # Zero where `true` closed the pipe only after all was written to it.
    assert done.stdout.strip() in {"0", "141"}


def test_the_version_is_told(capsys):
    assert command("--version") == 0
    assert capsys.readouterr().out == f"jobsim {__version__}\n"
