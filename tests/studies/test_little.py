"""Little's law as a check on a run's tables."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from jobsim import preset, presets
from jobsim.studies.little import littles_law
from jobsim.virtual.run_virtual import run_virtual

JOBS = pd.DataFrame({"created": [0.0, 1.0, 2.0], "finished": [3.0, math.nan, 2.5]})
MOVES = pd.DataFrame(
    {
        "time": [0.0, 0.5, 1.0, 2.0, 2.1, 2.5, 3.0, 4.0],
        "target": [
            "awaiting_payment",
            "running",
            "awaiting_payment",
            "awaiting_payment",
            "running",
            "completed",
            "failed",
            "running",
        ],
    }
)


def test_both_sides_agree_when_a_job_never_ends():
    law = littles_law(JOBS, MOVES)
    assert law.number_mean == pytest.approx((3.0 + 3.0 + 0.5) / 4.0)
    assert law.error == pytest.approx(0.0, abs=1e-12)


def test_the_order_of_the_transitions_does_not_matter():
    assert littles_law(JOBS, MOVES.iloc[::-1]) == littles_law(JOBS, MOVES)


def test_a_job_that_was_never_created_does_not_count():
    more = pd.concat(
        [JOBS, pd.DataFrame({"created": [math.nan], "finished": [math.nan]})], ignore_index=True
    )
    assert littles_law(more, MOVES) == littles_law(JOBS, MOVES)


def test_a_lost_transition_breaks_the_law():
    law = littles_law(JOBS, MOVES.drop(index=5))
    assert law.error > 0.1


def test_a_busy_random_system_obeys_the_law():
    rng = np.random.default_rng(1)
    created = np.sort(rng.uniform(0, 100, 500))
    finished = created + rng.exponential(20.0, 500)
    moves = pd.DataFrame(
        {
            "time": [*created, *finished],
            "target": ["awaiting_payment"] * 500 + ["completed"] * 500,
        }
    )
    law = littles_law(pd.DataFrame({"created": created, "finished": finished}), moves)
    assert law.error < 1e-12
    assert law.number_mean > 50


@pytest.mark.parametrize("name", presets())
def test_every_preset_obeys_the_law_with_or_without_feedback(name):
    run = run_virtual(preset(name))
    assert littles_law(run.jobs, run.transitions).error < 1e-9


def test_nobody_inside_is_no_error():
    jobs = pd.DataFrame({"created": [0.0, 1.0], "finished": [0.0, 1.0]})
    moves = pd.DataFrame(
        {"time": [0.0, 0.0, 1.0, 1.0], "target": ["awaiting_payment", "completed"] * 2}
    )
    assert littles_law(jobs, moves).error == 0.0


def test_a_run_without_time_is_refused():
    with pytest.raises(ValueError, match="took no time"):
        littles_law(JOBS.head(0), MOVES.head(0))
    with pytest.raises(ValueError, match="took no time"):
        littles_law(JOBS.head(1), MOVES.head(1))
