"""One small run made by hand, and a check that charts leave the world as it was."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import matplotlib as mpl
import pandas as pd
import pytest

from jobsim import Run, Scenario, run_virtual
from jobsim.tables.jobs_table import jobs_of
from jobsim.tables.schema import OP, OUTCOME, STATUS, TRANSITIONS

mpl.use("Agg")

WAITING, RUNNING, COMPLETED, FAILED = STATUS.categories
NAN = float("nan")


@pytest.fixture
def run() -> SimpleNamespace:
    """Four jobs in 4.5 s: one completed, one failed, one never paid, one still running."""
    jobs = jobs_of(
        created=[0.0, 0.0, 2.0, 2.5],
        paid=[1.0, 1.5, NAN, 3.0],
        started=[1.0, 3.0, NAN, 3.5],
        finished=[3.0, 4.0, NAN, NAN],
        status=[COMPLETED, FAILED, WAITING, RUNNING],
        worker=["w-2", "w-2", None, "w-10"],
    )
    rows = [
        (0.0, 0, None, WAITING, "c-0"),
        (0.0, 1, None, WAITING, "c-1"),
        (1.0, 0, WAITING, RUNNING, "w-2"),
        (2.0, 2, None, WAITING, "c-0"),
        (2.5, 3, None, WAITING, "c-1"),
        (3.0, 0, RUNNING, COMPLETED, "w-2"),
        (3.0, 1, WAITING, RUNNING, "w-2"),
        (3.5, 3, WAITING, RUNNING, "w-10"),
        (4.0, 1, RUNNING, FAILED, "w-2"),
        (4.5, 4, None, WAITING, "c-1"),
    ]
    transitions = pd.DataFrame(rows, columns=list(TRANSITIONS)).astype(TRANSITIONS)
    calls = pd.DataFrame(
        {
            "op": pd.Categorical(["create"] * 3 + ["get"] * 2, dtype=OP),
            "outcome": pd.Categorical(["ok", "ok", "error", "ok", "pending"], dtype=OUTCOME),
            "invoked_ns": [0, 100_000, 200_000, 300_000, 400_000],
            "returned_ns": [10_000, 120_000, 240_000, 301_000, -1],
        }
    )
    workload = SimpleNamespace(scenario=Scenario(workers=2))
    return SimpleNamespace(jobs=jobs, transitions=transitions, calls=calls, workload=workload)


@pytest.fixture
def empty(run: SimpleNamespace) -> SimpleNamespace:
    """The same tables without a row."""
    return SimpleNamespace(
        jobs=run.jobs.head(0),
        transitions=run.transitions.head(0),
        calls=run.calls.head(0),
        workload=run.workload,
    )


@pytest.fixture(scope="session")
def stormy() -> Run:
    """A run with failures, retries, impatient clients and an outage."""
    scenario = Scenario(
        jobs=300,
        arrivals={"kind": "poisson", "rate": 4.0},
        work={"fail": 0.3},
        patience={"kind": "constant", "value": 5.0},
        retry={"attempts": 3},
        outages=[{"at": 20.0, "duration": 10.0, "workers": 3}],
    )
    return run_virtual(scenario)


@pytest.fixture(autouse=True)
def world_as_it_was() -> Iterator[None]:
    """Fail the test if it changed rcParams; close its figures."""
    import matplotlib.pyplot as plt

    before = mpl.rcParams.copy()
    yield
    plt.close("all")
    assert mpl.rcParams == before
