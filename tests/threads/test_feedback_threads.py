"""Threads and virtual time run the same workload with feedback, and the same comes of it.

Each workload is written by hand so that no decision hangs on less than `MARGIN` scenario
seconds: threads that are late by less than that decide as virtual time does.
"""

from __future__ import annotations

import pytest
from feedback_by_hand import NAN, assert_consistent, workload

from jobsim import run_threads, run_virtual

MARGIN = 0.4
SPEEDUPS = (20.0, 8.0, 4.0, 2.0)
"""Tried in turn until no step is late by as much as could decide; the first does if all is calm."""

COUNTED = ["request", "attempt", "status", "rejected", "crashed", "reaped"]
TIMED = ["arrival", "created", "paid", "started", "finished", "released", "left"]


def closed(users, think=0.0, **more):
    return {"kind": "closed", "users": users, "think": {"kind": "constant", "value": think}, **more}


def constant(value):
    return {"kind": "constant", "value": value}


PATIENT = constant(1.0)  # what is drawn is given by hand
CRASH = {"crash": 0.5}
WORKLOADS = {
    # Request 0 fails for good, 1 comes through at the second attempt, 2 at the first.
    "retry": workload(
        3,
        {
            "arrival": [0.0, 0.5, 2.0],
            "fails": [[1, 1, 1], [1, 0, 0], [0, 0, 0]],
            "pause": [[NAN, 1.0, 2.0]] * 3,
        },
        retry={"attempts": 3},
        workers=4,
    ),
    # The bucket holds one token, two requests make one more: every other one is asked again.
    "budget": workload(
        5,
        {"arrival": [0.5, 2.0, 3.5, 5.0, 6.5], "fails": True, "pause": 0.5, "service": 0.5},
        retry={"attempts": 2, "budget": 0.5, "burst": 1},
    ),
    # One worker. Request 1 comes through after its client gave up, and before it asks again;
    # the client of 2 gives up twice, and both its jobs are served for nothing.
    "patience": workload(
        3,
        {
            "arrival": [0.0, 0.5, 1.0],
            "service": [3.0, 1.0, [3.0, 0.5]],
            "patience": [6.0, [1.0, 3.0], [2.0, 1.5]],
            "pause": [1.0, 4.0, 1.0],
        },
        workers=1,
        retry={"attempts": 2},
        patience=PATIENT,
    ),
    # The worker of 0 dies and comes back for 1; nobody comes for 0.
    "crash": workload(
        3,
        {
            "arrival": [0.0, 0.5, 5.0],
            "service": [2.0, 1.0, 1.0],
            "crash": [1.0, NAN, NAN],
            "restart": [2.0, NAN, NAN],
        },
        workers=1,
        work=CRASH,
    ),
    # 0 is found dead at 3 and asked for again, 1 dies at both attempts.
    "reaper": workload(
        3,
        {
            "arrival": [0.5, 0.5, 1.0],
            "crash": [[0.5, NAN], [0.5, 0.75], [NAN, NAN]],
            "restart": 0.5,
            "pause": 1.5,
        },
        workers=3,
        retry={"attempts": 2},
        reaper={"timeout": 2.0},
        work=CRASH,
    ),
    # The reaper kills a healthy job at 3; its own result comes at 4.5, its retry's at 7.
    "impatient": workload(
        3,
        {
            "arrival": [0.5, 0.5, 1.0],
            "service": [[4.0, 1.5], [4.5, 4.0], [1.0, 1.0]],
            "pause": 2.5,
        },
        workers=3,
        retry={"attempts": 2},
        reaper={"timeout": 2.0},
    ),
    "skewed": workload(
        2, {"arrival": [0.5, 0.5], "service": [1.0, 3.0]}, reaper={"timeout": 3.0, "skew": 1.0}
    ),
    # Both workers are gone from 2 to 4, one of them from 6 to 9 as well.
    "outage": workload(
        5,
        {"arrival": [0.5, 0.5, 2.5, 6.5, 7.0], "service": [1.0, 3.0, 1.0, 1.0, 1.5]},
        outages=[
            {"at": 2.0, "duration": 2.0, "workers": 2},
            {"at": 6.0, "duration": 3.0, "workers": 1},
        ],
    ),
    # Three users, of whom the last never pays for its second request, gives up and goes on.
    "closed": workload(
        9,
        {
            "pause": [0.5, 1.0, 1.5, 0.5, 1.0, 0.0, 1.0, 1.0, 0.5],
            "delay": [0.0, 0.5, 0.0, 0.0, 0.0, NAN, 0.0, 0.0, 0.0],
            "patience": 2.5,
            "fails": [0, 1, 0, 0, 0, 0, 0, 0, 0],
        },
        arrivals=closed(3),
        patience=PATIENT,
        workers=3,
    ),
    # One user means to ask at 1, 2, 6, and 8.5, when the doors are closed.
    "paced": workload(
        4,
        {"pause": [1.0, 1.0, 4.0, 2.5], "service": 1.5},
        arrivals=closed(1, paced=True),
        duration=8.0,
    ),
    "duplicates": workload(
        3,
        {"arrival": [0.0, 0.5, 1.0], "lag": [0.5, 2.0, NAN], "delay": [0.5, 0.0, NAN],
         "pause": 0.5, "fails": [0, [1, 0], 0]},
        retry={"attempts": 2},
        workers=3,
    ),
    # User 0 has a worker die, user 1 an impatient reaper, user 2 no payment. From 8 to 9.5 all
    # workers are gone; 3 waits, 5 is lost, and the bucket has no token left for it.
    "together": workload(
        6,
        {
            "pause": [[0.5, 1.5], [0.5, 1.5], [0.5, 1.0], [0.5, 1.5], 0.5, [3.5, 1.0]],
            "delay": [0.0, 0.0, [NAN, 0.0], 0.0, 0.0, 0.0],
            "lag": [NAN, [1.0, NAN], NAN, NAN, NAN, NAN],
            "service": [1.0, [3.0, 1.0], 1.0, 1.0, 1.5, 2.0],
            "fails": [0, 0, 0, [1, 0], 0, 0],
            "patience": [4.0, 4.0, 1.5, 4.0, 4.0, 4.0],
            "crash": [[0.5, NAN], NAN, NAN, NAN, NAN, NAN],
            "restart": [[0.5, NAN], NAN, NAN, NAN, NAN, NAN],
        },
        arrivals=closed(3),
        retry={"attempts": 2, "budget": 0.5, "burst": 3},
        patience=PATIENT,
        reaper={"timeout": 2.0},
        outages=[{"at": 8.0, "duration": 1.5, "workers": 9}],
        work=CRASH,
        workers=4,
    ),
}  # fmt: skip


def lateness(run, twin):
    """Return by how much any step of a run came later than it was due, in scenario seconds."""
    load, key = run.workload, ["request", "attempt"]
    jobs = run.jobs.merge(twin, on=key, how="left", suffixes=("", "_twin"))
    service = load.service[jobs["request"] * load.attempts + jobs["attempt"] - 1]
    reaper = load.scenario.reaper
    steps = [
        jobs["lateness"],
        jobs["started"] - jobs[["paid", "started_twin"]].max(axis=1),
        (jobs["released"] - jobs["started"] - service)[~jobs["crashed"]],
        jobs["finished"][jobs["reaped"]] % (reaper.every if reaper else 1.0),
    ]
    return max(step.max() for step in steps if step.notna().any())


def run_in_time(load, twin):
    """Run a workload with threads; again, and slower, if the machine stalls for too long."""
    for speedup in SPEEDUPS:
        run = run_threads(load, speedup=speedup, wall_limit=60)
        late = lateness(run, twin)
        if late < MARGIN / 2:
            return run, late
    pytest.fail(f"steps of all runs were late, the last one by {late:.3g} s at {speedup:.3g}")


@pytest.mark.parametrize("name", WORKLOADS)
def test_threads_do_as_virtual_time_does(name):
    load = WORKLOADS[name]
    twin = run_virtual(load).jobs
    run, measured = run_in_time(load, twin)
    assert run.ended == "complete"
    assert run.jobs[COUNTED].to_dict("list") == twin[COUNTED].to_dict("list")
    late = run.jobs[TIMED] - twin[TIMED]
    assert late.isna().equals(twin[TIMED].isna())
    assert late.min(axis=None) > -1e-5
    assert late.max(axis=None) <= measured + MARGIN
    assert_consistent(run)
    verdict = run.check()
    assert verdict.ok, verdict
