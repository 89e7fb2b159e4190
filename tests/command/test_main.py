"""The command line as a whole: its version, its errors, and its readers."""

import shutil
import signal
import subprocess
import sys

import pytest
from command_line import jobsim, one_line_error

from jobsim import __version__


def test_ctrl_c_outside_a_run_is_said_in_one_line(monkeypatch, capsys):
    def interrupt():
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("jobsim.scenario.presets.presets", interrupt)
    assert jobsim("presets") == 130
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
        (["workers-needed", "steady", "speed=3"], "there is no figure"),
        (["fly"], "invalid choice: 'fly'"),
    ],
)
def test_bad_input_is_exit_code_two_and_one_line(tmp_path, capsys, arguments, problem):
    (tmp_path / "bad.toml").write_text("workers = 0\n")
    assert jobsim(*arguments) == 2
    assert problem in one_line_error(capsys)


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
    assert jobsim("--version") == 0
    assert capsys.readouterr().out == f"jobsim {__version__}\n"
