"""Threads play the calendar as time passes; time itself is the test's, so nothing is ever late.

Each workload is written by hand so that no two things that matter happen in one instant: which of
two calls comes first is then not up to the operating system.
"""

from __future__ import annotations

import pytest
from feedback_by_hand import NAN, assert_consistent, workload
from jobsim_threads import jobsim_threads
from tables_equal import assert_jobs_equal

from jobsim import InMemoryJobRepository, run_virtual
from jobsim.threads.session import Session


class Jumping:
    """A source of time that stands still while a call is open, and else jumps to what is due."""

    def __init__(self):
        self.ns = 1_000
        self.session = None

    def now_ns(self):
        return self.ns

    def wait(self, changed, seconds):
        if seconds is None or self.session._stage.play.open_calls:
            # How long this waits decides nothing but how soon it is asked again.
            changed.wait(0.001)
        else:
            self.ns += -int(-seconds * 1e9 // 1)  # up to a whole nanosecond


def play(load, repository=None, speedup=1.0):
    source = Jumping()
    session = Session(load, repository or InMemoryJobRepository(), speedup, perturb=False,
                      source=source)  # fmt: skip
    source.session = session
    return session.run(progress=False, wall_limit=120)


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
    # 1 starts at 2.5, runs out of time at 4, and is done for nothing at 5.5.
    "deadline": workload(
        2,
        {"arrival": [0.5, 1.0], "service": [2.0, 3.0]},
        workers=1,
        reaper={"timeout": 2.5, "since": "created"},
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


@pytest.mark.parametrize("name", WORKLOADS)
def test_threads_do_as_virtual_time_does_to_the_tick(name):
    load, before = WORKLOADS[name], jobsim_threads()
    run = play(load)
    assert run.ended == "complete"
    # Which of two workers that are free takes the job is up to the operating system.
    ours, theirs = (jobs.drop(columns="worker") for jobs in (run.jobs, run_virtual(load).jobs))
    assert_jobs_equal(ours, theirs)
    assert_consistent(run)
    assert run.check().ok
    assert jobsim_threads() <= before
