"""The closed loop: a number of users, and what is drawn for them."""

import numpy as np
import pytest
from pydantic import ValidationError

from jobsim.scenario.closed import Closed
from jobsim.scenario.distributions import Constant
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload

LOOP = Scenario(jobs=500, arrivals=Closed(users=7), seed=5)


def test_the_number_of_requests_has_to_be_said():
    with pytest.raises(ValueError, match="closed arrivals need jobs: a duration alone"):
        Workload.sample(LOOP.replace({"jobs": None, "duration": 9.0}))


def test_thought_is_drawn_for_every_request_whatever_the_doors_and_the_users():
    workload = Workload.sample(LOOP)
    assert len(workload.pause) == 500
    assert workload.pause.mean() == pytest.approx(1.0, abs=0.2)
    assert not workload.arrival.any()
    for change in ({"duration": 9.0}, {"arrivals.users": 3}, {"arrivals.paced": True}):
        assert Workload.sample(LOOP.replace(change)).digest() == workload.digest()


def test_thought_has_a_stream_of_its_own():
    slower = Workload.sample(LOOP.replace({"arrivals.think": Constant(value=3.0)}))
    assert set(slower.pause) == {3.0}
    np.testing.assert_array_equal(slower.service, Workload.sample(LOOP).service)


@pytest.mark.parametrize("users", [0, -1, 1.5, True, None])
def test_a_loop_needs_users(users):
    with pytest.raises(ValidationError, match="users"):
        Closed(users=users)


@pytest.mark.parametrize(
    ("loop", "words"),
    [
        (Closed(users=1, think=Constant(value=2.0)), "arrive from 1 user, who thinks for 2 s"),
        (
            Closed(users=1200, think=Constant(value=2.0)),
            "arrive from 1,200 users, who each think for 2 s",
        ),
        (
            Closed(users=2, think=Constant(value=2.0), paced=True),
            "arrive from 2 users, who each think for 2 s since the last one should have begun",
        ),
    ],
    ids=str,
)
def test_a_loop_is_part_of_a_sentence(loop, words):
    assert loop.describe() == words


def test_a_loop_has_no_rate_and_no_offered_load():
    assert LOOP.arrivals.mean_rate is None
    assert LOOP.offered_load is None
    assert LOOP.users == 7
    assert Scenario().users is None
