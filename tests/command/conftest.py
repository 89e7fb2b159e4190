"""What every test of the command line starts from: an empty folder, and no reports made."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def reports(monkeypatch):
    """Note which reports are asked for instead of making them, which takes seconds."""
    asked = []

    def build(run, out=None):
        asked.append((str(run), out))
        return Path(run) / "report.html" if out is None else out

    monkeypatch.setattr("jobsim.report.build.build_report", build)
    return asked


@pytest.fixture
def use_repository(monkeypatch):
    def use(repository):
        monkeypatch.setattr("jobsim.threads.run_threads.InMemoryJobRepository", repository)

    return use
