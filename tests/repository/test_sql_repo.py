from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import psycopg
import pytest

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import JobStatus
from jobsim.repository import sql_connections, sql_repo
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.testing import CHECKS, RepositoryConformance, explore_repository
from jobsim.testing.conformance import every_schedule, races
from jobsim.testing.conformance.run_check import run_check

AWAITING, RUNNING, COMPLETED, FAILED = JobStatus
HASH = "a" * 64
LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


@pytest.fixture(params=["memory", "file", "postgres"])
def url(request, tmp_path):
    match request.param:
        case "memory":
            return "sqlite://"
        case "file":
            return f"sqlite:///{tmp_path}/jobs.db"
        case _:
            return request.getfixturevalue("postgres_url")


@pytest.fixture
def repository(url):
    with SqlJobRepository(url) as made:
        yield made


@pytest.fixture
def make(request):
    """Make repositories that are closed at the end of the test."""
    made = []

    def make(url, **options):
        made.append(SqlJobRepository(url, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def fewer(monkeypatch):
    monkeypatch.setattr(races, "ROUNDS", 20)
    monkeypatch.setattr(races, "MANY_JOBS", 400)
    monkeypatch.setattr(every_schedule, "BUDGET", 40)
    monkeypatch.setattr(every_schedule, "MIXED", 2)


class TestSqlite(RepositoryConformance):
    @pytest.fixture
    def repository_factory(self, make, tmp_path, monkeypatch):
        fewer(monkeypatch)
        # What a power cut leaves is not asked here, and each commit would wait for the disk.
        return lambda: make(f"sqlite:///{tmp_path}/jobs.db?synchronous=OFF")


class TestSqliteInMemory(RepositoryConformance):
    @pytest.fixture
    def repository_factory(self, make, monkeypatch):
        fewer(monkeypatch)
        return lambda: make("sqlite://")


class TestPostgres(RepositoryConformance):
    @pytest.fixture
    def repository_factory(self, make, postgres_url, monkeypatch):
        fewer(monkeypatch)
        return lambda: make(postgres_url)


def test_no_schedule_of_two_starters_breaks_it():
    # In memory, where turns are taken in the repository's own lines, though not in SQLite's.
    found = explore_repository(
        lambda: SqlJobRepository("sqlite://"),
        programs=[["running"], ["running"]],
        preemptions=1,
    )
    assert found.complete, found


@pytest.mark.parametrize("isolation", LEVELS[1:])
@pytest.mark.parametrize("name", ["one_start_wins", "one_end_wins", "linearizable_threads"])
def test_races_hold_at_every_isolation_level(make, postgres_url, monkeypatch, isolation, name):
    monkeypatch.setattr(races, "ROUNDS", 20)
    check = next(check for check in CHECKS if check.name == name)
    result = run_check(check, lambda: make(postgres_url, isolation=isolation))
    assert result.result == "passed", result.problem


@pytest.mark.parametrize("isolation", LEVELS)
def test_statements_run_at_the_isolation_level_that_was_asked_for(make, postgres_url, isolation):
    connections = make(postgres_url, isolation=isolation.lower())._connections
    with connections.engine.connect() as connection:
        level = connection.exec_driver_sql("SHOW transaction_isolation").scalar()
    assert level == isolation.lower()


@pytest.mark.parametrize("url", ["file", "postgres"], indirect=True)
def test_jobs_are_there_for_the_next_instance(url, make):
    first = make(url)
    job = first.create(HASH)
    moved = first.update_status(job.job_id, RUNNING)
    first.close()
    assert make(url).get(job.job_id) == moved


def test_two_databases_in_memory_have_nothing_in_common(make):
    job = make("sqlite://").create(HASH)
    with pytest.raises(JobNotFoundError):
        make("sqlite:///:memory:").get(job.job_id)


def test_threads_share_a_database_in_memory(make):
    repository = make("sqlite://")
    with ThreadPoolExecutor(4) as pool:
        jobs = list(pool.map(lambda _: repository.create(HASH), range(40)))
    assert repository.count() == len({job.job_id for job in jobs}) == 40


def test_times_are_utc_and_those_of_one_create_are_equal(repository):
    before = datetime.now(timezone.utc) - timedelta(seconds=5)
    job = repository.create(HASH)
    assert job.created_at == job.updated_at
    assert job.created_at.utcoffset() == timedelta(0)
    assert before < job.created_at < datetime.now(timezone.utc) + timedelta(seconds=5)


def test_a_clock_that_is_set_back_does_not_set_a_job_back(make, monkeypatch):
    repository = make("sqlite://")
    job = repository.create(HASH)
    monkeypatch.setattr(sql_repo, "_now", lambda: "2001-01-01T00:00:00.000000+00:00")
    assert repository.update_status(job.job_id, RUNNING).updated_at == job.updated_at


def test_a_time_in_the_future_stays_on_the_server(make, postgres_url):
    repository = make(postgres_url)
    job = repository.create(HASH)
    run_sql(repository, "UPDATE jobs SET updated_at = '2100-01-01 00:00+00'")
    moved = repository.update_status(job.job_id, RUNNING)
    assert moved.updated_at == datetime(2100, 1, 1, tzinfo=timezone.utc)


def test_a_wait_for_the_row_does_not_set_the_time_back(make, postgres_url):
    # The second update begins before the first commits and must not say so.
    repository = make(postgres_url)
    job = repository.update_status(repository.create(HASH).job_id, RUNNING)
    with repository._connections.engine.connect() as first, ThreadPoolExecutor(1) as pool:
        first.exec_driver_sql("BEGIN")
        first.exec_driver_sql("UPDATE jobs SET result = 'x'")
        waiting = pool.submit(repository.update_status, job.job_id, COMPLETED)
        wait_until_blocked(first)
        first.exec_driver_sql("UPDATE jobs SET updated_at = clock_timestamp()")
        at = first.exec_driver_sql("SELECT updated_at FROM jobs").scalar()
        first.exec_driver_sql("COMMIT")
        assert waiting.result().updated_at >= at


def run_sql(repository, text):
    with repository._connections.engine.connect() as connection:
        connection.exec_driver_sql(text)


def wait_until_blocked(connection):
    """Return once another session of this server waits for a row."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    deadline = time.monotonic() + 30
    while not connection.exec_driver_sql(waits).scalar():
        assert time.monotonic() < deadline
        connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")


def test_a_refusal_says_the_status_after_a_wait_for_the_row(make, postgres_url):
    repository = make(postgres_url)
    job = repository.create(HASH)
    with repository._connections.engine.connect() as first, ThreadPoolExecutor(1) as pool:
        first.exec_driver_sql("BEGIN")
        first.exec_driver_sql("UPDATE jobs SET status = 'running'")
        waiting = pool.submit(repository.update_status, job.job_id, RUNNING)
        wait_until_blocked(first)
        first.exec_driver_sql("COMMIT")
        with pytest.raises(InvalidStateTransitionError) as caught:
            waiting.result()
    assert caught.value.from_state == "running"


def test_a_step_that_becomes_legal_between_the_statements_is_taken(make, monkeypatch):
    repository = make("sqlite://")
    job = repository.create(HASH)
    looked = []

    def look(job_id):
        # Another caller starts the job after the UPDATE has found it unpaid.
        if not looked:
            looked.append(job_id)
            repository.update_status(job_id, RUNNING)
        return status(job_id)

    status = repository._status
    monkeypatch.setattr(repository, "_status", look)
    assert repository.update_status(job.job_id, COMPLETED, result="x").status is COMPLETED


@pytest.mark.parametrize("isolation", LEVELS)
def test_a_row_that_others_changed_meanwhile_is_written_all_the_same(make, postgres_url, isolation):
    # Above READ COMMITTED the server ends the statement that waited, with 40001.
    repository = make(postgres_url, isolation=isolation)
    job = repository.create(HASH)
    with repository._connections.engine.connect() as first, ThreadPoolExecutor(1) as pool:
        first.exec_driver_sql("BEGIN")
        first.exec_driver_sql("UPDATE jobs SET error = 'x'")
        waiting = pool.submit(repository.update_status, job.job_id, RUNNING)
        wait_until_blocked(first)
        first.exec_driver_sql("COMMIT")
        moved = waiting.result()
    assert (moved.status, moved.error) == (RUNNING, "x")


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_what_was_not_done_is_tried_again(make, monkeypatch, state):
    repository, failing = make("sqlite://"), Failing(3, Undone(state))
    monkeypatch.setattr(sql_connections, "_fetched", failing)
    repository.create(HASH)
    assert failing.calls == 4
    assert repository.count() == 1


def test_a_lost_connection_is_never_tried_again(make, monkeypatch):
    repository, failing = make("sqlite://"), Failing(1, sqlite3.OperationalError("lost"))
    monkeypatch.setattr(sql_connections, "_fetched", failing)
    with pytest.raises(sqlite3.OperationalError, match="lost"):
        repository.create(HASH)
    assert failing.calls == 1


def test_a_statement_is_not_tried_for_ever(make, monkeypatch):
    failing = Failing(10**9, Undone("40001"))
    repository = make("sqlite://")
    monkeypatch.setattr(sql_connections, "_fetched", failing)
    monkeypatch.setattr(sql_connections, "ATTEMPTS", 5)
    with pytest.raises(Undone):
        repository.create(HASH)
    assert failing.calls == 5


class Undone(sqlite3.OperationalError):
    """An error with which a server says that it has undone the transaction."""

    def __init__(self, sqlstate):
        super().__init__("undone")
        self.sqlstate = sqlstate


class Failing:
    """Fails so often, then does what it stands for."""

    def __init__(self, times, exc):
        self.times, self.exc, self.calls, self.real = times, exc, 0, sql_connections._fetched

    def __call__(self, connection, text, arguments):
        self.calls += 1
        if self.calls > self.times:
            return self.real(connection, text, arguments)
        raise self.exc


def test_a_busy_file_is_waited_for(make, tmp_path):
    url = f"sqlite:///{tmp_path}/jobs.db?timeout=0"
    repository = make(url)
    other = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(repository.create, HASH)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.05)
        other.execute("COMMIT")
        other.close()
        assert waiting.result().status is AWAITING


def test_a_lost_server_costs_one_call_and_no_more(make, postgres_server, postgres_url):
    repository = make(postgres_url)
    with ThreadPoolExecutor(4) as pool:
        jobs = list(pool.map(lambda _: repository.create(HASH), range(40)))
    postgres_server.kill()
    postgres_server.start()
    with pytest.raises(psycopg.Error):
        repository.count()
    assert repository.count() == len(jobs)


def test_many_threads_share_few_connections(make, postgres_url):
    repository = make(postgres_url)
    start = threading.Barrier(40)

    def create(_):
        start.wait()
        return repository.create(HASH)

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(create, range(40)))
    assert repository.count() == 40
    assert len(repository._connections._idle) <= sql_connections.MOST_CONNECTIONS


def test_several_may_make_the_table_at_once(url, make):
    start = threading.Barrier(4)

    def first_use(_):
        start.wait()
        return make(url).create(HASH)

    with ThreadPoolExecutor(4) as pool:
        assert len({job.job_id for job in pool.map(first_use, range(4))}) == 4


@pytest.mark.parametrize("text", ["nul \0", "half \ud83d"])
def test_text_that_no_database_holds_is_refused_and_changes_nothing(repository, text):
    job = repository.create(HASH)
    with pytest.raises(ValueError, match="escape it"):
        repository.create(text)
    with pytest.raises(ValueError, match="escape it"):
        repository.update_status(job.job_id, RUNNING, result=text)
    for call in (repository.get, lambda job_id: repository.update_status(job_id, RUNNING)):
        with pytest.raises(JobNotFoundError):
            call(text)
    assert repository.get(job.job_id) == job
    assert repository.count() == 1


@pytest.mark.parametrize("text", ["", "x" * 100_000, "ünï 漢字 😀 '\"%s:x\\", "%(id)s ? :id"])
def test_any_other_text_comes_back_as_it_was(repository, text):
    job = repository.create(text)
    repository.update_status(job.job_id, RUNNING)
    repository.update_status(job.job_id, FAILED, error=text)
    found = repository.get(job.job_id)
    assert (found.input_hash, found.error, found.result) == (text, text, None)


def test_arguments_of_another_type_are_refused(repository):
    job = repository.create(HASH)
    with pytest.raises(TypeError, match="input_hash must be a string, not int: 3"):
        repository.create(3)
    with pytest.raises(TypeError, match="result must be a string, not bytes"):
        repository.update_status(job.job_id, RUNNING, result=b"x")
    with pytest.raises(ValueError, match="'paid' is not a job status"):
        repository.update_status(job.job_id, "paid")


def test_snapshot_and_count_by_status(repository):
    jobs = [repository.create(HASH) for _ in range(3)]
    moved = repository.update_status(jobs[1].job_id, "running")
    assert repository.snapshot() == [jobs[0], moved, jobs[2]]
    assert repository.count_by_status() == {AWAITING: 2, RUNNING: 1, COMPLETED: 0, FAILED: 0}


def test_a_closed_repository_says_so(url):
    repository = SqlJobRepository(url)
    repository.create(HASH)
    repository.close()
    repository.close()
    with pytest.raises(RuntimeError, match="closed"):
        repository.count()


def test_close_leaves_no_connection_open(url):
    repository = SqlJobRepository(url)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: repository.create(HASH), range(20)))
    repository.close()
    assert not repository._connections._idle


@pytest.mark.parametrize(
    ("url", "options", "problem"),
    [
        ("mysql://host/db", {}, "'mysql' is not one of postgresql, sqlite"),
        ("sqlite://", {"isolation": "REPEATABLE READ"}, "not an isolation level of sqlite"),
        ("postgresql+psycopg://h/d", {"isolation": "SNAPSHOT"}, "not an isolation level of post"),
        ("sqlite:///x.db?synchronous=SOMETIMES", {}, "not one of OFF, NORMAL, FULL and EXTRA"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(url, options, problem):
    with pytest.raises(ValueError, match=problem):
        SqlJobRepository(url, **options)


def test_a_database_that_cannot_be_reached_is_an_error_at_once(tmp_path):
    with pytest.raises(psycopg.OperationalError, match="refused"):
        SqlJobRepository("postgresql+psycopg://postgres@127.0.0.1:1/none")
    with pytest.raises(sqlite3.OperationalError):
        SqlJobRepository(f"sqlite:///{tmp_path}/no/folder/jobs.db")


@pytest.mark.parametrize("synchronous", ["NORMAL", "FULL"])
def test_a_file_is_in_wal_mode_and_as_durable_as_asked(make, tmp_path, synchronous):
    repository = make(f"sqlite:///{tmp_path}/jobs.db?synchronous={synchronous}")
    with repository._connections.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        number = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    assert number == {"NORMAL": 1, "FULL": 2}[synchronous]


def test_an_error_of_the_table_is_passed_on_and_the_connection_is_kept(make, monkeypatch):
    repository = make("sqlite://")
    job = repository.create(HASH)
    monkeypatch.setattr(sql_repo.uuid, "uuid4", lambda: job.job_id)
    with pytest.raises(sqlite3.IntegrityError):
        repository.create(HASH)
    assert repository.count() == 1
