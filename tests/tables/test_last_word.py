"""What the repository said last decides the status; answers that were lost are counted."""

from __future__ import annotations

import itertools
import threading

import pandas as pd

from jobsim import InMemoryJobRepository, JobStatus, Scenario, run_threads
from jobsim.tables.jobs_table import jobs_of
from jobsim.tables.last_word import lost_answers, with_last_word


class LosesAnswers(InMemoryJobRepository):
    """Completes every job, and answers four in five times."""

    def __init__(self):
        super().__init__()
        self.number, self.mine = itertools.count(1), threading.Lock()

    def update_status(self, job_id, target, result=None, error=None):
        job = super().update_status(job_id, target, result=result, error=error)
        with self.mine:
            if job.status is JobStatus.COMPLETED and next(self.number) % 5 == 0:
                raise TimeoutError("no answer")
        return job


def test_a_job_whose_answer_was_lost_is_where_the_repository_has_it():
    scenario = Scenario(jobs=50, workers=2, work={"service": {"kind": "constant", "value": 0.1}})
    run = run_threads(scenario, LosesAnswers(), speedup=float("inf"))
    figures = run.metrics()
    assert (figures["completed"], figures["stuck"], figures["in_progress"]) == (50, 0, 0)
    assert run.lost_answers == 10
    assert run.summary().loc["lost_answers", ["value", "unit"]].tolist() == [10, "calls"]
    assert "answers lost" in repr(run)


def test_where_the_last_look_had_no_answer_the_calls_count():
    jobs = jobs_of(started=[1.0, 1.0], finished=[2.0, float("nan")])
    final = pd.DataFrame({"job": [0, 1], "outcome": ["error", "not_found"], "status": [None, None]})
    assert with_last_word(jobs, final)["status"].tolist() == ["completed", "running"]


def test_a_repository_that_forgets_an_update_has_lost_no_answer():
    jobs = jobs_of(finished=[float("nan")], status=["running"])
    steps = pd.DataFrame({"job": [0, 0, 0], "target": ["awaiting_payment", "running", "failed"]})
    assert lost_answers(jobs, steps) == 0
