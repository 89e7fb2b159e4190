from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAKE = shutil.which("make")

pytestmark = pytest.mark.skipif(MAKE is None, reason="needs make")


def make(*arguments, cwd=ROOT, **variables):
    # The variables of an outer make would change what this one does.
    kept = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL", "PYTHON"}}
    return subprocess.run(
        [MAKE, *arguments, *(f"{name}={value}" for name, value in variables.items())],
        cwd=cwd, env=kept, capture_output=True, text=True, check=False, timeout=60,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def fresh(tmp_path):
    """A folder in which nothing is installed yet."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "target", ["demo", "test", "lab", "bench", "faults", "notebooks", "docs", "format"]
)
def test_target_installs_first_and_is_in_the_help(fresh, target):
    plan = make("-n", target, cwd=fresh)
    assert plan.returncode == 0, plan.stderr
    assert "-m venv" in plan.stdout
    assert "install --editable" in plan.stdout
    assert f"make {target} " in make("help", cwd=fresh).stdout


def test_installing_everything_spares_the_demo_its_own_install(fresh):
    for name in ("bin/python", "core", "all"):
        path = fresh / ".venv" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert "install" not in make("-n", "demo", "test", cwd=fresh).stdout


def test_named_python_that_will_not_do_is_one_clear_line(fresh):
    done = make("demo", cwd=fresh, PYTHON="no-such-python")
    assert done.returncode != 0
    complaint = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(complaint) == 1
    assert "Python 3.11 or newer" in complaint[0]
    assert "no-such-python" in complaint[0]
    assert not (fresh / ".venv").exists()


def test_python_without_venv_is_refused(fresh):
    lame = fresh / "lame-python"
    lame.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -I -c "import no_such_venv"\n')
    lame.chmod(0o755)
    done = make("demo", cwd=fresh, PYTHON=lame)
    assert done.returncode != 0
    assert "with venv" in done.stderr


def test_demo_takes_a_trace_only_when_told(fresh):
    assert "--trace" not in make("-n", "demo", cwd=fresh).stdout
    assert "--trace 'my log.swf'" in make("-n", "demo", cwd=fresh, TRACE="my log.swf").stdout


def test_coverage_is_held_by_make_and_not_by_pytest():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert not [o for o in options["pytest"]["ini_options"]["addopts"] if o.startswith("--cov")]
    assert options["coverage"]["run"]["branch"] is True
    assert "--cov-fail-under=95" in make("-n", "covered").stdout


def test_ci_runs_make_test_and_only_installs_a_browser_before():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = script.read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands[-1] == "exec make test </dev/null"
    assert not [line for line in commands[:-1] if "python" in line or "make " in line]
