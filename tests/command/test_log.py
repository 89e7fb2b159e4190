from __future__ import annotations

import pytest

from jobsim.command import main as cli


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "log.csv").write_text(
        "queue,queued_at,started_at,took,state\n"
        "a,2026-01-31T00:00:00Z,2026-01-31T00:00:03Z,00:00:30,done\n"
        "b,2026-01-31T00:00:09Z,2026-01-31T00:00:10Z,00:00:20,odd\n"
    )


def test_what_was_understood_is_printed(capsys):
    assert cli.main(["log", "log.csv"]) == 0
    out = capsys.readouterr().out
    for text in ("'queued_at'", "done is completed: 1; odd is unknown: 1", "per hour", "at once"):
        assert text in out


def test_options_settle_how_it_is_read(capsys):
    assert cli.main(["log", "log.csv", "--where", "queue=b", "--outcomes", "odd=failed"]) == 0
    out = capsys.readouterr().out
    assert "1 job used" in out
    assert "odd is failed: 1" in out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["log", "none.csv"], "none.csv: No such file"),
        (["log", "log.csv", "--columns", "arrival=when"], "no column 'when'"),
        (["log", "log.csv", "--unit", "parsec"], "choose from ns"),
        (["log", "log.csv", "--timezone", "Mars/North"], None),
        (["run", "steady", "--where", "queue=a"], "--where is for a --log"),
    ],
)
def test_what_does_not_fit_is_one_line_and_exit_code_2(capsys, arguments, problem):
    try:
        code = cli.main(arguments)
    except SystemExit as ended:
        code = ended.code
    if problem is None:  # dates with a zone need none
        assert code == 0
        return
    assert code == 2
    assert problem in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("option", ["--log", "--trace"])
def test_run_takes_any_log(capsys, option):
    assert cli.main(["run", option, "log.csv", "--engine", "virtual", "--no-report"]) == 0
    assert "log.csv: 2 rows, 2 jobs used" in capsys.readouterr().out
