"""Every kind of waiting and of chance answers to the turn: the same seed, the same run."""

from __future__ import annotations

import threading

import pytest
from correct_repositories import CORRECT

from jobsim.domain.exceptions import InvalidStateTransitionError
from jobsim.domain.models import JobStatus
from jobsim.turns.control import Control
from jobsim.turns.schedules import Seeded


def play(control, kind, seed):
    repository = control.make(kind)
    answers = []

    def body(name):
        mine = repository.create("a" * 64)
        answers.append((name, mine.job_id))
        try:
            answers.append((name, repository.update_status(jobs[0], JobStatus.RUNNING).status))
        except InvalidStateTransitionError as error:
            answers.append((name, str(error)))
        answers.append((name, repository.get(jobs[0]).status, repository.count()))

    jobs = []
    control.spawn("first", lambda: jobs.append(repository.create("b" * 64).job_id) or body("first"))
    control.spawn("second", lambda: jobs and body("second"))
    end = control.run(Seeded(seed))
    assert end.stopped is None, end
    assert end.outside == ()
    return answers, end.points, end.handed, control.world.now


@pytest.mark.parametrize("name", CORRECT)
def test_the_same_seed_gives_the_same_run(name):
    kind = CORRECT[name]
    with Control(seed=3, keep_threads=True) as control:
        play(control, kind, 0)  # imports and caches
        for seed in (1, 2):
            assert play(control, kind, seed) == play(control, kind, seed)
        assert control.stuck == ()


def test_no_thread_is_left():
    before = set(threading.enumerate())
    with Control(keep_threads=True) as control:
        for name in ("Actor", "Pool", "Async", "PlainLock"):
            play(control, CORRECT[name], 1)
    assert set(threading.enumerate()) == before
