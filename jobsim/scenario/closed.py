"""A closed loop: a fixed number of users, each with one request at a time."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from jobsim.scenario.arrival_process import ArrivalProcess, Times
from jobsim.scenario.distributions import Distribution, Exponential
from jobsim.scenario.part import Count


class Closed(ArrivalProcess):
    """N users; each thinks, asks, waits for the end or gives up, and thinks again.

    User u makes the requests u, u + users, u + 2 users and so on, so the scenario's `jobs`
    must say how many there are; its `duration` may end them earlier.

    With `paced`, the thought before the next request begins when this one *should* have begun,
    as in a load tester with a fixed rate. A user who is still waiting when it ends asks late:
    `arrival` is the intended start, `created` the actual one. The waits that a measurement from
    the actual start leaves out are called coordinated omission.

    Examples
    --------
    >>> Closed(users=2).sample(np.random.default_rng(1), jobs=3, duration=None)
    array([0., 0., 0.])
    """

    kind: Literal["closed"] = "closed"
    users: Count = Field(description="Number of users; each has one request at a time.")
    think: Distribution = Field(
        default=Exponential(mean=1.0),
        description="Seconds of thought before each request, the first one included.",
    )
    paced: bool = Field(
        default=False,
        description="Whether thought runs from the intended start of the request before.",
    )

    def sample(
        self,
        rng: np.random.Generator,  # noqa: ARG002 - draws nothing
        jobs: int | None,
        duration: float | None,  # noqa: ARG002 - the engines apply it
    ) -> Times:
        """Return one zero per request: only a run can tell when each is made."""
        if jobs is None:
            raise ValueError(
                "closed arrivals need jobs: a duration alone does not say how many requests to draw"
            )
        return np.zeros(jobs)

    def describe(self) -> str:
        """Return what the jobs do, as the rest of a sentence."""
        user = "1 user, who thinks" if self.users == 1 else f"{self.users:,} users, who each think"
        since = " since the last one should have begun" if self.paced else ""
        return f"arrive from {user} for {self.think.describe()}{since}"
