from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from jobsim import Scenario
from jobsim.plot.parts.windows import window


def scenario(**fields) -> Scenario:
    return Scenario(jobs=10, workers=4, **fields)


@pytest.mark.parametrize(
    ("every", "width"), [(30.0, 15.0), (20.0, 20.0), (41.0, 41.0 / 3), (3.0, 21.0), (1000.0, 20.0)]
)
def test_windows_are_in_step_with_bursts(every, width):
    bursts = scenario(arrivals={"kind": "bursts", "size": 5, "every": every})
    moves = pd.DataFrame({"time": [0.0, 1000.0]})  # on their own, windows of 20 s
    run = SimpleNamespace(transitions=moves, workload=SimpleNamespace(scenario=bursts))
    assert window(run) == pytest.approx(width)


def test_windows_without_bursts_are_round():
    moves = pd.DataFrame({"time": [0.0, 1000.0]})
    steady = SimpleNamespace(scenario=scenario())
    assert window(SimpleNamespace(transitions=moves, workload=steady)) == 20.0
    assert window(SimpleNamespace(transitions=moves)) == 20.0
