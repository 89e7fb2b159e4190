"""A run whose first process is killed; apart, for started processes import what they use."""

from __future__ import annotations

import math
from functools import partial

from shared_repositories import Orphaned

from jobsim import Scenario, run_threads


def run_orphaned(url: str) -> None:
    """Run until the first process, which is this one, is killed."""
    scenario = Scenario(jobs=60, clients=2, workers=4)
    run_threads(scenario, partial(Orphaned, url, 9), processes=2, speedup=math.inf)
