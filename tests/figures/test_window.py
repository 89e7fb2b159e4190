"""Rates are measured while a service is as full as it gets; held against formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jobsim import Scenario, preset, presets, run_virtual, theory
from jobsim.figures.window import default_share, window_of
from jobsim.tables.jobs_table import jobs_of

CLOSED = {
    "workers": 6,
    "work": {"service": {"kind": "exponential", "mean": 1.0}},
    "arrivals": {"kind": "closed", "users": 50, "think": {"kind": "exponential", "mean": 10.0}},
}


def machine_repair(workers: int, users: int, service: float, think: float) -> float:
    """Return the throughput of M/M/c//N from its birth-death equations."""
    weights = [1.0]
    for inside in range(users):
        ratio = (users - inside) * (service / think) / min(inside + 1, workers)
        weights.append(weights[-1] * ratio)
    busy = sum(min(n, workers) * weight for n, weight in enumerate(weights))
    return busy / sum(weights) / service


@pytest.mark.parametrize(("users", "known"), [(10, 0.909), (50, 4.473), (90, 5.999)])
def test_a_closed_loop_is_measured_in_its_steady_state(users, known):
    exact = machine_repair(6, users, 1.0, 10.0)
    assert exact == pytest.approx(known, abs=5e-4)
    scenario = Scenario(jobs=200_000, **CLOSED).replace({"arrivals.users": users})
    found = run_virtual(scenario).metrics()
    assert found["throughput"] == pytest.approx(exact, rel=0.01)
    assert found["utilisation"] == pytest.approx(exact / 6, rel=0.01)


def test_a_short_closed_loop_ends_when_its_first_user_is_done():
    window = window_of(
        run_virtual(Scenario(jobs=2000, **CLOSED)).jobs, Scenario(jobs=2000, **CLOSED)
    )
    assert window.until == "the last request of the first user to be done"
    assert window.skipped == 200


@pytest.mark.parametrize("seed", range(5))
def test_the_drain_and_the_filling_are_no_part_of_a_rate(seed):
    scenario = Scenario(
        jobs=300, workers=8, seed=seed, arrivals={"kind": "paced", "rate": 6.4},
        work={"service": {"kind": "constant", "value": 1.0}},
    )  # fmt: skip
    found = run_virtual(scenario).metrics()
    assert found["utilisation"] == pytest.approx(0.8, abs=0.005)
    assert found["throughput"] == pytest.approx(6.4, rel=0.005)


LATE = {
    "constant": {"delay": {"kind": "constant", "value": 100.0}},
    "exponential": {"delay": {"kind": "exponential", "mean": 40.0}},
    "sent again": {"lost": 0.4, "resend": [30.0, 60.0]},
}


@pytest.mark.parametrize("payment", LATE.values(), ids=LATE)
def test_the_filling_is_over_when_payments_come_at_their_rate(payment):
    # From a tenth of the run on, payments would be missing: a quarter of them in the first case.
    scenario = Scenario(
        jobs=2000, workers=8, arrivals={"kind": "paced", "rate": 6.4}, payment=payment,
        work={"service": {"kind": "constant", "value": 1.0}},
    )  # fmt: skip
    found = [run_virtual(scenario.replace({"seed": k})).metrics()["utilisation"] for k in range(4)]
    assert np.mean(found) == pytest.approx(theory(scenario).utilisation, rel=0.015)


def test_late_payments_leave_half_of_the_requests_to_be_measured():
    assert default_share(preset("lost-webhooks")) == 0.5


@pytest.mark.parametrize("rho", [2.0, 5.0])
def test_a_warm_up_in_overload_takes_no_work_away(rho):
    scenario = Scenario(
        jobs=2000, workers=4, arrivals={"kind": "poisson", "rate": 4 * rho},
        work={"service": {"kind": "exponential", "mean": 1.0}},
    )  # fmt: skip
    found = run_virtual(scenario).metrics()
    assert found["utilisation"] == 1.0
    assert found["throughput"] == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize("name", presets())
def test_nobody_is_busier_than_always(name):
    assert 0 < run_virtual(preset(name)).metrics()["utilisation"] <= 1.0


def test_all_workers_go_on_with_what_the_reaper_failed():
    scenario = Scenario(
        jobs=20, workers=20, arrivals={"kind": "stampede"},
        work={"service": {"kind": "constant", "value": 3600.0}},
        reaper={"timeout": 60.0, "every": 10.0},
    )  # fmt: skip
    assert run_virtual(scenario).metrics()["utilisation"] == 1.0


def test_the_share_within_a_time_is_that_of_erlang():
    scenario = Scenario(
        jobs=400_000, workers=14, arrivals={"kind": "poisson", "rate": 1 / 18},
        work={"service": {"kind": "exponential", "mean": 180.0}},
    )  # fmt: skip
    shares = {}
    for workers in (13, 14):
        run = run_virtual(scenario.replace({"workers": workers}))
        shares[workers] = run.metrics("wait_within_20s")["wait_within_20s"]
        exact = 1.0 - theory(run.workload.scenario).wait_exceeds(20.0)
        assert shares[workers] == pytest.approx(exact, abs=0.01)
    assert shares[13] < 0.8 < shares[14]


def test_where_there_is_no_rate_nothing_is_warm_up():
    assert default_share(Scenario(arrivals={"kind": "stampede"})) == 0.0
    assert default_share(Scenario(**CLOSED)) == default_share(preset("steady")) == 0.1


def test_a_run_without_a_job_has_no_window():
    window = window_of(jobs_of(created=[]))
    assert math.isnan(window.length)
    assert np.isnan(window[:2]).all()


def test_a_window_says_what_it_is():
    assert str(window_of(jobs_of(created=[0.0, 50.0], finished=[1.0, 52.0]))) == (
        "0 s to 50 s: from the first, up to the last request"
    )
