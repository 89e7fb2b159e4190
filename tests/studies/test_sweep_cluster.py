"""A sweep on a Dask cluster of two processes, also when one of them is killed."""

from __future__ import annotations

import os
import signal

import pandas as pd
import pytest

from jobsim import Scenario
from jobsim.studies import pool
from jobsim.studies.sweep import sweep

distributed = pytest.importorskip("distributed")

SCENARIO = Scenario(jobs=200, workers=2, arrivals={"kind": "poisson", "rate": 1.5}, seed=3)
OVER = {"workers": [2, 3], "arrivals.rate": [1.0, 1.5]}
REPLICATIONS = 30


@pytest.fixture(scope="module")
def expected():
    return sweep(SCENARIO, OVER, replications=REPLICATIONS)


@pytest.fixture(scope="module")
def client():
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def test_two_worker_processes_give_what_one_process_gives(client, expected):
    assert len(set(client.run(os.getpid).values()) - {os.getpid()}) == 2
    table = sweep(SCENARIO, OVER, replications=REPLICATIONS, executor=client)
    pd.testing.assert_frame_equal(table, expected)


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(client, expected, monkeypatch):
    victim, *_ = client.run(os.getpid).values()
    seen = []

    class Bar:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def update_to(self, done):
            if not seen:
                os.kill(victim, signal.SIGKILL)
            seen.append(done)

    monkeypatch.setattr(pool, "bar", lambda *_, **__: Bar())
    table = sweep(SCENARIO, OVER, replications=REPLICATIONS, executor=client)
    assert seen[0] < seen[-1] == len(OVER["workers"]) * 2 * REPLICATIONS
    pd.testing.assert_frame_equal(table, expected)
    client.wait_for_workers(2, timeout=30)
    assert victim not in client.run(os.getpid).values()
