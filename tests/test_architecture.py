"""What the code may not do, held by reading it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jobsim

PACKAGE = Path(jobsim.__file__).parent

# Each room imports only itself and the rooms before it, at any depth and also for annotations.
ROOMS = (
    "domain", "repository", "services", "display", "palette", "progress", "live_chart",
    "scenario", "analysis", "run", "engines", "plot", "studies", "testing", "report", "explorer",
    "cli", "__main__",
)  # fmt: skip
# A Run saves and loads itself, the command line reads its values: two files, one room.
ANNEXES = {"saved_run": "run", "arguments": "cli"}
WEB = {
    "aiohttp", "bottle", "django", "falcon", "fastapi", "flask", "litestar", "pyramid", "quart",
    "requests", "rest_framework", "sanic", "starlette", "tornado", "uvicorn", "werkzeug",
}  # fmt: skip
WITHOUT_WEB = ("domain", "repository", "services")
JOB_FIELDS = {
    "job_id", "status", "input_hash", "blockchain_identifier", "created_at", "updated_at",
    "result", "error",
}  # fmt: skip
# A mutable note about a job, which is no Job.
NOT_A_JOB = {
    ("repository/recorded.py", "known.updated_at"),
    ("repository/recorded.py", "_NOBODY.updated_at"),
}
WRITERS = {"__setattr__", "__delattr__", "__dict__", "model_construct"}

FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return ANNEXES.get(first, first)


def imported(tree: ast.AST, package: str) -> set[str]:
    """Return the dotted names that the code imports, wherever the statement stands."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [base])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def forbidden_imports(source: str, room: str, package: str) -> set[str]:
    """Return what this room may not import: later rooms and the package's own face."""
    allowed = {*ROOMS[: ROOMS.index(room) + 1], "__version__"}
    found = set()
    for name in imported(ast.parse(source), package):
        top, _, rest = name.partition(".")
        first = rest.partition(".")[0]
        if top == "jobsim" and ANNEXES.get(first, first) not in allowed:
            found.add(name)
    return found


def writes_to_a_job(source: str) -> list[str]:
    """Return the statements that could change a Job in place."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id == "self"
            stored = isinstance(node.ctx, ast.Store | ast.Del) and node.attr in JOB_FIELDS
            if node.attr in WRITERS or (stored and not own):
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Name) and node.id in {"setattr", "delattr", "vars"}:
            found.append(node.id)
        elif isinstance(node, ast.ClassDef) and node.name == "Job":
            found += [
                ast.unparse(inner)
                for inner in ast.walk(node)
                if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store | ast.Del)
            ]
    return found


def in_rooms(rooms):
    return [path for path in FILES if room_of(path) in rooms]


def test_every_file_belongs_to_a_known_room():
    assert {room_of(path) for path in FILES} - {"__init__"} <= set(ROOMS)


@pytest.mark.parametrize("path", in_rooms(ROOMS), ids=name_of)
def test_rooms_import_only_upwards(path):
    package = ".".join(["jobsim", *path.relative_to(PACKAGE).parts[:-1]])
    assert forbidden_imports(path.read_text(encoding="utf-8"), room_of(path), package) == set()


@pytest.mark.parametrize(
    "source",
    [
        "import jobsim.run",
        "from jobsim import run",
        "from jobsim.engines.threads import run_threads",
        "def late():\n    from jobsim.plot import occupancy",
        "if TYPE_CHECKING:\n    from jobsim.run import Run",
        "from ..run import Run",
        "from .. import run",
        "from jobsim import Run",
        "import jobsim",
    ],
)
def test_import_of_a_later_room_is_noticed(source):
    assert forbidden_imports(source, "analysis", "jobsim.analysis")


@pytest.mark.parametrize(
    "source",
    ["import numpy", "from jobsim.domain.models import Job", "from . import x", "from .x import y"],
)
def test_import_of_an_earlier_room_is_allowed(source):
    assert forbidden_imports(source, "analysis", "jobsim.analysis") == set()


@pytest.mark.parametrize("path", in_rooms(WITHOUT_WEB), ids=name_of)
def test_no_web_framework_near_the_repository(path):
    names = imported(ast.parse(path.read_text(encoding="utf-8")), "jobsim")
    assert {name.split(".")[0] for name in names} & WEB == set()


@pytest.mark.parametrize("path", in_rooms(WITHOUT_WEB), ids=name_of)
def test_job_is_never_changed_in_place(path):
    found = {(name_of(path), write) for write in writes_to_a_job(path.read_text(encoding="utf-8"))}
    assert found - NOT_A_JOB == set()


@pytest.mark.parametrize(
    "source",
    [
        "job.status = target",
        "del job.error",
        "self._store[key].result += 'x'",
        "object.__setattr__(job, 'status', target)",
        "setattr(job, name, target)",
        "job.__dict__['status'] = target",
        "vars(job)['status'] = target",
        "Job.model_construct(status='paid')",
        "class Job:\n    def pay(self):\n        self.status = 'running'",
    ],
)
def test_change_of_a_job_is_noticed(source):
    assert writes_to_a_job(source)


@pytest.mark.parametrize("room", ["repository", "services"])
def test_init_is_empty(room):
    assert (PACKAGE / room / "__init__.py").read_bytes() == b""


def test_importing_jobsim_loads_nothing_heavy():
    code = "import sys, jobsim; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {"matplotlib", "numba", "numpy", "pandas", "pyarrow", "scipy", "tqdm"}
    assert heavy & set(done.stdout.split()) == set()
