"""Logs as schedulers, queues and CI systems write them, with counts and instants by hand."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
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
    # The third never started: nothing but its creation tells when it arrived.
    is_so(found, arrival=[0.0, 60.0, 120.0], wait=[nan, 60.0, 60.0],
          outcome=["cancelled_before", "completed", "failed"])  # fmt: skip
    assert not found.skipped


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


def at(seconds: float | None, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str | None:
    return None if seconds is None else pd.Timestamp(AT + seconds, unit="s").strftime(form)


def test_githubs_runs_end_when_they_were_last_touched(log):
    rows = [{"conclusion": how, "createdAt": at(begin), "databaseId": n, "event": "push",
             "startedAt": at(begin), "status": state, "updatedAt": at(end), "workflowName": "CI"}
            for n, (how, state, begin, end) in enumerate([
                ("success", "completed", 0, 60), ("timed_out", "completed", 30, 90),
                ("skipped", "completed", 40, 41), ("", "in_progress", 50, 90)])]  # fmt: skip
    found = log(rows)
    is_so(found, arrival=[0.0, 30.0], service=[60.0, 60.0], outcome=["completed", "failed"])
    assert found.skipped == {"never meant to run": 1, "not over": 1}
    assert "updatedAt is taken for the end" in repr(found)


def test_objects_by_their_identifier_are_rows(log):
    tasks = {f"u-{n}": {"uuid": f"u-{n}", "state": state, "received": AT + n, "started": AT + n + 1,
                        "succeeded": AT + n + 3 if state == "SUCCESS" else None,
                        "failed": AT + n + 4 if state == "FAILURE" else None, "runtime": None}
             for n, state in enumerate(["SUCCESS", "FAILURE", "STARTED"])}  # fmt: skip
    found = log(tasks)
    is_so(found, wait=[1.0, 1.0], service=[2.0, 3.0], outcome=["completed", "failed"])
    assert len(found.unfinished) == 1
    qstat = {"pbs_version": "20", "Jobs": {f"{n}.srv": {
        "job_state": "F", "Exit_status": n, "qtime": at(0, "%a %b %d %H:%M:%S %Y"),
        "stime": at(9, "%a %b %d %H:%M:%S %Y"), "resources_used": {"walltime": "00:01:00"}}
        for n in (0, 1)}}  # fmt: skip
    is_so(log(qstat), wait=[9.0, 9.0], service=[60.0, 60.0], outcome=["completed", "failed"])


def test_one_of_several_lists_is_asked_about(log):
    builds = [{"created_at": at(0), "duration_s": 5}]
    text = {"page": {"agents": [{"name": "a"}], "builds": builds}}
    with pytest.raises(TraceError, match=r"'agents', 'builds': say which, table='agents'"):
        log(text)
    is_so(log(text, table="builds"), service=[5.0])
    # Pages that a client wrote one after the other.
    is_so(log(json.dumps(builds) + "\n" + json.dumps(builds), name="p.json"), service=[5.0, 5.0])


def test_a_failed_kubernetes_job_ends_by_its_condition(log):
    def job(name: str, **status: object) -> dict:
        return kubernetes(name, at(0), startTime=at(5), **status)  # type: ignore[arg-type]

    ends = [{"type": "Failed", "status": "True", "lastTransitionTime": at(65)}]
    found = log({"items": [job("a", completionTime=at(35), succeeded=1),
                           job("b", failed=7, conditions=ends)]})  # fmt: skip
    is_so(found, service=[30.0, 60.0], outcome=["completed", "failed"])


def test_a_result_counts_where_a_status_only_says_over(log):
    rows = [{"id": n, "status": "completed", "result": result, "queueTime": at(0),
             "startTime": at(5), "finishTime": at(9), "user": {"status": "failed"}}
            for n, result in enumerate(["succeeded", "failed", "canceled"])]  # fmt: skip
    is_so(log({"value": rows}), outcome=["completed", "failed", "cancelled_during"])


def test_an_outcome_is_known_by_its_words_where_no_name_tells(log):
    text = (
        "id,created,took_s,payment,verdict,{}\n1,0,5,failed,Succeeded,ok\n2,1,5,ok,Failed,draft\n"
    )
    found = log(text.format("note"), name="log.csv")
    is_so(found, outcome=["completed", "failed"])
    with pytest.raises(TraceError, match=r"'verdict' and 'other' .*columns=\{'status': 'verdict'"):
        log(text.format("other").replace("draft", "error"), name="log.csv")


def test_small_codes_of_states_are_not_taken_for_exits(log):
    rows = "".join(f"{n},{n},5\n" for n in range(5))
    with pytest.raises(TraceError, match="holds the numbers 0, 1, 2, 3, 4"):
        log("status,created,took_s\n" + rows, name="log.csv")


def test_nextflows_duration_holds_the_wait(log):
    found = log("task_id\tnative_id\tstatus\tsubmit\tduration\trealtime\n"
                "1\t7\tCOMPLETED\t2026-03-01 09:00:00.500\t1m 5s\t1m\n"
                "2\t8\tFAILED\t2026-03-01 09:00:10.500\t900ms\t900ms\n",
                name="trace.txt")  # fmt: skip
    is_so(found, wait=[5.0, 0.0], service=[60.0, 0.9], outcome=["completed", "failed"])


def test_two_times_of_arrival_are_asked_about(log):
    text = ("id,state,created_at,runnable_at,started_at,finished_at\n"
            f"1,passed,{at(0)},{at(60)},{at(61)},{at(70)}\n")  # fmt: skip
    with pytest.raises(TraceError, match="both 'created_at' and 'runnable_at'"):
        log(text, name="buildkite.csv")
    found = log(text, name="buildkite.csv", columns={"arrival": "runnable_at"})
    is_so(found, wait=[1.0], service=[9.0])


def test_lsf_words_and_forms(log):
    found = log({"COMMAND": "bjobs", "RECORDS": [
        {"JOBID": "1", "STAT": "DONE", "SUBMIT_TIME": "Mar  1 09:00:00 2026",
         "START_TIME": "Mar  1 09:00:05 2026", "RUN_TIME": "30 second(s)"},
        {"JOBID": "2", "STAT": "EXIT", "SUBMIT_TIME": "Mar 11 09:00:00 2026",
         "START_TIME": "Mar 11 09:00:05 2026", "RUN_TIME": "7 second(s)"},
        {"JOBID": "3", "STAT": "PEND", "SUBMIT_TIME": "Mar 11 09:00:00 2026",
         "START_TIME": "", "RUN_TIME": ""}]})  # fmt: skip
    is_so(found, wait=[5.0, 5.0], service=[30.0, 7.0], outcome=["completed", "failed"])
    assert found.skipped == {"not over": 1}


def test_an_activity_of_a_case_is_a_job(log):
    text = "case:concept:name,concept:name,lifecycle:transition,time:timestamp\n" + "".join(
        f"c1,{what},{move},{at(when)}\n"
        for what, move, when in [("Check", "schedule", 0), ("Pay", "schedule", 1),
                                 ("Check", "start", 2), ("Check", "complete", 5),
                                 ("Pay", "start", 5), ("Pay", "ate_abort", 9)]
    )  # fmt: skip
    found = log(text, name="xes.csv")
    is_so(found, wait=[2.0, 4.0], service=[3.0, 4.0], outcome=["completed", "failed"])


def test_an_error_names_the_columns_that_hold_moments(log):
    with pytest.raises(TraceError, match=r"moments are in 'Angenommen', 'Geholt'\)"):
        log(f"Nr,Angenommen,Geholt\n1,{at(0)},{at(5)}\n", name="log.csv")


def test_pending_tasks_of_an_array_are_jobs_each(log):
    head = "JobID|State|Submit|Start|End|Elapsed\n9_1|COMPLETED|2026-03-01T08:00:00|"
    head += "2026-03-01T08:05:00|2026-03-01T09:05:00|01:00:00\n"
    for job, tasks in [("9_[3-9]", 7), ("9_[3-9%2]", 7), ("9_[1,4,7-9]", 5), ("9_[0-8:4]", 3)]:
        found = log(f"{head}{job}|PENDING|2026-03-01T08:00:00|Unknown|Unknown|00:00:00\n",
                    name="sacct.txt")  # fmt: skip
        assert (len(found.unfinished), found.skipped) == (tasks, {"not over": tasks})
        assert found.rows == len(found) + tasks
        assert f"1 row of pending arrays stands for {tasks} tasks" in found.notes
    odd = "9_[3-99999999999]|PENDING|2026-03-01T08:00:00|Unknown|Unknown|00:00:00\n"
    assert len(log(head + odd, name="sacct.txt").unfinished) == 1


def test_workers_are_as_many_as_the_log_shows(log):
    found = log("created,started,finished\n0,0,9\n0,1,9\n0,2,9\n0,3,9\n0,4,9\n", name="log.csv")
    scenario = found.workload().scenario
    assert scenario.workers == 5
    assert scenario.why == "As many workers as the log shows at work at once."
