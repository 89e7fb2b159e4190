"""`run_threads(executor=)` on a Dask cluster of two processes; the rest: `test_clustered`."""

from __future__ import annotations

import math
import os
import signal
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("distributed")

import distributed
import shared_repositories as shared

from jobsim import Scenario, run_threads
from jobsim.repository.sql_repo import SqlJobRepository


@pytest.fixture(scope="module")
def client():
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/jobs.db?synchronous=OFF"


def load(**changes: object) -> Scenario:
    return Scenario(**({"jobs": 60, "clients": 2, "workers": 4} | changes))


@pytest.mark.parametrize("speedup", [math.inf, 500.0])
def test_two_workers_give_one_history_and_one_verdict(client, url, speedup):
    scenario = load(pollers=2, poll_interval=0.01, work={"fail": 0.2})
    # As one of a notebook, the factory cannot be imported there.
    run = run_threads(scenario, lambda: SqlJobRepository(url), executor=client, speedup=speedup)
    assert run.ended == "complete"
    assert (run.info.processes, run.info.died, run.info.hosts) == (2, (), ())
    assert run.check().ok, run.check()
    assert set(run.jobs["status"]) == {"completed", "failed"}
    assert len(run.transitions) == 180


def test_a_race_of_two_workers_is_found(client, url):
    scenario = load(jobs=100, payment={"duplicate": 1.0})
    factory = partial(shared.lock_in_the_process, url)
    run = run_threads(scenario, factory, executor=client, speedup=math.inf)
    assert run.check().outcome.value == "VIOLATED"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_worker_that_is_killed_loses_nothing_and_plays_once(client, url, tmp_path):
    victim, *_ = client.run(os.getpid).values()
    factory = partial(shared.Killed, url, tmp_path / "killed", 9, True, pid=victim)
    run = run_threads(load(), factory, executor=client, speedup=math.inf)
    assert run.ended == "complete"
    (died,) = run.info.died
    assert "on tcp://127.0.0.1" in died
    assert run.info.lost == ()
    verdict = run.check()
    assert not verdict.violations, verdict
    assert died in verdict.caveats
    # Of every create and every update the call is there: nobody of the lost process was left out,
    # and nobody played again on the worker that its nanny started.
    accepted = run.calls[run.calls["outcome"] == "ok"]
    assert not accepted.duplicated(["actor", "op", "job", "target"]).any()
    assert run.calls["outcome"].value_counts()["pending"] <= 3
