"""Two real reports that all tests read."""

from __future__ import annotations

import asyncio
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
    """The report of a run with feedback that was never saved, made as in a notebook."""
    out = tmp_path_factory.mktemp("virtual") / "mine.html"
    feedback = {"work": {"crash": 0.1}, "reaper": {"timeout": 9.0}, "retry": {"attempts": 3}}

    async def in_an_event_loop():
        return build_report(run_virtual(Scenario(jobs=200, name="plain", **feedback)), out)

    return asyncio.run(in_an_event_loop())
