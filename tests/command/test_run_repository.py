"""``jobsim run --repository``: a database, or what makes a repository."""

from __future__ import annotations

import re

import pytest

from jobsim import Run
from jobsim.command.main import main
from jobsim.repository.sql_repo import SqlJobRepository

QUICK = ["--jobs", "20", "--speedup", "inf", "--no-report"]


def test_a_run_on_a_database_leaves_its_jobs_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/jobs.db"
    assert main(["run", "steady", *QUICK, "--repository", url, "--out", "r"]) == 0
    run = Run.load("r")
    assert run.info.repository == "SqlJobRepository"
    with SqlJobRepository(url) as repository:
        assert repository.count() == 20
        assert {job.job_id for job in repository.snapshot()} == set(run.jobs["job_id"])


@pytest.mark.parametrize("pace", [["--speedup", "inf"], ["--schedule", "fair"]])
def test_a_factory_is_imported(tmp_path, monkeypatch, pace):
    monkeypatch.chdir(tmp_path)
    name = "jobsim.repository.job_repo:InMemoryJobRepository"
    command = ["run", "steady", "--jobs", "20", "--no-report", *pace]
    assert main([*command, "--repository", name, "--out", "r"]) == 0
    assert Run.load("r").info.repository == "InMemoryJobRepository"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("jobs.db", "give a database's address"),
        ("json:dumps", "TypeError"),
        ("mysql://host/db", "'mysql' is not one of postgresql, sqlite"),
        ("postgresql+psycopg://x@127.0.0.1:1/x", "connection failed"),
    ],
)
def test_what_cannot_be_used_is_bad_input_before_anything_runs(
    tmp_path, monkeypatch, capsys, name, said
):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "steady", *QUICK, "--repository", name, "--out", "r"]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "r").exists()


def test_virtual_time_calls_no_repository(capsys):
    assert main(["run", "steady", "--engine", "virtual", "--repository", "sqlite://"]) == 2
    assert "virtual time calls none" in capsys.readouterr().err


def test_several_processes_share_a_database(capsys):
    command = ["run", "steady", *QUICK, "--repository", "sqlite:///jobs.db?synchronous=OFF"]
    assert main([*command, "--processes", "2", "--out", "r"]) == 0
    assert Run.load("r").info.processes == 2
    assert re.search(r"processes +2\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["2"], "needs a --repository that all of them share"),
        (["0", "--repository", "sqlite:///j.db"], "give 1 or more"),
        (["2", "--repository", "sqlite:///j.db", "--schedule", "1"], "controls one process"),
        (["2", "--engine", "virtual"], "virtual time makes no calls"),
        (["900", "--repository", "sqlite:///j.db", "--speedup", "inf"], "processes must be from 1"),
    ],
)
def test_processes_that_would_share_nothing_are_refused(capsys, arguments, said):
    assert main(["run", "steady", "--processes", *arguments]) == 2
    assert said in capsys.readouterr().err
