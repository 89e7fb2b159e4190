"""Whatever ends a command: what was recorded is kept, and the exit code says how it ended."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobsim import InMemoryJobRepository, Run, RunFailed
from jobsim.command.main import main
from jobsim.run import saved
from jobsim.threads import run_tables
from jobsim.threads import run_threads as engine

RUN = ["run", "steady", "--jobs", "8", "--speedup", "inf", "--no-report", "--out", "r"]
SWEEP = ["sweep", "steady", "--jobs", "50", "--over", "workers=6:8", "--replications", "3"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))


@pytest.fixture(autouse=True)
def at_a_terminal():
    """Signals as a shell hands them on: under ``nohup`` and in the background some are ignored."""
    handlers = {number: signal.getsignal(number) for number, _ in SIGNALS}
    for number in handlers:
        plain = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, plain)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def names(folder="."):
    return sorted(path.name for path in Path(folder).iterdir())


def once(function, before):
    """Return a function that does something before its first call."""
    calls = []

    def called(*args, **kwargs):
        calls.append(1)
        if len(calls) == 1:
            before()
        return function(*args, **kwargs)

    return called


def fail(error):
    raise error


SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("where", ["tables", "saving", "checking"])
def test_a_signal_loses_nothing_that_was_recorded(monkeypatch, capsys, number, code, times, where):
    def press():
        for _ in range(times):
            signal.raise_signal(number)

    if where == "tables":
        monkeypatch.setattr(run_tables, "calls_table", once(run_tables.calls_table, press))
    elif where == "saving":
        monkeypatch.setattr(saved, "_sha256", once(saved._sha256, press))
    else:
        monkeypatch.setattr(Run, "check", once(Run.check, press))
    assert main(RUN) == code
    assert "interrupted" in capsys.readouterr().err
    assert (Run.load("r").jobs["status"] == "completed").sum() >= 7
    assert names() == ["r"]


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_run_and_keeps_it(monkeypatch, capsys, number, code):
    class Interrupting(InMemoryJobRepository):
        def create(self, input_hash):
            if self.count() == 2:
                os.kill(os.getpid(), number)
            return super().create(input_hash)

    monkeypatch.setattr(engine, "InMemoryJobRepository", Interrupting)
    assert main(["run", "overload", "--speedup", "1", "--no-report", "--out", "r"]) == code
    assert "interrupted; what was recorded is in r" in capsys.readouterr().err
    assert Run.load("r").ended == "interrupted"


def test_a_signal_before_a_run_begins_leaves_nothing(monkeypatch, capsys):
    from jobsim import Workload

    monkeypatch.setattr(
        Workload, "sample", once(Workload.sample, lambda: signal.raise_signal(signal.SIGTERM))
    )
    assert main(RUN) == 143
    assert capsys.readouterr().err == "jobsim: interrupted\n"
    assert names() == []


def test_a_failure_of_the_engine_is_an_internal_fault_and_keeps_the_run(
    monkeypatch, capsys, tmp_path
):
    run_threads = engine.run_threads

    def failing(workload, **options):
        raise RunFailed("KeyError: 7", run_threads(workload, **options)) from KeyError(7)

    monkeypatch.setattr(engine, "run_threads", failing)
    assert main(RUN) == 3
    err = capsys.readouterr().err
    assert "a fault of jobsim itself: KeyError: 7" in err
    assert "What was recorded is in r." in err
    assert "please report" in err
    (details,) = (tmp_path / "elsewhere").iterdir()
    assert str(details) in err
    assert "KeyError: 7" in details.read_text()
    assert len(Run.load("r").jobs) == 8


def test_too_many_threads_are_bad_input(monkeypatch, capsys):
    run_threads = engine.run_threads

    def failing(workload, **options):
        cause = RuntimeError("can't start new thread")
        raise RunFailed("can't start new thread", run_threads(workload, **options)) from cause

    monkeypatch.setattr(engine, "run_threads", failing)
    assert main(RUN) == 2
    assert "use fewer workers" in capsys.readouterr().err


def test_any_other_fault_is_an_internal_one(monkeypatch, capsys):
    monkeypatch.setattr("jobsim.scenario.presets.presets", lambda: fail(KeyError("x")))
    assert main(["presets"]) == 3
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "not enough memory"),
        (OverflowError("int too large"), "a number is too large"),
        (OSError(errno.EIO, "Input/output error", "log"), "log: Input/output error"),
    ],
)
def test_what_the_machine_refuses_is_bad_input(monkeypatch, capsys, error, said):
    monkeypatch.setattr("jobsim.scenario.presets.presets", lambda: fail(error))
    assert main(["presets"]) == 2
    assert said in capsys.readouterr().err


def test_a_run_is_saved_elsewhere_when_the_disk_is_full(monkeypatch, capsys, tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(saved, "_sha256", once(saved._sha256, lambda: fail(full)))
    assert main(RUN) == 2
    other = tmp_path / "elsewhere" / "jobsim-r"
    out, err = capsys.readouterr()
    assert "r: cannot be written: No space left on device" in err
    assert f"the run is in {other} instead" in err
    assert "✓ verdict  OK" in out
    assert len(Run.load(other).jobs) == 8
    assert names() == []


def test_where_nothing_can_be_written_it_says_so(monkeypatch, capsys):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(saved, "_sha256", lambda _path: fail(full))
    monkeypatch.setattr(Path, "home", lambda: fail(RuntimeError("no home")))
    assert main(RUN) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert names() == []


def test_an_interrupted_sweep_is_130_and_writes_no_table(monkeypatch, capsys):
    from jobsim.studies import cells

    monkeypatch.setattr(
        cells.Task, "run", once(cells.Task.run, lambda: signal.raise_signal(signal.SIGINT))
    )
    monkeypatch.setattr("jobsim.studies.pool.find_spec", lambda _name: None)  # one by one
    assert main([*SWEEP, "--out", "all.csv"]) == 130
    err = capsys.readouterr().err
    assert "0 of 9 runs are done" in err
    assert "all.csv was not written" in err
    assert names() == []


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_table_is_written_elsewhere_when_the_disk_is_full(
    monkeypatch, capsys, tmp_path, everywhere
):
    import pandas as pd

    full = OSError(errno.ENOSPC, "No space left on device")
    to_csv = pd.DataFrame.to_csv

    def failing(table, path, **options):
        if everywhere or "elsewhere" not in str(path):
            raise full
        to_csv(table, path, **options)

    monkeypatch.setattr(pd.DataFrame, "to_csv", failing)
    monkeypatch.setattr(Path, "home", lambda: fail(RuntimeError("no home")))
    assert main([*SWEEP, "--out", "all.csv"]) == 2
    out, err = capsys.readouterr()
    assert "No space left on device" in err
    assert "±" in out
    assert names() == []
    written = list((tmp_path / "elsewhere").iterdir())
    assert len(written) == (0 if everywhere else 1)
    assert all(path.name in err and len(path.read_text().splitlines()) == 10 for path in written)


@pytest.mark.parametrize("out", ["r", None])
def test_runs_that_begin_at_once_take_different_names_or_are_refused(out):
    arguments = [*RUN[:-2], *(["--out", out] if out else [])]
    command = [sys.executable, "-m", "jobsim", *arguments]
    together = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
    ]
    codes = []
    for process in together:
        process.communicate(timeout=120)
        codes.append(process.returncode)
    if out:
        assert sorted(codes) == [0, 2]
        assert names() == ["r"]
    else:
        assert codes == [0, 0]
        assert len(names("runs")) == 2


def test_unknown_fails_only_where_a_person_says_strict(monkeypatch, capsys):
    import dataclasses

    check = Run.check

    def undecided(run):
        return dataclasses.replace(check(run), undecided=("some calls never returned",))

    monkeypatch.setattr(Run, "check", undecided)
    assert main(RUN) == 0
    assert "? verdict  UNKNOWN" in capsys.readouterr().out
    assert main(["check", "r"]) == 0
    assert main(["check", "r", "--strict"]) == 1
    assert main(["show", "r", "--strict"]) == 1


def test_ctrl_c_during_import_is_one_line_and_at_once():
    # `numpy` is imported last of all here, and says when it is being imported.
    code = (
        "import sys, time, types\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'numpy':\n"
        "            print('importing', flush=True)\n"
        # Many short ones: a signal that comes just before a long one is heard after it.
        "            for _ in range(10000): time.sleep(0.01)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "sys.argv[1:] = ['run', 'steady']\n"
        "from jobsim.command.main import console\n"
        "sys.exit(console())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=50)  # less than the import takes
    assert err == "jobsim: interrupted\n"
    assert process.returncode == 130
