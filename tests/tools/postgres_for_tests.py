"""PostgreSQL for the tests: one server a worker of the test run, or the one that a variable names.

The server's folder is initialised once a test run and copied for each worker.
"""

from __future__ import annotations

import atexit
import itertools
import os
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest

from jobsim.testing.postgres import (
    PostgresServer,
    PostgresUnavailable,
    initialise,
    postgres_programs,
    reachable_programs,
)

URL_VARIABLE = "JOBSIM_POSTGRES_URL"
"""Names a server of one's own, as SQLAlchemy does; its tests make schemas there and drop them."""

FOLDER_VARIABLE = "JOBSIM_TEST_POSTGRES_FOLDER"
"""Where the workers of one test run find the initialised folder; set by `prepare`."""

_schemas = itertools.count()


def prepare(config: pytest.Config) -> None:
    """Make the folder that all workers of this run share, and remove it at the end."""
    if hasattr(config, "workerinput"):
        return
    shared = tempfile.TemporaryDirectory(prefix="jobsim-tests-")
    config.add_cleanup(shared.cleanup)
    Path(shared.name).chmod(0o711)  # the server may run as another user
    os.environ[FOLDER_VARIABLE] = shared.name


def _template(programs: Path) -> Path:
    """Return the initialised folder; whoever holds the lock first makes it."""
    import fcntl

    folder = Path(os.environ[FOLDER_VARIABLE])
    template = folder / "template"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            initialise(folder / "new", reachable_programs(programs, folder))
            (folder / "new").rename(template)
    return template


@cache
def _server() -> PostgresServer | str:
    """Return this worker's server, started, or why there is none."""
    try:
        programs = postgres_programs()
        server = PostgresServer(programs=programs, template=_template(programs))
        atexit.register(server.close)
        server.start()
    except PostgresUnavailable as exc:
        return str(exc)
    return server


def server() -> PostgresServer:
    """Return this worker's own server, running; skip the test if there is none."""
    found = _server()
    if isinstance(found, str):
        pytest.skip(found)
    found.start()
    return found


def own_url() -> str:
    """Return where the tests' server is; skip the test if there is none."""
    return os.environ.get(URL_VARIABLE) or server().url


@pytest.fixture
def postgres_server() -> PostgresServer:
    """Return a server that the test may kill; it is this worker's, never one that was named."""
    return server()


@pytest.fixture
def postgres_url():
    """Return the address of an empty schema of its own, dropped after the test."""
    yield from schema()


@pytest.fixture(scope="module")
def postgres_module_url():
    """Return the address of an empty schema for all tests of a module."""
    yield from schema()


def schema():
    """Make a schema, yield its address, drop it."""
    import psycopg  # an extra, and this module is imported for every test

    url = own_url()
    name = f"jobsim_{os.getpid()}_{next(_schemas)}"
    administrator = url.replace("+psycopg", "", 1)
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    yield f"{url}{'&' if '?' in url else '?'}options={quote(f'-csearch_path={name}')}"
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute("SET client_min_messages = error")
        connection.execute(f"DROP SCHEMA {name} CASCADE")
