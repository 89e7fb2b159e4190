"""Every call on a recorded repository is noted, and nothing about it is changed."""

import re
import threading
from datetime import datetime, timedelta, timezone

import pytest

from jobsim import InMemoryJobRepository, InvalidStateTransitionError, JobNotFoundError, JobStatus
from jobsim.domain.codes import PENDING
from jobsim.proof.checks.all_checks import check_history
from jobsim.repository.actor_recorder import BadAnswerError
from jobsim.repository.adapt import adapt
from jobsim.repository.recorded import RecordedRepository
from jobsim.tables.calls import calls_table

HASH = "a" * 64


class Tampered(InMemoryJobRepository):
    """Answers everything but creates with some fields replaced; stores what is right."""

    def __init__(self, **fields):
        super().__init__()
        self.fields = fields

    def get(self, job_id):
        return super().get(job_id).model_copy(update=self.fields)

    def update_status(self, job_id, target, result=None, error=None):
        job = super().update_status(job_id, target, result, error)
        return job.model_copy(update=self.fields)


def texts(column):
    return column.astype("object").where(column.notna(), "").tolist()


@pytest.fixture
def recorded():
    return RecordedRepository(InMemoryJobRepository())


def test_answers_are_passed_on_unchanged(recorded):
    job = recorded.create(HASH)
    assert recorded.get(job.job_id) is job
    assert recorded.update_status(job.job_id, JobStatus.RUNNING).status is JobStatus.RUNNING
    assert recorded.count() == recorded.repository.count() == 1


def test_each_call_becomes_a_row_with_what_it_asked_and_saw(recorded):
    job_id = recorded.create(HASH).job_id
    recorded.get(job_id)
    recorded.update_status(job_id, JobStatus.RUNNING)
    recorded.count()
    calls = calls_table(recorded)
    assert calls["op"].tolist() == ["create", "get", "update_status", "count"]
    assert calls["job"].tolist() == [0, 0, 0, -1]
    assert texts(calls["target"]) == ["awaiting_payment", "", "running", ""]
    assert texts(calls["observed"]) == [
        "awaiting_payment",
        "awaiting_payment",
        "running",
        "",
    ]
    assert calls["count"].tolist() == [-1, -1, -1, 1]
    assert set(calls["outcome"]) == {"ok"}
    assert not calls[["changed", "backdated"]].any(axis=None)


def test_a_call_lies_between_its_two_clock_reads_and_calls_of_one_thread_do_not_overlap(recorded):
    for _ in range(5):
        recorded.create(HASH)
    calls = calls_table(recorded)
    assert (calls["invoked_ns"] <= calls["returned_ns"]).all()
    assert (calls["returned_ns"].iloc[:-1].array <= calls["invoked_ns"].iloc[1:].array).all()


def test_refusals_are_raised_and_noted_with_the_status_they_saw(recorded):
    job_id = recorded.create(HASH).job_id
    with pytest.raises(InvalidStateTransitionError):
        recorded.update_status(job_id, JobStatus.COMPLETED)
    with pytest.raises(JobNotFoundError):
        recorded.get("nobody")
    refused = calls_table(recorded).iloc[1:]
    assert refused["outcome"].tolist() == ["illegal", "not_found"]
    assert texts(refused["observed"]) == ["awaiting_payment", ""]
    assert refused["job"].tolist() == [0, -1]


def test_a_refusal_that_does_not_say_what_it_saw_observes_nothing():
    class Silent(InMemoryJobRepository):
        def update_status(self, job_id, target, result=None, error=None):
            raise InvalidStateTransitionError("unknown", target)

    recorded = RecordedRepository(Silent())
    job_id = recorded.create(HASH).job_id
    with pytest.raises(InvalidStateTransitionError):
        recorded.update_status(job_id, JobStatus.RUNNING)
    assert calls_table(recorded)["observed"].isna().tolist() == [False, True]


@pytest.mark.parametrize("method", ["create", "get", "update_status", "count"])
def test_any_other_exception_is_raised_and_noted_with_its_text(method):
    class Broken(InMemoryJobRepository):
        pass

    def fail(*_args, **_kwargs):
        raise OSError("disk full")

    setattr(Broken, method, fail)
    recorded = RecordedRepository(Broken())
    arguments = {"create": (HASH,), "get": ("x",), "update_status": ("x", "running"), "count": ()}
    with pytest.raises(OSError, match="disk full"):
        getattr(recorded, method)(*arguments[method])
    (call,) = calls_table(recorded).to_dict("records")
    assert (call["op"], call["outcome"]) == (method, "error")
    assert re.fullmatch(r"OSError: disk full \(test_recorded\.py:\d+ in fail\)", call["error"])
    assert call["returned_ns"] >= call["invoked_ns"]


class Refusing(InMemoryJobRepository):
    """Knows of its refusals that they had no effect."""

    def create(self, input_hash):
        raise OSError("refused" if input_hash == HASH else "lost")

    def had_no_effect(self, exc):
        return "refused" in str(exc)


class Retrying:
    """Another's repository, tried twice; passes on whatever else it is asked."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def create(self, input_hash):
        try:
            return self._inner.create("b" * 64)
        except OSError:
            return self._inner.create(input_hash)

    def get(self, job_id): ...

    def update_status(self, job_id, target, result=None, error=None): ...

    def count(self): ...


@pytest.mark.parametrize(
    ("repository", "input_hash", "outcome"),
    [
        (Refusing(), HASH, "no_effect"),
        (Refusing(), "b" * 64, "error"),
        (adapt(Refusing()), HASH, "no_effect"),
        # Of whoever repeats calls it is not known what came of the first.
        (Retrying(Refusing()), HASH, "error"),
        (adapt(Retrying(Refusing())), HASH, "error"),
    ],
)
def test_a_call_had_no_effect_where_the_repository_itself_says_so(repository, input_hash, outcome):
    recorded = RecordedRepository(repository)
    with pytest.raises(OSError, match=r"refused|lost") as caught:
        recorded.create(input_hash)
    (call,) = calls_table(recorded).to_dict("records")
    assert call["outcome"] == outcome
    assert str(caught.value) in call["error"]


def test_an_exception_whose_own_text_fails_is_noted_all_the_same():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    class Broken(InMemoryJobRepository):
        def get(self, job_id):
            raise Mute

    recorded = RecordedRepository(Broken())
    with pytest.raises(Mute):
        recorded.get("x")
    assert "Mute" in calls_table(recorded)["error"].iloc[0]


@pytest.mark.parametrize("answer", [None, "a job", 7])
@pytest.mark.parametrize("method", ["create", "get", "update_status"])
def test_an_answer_that_is_no_job_is_an_error_of_the_repository(method, answer):
    class Broken(InMemoryJobRepository):
        pass

    recorded = RecordedRepository(Broken())
    job_id = recorded.create(HASH).job_id
    setattr(Broken, method, lambda *_args, **_kwargs: answer)
    arguments = {"create": (HASH,), "get": (job_id,), "update_status": (job_id, "running")}
    with pytest.raises(BadAnswerError, match="not a Job"):
        getattr(recorded.actor("late"), method)(*arguments[method])
    assert calls_table(recorded)["outcome"].tolist() == ["ok", "error"]


def test_a_count_that_is_no_number_is_an_error_of_the_repository():
    class Broken(InMemoryJobRepository):
        def count(self):
            return "many"

    recorded = RecordedRepository(Broken())
    with pytest.raises(BadAnswerError, match="'many', not an int"):
        recorded.count()
    assert calls_table(recorded)["outcome"].tolist() == ["error"]


@pytest.mark.parametrize("field", ["job_id", "input_hash", "blockchain_identifier"])
def test_an_answer_with_another_identity_is_marked_changed(field):
    recorded = RecordedRepository(Tampered(**{field: "other"}))
    job_id = recorded.create(HASH).job_id
    recorded.get(job_id)
    recorded.update_status(job_id, JobStatus.RUNNING)
    assert calls_table(recorded)["changed"].tolist() == [False, True, True]


def test_a_create_that_answers_another_input_hash_is_marked_changed():
    class Shortens(InMemoryJobRepository):
        def create(self, input_hash):
            return super().create(input_hash[:8])

    recorded = RecordedRepository(Shortens())
    recorded.create(HASH)
    assert calls_table(recorded)["changed"].tolist() == [True]


def test_an_answer_for_an_id_that_no_create_returned_is_compared_with_the_id_that_was_asked_for():
    repository = InMemoryJobRepository()
    right, wrong = repository.create(HASH), repository.create(HASH)
    recorded = RecordedRepository(repository)
    recorded.get(right.job_id)
    repository._store[right.job_id] = wrong
    recorded.get(right.job_id)
    assert calls_table(recorded)["changed"].tolist() == [False, True]


def test_what_another_job_answers_does_not_move_the_time_that_bounds_this_one():
    repository = Tampered()
    recorded = RecordedRepository(repository)
    job_id = recorded.create(HASH).job_id
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    repository.fields = {"job_id": "other", "updated_at": later}
    recorded.update_status(job_id, JobStatus.RUNNING)
    repository.fields = {}
    recorded.update_status(job_id, JobStatus.COMPLETED)
    calls = calls_table(recorded)
    assert calls["changed"].tolist() == [False, True, False]
    assert calls["backdated"].tolist() == [False, False, False]


def test_an_answer_older_than_what_was_known_before_the_call_is_marked_backdated():
    repository = Tampered()
    recorded = RecordedRepository(repository)
    job = recorded.create(HASH)
    recorded.update_status(job.job_id, JobStatus.RUNNING)
    repository.fields = {"updated_at": job.updated_at - timedelta(seconds=1)}
    recorded.update_status(job.job_id, JobStatus.COMPLETED)
    assert calls_table(recorded)["backdated"].tolist() == [False, False, True]


@pytest.mark.parametrize(("seconds", "backdated"), [(-1, True), (0, False)])
def test_an_end_dated_before_a_start_that_was_told_meanwhile_is_marked_backdated(
    seconds, backdated
):
    class TimestampBeforeTheLock(InMemoryJobRepository):
        """Its end waits for the start of another, and keeps the time from before."""

        def update_status(self, job_id, target, result=None, error=None):
            if target is JobStatus.RUNNING:
                return super().update_status(job_id, target)
            started = starter.update_status(job_id, JobStatus.RUNNING).updated_at
            ended = super().update_status(job_id, target)
            return ended.model_copy(update={"updated_at": started + timedelta(seconds=seconds)})

    recorded = RecordedRepository(TimestampBeforeTheLock())
    starter, ender = recorded.actor("starter"), recorded.actor("ender")
    job = recorded.create(HASH)
    ender.update_status(job.job_id, JobStatus.COMPLETED)
    calls = calls_table(recorded)
    assert calls["backdated"].tolist() == [False, backdated, False]
    assert ("timestamps" in check_history(calls).counts) == backdated


def test_an_answer_updated_before_it_was_created_is_marked_backdated():
    long_ago = datetime(2000, 1, 1, tzinfo=timezone.utc)
    recorded = RecordedRepository(Tampered(updated_at=long_ago))
    recorded.get(recorded.create(HASH).job_id)
    assert calls_table(recorded)["backdated"].tolist() == [False, True]


def test_times_that_cannot_be_compared_are_a_bad_answer():
    recorded = RecordedRepository(Tampered(updated_at=datetime(2026, 1, 1)))  # noqa: DTZ001
    job_id = recorded.create(HASH).job_id
    with pytest.raises(BadAnswerError):
        recorded.update_status(job_id, JobStatus.RUNNING)


def test_a_call_that_ctrl_c_cuts_off_is_an_error_that_may_have_written():
    class Interrupted(InMemoryJobRepository):
        def update_status(self, *args, **kwargs):
            super().update_status(*args, **kwargs)
            raise KeyboardInterrupt

    recorded = RecordedRepository(Interrupted())
    job = recorded.create("a" * 64)
    with pytest.raises(KeyboardInterrupt):
        recorded.update_status(job.job_id, JobStatus.RUNNING)
    assert recorded.get(job.job_id).status is JobStatus.RUNNING
    calls = calls_table(recorded)
    assert list(calls["outcome"]) == ["ok", "error", "ok"]
    assert not check_history(calls).violations


def test_a_call_that_has_not_returned_is_pending():
    inside, go_on = threading.Event(), threading.Event()

    class Slow(InMemoryJobRepository):
        def count(self):
            inside.set()
            go_on.wait()
            return super().count()

    recorded = RecordedRepository(Slow())
    actor = recorded.actor("slow")
    thread = threading.Thread(target=actor.count)
    thread.start()
    assert inside.wait(10)
    (call,) = calls_table(recorded).to_dict("records")
    assert actor.is_inside_call()
    assert (call["outcome"], call["returned_ns"]) == ("pending", -1)
    go_on.set()
    thread.join(10)
    assert not actor.is_inside_call()
    assert calls_table(recorded)["outcome"].tolist() == ["ok"]


def test_a_history_that_is_read_while_calls_return_has_each_of_them_once():
    actor = RecordedRepository(InMemoryJobRepository()).actor("busy")

    def work():
        for _ in range(2_000):
            actor.count()

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        rows = actor.history().rows
        assert (rows["invoked_ns"][1:] > rows["invoked_ns"][:-1]).all()
        assert (rows["outcome"][:-1] != PENDING).all()
    thread.join(10)
    assert len(actor.history().rows) == 2_000


def test_each_thread_is_an_actor_under_its_own_name(recorded):
    threads = [
        threading.Thread(target=recorded.create, args=(HASH,), name=f"t{n}") for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    calls = calls_table(recorded)
    assert sorted(calls["actor"]) == [f"t{n}" for n in range(8)]
    assert sorted(calls["job"]) == list(range(8))


def test_threads_of_one_name_share_one_actor(recorded):
    for _ in range(2):
        thread = threading.Thread(target=recorded.count, name="twin")
        thread.start()
        thread.join()
    assert calls_table(recorded)["actor"].cat.categories.tolist() == ["twin"]


def test_an_actor_numbers_the_next_job_as_it_is_told(recorded):
    actor = recorded.actor("client")
    actor.next_job = 41
    job_id = actor.create(HASH).job_id
    recorded.get(job_id)
    assert calls_table(recorded)["job"].tolist() == [41, 41]


def test_no_calls_make_an_empty_table_of_the_same_columns(recorded):
    recorded.count()
    full, empty = calls_table(recorded), calls_table(RecordedRepository(InMemoryJobRepository()))
    assert len(empty) == 0
    assert empty.dtypes.drop("actor").equals(full.dtypes.drop("actor"))


def test_an_object_that_is_no_repository_is_refused_by_the_methods_it_lacks():
    with pytest.raises(TypeError, match="update_status, count"):
        RecordedRepository(type("Half", (), {"create": len, "get": len})())
