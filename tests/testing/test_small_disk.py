"""What is left of a repository on a full disk, and what it does when there is room again."""

from __future__ import annotations

import sqlite3
import sys

import pytest

from jobsim.domain.models import JobStatus
from jobsim.proof.verdict_value import Outcome
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.testing import small_disk as module
from jobsim.testing.racing import race
from jobsim.testing.small_disk import DiskUnavailable, small_disk

HASH = "a" * 64


@pytest.fixture
def disk():
    try:
        with small_disk(300_000) as folder:
            yield folder
    except DiskUnavailable as exc:
        pytest.skip(str(exc))


def test_a_full_disk_loses_nothing_and_leaves_nothing_half_done(disk):
    filler = disk / "filler"
    with SqlJobRepository(f"sqlite:///{disk}/jobs.db") as repository:
        filler.write_bytes(bytes(100_000))
        jobs, refused = [], 0
        while refused < 10:
            try:
                jobs.append(repository.create(HASH))
            except sqlite3.OperationalError as exc:
                refused += "full" in str(exc)
        assert repository.count() == len(jobs) > 0
        assert repository.snapshot() == jobs
        filler.unlink()
        moved = repository.update_status(jobs[0].job_id, JobStatus.RUNNING)
        assert repository.snapshot() == [moved, *jobs[1:]]


def test_a_disk_that_fills_during_a_race_raises_errors_and_no_alarm(disk):
    (disk / "filler").write_bytes(bytes(100_000))
    raced = race(lambda: SqlJobRepository(f"sqlite:///{disk}/jobs.db"), rounds=10)
    assert raced.verdict.outcome is Outcome.OK
    texts = raced.calls["error"].dropna().astype("str")
    assert texts.str.contains("full").any()


@pytest.mark.parametrize(
    ("program", "reason"), [(None, "there are none"), (sys.executable, "cannot be mounted")]
)
def test_a_machine_without_the_means_is_told_why(monkeypatch, program, reason):
    monkeypatch.setattr(module.shutil, "which", lambda _name: program)
    with pytest.raises(DiskUnavailable, match=reason), small_disk(300_000):
        pass
