"""Two real reports that several tests read."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_runs import HOSTILE, Careless

from jobsim import Scenario, run_threads, run_virtual
from jobsim.report.build import build_report


@pytest.fixture(scope="session")
def threaded_report(tmp_path_factory) -> Path:
    """The report of a broken repository under real threads, with hostile names."""
    folder = tmp_path_factory.mktemp("threaded") / "run"
    scenario = Scenario(
        name=HOSTILE,
        why="<img src=x onerror=alert(1)>\n" + HOSTILE,
        jobs=60,
        clients=2,
        payment={"duplicate": 0.5},
    )
    run_threads(scenario, Careless(), speedup=float("inf"), progress=False).save(folder)
    return build_report(folder)


@pytest.fixture(scope="session")
def virtual_report(tmp_path_factory) -> Path:
    """The report of a run in virtual time that was never saved."""
    out = tmp_path_factory.mktemp("virtual") / "mine.html"
    return build_report(run_virtual(Scenario(jobs=200, name="plain")), out)
