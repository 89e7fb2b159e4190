"""The last look at a repository: patient, but not for ever."""

import threading
from datetime import datetime, timezone

import pytest

from jobsim import InMemoryJobRepository, Job, JobStatus
from jobsim.repository.recorded import RecordedRepository
from jobsim.tables.schema import FINAL
from jobsim.threads.audit import Audit, Look, count_all, final_table, look


def test_steps_are_done_in_order():
    audit = Audit([lambda: 1, lambda: 2], name="auditor")
    assert audit.finish(10.0) is True
    assert audit.results == [1, 2]


def test_a_step_that_hangs_is_left_behind_and_the_rest_is_cancelled():
    release = threading.Event()
    audit = Audit([lambda: 1, release.wait, lambda: 3], name="auditor")
    assert audit.finish(patience_s=0.05) is False
    assert audit.results == [1]
    release.set()
    assert audit.daemon.wait(10)
    assert audit.results == [1, True]


def test_a_step_that_raises_is_a_fault():
    def fail():
        raise RuntimeError("broken step")

    with pytest.raises(RuntimeError, match="broken step"):
        Audit([fail], name="auditor").finish(10.0)


def test_a_count_that_raises_is_noted_and_unknown():
    class Broken(InMemoryJobRepository):
        def count(self):
            raise OSError

    assert count_all(RecordedRepository(Broken()).actor("auditor")) is None
    assert count_all(RecordedRepository(InMemoryJobRepository()).actor("auditor")) == 0


def test_a_fault_of_the_recorder_is_not_mistaken_for_the_repositorys():
    actor = RecordedRepository(InMemoryJobRepository()).actor("auditor")
    actor._buffer = None
    with pytest.raises(TypeError):
        count_all(actor)


def test_a_look_tells_ok_from_not_found_from_error():
    repository = InMemoryJobRepository()
    job = repository.create("a")

    class Broken(InMemoryJobRepository):
        def get(self, job_id):
            raise OSError("disk full")

    recorded = RecordedRepository(repository)
    assert look(recorded, job.job_id) == Look("ok", job)
    assert look(recorded, "nobody") == Look("not_found")
    failed = look(RecordedRepository(Broken()), "x")
    assert failed.outcome == "error"
    assert failed.error is not None
    assert failed.error.startswith("OSError: disk full (test_audit.py:")


@pytest.mark.parametrize("field", ["job_id", "input_hash", "blockchain_identifier"])
def test_a_look_tells_that_an_identifier_is_another_than_was_created(field):
    class Renaming(InMemoryJobRepository):
        def get(self, job_id):
            return super().get(job_id).model_copy(update={field: "another"})

    recorded = RecordedRepository(Renaming())
    job_id = recorded.create("a").job_id
    assert look(recorded, job_id).changed
    # Of a job that it has not seen created, only the id that was asked for is known.
    stranger = RecordedRepository(recorded.repository)
    assert look(stranger, job_id).changed is (field == "job_id")
    assert final_table([0], [look(recorded, job_id)])["changed"].tolist() == [True]


def test_a_look_at_what_is_no_job_is_an_error():
    class Empty(InMemoryJobRepository):
        def get(self, job_id):
            return None

    recorded = RecordedRepository(Empty())
    seen = look(recorded, recorded.create("a").job_id)
    assert seen.outcome == "error"
    assert seen.job is None


def test_the_final_table_has_one_row_a_look_and_leaves_empty_what_is_missing():
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    job = Job(
        job_id="j",
        status=JobStatus.FAILED,
        input_hash="h",
        blockchain_identifier="b",
        created_at=now,
        updated_at=now,
        error="failed by worker-0",
    )
    looks = [Look("ok", job), Look("error", error="OSError: x"), Look("ok", object())]
    final = final_table([0, 1, 2, 3], looks)
    assert {name: str(dtype) for name, dtype in final.dtypes.items()} == {
        name: str(dtype) if isinstance(dtype, str) else "category" for name, dtype in FINAL.items()
    }
    assert final["job"].tolist() == [0, 1, 2]
    assert final["status"].astype("object").tolist()[0] == "failed"
    assert final["status"].isna().tolist() == [False, True, True]
    assert final["created_at"].isna().tolist() == [False, True, True]
    assert final["error"].tolist()[:2] == ["failed by worker-0", "OSError: x"]


def test_statuses_given_as_plain_strings_are_understood():
    class Row:
        status = "completed"

    assert final_table([0], [Look("ok", Row())])["status"].tolist() == ["completed"]


def test_a_look_copes_with_an_exception_whose_own_text_fails():
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError

    class Broken(InMemoryJobRepository):
        def get(self, job_id):
            raise MuteError

    seen = look(RecordedRepository(Broken()), "x")
    assert seen.outcome == "error"
    assert "MuteError" in seen.error
