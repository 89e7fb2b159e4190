"""Logs as schedulers, queues and CI systems write them, with counts and instants by hand."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

import jobsim
from jobsim.logs.source import TraceError

Read = Callable[..., jobsim.Log]
nan = float("nan")
AT = 1_772_355_600  # 2026-03-01T09:00:00Z


@pytest.fixture
def log(tmp_path) -> Read:
    def read(content: str | list | dict, name: str = "log.json", **options) -> jobsim.Log:
        path = tmp_path / name
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return jobsim.read_log(path, **options)

    return read


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def is_so(found: jobsim.Log, **expected: list) -> None:
    for name, values in expected.items():
        got = found.jobs[name].tolist()
        if name == "outcome":
            assert got == values
        else:
            np.testing.assert_allclose(got, values, atol=1e-6, err_msg=name)


def celery(kind: str, uuid: str, seconds: float, **more: object) -> dict:
    return {"type": f"task-{kind}", "uuid": uuid, "timestamp": AT + seconds, **more}


def test_celerys_events_are_put_together_though_one_of_them_has_a_runtime(log):
    found = log(lines([
        celery("sent", "a", 0.1), celery("received", "a", 0.25), celery("started", "a", 2.5),
        celery("succeeded", "a", 4.75, runtime=2.25),
        celery("sent", "b", 1.0), celery("started", "b", 5.0),
        celery("retried", "b", 5.5, exception="OSError()"), celery("started", "b", 7.0),
        celery("failed", "b", 8.0, exception="OSError()"),
        celery("sent", "c", 3.0), {"type": "worker-heartbeat", "timestamp": AT + 4.0},
        celery("sent", "d", 3.5), celery("revoked", "d", 4.0),
    ]))  # fmt: skip
    is_so(
        found,
        request=[0, 1, 1, 2],
        attempt=[1, 1, 2, 1],
        arrival=[0.0, 0.9, 6.9, 3.4],
        service=[2.25, 0.5, 1.0, 0.0],
        outcome=["completed", "failed", "failed", "cancelled_before"],
    )
    assert len(found.unfinished) == 1
    assert "outcomes from the events" in repr(found)


def test_starts_and_ends_of_sidekiq_ask_for_the_arrival(log):
    rows = [("00.120", "j1", "start"), ("01.620", "j1", "done"), ("00.500", "j2", "start"),
            ("03.000", "j2", "fail"), ("04.000", "j3", "start")]  # fmt: skip
    text = lines([
        {"ts": f"2026-03-01T10:00:{at}Z", "msg": msg, "ctx": {"jid": job, "elapsed": None}}
        for at, job, msg in rows
    ])  # fmt: skip
    with pytest.raises(TraceError, match=r"events=\{'start': 'arrival'\}"):
        log(text)
    found = log(text, events={"start": "arrival"})
    is_so(found, arrival=[0.0, 0.38], service=[1.5, 2.5], outcome=["completed", "failed"])
    assert len(found.unfinished) == 1


def test_a_column_of_types_or_messages_is_no_event(log):
    found = log("id,type,message,created_at,duration_s\n1,mail,started,0,2\n2,report,done,5,3\n",
                name="log.csv")  # fmt: skip
    is_so(found, arrival=[0.0, 5.0], service=[2.0, 3.0])


def test_a_latency_is_measured_from_the_arrival_where_the_start_is_known(log):
    found = log("id,enqueued_us,dequeued_us,latency_us\n" + "".join(
        f"{i},{AT * 10**6 + i * 250_000},{AT * 10**6 + i * 251_500},{200_000 + i * 1000}\n"
        for i in range(4)
    ), name="log.csv")  # fmt: skip
    is_so(found, wait=[0.0, 0.0015, 0.003, 0.0045], service=[0.2, 0.1995, 0.199, 0.1985])


def test_an_exit_code_counts_where_a_job_is_only_said_to_be_over(log):
    found = log(
        "id,state,created_at,started_at,finished_at,exit_status\n"
        "1,finished,2026-03-01T10:00:00Z,2026-03-01T10:00:09Z,2026-03-01T10:01:00Z,0\n"
        "2,finished,2026-03-01T10:00:00Z,2026-03-01T10:00:19Z,2026-03-01T10:01:30Z,1\n"
        "3,passed,2026-03-01T10:00:00Z,2026-03-01T10:00:19Z,2026-03-01T10:01:30Z,1\n"
        "4,canceled,2026-03-01T10:00:00Z,,2026-03-01T10:00:30Z,\n",
        name="buildkite.csv",
    )
    is_so(found, outcome=["completed", "failed", "completed", "cancelled_before"])


def test_jobs_without_an_error_and_without_an_end_go_on(log):
    found = log(lines([
        {"id": "0", "timestamp": AT * 1000, "processedOn": AT * 1000 + 500,
         "finishedOn": AT * 1000 + 2500},
        {"id": "1", "timestamp": AT * 1000 + 1000, "processedOn": AT * 1000 + 3000,
         "finishedOn": AT * 1000 + 3100, "failedReason": "boom"},
        {"id": "2", "timestamp": AT * 1000 + 2000, "processedOn": AT * 1000 + 4000},
        {"id": "3", "timestamp": AT * 1000 + 3000},
    ]))  # fmt: skip
    is_so(found, wait=[0.5, 2.0], service=[2.0, 0.1], outcome=["completed", "failed"])
    assert found.unfinished["started"].tolist()[0] == 4.0
    assert found.skipped == {"not over": 2}


def kubernetes(name: str, created: str, **status: object) -> dict:
    return {"metadata": {"name": name, "uid": name, "creationTimestamp": created}, "status": status}


def test_a_count_of_failed_pods_is_a_failure_and_not_a_running_job(log):
    found = log({"kind": "List", "items": [
        kubernetes("j1", "2026-03-01T10:00:00Z", startTime="2026-03-01T10:00:05Z",
                   completionTime="2026-03-01T10:01:05Z", succeeded=1, failed=1),
        kubernetes("j2", "2026-03-01T10:00:30Z", startTime="2026-03-01T10:00:35Z", failed=3),
        kubernetes("j3", "2026-03-01T10:00:40Z", startTime="2026-03-01T10:00:45Z", active=1),
    ]})  # fmt: skip
    is_so(found, wait=[5.0], service=[60.0], outcome=["completed"])
    assert found.skipped == {"missing status.completionTime": 1, "not over": 1}


def gitlab(number: int, status: str, start: float | None, queued: float | None, end: float) -> dict:
    def at(seconds: float | None) -> str | None:
        return None if seconds is None else f"2026-03-01T10:{seconds / 60:02.0f}:00.000Z"

    took = None if start is None else end - start
    return {"id": number, "status": status, "created_at": at(0), "started_at": at(start),
            "finished_at": at(end), "duration": took, "queued_duration": queued}  # fmt: skip


def test_gitlabs_jobs_arrive_when_they_may_run(log):
    """Created with their pipeline, they wait for other stages before they queue for a runner."""
    found = log([gitlab(1, "success", 120.0, 60.0, 240.0), gitlab(2, "failed", 180.0, 60.0, 360.0),
                 gitlab(3, "canceled", None, None, 300.0)])  # fmt: skip
    is_so(found, arrival=[0.0, 60.0], wait=[60.0, 60.0], outcome=["completed", "failed"])
    assert found.skipped == {"missing duration": 1}


def test_jenkins_milliseconds_are_asked_about(log):
    builds = [{"number": n, "timestamp": AT * 1000 + n * 60_000, "duration": took, "result": result}
              for n, took, result in ((1, 61_000, "SUCCESS"), (2, 125_500, "FAILURE"),
                                      (3, 30_000, "ABORTED"), (4, 0, None))]  # fmt: skip
    with pytest.raises(TraceError, match=r"unit=\{'duration': 'ms'\}"):
        log({"builds": builds})
    found = log({"builds": builds}, unit={"duration": "ms"})
    is_so(found, service=[61.0, 125.5, 30.0], outcome=["completed", "failed", "cancelled_during"])


def test_airflows_tries_and_skips(log):
    found = log(
        "task_id,state,try_number,queued_dttm,start_date,end_date,duration\n"
        "load,success,1,2026-03-01 00:00:05.5+00:00,2026-03-01 00:00:09.5+00:00,"
        "2026-03-01 00:01:09.5+00:00,60.0\n"
        "load,upstream_failed,0,,,2026-03-02 00:00:00+00:00,\n"
        "clean,running,1,2026-03-02 00:00:01+00:00,2026-03-02 00:00:03+00:00,,\n"
        "pub,up_for_retry,1,2026-03-02 00:00:02+00:00,2026-03-02 00:00:04+00:00,"
        "2026-03-02 00:00:14+00:00,10.0\n"
        "rep,skipped,1,,2026-03-02 00:00:20+00:00,2026-03-02 00:00:20+00:00,0.0\n",
        name="task_instance.csv",
    )  # fmt: skip
    is_so(found, wait=[4.0, 2.0], service=[60.0, 10.0], outcome=["completed", "failed"])
    assert found.skipped == {"never meant to run": 2, "not over": 1}


def test_a_german_table_with_decimal_commas_and_units(log):
    found = log(
        "Auftrag;Eingang;Bezahlt am;Begonnen;Beendet;Dauer (min);Status\n"
        "1;13.03.2026 08:00:00;13.03.2026 08:00:30;13.03.2026 08:01:00;"
        "13.03.2026 08:02:30;1,5;erledigt\n"
        "2;13.03.2026 08:00:10;13.03.2026 08:01:10;13.03.2026 08:02:30;"
        "13.03.2026 08:05:00;2,5;fehlgeschlagen\n"
        "3;13.03.2026 08:05:00;;;;;offen\n"
        "4;01.04.2026 08:05:00;01.04.2026 08:05:30;01.04.2026 08:06:00;"
        "01.04.2026 08:06:45;0,75;erledigt\n",
        name="auftraege.csv",
    )  # fmt: skip
    is_so(
        found,
        arrival=[0.0, 10.0, 300.0, 1_641_900.0],
        paid=[30.0, 70.0, nan, 1_641_930.0],
        service=[90.0, 150.0, 0.0, 45.0],
        outcome=["completed", "failed", "unpaid", "completed"],
    )


def test_pbs_in_a_queue_and_laravels_reserved_jobs(log):
    pbs = log(f"jobid;qtime;start;end;Exit_status;resources_used.walltime\n"
              f"1.s;{AT};{AT + 60};{AT + 3660};0;01:00:00\n"
              f"2.s;{AT + 100};{AT + 160};{AT + 190};271;00:00:30\n", name="pbs.csv")  # fmt: skip
    is_so(pbs, wait=[60.0, 60.0], service=[3600.0, 30.0], outcome=["completed", "failed"])
    laravel = log(f"id,attempts,reserved_at,created_at,finished_at\n1,1,{AT + 5},{AT},{AT + 10}\n"
                  f"2,0,0,{AT + 40},0\n", name="jobs.csv")  # fmt: skip
    is_so(laravel, wait=[5.0], service=[5.0])
    assert len(laravel.unfinished) == 1


def test_codes_of_states_can_be_mapped(log):
    text = f"QDate,JobStartDate,CompletionDate,JobStatus\n{AT},{AT + 60},{AT + 120},4\n{AT},0,0,1\n"
    with pytest.raises(TraceError, match=r"outcomes=\{'4': 'completed', \.\.\.\}"):
        log(text, name="condor.csv")
    found = log(text, name="condor.csv", outcomes={"4": "completed", "1": "unfinished"})
    is_so(found, wait=[60.0], outcome=["completed"])
    assert len(found.unfinished) == 1


def test_times_of_day_without_a_date_are_refused(log):
    with pytest.raises(TraceError, match="'submitted', 'started', 'finished' hold times of day"):
        log("id,submitted,started,finished\n1,23:59:50,00:00:10,00:01:00\n", name="log.csv")
