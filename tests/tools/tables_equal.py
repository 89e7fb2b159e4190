"""Two runs of one workload, held against each other in every column."""

import pandas as pd


def assert_jobs_equal(ours, theirs):
    """Assert that two tables of jobs are equal to the last bit, ids of the repository apart."""
    pd.testing.assert_frame_equal(
        ours.drop(columns="job_id"), theirs.drop(columns="job_id"), check_exact=True
    )


def assert_runs_equal(ours, theirs):
    """Assert that two threaded runs are equal: jobs, transitions and calls, ids too."""
    for name in ("jobs", "transitions", "calls"):
        pd.testing.assert_frame_equal(
            getattr(ours, name), getattr(theirs, name), check_exact=True, obj=name
        )
    # `datetime.now` is in C: no schedule answers it.
    of_the_wall = ["created_at", "updated_at"]
    pd.testing.assert_frame_equal(
        ours.final.drop(columns=of_the_wall), theirs.final.drop(columns=of_the_wall)
    )
    assert str(ours.check()) == str(theirs.check())
