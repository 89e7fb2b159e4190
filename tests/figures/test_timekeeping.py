"""A run whose threads ran late says so, whatever its waits are."""

from __future__ import annotations

import numpy as np
import pytest

from jobsim import Scenario, Workload
from jobsim.figures.timekeeping import timekeeping
from jobsim.tables.jobs_table import jobs_of

SECOND = {"service": {"kind": "constant", "value": 1.0}}


def measured(*, worked, late, rate):
    """Return how ten jobs kept time that were worked on and created as said."""
    paced = {"kind": "paced", "rate": rate}
    workload = Workload.sample(Scenario(jobs=10, work=SECOND, arrivals=paced))
    jobs = jobs_of(
        arrival=workload.arrival,
        created=workload.arrival + late,
        started=workload.arrival + late + 100.0,  # a queue, which does not hide lateness
        finished=workload.arrival + late + 100.0 + worked,
        lateness=np.full(10, late),
    )
    return timekeeping(jobs, workload)


@pytest.mark.parametrize(
    ("worked", "late", "rate", "kept"),
    [
        (1.0, 0.0, 1.0, True),
        (1.05, 0.1, 1.0, True),
        (2.14, 0.0, 1.0, False),  # stretched work
        (1.0, 0.3, 1.0, False),  # late against the service
        (1.0, 0.3, 0.1, True),  # but not against ten seconds between jobs
        (1.0, 0.3, 100.0, False),
    ],
)
def test_lateness_is_held_against_service_and_gaps_and_never_against_the_queue(
    worked, late, rate, kept
):
    found = measured(worked=worked, late=late, rate=rate)
    assert found.kept is kept
    assert found.stretch == pytest.approx(worked)
    assert found.gap == pytest.approx(1 / rate, rel=1e-4)


def test_it_is_told_with_what_it_is_compared_with():
    assert str(measured(worked=2.5, late=0.5, rate=2.0)) == (
        "work took 2.5 times what was asked for; 1 job in 100 was 500 ms late or more "
        "(service 1 s, a request every 500 ms)"
    )


def test_the_work_of_a_worker_that_died_is_not_held_against_what_was_asked():
    workload = Workload.sample(Scenario(jobs=2, work=SECOND))
    jobs = jobs_of(started=[0.0, 0.0], released=[1.0, 0.1], crashed=[False, True])
    assert timekeeping(jobs, workload).stretch == 1.0
