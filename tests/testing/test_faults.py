"""What a fault does to a call, and what a verdict says of repositories under faults."""

from __future__ import annotations

import itertools
import os
import socket
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pandas as pd
import psycopg
import pytest
from sqlalchemy import create_engine, make_url

from jobsim import Run, preset, run_threads
from jobsim.domain.models import JobStatus
from jobsim.figures.faulted import recovery_s, unknown_jobs
from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.verdict_value import Outcome
from jobsim.repository.recorded import RecordedRepository
from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.tables.calls import calls_table
from jobsim.testing import check_repository
from jobsim.testing.broken_sql import BROKEN_SQL
from jobsim.testing.conformance.checks import CHECKS
from jobsim.testing.correct_sql import CORRECT_SQL
from jobsim.testing.faults import Faults, limit_pages
from jobsim.testing.postgres import PostgresServer
from jobsim.testing.racing import race

FULL = "JOBSIM_FAULT_RUNS" in os.environ
RUNS = int(os.environ.get("JOBSIM_FAULT_RUNS", "100"))
"""How many faulted runs of correct repositories there are; `make faults` asks for 2,000."""

CUTS, KILLED = (500, 20) if FULL else (60, 2)

KIT = "jobsim.testing.conformance.check_repository.CHECKS"
HASH = "a" * 64
RUNNING = JobStatus.RUNNING


@pytest.fixture
def inject(postgres_url):
    """Make faults in front of the tests' server; they are closed at the end."""
    made = []

    def inject(url=postgres_url, **options):
        made.append(Faults(url, **options))
        return made[-1]

    yield inject
    for each in made:
        each.close()


@pytest.fixture
def make():
    made = []

    def make(kind, url, **options):
        made.append(kind(url, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def always(kind):
    return {"rates": {kind: 1.0}}


@pytest.mark.parametrize(("kind", "created"), [("cut_before", 0), ("cut_after", 20)])
def test_a_cut_looks_the_same_to_the_client_and_is_not(inject, make, postgres_url, kind, created):
    faults = inject(**always(kind))
    repository = make(SqlJobRepository, faults.url)
    with faults.active():
        for _ in range(20):
            with pytest.raises(psycopg.OperationalError) as caught:
                repository.create(HASH)
            assert not repository.had_no_effect(caught.value)
    assert make(SqlJobRepository, postgres_url).count() == created
    assert faults.table["kind"].tolist() == [kind] * 20
    assert faults.table["request"].tolist() == list(range(20))
    assert (faults.table["ended_ns"] >= faults.table["begun_ns"]).all()


@pytest.mark.parametrize("kind", ["delay", "stall"])
def test_what_is_late_is_late_by_so_much_and_right(inject, make, kind):
    faults = inject(**always(kind), delay_s=0.01, stall_s=0.01)
    repository = make(SqlJobRepository, faults.url)
    with faults.active():
        job = repository.create(HASH)
    (row,) = faults.table.itertuples()
    assert row.kind == kind
    assert row.ended_ns - row.begun_ns >= 10_000_000
    assert repository.get(job.job_id) == job


def test_nothing_happens_before_and_after(inject, make):
    faults = inject(**always("cut_before"))
    repository = make(SqlJobRepository, faults.url)
    repository.create(HASH)
    with faults.active(), pytest.raises(psycopg.OperationalError):
        repository.count()
    assert repository.count() == 1
    assert (faults.requests, len(faults.table)) == (1, 1)


def test_one_caller_meets_the_same_faults_again(inject, make):
    seen = []
    for _ in range(2):
        faults = inject(seed=5, rates={"cut_before": 0.1, "delay": 0.1}, delay_s=0.0)
        repository = make(SqlJobRepository, faults.url)
        with faults.active():
            for _ in range(100):
                with suppress(psycopg.OperationalError):
                    repository.count()
        seen.append(faults.table[["kind", "request"]].values.tolist())
    assert seen[0] == seen[1] != []


@pytest.mark.parametrize("kind", ["kill_server", "kill_backend"])
def test_a_killed_server_is_back_with_all_that_was_acknowledged(
    inject, make, postgres_server, kind
):
    faults = inject(rates={}, at={5: kind}, server=postgres_server)
    repository = make(SqlJobRepository, faults.url)
    jobs = []
    with faults.active():
        failed = 0
        while not failed:
            try:
                jobs.append(repository.create(HASH))
            except psycopg.OperationalError:
                failed += 1
    assert len(jobs) >= 5  # a process of the server outlives it, and serves, for some moments
    assert [insist(repository, job.job_id) for job in jobs] == jobs
    (row,) = faults.table.itertuples()
    assert (row.kind, row.request) == (kind, 5)
    assert row.ended_ns > row.begun_ns


def insist(repository, job_id):
    for _ in range(20):
        with suppress(psycopg.OperationalError):
            return repository.get(job_id)
    raise AssertionError("the server does not answer")


class Again(SqlJobRepository):
    """Makes a create again that has failed, as if it had ids that make that right."""

    def create(self, input_hash):
        try:
            return super().create(input_hash)
        except psycopg.OperationalError:
            return super().create(input_hash)


@pytest.mark.parametrize(("kind", "outcome"), [(SqlJobRepository, "no_effect"), (Again, "error")])
@pytest.mark.parametrize("through", [True, False])
def test_a_refused_connection_had_no_effect_unless_the_call_did_more(
    inject, make, postgres_server, kind, outcome, through
):
    url = inject(rates={}, server=postgres_server).url if through else postgres_server.url
    repository = make(kind, url)
    recorded = RecordedRepository(repository)
    before = repository.count()
    postgres_server.kill()
    try:
        # The process of the kept connection may live, and answer, for some moments.
        while answers(repository):
            pass
        with pytest.raises(psycopg.OperationalError):
            recorded.create(HASH)
    finally:
        postgres_server.start()
    recorded.count()
    calls = calls_table(recorded)
    assert calls["outcome"].tolist() == [outcome, "ok"]
    assert unknown_jobs(calls) == (outcome == "error")
    verdict = check_history(calls, count_before=before)
    assert verdict.outcome is Outcome.OK
    assert verdict.errors == {"create": 1}


def answers(repository):
    try:
        return repository.count() >= 0
    except psycopg.OperationalError:
        return False


def test_copy_goes_through(inject, postgres_url):
    faults = inject(rates={})
    with (
        faults.active(),
        psycopg.connect(faults.url.replace("+psycopg", ""), autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE copied (n int)")
        with connection.cursor().copy("COPY copied FROM STDIN") as copy:
            for number in range(1000):
                copy.write_row((number,))
        assert connection.execute("SELECT sum(n) FROM copied").fetchone() == (499_500,)


def test_a_large_answer_and_a_notice_go_through(inject):
    faults = inject(rates={})
    with psycopg.connect(faults.url.replace("+psycopg", ""), autocommit=True) as connection:
        notices = []
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        connection.execute("DO $$ BEGIN RAISE NOTICE 'hello'; END $$")
        assert notices == ["hello"]
        (text,) = connection.execute("SELECT repeat('x', 3000000)").fetchone()
        assert len(text) == 3_000_000


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"url": "sqlite:///x.db"}, "see limit_pages"),
        ({"rates": {"fire": 0.1}}, "'fire' is not a fault; the faults are cut_before"),
        ({"at": {3: "kill_server"}}, "kill_server needs the server"),
        ({"rates": {"delay": 0.6, "stall": 0.6}}, "their sum is at most 1"),
        ({"rates": {"delay": -0.1}}, "rates are probabilities"),
    ],
)
def test_what_cannot_be_injected_is_refused(options, problem):
    with pytest.raises(ValueError, match=problem):
        Faults(**{"url": "postgresql+psycopg://postgres@127.0.0.1/x", **options})


def test_the_display_says_what_was_done(inject, make):
    faults = inject(**always("cut_before"))
    repository = make(SqlJobRepository, faults.url)
    with faults.active(), pytest.raises(psycopg.OperationalError):
        repository.count()
    assert "injected  1 cut_before" in repr(faults)
    assert "<table" in faults._repr_html_()


# Repositories under faults.

MIXES = (
    {"cut_before": 0.05, "cut_after": 0.05},
    {"cut_after": 0.1, "delay": 0.1},
    {"cut_before": 0.03, "cut_after": 0.03, "delay": 0.05, "stall": 0.02},
)


@pytest.mark.parametrize("name", CORRECT_SQL)
def test_right_ways_raise_no_alarm_under_faults(inject, postgres_server, name):
    of_this_one = range(RUNS // len(CORRECT_SQL) + 1)
    for seed in of_this_one:
        kills = {7: "kill_backend"} if seed % 16 == 3 else {}
        kills |= {9: "kill_server"} if seed % 16 == 7 else {}
        faults = inject(
            seed=seed, rates=MIXES[seed % 3], at=kills, stall_s=0.02, server=postgres_server
        )
        raced = race(lambda faults=faults: CORRECT_SQL[name](faults.url), rounds=2, faults=faults)
        assert raced.verdict.outcome is Outcome.OK, (seed, raced)
        faults.close()


def test_nothing_acknowledged_is_lost_in_cuts_and_kills(inject, postgres_server):
    cuts = kills = 0
    for seed in itertools.count():
        faults = inject(
            seed=seed,
            rates={"cut_before": 0.15, "cut_after": 0.15},
            at={20: "kill_server", 60: "kill_backend"},
            server=postgres_server,
        )
        raced = race(lambda faults=faults: SqlJobRepository(faults.url), rounds=8, faults=faults)
        assert raced.verdict.outcome is Outcome.OK, (seed, raced)
        faults.close()
        counts = faults.table["kind"].value_counts()
        cuts += counts["cut_before"] + counts["cut_after"]
        kills += counts["kill_server"] + counts["kill_backend"]
        if cuts >= CUTS and kills >= KILLED:
            return


def test_a_blind_retry_is_caught_by_the_count(inject):
    faults = inject(rates={"cut_after": 0.3})
    raced = race(lambda: BROKEN_SQL["blind_retry"](faults.url), rounds=4, faults=faults)
    assert set(raced.verdict.counts) & {"count", "unwritten"}


# The first is caught by the count only, the second fails instead of being wrong.
ANSWERS_LOST = {"blind_retry", "no_retry"}


@pytest.mark.parametrize("name", [name for name in BROKEN_SQL if name not in ANSWERS_LOST])
def test_mistakes_are_caught_under_faults_too(inject, name):
    faults = inject(rates={"cut_before": 0.02, "cut_after": 0.02})
    # A lock in the process is a mistake as soon as there are two processes.
    instances = 2 if name == "lock_in_the_process" else 1
    raced = race(lambda: BROKEN_SQL[name](faults.url), instances=instances, rounds=6, faults=faults)
    assert raced.verdict.outcome is Outcome.VIOLATED


def test_errors_that_nobody_handles_are_no_violation_under_faults_either(inject):
    faults = inject(rates={"cut_before": 0.02, "cut_after": 0.02})
    raced = race(lambda: BROKEN_SQL["no_retry"](faults.url), rounds=6, faults=faults)
    assert raced.verdict.outcome is Outcome.OK
    texts = raced.calls["error"].dropna().astype("str")
    assert texts.str.contains("SerializationFailure").any()


def test_commits_that_the_log_does_not_hold_yet_are_told_as_lost(make):
    # Acknowledged at once, and written to the log seconds later.
    settings = {"synchronous_commit": "off", "wal_writer_delay": "10s"}
    with (
        PostgresServer(settings=settings) as server,
        Faults(server.url, rates={}, at={40: "kill_server"}, server=server) as faults,
    ):
        make(SqlJobRepository, server.url)  # the table, which would be lost with the rest
        server.stop()
        server.start()
        raced = race(lambda: SqlJobRepository(faults.url), rounds=4, faults=faults)
    assert next(iter(raced.verdict.counts)) == "lost_after_recovery"
    assert set(raced.verdict.counts) == {"lost_after_recovery"}
    first = raced.verdict.violations[0]
    assert "an acknowledged write is missing after the recovery" in first.sentence
    assert recovery_s(raced.faults) > 0


def test_a_race_says_what_its_clients_do_not_know(inject):
    faults = inject(rates={"cut_after": 0.3})
    raced = race(lambda: SqlJobRepository(faults.url), rounds=2, faults=faults)
    assert raced.errors > 0
    assert 0 < unknown_jobs(raced.calls) <= raced.verdict.jobs
    text = repr(raced)
    assert f"{raced.errors} calls ended in an error" in text
    assert "whose client cannot know" in text


def test_a_full_disk_loses_nothing_and_leaves_nothing_half_done(make, tmp_path):
    repository = make(SqlJobRepository, f"sqlite:///{tmp_path}/jobs.db?synchronous=OFF")
    limit_pages(repository._connections.engine, 20)
    repository._connections._drop_idle()
    jobs, refused = [], 0
    while refused < 20:
        try:
            jobs.append(repository.create(HASH))
        except sqlite3.OperationalError as exc:
            refused += "full" in str(exc)
    assert repository.count() == len(jobs)
    assert repository.snapshot() == jobs
    for job in jobs[:3]:
        assert repository.update_status(job.job_id, RUNNING).status is RUNNING


def test_many_connections_at_once_and_a_close_in_the_middle(inject, make):
    faults = inject(rates={})
    repository = make(SqlJobRepository, faults.url)
    start = threading.Barrier(9)

    def create(_):
        start.wait()
        for _ in range(1000):
            try:
                repository.create(HASH)
            except psycopg.OperationalError:
                return True
        return False

    with ThreadPoolExecutor(8) as pool:
        ended = [pool.submit(create, number) for number in range(8)]
        start.wait()
        faults.close()
        assert all(future.result() for future in ended)


def test_an_engine_of_sqlite_is_limited_from_its_next_connection_on(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/x.db")
    limit_pages(engine, 7)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA max_page_count").scalar() == 7
    engine.dispose()


def test_check_repository_makes_one_more_check_with_faults(inject, monkeypatch):
    monkeypatch.setattr(KIT, CHECKS[:1])
    faults = inject(rates={"cut_before": 0.05, "cut_after": 0.05})
    report = check_repository(lambda: SqlJobRepository(faults.url), faults=faults, scale=0.3)
    assert report.ok, report
    last = report.results[-1]
    assert last.check.name == "nothing_lost_under_faults"
    assert last.note.startswith("faults: ")
    assert "nothing_lost_under_faults  passed: faults: " in repr(report)


def test_check_repository_finds_a_blind_retry_with_faults_only(inject, monkeypatch):
    monkeypatch.setattr(KIT, CHECKS[:3])
    faults = inject(rates={"cut_after": 0.3})
    report = check_repository(
        lambda: BROKEN_SQL["blind_retry"](faults.url), faults=faults, scale=0.3
    )
    assert [result.check.name for result in report.failures] == ["nothing_lost_under_faults"]
    assert report.failures[0].problem
    assert report.failures[0].verdict is not None


def test_a_run_keeps_its_faults_and_shows_them(inject, postgres_server, tmp_path):
    rates = {"cut_before": 0.04, "cut_after": 0.04}
    faults = inject(rates=rates, at={100: "kill_server"}, server=postgres_server)
    scenario = preset("steady").replace({"jobs": 60})
    run = run_threads(
        scenario, lambda: SqlJobRepository(faults.url), speedup=float("inf"), faults=faults
    )
    assert run.check().outcome is Outcome.OK
    assert len(run.faults) > 0
    pd.testing.assert_frame_equal(run.faults, faults.table)
    assert run.calls["op"].iloc[-1] == "count"
    assert "whose client cannot know" in repr(run)
    again = Run.load(run.save(tmp_path / "run"))
    pd.testing.assert_frame_equal(again.faults, run.faults)
    assert again.check().counts == {}


def test_a_run_without_faults_has_none(make, tmp_path):
    scenario = preset("steady").replace({"jobs": 10})
    url = f"sqlite:///{tmp_path}/jobs.db?synchronous=OFF"
    run = run_threads(scenario, lambda: make(SqlJobRepository, url), speedup=float("inf"))
    assert run.faults is None
    assert run.info.repository == "SqlJobRepository"
    assert run.check().ok


def test_a_blind_retry_is_caught_in_a_run_too(inject):
    faults = inject(rates={"cut_after": 0.2})
    scenario = preset("steady").replace({"jobs": 60})
    run = run_threads(
        scenario, lambda: BROKEN_SQL["blind_retry"](faults.url), speedup=float("inf"), faults=faults
    )
    assert "count" in run.check().counts


def test_faults_and_a_schedule_exclude_each_other(inject):
    with pytest.raises(ValueError, match="faults happen in wall time"):
        run_threads(preset("steady"), schedule=1, faults=inject())


def test_a_statement_that_takes_too_long_is_cancelled_and_changes_nothing(inject, make):
    faults = inject(rates={}, statement_timeout_s=0.05)
    repository = make(SqlJobRepository, faults.url)
    job = repository.create(HASH)
    with psycopg.connect(faults.direct_url.replace("+psycopg", "")) as other:
        other.execute("UPDATE jobs SET result = 'x'")  # and no commit: the row is held
        with pytest.raises(psycopg.errors.QueryCanceled):
            repository.update_status(job.job_id, RUNNING)
        other.rollback()
    assert repository.get(job.job_id) == job
    assert repository.update_status(job.job_id, RUNNING).status is RUNNING


def test_a_pipeline_goes_through(inject):
    faults = inject(rates={})
    url = faults.url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection, connection.pipeline() as pipeline:
        answers = [connection.execute("SELECT %s::int", (number,)) for number in range(50)]
        pipeline.sync()
        assert [cursor.fetchone() for cursor in answers] == [(number,) for number in range(50)]


def test_what_a_flush_asks_for_comes_before_the_request_ends(inject):
    faults = inject(rates={})
    with socket.create_connection(("127.0.0.1", make_url(faults.url).port), timeout=10) as client:
        start = b"\x00\x03\x00\x00user\x00postgres\x00\x00"
        client.sendall((len(start) + 4).to_bytes(4, "big") + start)
        received = b""
        while not received.endswith(b"Z\x00\x00\x00\x05I"):
            received += client.recv(65536)
        parse = b"P\x00\x00\x00\x10\x00SELECT 1\x00\x00\x00"
        client.sendall(parse + b"H\x00\x00\x00\x04")
        assert client.recv(65536) == b"1\x00\x00\x00\x04"  # ParseComplete


def test_a_check_that_no_fault_can_reach_fails(inject, make, postgres_url, monkeypatch):
    monkeypatch.setattr(KIT, CHECKS[:1])
    faults = inject()
    report = check_repository(lambda: SqlJobRepository(postgres_url), faults=faults, scale=0.1)
    assert report.failures[-1].problem.startswith("no request came through the faults")


def test_a_server_that_may_be_killed_is(inject, postgres_server):
    faults = inject(server=postgres_server)
    raced = race(lambda: SqlJobRepository(faults.url), rounds=10, faults=faults)
    assert {"kill_server", "kill_backend"} <= set(faults.table["kind"])
    assert raced.verdict.outcome is Outcome.OK, raced
    assert "lost_after_recovery" in raced.verdict.checks
