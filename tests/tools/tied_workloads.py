"""Small workloads of every dynamic in which much happens in one instant."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from jobsim import Scenario, Workload

NAN = math.nan

# Few distinct values, so that much happens in one instant.
coarse = st.sampled_from([0.0, 0.5, 1.0, 1.5, 4.0])
maybe = st.sampled_from([NAN, NAN, 0.0, 0.5, 1.0])
reapers = st.builds(
    lambda more, skew, every, since: {
        "timeout": max(skew, 0.0) + more,
        "skew": skew,
        "every": every,
        "since": since,
    },
    more=st.sampled_from([0.5, 1.0, 2.0]),
    skew=st.sampled_from([0.0, 0.0, -0.5, 0.25]),
    every=st.sampled_from([0.25, 0.5, 3.0]),
    since=st.sampled_from(["running", "created"]),
)
retries = st.fixed_dictionaries(
    {
        "attempts": st.integers(1, 3),
        "budget": st.sampled_from([None, 0.0, 0.5, 1.0]),
        "burst": st.integers(1, 2),
    }
)
closed = st.builds(
    lambda users, paced: {"kind": "closed", "users": users, "paced": paced},
    users=st.integers(1, 4),
    paced=st.booleans(),
)
outages = st.lists(
    st.builds(
        lambda at, more, workers: {"at": at, "duration": more, "workers": workers},
        at=coarse,
        more=st.sampled_from([0.5, 1.0, 2.0**-30]),
        workers=st.integers(1, 4),
    ),
    max_size=3,
)


@st.composite
def tied_workloads(draw):
    retry = draw(st.none() | retries)
    arrivals = draw(st.just({"kind": "stampede"}) | closed)
    requests = draw(st.integers(0, 6))
    rows = requests * (retry["attempts"] if retry else 1)

    def column(values):
        return np.array(draw(st.lists(values, min_size=rows, max_size=rows)), float)

    arrival = np.zeros(rows)
    if arrivals["kind"] == "stampede":
        times = draw(st.lists(coarse, min_size=requests, max_size=requests))
        arrival = np.repeat(np.sort(np.array(times, float)), rows // max(requests, 1))
    has_patience, has_crashes = draw(st.booleans()), draw(st.booleans())
    delay, crash = column(st.sampled_from([0.0, 0.0, 0.5, NAN])), column(maybe)
    service, restart = column(coarse), column(coarse)
    crash[crash >= service] = NAN
    restart[np.isnan(crash)] = NAN
    scenario = Scenario(
        workers=draw(st.integers(1, 3)),
        arrivals=arrivals,
        duration=draw(st.none() | st.sampled_from([1.0, 3.0])),
        retry=retry,
        reaper=draw(st.none() | reapers),
        outages=draw(outages),
        patience={"kind": "constant", "value": 1.0} if has_patience else None,
        work={"crash": 0.5 if has_crashes else 0.0},
    )
    return Workload(
        scenario,
        arrival,
        delay,
        np.where(np.isnan(delay), NAN, column(maybe)),
        service,
        column(st.booleans()).astype(bool),
        pause=column(coarse),
        patience=column(coarse) if has_patience else None,
        crash=crash if has_crashes else None,
        restart=restart if has_crashes else None,
    )
