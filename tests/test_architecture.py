"""What the code may not do, held by reading it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jobsim

ROOT = Path(jobsim.__file__).parent

# Each package imports only itself and the packages before it, at any depth, also for annotations.
PACKAGES = (
    "domain", "files", "repository", "services", "display", "logs", "scenario", "tables",
    "figures", "proof", "run", "virtual", "turns", "threads", "plot", "studies", "testing",
    "report", "explorer", "command", "__main__",
)  # fmt: skip
WEB = {
    "aiohttp", "bottle", "django", "falcon", "fastapi", "flask", "litestar", "pyramid", "quart",
    "requests", "rest_framework", "sanic", "starlette", "tornado", "uvicorn", "werkzeug",
}  # fmt: skip
WITHOUT_WEB = ("domain", "repository", "services")
JOB_FIELDS = {
    "job_id", "status", "input_hash", "blockchain_identifier", "created_at", "updated_at",
    "result", "error",
}  # fmt: skip
WRITERS = {"__setattr__", "__delattr__", "__dict__", "model_construct"}

FILES = sorted(ROOT.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(tree: ast.AST, inside: str) -> set[str]:
    """Return the dotted names that the code imports, wherever the statement stands."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = inside.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [base])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def forbidden_imports(source: str, package: str, inside: str) -> set[str]:
    """Return what this package may not import: later packages and the names of `jobsim` itself."""
    allowed = {*PACKAGES[: PACKAGES.index(package) + 1], "__version__"}
    found = set()
    for name in imported(ast.parse(source), inside):
        top, _, rest = name.partition(".")
        first = rest.partition(".")[0]
        if top == "jobsim" and first not in allowed:
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


def in_packages(packages):
    return [path for path in FILES if package_of(path) in packages]


def test_every_file_belongs_to_a_known_package():
    assert {package_of(path) for path in FILES} - {"__init__"} <= set(PACKAGES)


@pytest.mark.parametrize("path", in_packages(PACKAGES), ids=name_of)
def test_packages_import_only_upwards(path):
    inside = ".".join(["jobsim", *path.relative_to(ROOT).parts[:-1]])
    assert forbidden_imports(path.read_text(encoding="utf-8"), package_of(path), inside) == set()


@pytest.mark.parametrize(
    "source",
    [
        "import jobsim.run.run",
        "from jobsim import run",
        "from jobsim.threads.run_threads import run_threads",
        "def late():\n    from jobsim.plot import occupancy",
        "if TYPE_CHECKING:\n    from jobsim.run.run import Run",
        "from ..run import Run",
        "from .. import run",
        "from jobsim import Run",
        "import jobsim",
    ],
)
def test_import_of_a_later_package_is_noticed(source):
    assert forbidden_imports(source, "proof", "jobsim.proof")


@pytest.mark.parametrize(
    "source",
    ["import numpy", "from jobsim.domain.models import Job", "from . import x", "from .x import y"],
)
def test_import_of_an_earlier_package_is_allowed(source):
    assert forbidden_imports(source, "proof", "jobsim.proof") == set()


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def imports_at_run_time(source: str, inside: str) -> set[str]:
    """Return the dotted names that code imports when it runs, also inside functions."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    names = imported(tree, inside)
    return names | {name.rpartition(".")[0] for name in names}


def circles(edges: dict[str, set[str]]) -> set[str]:
    """Return the modules that import themselves, directly or through others."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        todo = [start]
        while todo:
            new = edges[todo.pop()] & edges.keys() - found
            found |= new
            todo += new
        return found

    return {module for module in edges if module in reached(module)}


def test_no_module_is_in_an_import_circle():
    edges = {}
    for path in FILES:
        if module_of(path) == "jobsim":
            continue
        inside = ".".join(["jobsim", *path.relative_to(ROOT).parts[:-1]])
        names = imports_at_run_time(path.read_text(encoding="utf-8"), inside)
        edges[module_of(path)] = names - {module_of(path)}
    assert circles(edges) == set()


def test_circle_is_noticed_where_a_function_hides_it():
    late = imports_at_run_time("def late():\n    from jobsim.a.b import c", "jobsim.a")
    assert circles({"jobsim.a.b": {"jobsim.a.d"}, "jobsim.a.d": late}) == {
        "jobsim.a.b",
        "jobsim.a.d",
    }


def test_imports_for_annotations_alone_make_no_circle():
    source = "if TYPE_CHECKING:\n    from jobsim.a.b import c"
    assert imports_at_run_time(source, "jobsim.a") == set()


@pytest.mark.parametrize("path", in_packages(WITHOUT_WEB), ids=name_of)
def test_no_web_framework_near_the_repository(path):
    names = imported(ast.parse(path.read_text(encoding="utf-8")), "jobsim")
    assert {name.split(".")[0] for name in names} & WEB == set()


@pytest.mark.parametrize("path", in_packages(WITHOUT_WEB), ids=name_of)
def test_job_is_never_changed_in_place(path):
    found = {(name_of(path), write) for write in writes_to_a_job(path.read_text(encoding="utf-8"))}
    assert found == set()


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


@pytest.mark.parametrize("package", ["repository", "services"])
def test_init_is_empty(package):
    assert (ROOT / package / "__init__.py").read_bytes() == b""


def test_importing_jobsim_loads_nothing_heavy():
    code = "import sys, jobsim; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {"matplotlib", "numba", "numpy", "pandas", "pyarrow", "scipy", "tqdm"}
    assert heavy & set(done.stdout.split()) == set()


def unexplained(source: str) -> list[str]:
    """Return the private functions of more than ten lines that have no docstring.

    Private is what has a private name or stands inside something private. Special methods are
    explained by their class.
    """
    found = []

    def visit(node: ast.AST, private: bool) -> None:
        for child in ast.iter_child_nodes(node):
            inside = private
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                special = child.name.startswith("__")
                inside = private or (child.name.startswith("_") and not special)
                lines = (child.end_lineno or 0) - child.lineno + 1
                if inside and not special and lines > 10 and not ast.get_docstring(child):
                    found.append(child.name)
            elif isinstance(child, ast.ClassDef):
                inside = private or child.name.startswith("_")
            visit(child, inside)

    visit(ast.parse(source), private=False)
    return found


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_long_private_functions_say_why_they_are_there(path):
    assert unexplained(path.read_text(encoding="utf-8")) == []


def test_long_private_function_without_a_docstring_is_noticed():
    body = "    x = 1\n" * 10
    assert unexplained(f"def _late():\n{body}") == ["_late"]
    assert unexplained(f"def public():\n{body}") == []
    assert unexplained(f'def _late():\n    """Say why."""\n{body}') == []
