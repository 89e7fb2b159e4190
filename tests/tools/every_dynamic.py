"""A scenario, and every dynamic of a service alone and all of them together."""

from __future__ import annotations

from jobsim import Scenario


def exponential(mean):
    return {"kind": "exponential", "mean": mean}


BASE = Scenario(
    jobs=400,
    workers=3,
    arrivals={"kind": "poisson", "rate": 2.5},
    payment={"delay": exponential(1.0), "abandon": 0.05},
    work={"service": exponential(1.0), "fail": 0.1},
)
RETRY = {"attempts": 4, "base": 0.5, "jitter": 1.0}
CLOSED = {"kind": "closed", "users": 12, "think": exponential(3.0)}
REAPER = {"timeout": 2.5, "every": 0.7}
CRASH = {"work.crash": 0.1, "work.restart": exponential(2.0)}
OUTAGES = [
    {"at": 20.0, "duration": 15.0, "workers": 2},
    {"at": 30.0, "duration": 20.0, "workers": 9},
]

# Each dynamic alone, and what shows in the jobs that it was there.
DYNAMICS = {
    "retry": ({"retry": RETRY}, lambda jobs: jobs["attempt"].max() > 2),
    "budget": ({"retry": RETRY | {"budget": 0.05, "burst": 3}}, lambda jobs: jobs["left"].any()),
    "patience": ({"patience": exponential(4.0)}, lambda jobs: jobs["left"].any()),
    "reaper": ({"reaper": REAPER}, lambda jobs: jobs["reaped"].any() and jobs["rejected"].any()),
    "skew": ({"reaper": REAPER | {"skew": -0.9}}, lambda jobs: jobs["reaped"].any()),
    "deadline": (
        {"reaper": REAPER | {"since": "created", "timeout": 6.0}, "retry": RETRY},
        lambda jobs: jobs["reaped"].any() and jobs["rejected"].any(),
    ),
    "crash": (CRASH, lambda jobs: jobs["crashed"].any()),
    "outages": ({"outages": OUTAGES}, lambda jobs: jobs["crashed"].any()),
    "duplicates": (
        {"payment.duplicate": 0.3, "payment.lag": exponential(2.0), "reaper": REAPER},
        lambda jobs: jobs["rejected"].max() > 1,
    ),
    "closed": ({"arrivals": CLOSED}, lambda jobs: (jobs["arrival"] == jobs["created"]).all()),
    "paced": (
        {"arrivals": CLOSED | {"paced": True}, "payment.abandon": 0.0},
        lambda jobs: (jobs["arrival"] < jobs["created"]).any(),
    ),
    "doors": ({"arrivals": CLOSED, "duration": 60.0}, lambda jobs: len(jobs) < 400),
}
ALL = {
    **CRASH,
    "patience": exponential(6.0),
    "retry": RETRY | {"budget": 0.5},
    "reaper": REAPER,
    "outages": OUTAGES,
    "payment.duplicate": 0.3,
    "payment.lag": exponential(2.0),
}
TOGETHER = {
    "open": ALL,
    "closed": ALL | {"arrivals": CLOSED},
    "paced": ALL | {"arrivals": CLOSED | {"paced": True}, "duration": 100.0},
}
