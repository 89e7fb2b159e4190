"""A library that is too old is told of where it is imported, with what to do."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from jobsim.domain.versions import NEEDED, VersionError, require_versions

ROOT = Path(__file__).parents[2]
# Imports what it is asked to with a pandas that says it is older.
OLD = "import sys, pandas; pandas.__version__ = '2.2.3'; import {}"


def test_the_lowest_versions_are_those_that_an_installer_is_told():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, (major, minor) in NEEDED.items():
        assert f"{name}>={major}.{minor}" in project["dependencies"]


def test_the_versions_that_are_here_will_do():
    require_versions()


def test_an_older_one_is_an_error_that_says_what_to_do(monkeypatch):
    import pandas as pd

    monkeypatch.setattr(pd, "__version__", "2.2.3")
    with pytest.raises(VersionError, match=r"pandas 2\.2\.3 was loaded from .*pip install"):
        require_versions()


@pytest.mark.parametrize("module", ["jobsim.run.run", "jobsim.testing.conformance.trial"])
def test_what_needs_it_says_so_at_import(module):
    done = subprocess.run(
        [sys.executable, "-c", OLD.format(module)], capture_output=True, text=True, timeout=60
    )
    assert "jobsim needs pandas 3.0 or newer; pandas 2.2.3 was loaded" in done.stderr
