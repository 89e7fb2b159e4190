"""A worker that is out is not on duty, however often and by whatever reason it is out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsim import Scenario, run_virtual
from jobsim.figures.duty import Absences, on_duty
from jobsim.figures.window import Window

TENTHS = st.integers(0, 30)


@given(st.lists(st.tuples(st.integers(0, 3), TENTHS, TENTHS), max_size=12), TENTHS, TENTHS)
def test_time_on_duty_is_what_a_look_at_each_instant_finds(rows, start, length):
    window = Window(float(start), float(start + length + 1), 0, "the end")
    absent = Absences(
        np.array([worker for worker, _, _ in rows], dtype=np.int64),
        np.array([float(begin) for _, begin, _ in rows]),
        np.array([float(begin + lasts) for _, begin, lasts in rows]),
    )
    there = 0
    for instant in range(start, start + length + 1):
        out = {w for w, begin, lasts in rows if begin <= instant < begin + lasts}
        there += 4 - len(out)
    assert on_duty(absent, 4, window) == pytest.approx(there)


def test_workers_in_an_outage_are_not_idle():
    scenario = Scenario(
        jobs=2000, workers=4, arrivals={"kind": "paced", "rate": 10.0},
        work={"service": {"kind": "constant", "value": 1.0}},
        outages=[{"at": 50.0, "duration": 50.0, "workers": 3}],
    )  # fmt: skip
    assert run_virtual(scenario).metrics()["utilisation"] == pytest.approx(1.0)


def test_workers_that_are_back_only_later_are_not_idle():
    scenario = Scenario(
        jobs=500, workers=2, arrivals={"kind": "paced", "rate": 10.0},
        work={
            "service": {"kind": "constant", "value": 1.0}, "crash": 0.5,
            "restart": {"kind": "constant", "value": 20.0},
        },
    )  # fmt: skip
    assert run_virtual(scenario).metrics()["utilisation"] == pytest.approx(1.0)
