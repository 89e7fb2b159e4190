"""Workloads with feedback, written down by hand, and what must hold of any run of one."""

from __future__ import annotations

import math

import numpy as np

from jobsim import Scenario, Workload
from jobsim.scenario.ticks import to_ticks
from jobsim.tables.schema import JOBS

NAN = math.nan
TIMES = {"arrival": 0.0, "delay": 0.0, "lag": NAN, "service": 1.0}
FEEDBACK = {"pause", "patience", "crash", "restart", "call_time"}


def workload(requests, given, /, **scenario):
    """Return a workload in which all jobs are alike but for what is given.

    `given` has the arrays by name: a number, or a list with an entry a request, each of them a
    number or a list with an entry an attempt. What the scenario does not need is left out.
    """
    made = Scenario(**{"workers": 2, "clients": 2, **scenario})

    def column(value, dtype=float):
        rows = value if isinstance(value, list) else [value] * requests
        assert len(rows) == requests
        full = np.array([np.broadcast_to(row, made.attempts) for row in rows], dtype=dtype)
        return full.reshape(-1) if dtype is bool else to_ticks(full.reshape(-1))

    arrays = {name: column(given.get(name, value)) for name, value in TIMES.items()}
    arrays["fails"] = column(given.get("fails", False), bool)
    arrays |= {name: column(given[name]) for name in FEEDBACK & set(given)}
    return Workload(made, **arrays)


def assert_consistent(run):
    """Assert that the tables of a run tell the same story, however the run ended."""
    jobs, calls = run.jobs, run.calls
    assert list(JOBS) == list(jobs)
    assert jobs.index.tolist() == list(range(len(jobs)))
    key = list(zip(jobs["request"], jobs["attempt"], strict=True))
    assert key == sorted(set(key))
    assert calls["job"].between(-1, len(jobs) - 1).all()
    creates = calls[calls["op"] == "create"]
    assert creates["job"].is_unique
    answered = sorted(creates.loc[creates["outcome"] == "ok", "job"])
    assert answered == jobs.index[jobs["created"].notna()].tolist()
    assert answered == jobs.index[jobs["job_id"].notna()].tolist()
    assert jobs["created"].notna().equals(jobs["status"].notna())
    assert run.final["job"].isin(answered).all()
    assert len(run.transitions) == jobs[["created", "started", "finished"]].notna().sum().sum()
    assert not (jobs["left"].notna() & jobs["request"].duplicated(keep="last")).any()
    assert (jobs.loc[jobs["reaped"], "status"] == "failed").all()
