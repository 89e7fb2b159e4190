"""A run chooses a speed-up that ends in about ten wall seconds."""

import numpy as np
import pytest

from jobsim import Scenario, Workload
from jobsim.threads.pace import choose_speedup, horizon


def workload(arrival, delay, service, workers=1):
    n = len(arrival)
    return Workload(
        Scenario(workers=workers),
        arrival=np.array(arrival, dtype=float),
        delay=np.array(delay, dtype=float),
        lag=np.full(n, np.nan),
        service=np.array(service, dtype=float),
        fails=np.zeros(n, dtype=bool),
    )


@pytest.mark.parametrize(
    ("workers", "end"),
    [(1, 1.0 + 4.0 + 4.0), (2, 2.0 + 4.0)],
)
def test_the_horizon_is_the_end_of_the_last_job_served_in_order(workers, end):
    assert horizon(workload([0.0, 2.0], [1.0, 0.0], [4.0, 4.0], workers)) == end


def test_a_job_that_is_never_paid_takes_no_service():
    assert horizon(workload([0.0, 5.0], [0.0, np.nan], [1.0, 100.0])) == 5.0


def test_an_empty_workload_ends_at_once():
    assert horizon(workload([], [], [])) == 0.0


def test_with_feedback_the_horizon_is_the_last_thing_that_happens():
    scenario = Scenario(
        jobs=1,
        workers=1,
        arrivals={"kind": "stampede"},
        work={"service": {"kind": "constant", "value": 4.0}},
        patience={"kind": "constant", "value": 1.0},
        retry={"attempts": 2, "base": 0.5, "factor": 1.0},
    )
    # The second attempt, asked for at 1.5 s, is served after the first, from 4 s on.
    assert horizon(Workload.sample(scenario)) == 8.0
    # Nobody pays, so nothing ever ends but the client's patience, at 1.5 s and 1 s more.
    assert horizon(Workload.sample(scenario.replace({"payment.abandon": 1.0}))) == 2.5
    assert horizon(Workload.sample(scenario.replace({"jobs": None, "duration": 0.0001,
        "arrivals": {"kind": "schedule", "times": [1.0]}}))) == 0.0  # fmt: skip


@pytest.mark.parametrize(("service", "speedup"), [(1000.0, 100.0), (2.0, 1.0)])
def test_long_runs_are_sped_up_and_short_ones_are_not_slowed_down(service, speedup):
    assert choose_speedup(workload([0.0], [0.0], [service])) == speedup
