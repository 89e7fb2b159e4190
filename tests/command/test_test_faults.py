"""``jobsim test --faults``: one more check, while connections to the database are cut."""

from __future__ import annotations

import pytest

from jobsim.command.main import main
from jobsim.testing.conformance import checks

CONNECT = """
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.testing.broken_sql import BlindRetry

def connect(url):
    return SqlJobRepository(url)

def retrying(url):
    return BlindRetry(url)
"""


@pytest.fixture(autouse=True)
def few_checks(monkeypatch):
    monkeypatch.setattr(checks, "CHECKS", checks.CHECKS[:2])


def test_a_database_is_tested_under_faults(capsys, postgres_url):
    assert main(["test", postgres_url, "--faults", "--scale", "0.2"]) == 0
    assert "nothing_lost_under_faults: faults: " in capsys.readouterr().out


def test_a_factory_is_called_with_the_address_through_the_faults(
    capsys, postgres_url, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_connections.py").write_text(CONNECT)
    asked = ["--faults", postgres_url, "--scale", "1"]
    assert main(["test", "own_connections:connect", *asked]) == 0
    assert main(["test", "own_connections:retrying", *asked]) == 1
    assert "nothing_lost_under_faults" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["json:dumps", "--faults"], "--faults needs the server's address"),
        (["sqlite:///x.db", "--faults"], "names no PostgreSQL server"),
    ],
)
def test_faults_without_a_server_are_bad_input(capsys, arguments, said):
    assert main(["test", *arguments]) == 2
    assert said in capsys.readouterr().err
