"""What a user gets who names a database that cannot be used: one sentence, and exit code 2."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from jobsim.command.main import main
from jobsim.repository import sql_connections

COMMANDS = {
    "run": ["run", "steady", "--jobs", "5", "--speedup", "inf", "--no-report", "--repository"],
    "test": ["test"],
}
NOBODY = "postgresql+psycopg://postgres@127.0.0.1:1/none"
PG = "postgresql+psycopg://joe:secret@"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files that are no database of jobs, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("other", "readonly"):
        with sqlite3.connect(tmp_path / f"{name}.db") as connection:
            connection.execute("CREATE TABLE " + ("jobs (id INT)" if name == "other" else "x (y)"))
        connection.close()
    (tmp_path / "text.db").write_text("not a database, " * 100)


def said(capsys, command, address):
    """Return the one line that a command says, and be sure that it is all."""
    assert main([*COMMANDS[command], address]) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert captured.out == ""
    assert "secret" not in line
    return line


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("address", "problem"),
    [
        (f"{PG}127.0.0.1:1/none", "joe:***@127.0.0.1:1/none: connection failed"),
        (f"{PG}127.0.0.1:port/none", "is not an address, such as sqlite:///jobs.db"),
        ("mysql://joe:secret@host/none", "'mysql' is not one of postgresql, sqlite"),
        ("postgresql+asyncpg://joe:secret@host/none", "write postgresql+psycopg"),
        ("sqlite:///no/folder/jobs.db", "unable to open database file"),
        ("sqlite:///other.db", "already has a table 'jobs' with other columns: no such col"),
        ("sqlite:///text.db", "file is not a database"),
        ("sqlite:///file:readonly.db?mode=ro&uri=true", "attempt to write a readonly database"),
        ("sqlite:///x.db?timeout=long", "timeout=long is not a number of seconds"),
        ("sqlite:///x.db?timeout=nan", "timeout=nan is not a number of seconds"),
        ("sqlite:///x.db?colour=red", "colour is not an option"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_in_one_line(
    capsys, files, command, address, problem
):
    assert problem in said(capsys, command, address)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_refuses_is_told_in_its_own_words(capsys, postgres_url, command):
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE jobs (id INT)")
    other = said(capsys, command, postgres_url)
    assert "already has a table 'jobs'" in other
    address = postgres_url.partition("?")[0]
    missing = f"{address.rpartition('/')[0]}/none"
    assert 'database "none" does not exist' in said(capsys, command, missing)
    nobody = address.replace("postgres@", "joe:secret@")
    assert 'role "joe" does not exist' in said(capsys, command, nobody)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_driver_that_is_missing_is_told_with_what_to_install(capsys, monkeypatch, command):
    def missing(*_arguments, **_options):
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr(sql_connections, "create_engine", missing)
    line = said(capsys, command, NOBODY)
    assert line.endswith("psycopg is not installed; pip install 'jobsim-toolkit[sql]'")


@pytest.mark.parametrize(
    "arguments", [[NOBODY, "--faults"], ["json:dumps", "--faults", NOBODY]], ids=["own", "other"]
)
def test_faults_before_a_server_that_is_not_there_are_told(capsys, arguments):
    assert main(["test", *arguments]) == 2
    assert "connection failed" in capsys.readouterr().err
