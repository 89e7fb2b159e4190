"""The status of each job at the end: what the repository says, not what the engine believes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobsim.domain.codes import AWAITING, COMPLETED, RUNNING
from jobsim.tables.jobs_table import status_codes
from jobsim.tables.schema import STATUS


def with_last_word(jobs: pd.DataFrame, final: pd.DataFrame) -> pd.DataFrame:
    """Return the jobs with the statuses that the repository reported at the end.

    An update whose answer was lost may still have taken effect. The times stay those of accepted
    calls: nobody knows when a transition without an answer happened.

    Parameters
    ----------
    jobs
        The `jobs` table of a run.
    final
        One `get` per job after the run, as in `jobsim.tables.schema.FINAL`. Where it had no
        answer, the status stays the one that the calls imply.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> final = pd.DataFrame({"job": [0], "outcome": ["ok"], "status": ["completed"]})
    >>> with_last_word(jobs_of(started=[1.0]), final)["status"].tolist()
    ['completed']
    """
    told = final[(final["outcome"] == "ok") & final["status"].notna()]
    codes = status_codes(jobs).copy()
    codes[told["job"].to_numpy()] = pd.Categorical(told["status"], dtype=STATUS).codes
    return jobs.assign(status=pd.Categorical.from_codes(codes, dtype=STATUS))


def lost_answers(jobs: pd.DataFrame, transitions: pd.DataFrame) -> int:
    """Return how many transitions happened although their answers were lost.

    These are the transitions that the final statuses imply and no accepted call made.

    Examples
    --------
    >>> from jobsim.tables.jobs_table import jobs_of
    >>> jobs = jobs_of(finished=[1.0], status=["completed"])
    >>> lost_answers(jobs, pd.DataFrame({"job": [0, 0], "target": ["awaiting_payment", "running"]}))
    1
    """
    # The lifecycle has no cycle, so a status implies how many transitions led to it.
    made = np.bincount(transitions["job"].to_numpy(), minlength=len(jobs))
    status = status_codes(jobs)
    steps = np.select([status >= COMPLETED, status == RUNNING, status == AWAITING], [3, 2, 1], 0)
    return int(np.maximum(steps - made, 0).sum())
