"""Runs made by hand for the tests of the report."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from types import SimpleNamespace

import numpy as np
import pandas as pd

from jobsim import InMemoryJobRepository, JobStatus, Run, Scenario
from jobsim.run.info import RunInfo
from jobsim.scenario.workload import Workload
from jobsim.tables.jobs_table import jobs_of, to_schema
from jobsim.tables.schema import CALLS, JOBS

NAN = float("nan")

HOSTILE = (
    "<script>alert(1)</script> \u202egnp.exe \U0001f600 \x00 {{ 7 * 7 }} $x$ **b** " + "y" * 300
)


class Careless(InMemoryJobRepository):
    """Takes every step, legal or not."""

    def update_status(self, job_id, target, result=None, error=None):
        changes = {"status": JobStatus(target), "result": result, "error": error}
        self._store[job_id] = self.get(job_id).model_copy(update=changes)
        return self._store[job_id]


def made(rows=(), *, calls=None, engine="virtual", ended="complete", **scenario):
    """Return a run whose jobs are rows of created, paid, started, finished, status, worker."""
    columns = ["created", "paid", "started", "finished", "status", "worker"]
    jobs = to_schema(pd.DataFrame([*rows], columns=columns)).copy()
    if calls is not None:
        calls = pd.DataFrame(calls, columns=["op", "invoked_ns", "returned_ns", "outcome"])
        calls = calls.assign(
            actor="a", job=0, target=None, observed=None, count=-1, changed=False,
            backdated=False, error=None,
        ).astype(CALLS)[list(CALLS)]  # fmt: skip
    info = RunInfo(
        engine=engine,
        ended=ended,
        speedup=scenario.pop("speedup", 1.0),
        started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
        wall_seconds=2.0,
        repository=scenario.pop("repository", "" if engine == "virtual" else "Mine"),
        perturbed=scenario.pop("perturbed", False),
        processes=scenario.pop("processes", 1),
    )
    worked = (jobs["finished"] - jobs["started"]).mean()
    # As asked for on average, so that threads kept time.
    service = {"kind": "constant", "value": 1.0 if math.isnan(worked) else worked}
    fields = {"jobs": max(len(rows), 1), "workers": 2, "work": {"service": service}}
    workload = Workload.sample(Scenario(**fields | scenario))
    return Run(workload, info, jobs.rename_axis("job"), calls=calls)


# Four jobs in 10 s: two completed, one failed, one never paid.
FOUR = (
    (0.0, 0.0, 0.0, 4.0, "completed", "worker-0"),
    (0.0, 1.0, 4.0, 6.0, "completed", "worker-0"),
    (1.0, 1.0, 2.0, 10.0, "failed", "worker-1"),
    (2.0, NAN, NAN, NAN, "awaiting_payment", None),
)


def retried(rows=(), *, released=None, crashed=(), reaped=(), left=None, **scenario):
    """Return a run with feedback: rows of request and attempt, then as in `made`.

    `crashed` and `reaped` name jobs; `released` and `left` say when, by the number of the job.
    """
    run = made([row[2:] for row in rows], **scenario)
    jobs = run.jobs
    jobs["request"], jobs["attempt"] = ([row[at] for row in rows] for at in (0, 1))
    jobs["released"] = pd.Series(released or {}, dtype="float64").reindex(jobs.index)
    jobs["released"] = jobs["released"].fillna(jobs["finished"])
    for name, those in (("crashed", crashed), ("reaped", reaped)):
        jobs[name] = jobs.index.isin(those)
    jobs["left"] = pd.Series(left or {}, dtype="float64").reindex(jobs.index)
    run.jobs = jobs.astype(JOBS)
    return run


# Three requests in 10 s: one is served at once, one asks again in vain, one leaves at 7 s.
STORM = (
    (0, 1, 0.0, 0.0, 0.0, 4.0, "completed", "worker-0"),
    (1, 1, 0.0, 0.0, 0.0, 6.0, "completed", "worker-1"),
    (1, 2, 5.0, 5.0, 6.0, 8.0, "completed", "worker-1"),
    (2, 1, 1.0, 1.0, 4.0, 9.0, "completed", "worker-0"),
    (2, 2, 2.0, 2.0, 8.0, 10.0, "completed", "worker-1"),
)


def run_that_waited(*seconds):
    """A run whose jobs waited so long; NaN was never paid."""
    wait = np.array(seconds)
    paid = np.where(np.isnan(wait), math.nan, 0.0)
    jobs = jobs_of(
        created=np.zeros(len(wait)), paid=paid, started=paid + wait, finished=paid + wait + 1.0
    )
    return SimpleNamespace(jobs=jobs)
