from __future__ import annotations

import inspect
import threading
import uuid
from datetime import datetime, timedelta, timezone

import pytest

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import Job, JobStatus
from jobsim.repository import job_repo
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.protocol import JobRepository

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


class SpyLock:
    """A lock that counts its acquisitions and knows its holder."""

    def __init__(self):
        self._lock = threading.Lock()
        self._holder = None
        self.acquisitions = 0

    def __enter__(self):
        self._lock.acquire()
        self._holder = threading.get_ident()
        self.acquisitions += 1

    def __exit__(self, *exc):
        self._holder = None
        self._lock.release()

    @property
    def mine(self):
        return self._holder == threading.get_ident()


class GuardedDict(dict):
    """A dict that refuses every access by a thread that does not hold the lock.

    Its views are generators, so that reading one after the release is refused too.
    """

    def __init__(self, lock):
        super().__init__()
        self.lock = lock
        self.log = []  # (what was done, under which acquisition)

    def _note(self, operation):
        if not self.lock.mine:
            raise AssertionError(f"{operation} without the lock")
        self.log.append((operation, self.lock.acquisitions))


def _guard(name):
    def guarded(self, *args, **kwargs):
        self._note(name)
        return getattr(dict, name)(self, *args, **kwargs)

    return guarded


def _guard_view(name):
    def guarded(self):
        self._note(name)
        for element in getattr(dict, name)(self):
            self._note(name)
            yield element
        self._note(name)

    return guarded


VIEWS = ("__iter__", "items", "keys", "values")
# What every object has, and what touches no entry.
UNGUARDED = {*dir(object), "__class_getitem__", "fromkeys"} - {"__eq__", "__ne__"}
for _name in set(dir(dict)) - UNGUARDED:
    setattr(GuardedDict, _name, (_guard_view if _name in VIEWS else _guard)(_name))


@pytest.fixture
def repo():
    return InMemoryJobRepository()


@pytest.fixture
def guarded():
    repository = InMemoryJobRepository()
    repository._lock = SpyLock()
    repository._store = GuardedDict(repository._lock)
    return repository


CALLS = {
    "create": lambda repo, job: repo.create("b"),
    "get": lambda repo, job: repo.get(job.job_id),
    "update_status": lambda repo, job: repo.update_status(job.job_id, JobStatus.RUNNING),
    "count": lambda repo, job: repo.count(),
    "snapshot": lambda repo, job: repo.snapshot(),
    "count_by_status": lambda repo, job: repo.count_by_status(),
}

REFUSALS = {
    "unknown job": (JobNotFoundError, lambda repo, job: repo.update_status("nobody", "running")),
    "unknown get": (JobNotFoundError, lambda repo, job: repo.get("nobody")),
    "illegal step": (
        InvalidStateTransitionError,
        lambda repo, job: repo.update_status(job.job_id, "completed", result="r"),
    ),
    "no status": (ValueError, lambda repo, job: repo.update_status(job.job_id, "paid")),
    "result": (TypeError, lambda repo, job: repo.update_status(job.job_id, "running", result=3)),
    "error": (TypeError, lambda repo, job: repo.update_status(job.job_id, "running", error=b"e")),
    "input hash": (TypeError, lambda repo, job: repo.create(None)),
}


class TestLock:
    @pytest.mark.parametrize(
        "access",
        [len, list, lambda d: d.get("x"), lambda d: d.update(x=1), lambda d: list(d.values())],
    )
    def test_guarded_dict_refuses_access_without_the_lock(self, access):
        with pytest.raises(AssertionError, match="without the lock"):
            access(GuardedDict(SpyLock()))

    def test_guarded_dict_refuses_a_view_read_after_the_release(self):
        lock = SpyLock()
        with lock:
            values = GuardedDict(lock).values()
        with pytest.raises(AssertionError, match="without the lock"):
            list(values)

    def test_every_public_method_is_covered_here(self):
        public = inspect.getmembers(InMemoryJobRepository, inspect.isfunction)
        assert {name for name, _ in public if not name.startswith("_")} == set(CALLS)

    @pytest.mark.parametrize("method", CALLS)
    def test_method_reaches_the_store_under_one_acquisition(self, guarded, method):
        job = guarded.create("a")
        guarded._store.log.clear()
        before = guarded._lock.acquisitions
        CALLS[method](guarded, job)
        assert guarded._lock.acquisitions == before + 1
        assert {acquisition for _, acquisition in guarded._store.log} == {before + 1}

    def test_look_up_validation_and_store_share_one_acquisition(self, guarded, monkeypatch):
        job = guarded.create("a")
        guarded._store.log.clear()
        validate = job_repo.validate_transition

        def noting(current, target):
            guarded._store._note("validate")
            validate(current, target)

        monkeypatch.setattr(job_repo, "validate_transition", noting)
        guarded.update_status(job.job_id, JobStatus.RUNNING)
        steps = guarded._store.log
        assert [step for step, _ in steps] == ["get", "validate", "__setitem__"]
        assert len({acquisition for _, acquisition in steps}) == 1

    @pytest.mark.parametrize("refusal", REFUSALS)
    def test_lock_is_free_when_an_exception_arrives(self, repo, refusal):
        job = repo.create("a")
        expected, call = REFUSALS[refusal]
        try:
            call(repo, job)
        except expected:
            assert not repo._lock.locked()
        else:
            pytest.fail("not refused")


class TestCreate:
    def test_id_is_a_uuid4_and_names_the_payment(self, repo):
        job = repo.create("a")
        assert uuid.UUID(job.job_id).version == 4
        assert str(uuid.UUID(job.job_id)) == job.job_id
        assert job.blockchain_identifier == "mock_bc_" + job.job_id[:8]

    def test_both_times_are_the_same_aware_utc_moment(self, repo):
        before = datetime.now(timezone.utc)
        job = repo.create("a")
        assert before <= job.created_at == job.updated_at <= datetime.now(timezone.utc)
        assert job.created_at.utcoffset() == timedelta(0)

    @pytest.mark.parametrize("value", [None, 3, b"a" * 64])
    def test_input_hash_that_is_no_string_is_a_type_error(self, repo, value):
        with pytest.raises(TypeError, match="input_hash must be a string"):
            repo.create(value)
        assert repo.count() == 0


class TestGet:
    def test_hands_out_the_stored_job_itself(self, repo):
        job = repo.create("a")
        assert repo.get(job.job_id) is job
        running = repo.update_status(job.job_id, JobStatus.RUNNING)
        assert repo.get(job.job_id) is running


class TestUpdateStatus:
    def test_returns_a_new_instance_and_leaves_the_old_one(self, repo):
        job = repo.create("a")
        running = repo.update_status(job.job_id, JobStatus.RUNNING)
        assert job.status is JobStatus.AWAITING_PAYMENT
        assert running.model_dump(exclude={"status", "updated_at"}) == job.model_dump(
            exclude={"status", "updated_at"}
        )

    def test_status_string_works_like_the_member(self, repo):
        job = repo.create("a")
        running = repo.update_status(job.job_id, "running")
        assert running.status is JobStatus.RUNNING
        failed = repo.update_status(job.job_id, "failed", error="boom")
        assert (failed.status, failed.error, failed.result) == (JobStatus.FAILED, "boom", None)

    @pytest.mark.parametrize("target", ["paid", "RUNNING", "", None, 1, ["running"], Job])
    def test_any_other_target_is_a_value_error_that_lists_the_four(self, repo, target):
        job = repo.create("a")
        with pytest.raises(ValueError, match="is not a job status") as caught:
            repo.update_status(job.job_id, target)
        assert repr(target) in str(caught.value)
        for status in JobStatus:
            assert repr(status.value) in str(caught.value)

    @pytest.mark.parametrize("field", ["result", "error"])
    @pytest.mark.parametrize("value", [3, b"text", ["text"], False])
    def test_text_that_is_no_string_is_a_type_error(self, repo, field, value):
        job = repo.create("a")
        with pytest.raises(
            TypeError, match=f"{field} must be a string, not {type(value).__name__}"
        ):
            repo.update_status(job.job_id, JobStatus.RUNNING, **{field: value})

    def test_empty_text_is_stored_as_given(self, repo):
        job = repo.create("a")
        repo.update_status(job.job_id, "running", result="half")
        done = repo.update_status(job.job_id, "completed", result="", error="")
        assert (done.result, done.error) == ("", "")

    def test_text_that_is_not_given_stays(self, repo):
        job = repo.create("a")
        repo.update_status(job.job_id, "running", result="half", error="hint")
        done = repo.update_status(job.job_id, "completed")
        assert (done.result, done.error) == ("half", "hint")

    @pytest.mark.parametrize("refusal", REFUSALS)
    def test_refused_call_changes_nothing(self, repo, refusal):
        job = repo.create("a")
        expected, call = REFUSALS[refusal]
        with pytest.raises(expected):
            call(repo, job)
        assert repo.snapshot() == [job]
        assert repo.get(job.job_id) is job

    def test_illegal_step_names_the_state_it_found(self, repo):
        job = repo.create("a")
        repo.update_status(job.job_id, "running")
        with pytest.raises(InvalidStateTransitionError) as caught:
            repo.update_status(job.job_id, "running")
        assert (caught.value.from_state, caught.value.to_state) == ("running", "running")

    def test_updated_at_never_goes_back_when_the_clock_does(self, repo, monkeypatch):
        moments = iter([START, START - timedelta(hours=1), START + timedelta(seconds=1)])

        class SetBack(datetime):
            @classmethod
            def now(cls, tz=None):
                assert tz is timezone.utc
                return next(moments)

        monkeypatch.setattr(job_repo, "datetime", SetBack)
        job = repo.create("a")
        running = repo.update_status(job.job_id, "running")
        done = repo.update_status(job.job_id, "completed")
        assert [job.updated_at, running.updated_at] == [START, START]
        assert done.updated_at == START + timedelta(seconds=1)
        assert job.created_at == running.created_at == done.created_at == START


class TestInstants:
    def test_snapshot_lists_the_jobs_in_order_of_creation(self, repo):
        jobs = [repo.create(str(n)) for n in range(5)]
        jobs[1] = repo.update_status(jobs[1].job_id, "running")
        assert [id(job) for job in repo.snapshot()] == [id(job) for job in jobs]

    def test_snapshot_is_the_callers_own(self, repo):
        repo.create("a")
        repo.snapshot().clear()
        assert repo.count() == 1

    def test_count_by_status_names_all_four_in_lifecycle_order(self, repo):
        assert list(repo.count_by_status().items()) == [(status, 0) for status in JobStatus]
        jobs = [repo.create("a") for _ in range(4)]
        for job in jobs[:3]:
            repo.update_status(job.job_id, "running")
        repo.update_status(jobs[0].job_id, "completed")
        repo.update_status(jobs[1].job_id, "failed")
        assert list(repo.count_by_status().values()) == [1, 1, 1, 1]


def test_one_of_many_racing_threads_wins_each_step(repo):
    threads, jobs = 8, [repo.create("a") for _ in range(50)]
    gate = threading.Barrier(threads)
    wins, losses = [], []

    def race():
        for job in jobs:
            gate.wait(timeout=30)
            try:
                repo.update_status(job.job_id, "running")
            except InvalidStateTransitionError as exc:
                losses.append(exc.from_state)
            else:
                wins.append(job.job_id)

    racers = [threading.Thread(target=race) for _ in range(threads)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(wins) == sorted(job.job_id for job in jobs)
    assert losses == ["running"] * (len(jobs) * (threads - 1))


def test_it_is_a_job_repository(repo):
    assert isinstance(repo, JobRepository)


@pytest.mark.parametrize("method", ["create", "get", "update_status", "count"])
def test_signatures_are_those_of_the_protocol(method):
    ours = inspect.signature(getattr(InMemoryJobRepository, method))
    assert ours == inspect.signature(getattr(JobRepository, method))
