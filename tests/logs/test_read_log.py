"""Logs as people have them: each case states what is right, or what is asked."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import jobsim
from jobsim.logs.source import TraceError

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
shared = pytest.mark.skipif(not CASES.is_dir(), reason="the sample cases are not here")
nan = float("nan")


@pytest.fixture
def log(tmp_path):
    def read(text: str | bytes, name: str = "log.csv", **options) -> jobsim.Log:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return jobsim.read_log(path, **options)

    return read


def column(found: jobsim.Log, name: str) -> list:
    return found.jobs[name].tolist()


def same(found: list, expected: list) -> None:
    np.testing.assert_allclose(found, expected, atol=1e-6)


def counts(found: jobsim.Log) -> dict[str, int]:
    return {str(k): int(v) for k, v in found.jobs["outcome"].value_counts().items() if v}


# The cases that were given


@shared
def test_an_end_and_a_wait_do_not_hide_the_submission():
    found = jobsim.read_log(CASES / "01-end-and-wait-known.csv")
    same(column(found, "arrival"), [0, 10, 20])
    same(column(found, "wait"), [0, 90, 180])
    assert "'submission_time'" in repr(found)
    assert found.workload().logged_wait.tolist() == [0.0, 90.0, 180.0]


@shared
def test_sacct_with_clock_forms():
    found = jobsim.read_log(CASES / "02-sacct-parsable.csv")
    same(column(found, "service"), [3600, 1800, 93_600, 0])
    outcomes = ["completed", "cancelled_during", "failed", "cancelled_before"]
    assert column(found, "outcome") == outcomes
    assert found.skipped == {"not over": 1}
    assert found.unfinished["service"].tolist() == [10_800.0]


@shared
def test_sacct_with_raw_seconds_and_more_states():
    found = jobsim.read_log(CASES / "03-sacct-raw-seconds.csv")
    assert counts(found) == {
        "completed": 1, "failed": 3, "cancelled_during": 2, "cancelled_before": 1,
        "unrecognised": 1,
    }  # fmt: skip
    assert found.skipped == {"not over": 2}
    assert "PREEMPTED is unknown: 1" in repr(found)
    assert found.workload().fails.sum() == 3 + 2 + 1


@shared
def test_three_instants_without_a_duration():
    found = jobsim.read_log(CASES / "05-three-instants.csv")
    same(column(found, "service"), [30, 10, 1])
    same(column(found, "wait"), [1, 26, 35])


@shared
def test_a_payment_gives_its_delay_and_one_that_never_came_an_unpaid_job():
    found = jobsim.read_log(CASES / "07-paid-at.csv")
    workload = found.workload()
    np.testing.assert_array_equal(workload.delay, [120, 30, nan, 130])
    assert column(found, "outcome")[2] == "unpaid"
    assert found.skipped == {}
    assert workload.source.unpaid == 1


@shared
def test_a_start_is_no_arrival():
    found = jobsim.read_log(CASES / "08-queued-then-started.csv")
    same(column(found, "arrival"), [0, 0, 0])
    same(column(found, "wait"), [0, 60, 120])


@shared
def test_deliveries_of_one_job_are_its_attempts():
    found = jobsim.read_log(CASES / "20-one-job-many-deliveries.csv")
    assert found.requests == 2
    assert found.endings() == {"completed": 2}
    same(found.jobs.loc[found.jobs["request"] == 0, "started"], [0, 600, 1800])
    assert column(found, "attempt") == [1, 2, 3, 1]
    assert "2 jobs in 4 attempts" in found.workload().source.describe()


@shared
def test_a_stray_zero_among_dates_is_skipped_and_counted():
    found = jobsim.read_log(CASES / "21-stray-zero-in-dates.csv")
    same(column(found, "arrival"), [0, 60, 120])
    assert found.skipped == {"missing created_at": 1}


@shared
def test_a_load_testers_milliseconds_are_known_by_its_header():
    found = jobsim.read_log(CASES / "22-load-test-iso-milliseconds.csv")
    sojourn = found.jobs["finished"] - found.jobs["arrival"]
    assert sojourn.mean() == pytest.approx(10.12)
    assert counts(found) == {"completed": 2, "failed": 1}
    assert "milliseconds, JMeter writes milliseconds" in repr(found)


@shared
def test_utf16_is_read():
    found = jobsim.read_log(CASES / "23-utf16.csv")
    same(column(found, "arrival"), [0, 5])
    assert "read as UTF-16-LE" in found.notes


def test_exit_codes_are_not_inverted(log):
    found = log("created,duration,status\n0,1,0\n1,1,1\n2,1,137\n")
    assert column(found, "outcome") == ["completed", "failed", "failed"]
    assert any("137" in note for note in found.notes)
    named = log("created,duration,exit_code\n0,1,0\n1,1,1\n")
    assert column(named, "outcome") == ["completed", "failed"]


@pytest.mark.parametrize("odd", ["9999-12-31", "-1", "1970-01-01", "Unknown", "", "0000-00-00"])
def test_a_sentinel_among_dates_costs_its_row_only(log, odd):
    rows = "".join(f"2026-01-01T00:00:{n:02},{n}\n" for n in range(1, 20))
    found = log(f"submit,run_time\n{rows}{odd},7\n")
    assert len(found) == 19
    assert found.skipped == {"missing submit": 1}


def test_a_column_named_twice_is_an_error(log):
    with pytest.raises(TraceError, match="two columns 'duration'"):
        log("created,duration,duration\n1,2,3\n")


def test_received_started_runtime():
    frame = pd.DataFrame({"received": [0.0, 5.0], "started": [2.0, 9.0], "runtime": [3.0, 1.0]})
    found = jobsim.read_log(frame)
    same(column(found, "arrival"), [0, 5])
    same(column(found, "wait"), [2, 4])


def test_a_start_alone_is_asked_about(log):
    with pytest.raises(TraceError, match=r"columns=\{'arrival': 'start'\}"):
        log("start,runtime\n10,1\n12,2\n")
    found = log("start,runtime\n10,1\n12,2\n", columns={"arrival": "start"})
    same(column(found, "arrival"), [0, 2])


# Forms of durations


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1-02:00:00", "00:10:00"], [93_600, 600]),
        (["1:02:03.5", "0:00:01"], [3723.5, 1]),
        (["00:00:05,250", "00:01:00,000"], [5.25, 60]),
        (["PT1M30S", "P1DT2H"], [90, 93_600]),
        (["1 day, 6:00:00", "2 days, 0:00:01"], [108_000, 172_801]),
        (["1 days 02:00:00", "0 days 00:00:09"], [93_600, 9]),
        (["4m 21s", "1h 2m"], [261, 3720]),
        (["90", "2.5"], [90, 2.5]),
        (["350ms", "1.5 s"], [0.35, 1.5]),
        (["2 hours", "3 min"], [7200, 180]),
        (["00:30.250", "12:00:01"], [30.25, 43_201]),
    ],
)
def test_durations_in_every_form(cells, expected):
    frame = pd.DataFrame({"created": [0, 1], "duration": cells})
    same(column(jobsim.read_log(frame), "service"), expected)


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ("duration_ms", 1e-3), ("Elapsed (min)", 60), ("latency_us", 1e-6), ("runTimeMillis", 1e-3),
        ("duration [h]", 3600), ("run_time_seconds", 1), ("elapsed_ns", 1e-9),
        ("queueing Duration (s)", None), ("durationMs", 1e-3), ("execution_time_in_minutes", 60),
    ],
)  # fmt: skip
def test_a_unit_in_the_header_is_heeded(header, factor):
    frame = pd.DataFrame({"created": [0, 1], header: [30.0, 60.0]})
    if factor is None:
        frame["duration_s"] = [30.0, 60.0]
        same(column(jobsim.read_log(frame), "wait"), [30, 60])
        return
    same(column(jobsim.read_log(frame), "service"), [30 * factor, 60 * factor])


@pytest.mark.parametrize("header", ["Elapsed (jiffies)", "duration_ticks", "run time [weeks]"])
def test_a_unit_that_is_not_known_is_refused(header):
    frame = pd.DataFrame({"created": [0, 1], header: [30.0, 60.0]})
    with pytest.raises(TraceError, match="not known: say which it is"):
        jobsim.read_log(frame)
    same(column(jobsim.read_log(frame, unit={header: "s"}), "service"), [30, 60])


def test_a_unit_is_learned_from_the_instants():
    frame = pd.DataFrame(
        {
            "created": pd.to_datetime(["2026-01-01 10:00:00", "2026-01-01 10:00:05"]),
            "started": pd.to_datetime(["2026-01-01 10:00:01", "2026-01-01 10:00:07"]),
            "finished": pd.to_datetime(["2026-01-01 10:00:21", "2026-01-01 10:00:37"]),
            "duration": [20_000, 30_000],
        }
    )
    found = jobsim.read_log(frame)
    same(column(found, "service"), [20, 30])
    assert "milliseconds, as its instants show" in repr(found)


def test_a_unit_that_the_instants_contradict_is_asked_about():
    frame = pd.DataFrame(
        {
            "created": [1_769_817_600, 1_769_817_610],
            "started": [1_769_817_600, 1_769_817_610],
            "finished": [1_769_817_630, 1_769_817_650],
            "duration_ms": [30, 40],
        }
    )
    with pytest.raises(TraceError, match="says milliseconds, but its instants say seconds"):
        jobsim.read_log(frame)
    same(column(jobsim.read_log(frame, unit={"duration_ms": "s"}), "service"), [30, 40])


def test_a_bare_duration_beside_fine_unix_times_is_asked_about():
    frame = pd.DataFrame({"created": [1_769_817_600_000, 1_769_817_610_000], "took": [30, 40]})
    with pytest.raises(TraceError, match=r"unit=\{'took': 'ms'\} or 's'"):
        jobsim.read_log(frame)
    same(column(jobsim.read_log(frame, unit="ms"), "service"), [0.03, 0.04])


def test_a_clock_of_two_numbers_is_asked_about():
    frame = pd.DataFrame({"created": [0, 60], "duration": ["05:30", "01:00"]})
    with pytest.raises(TraceError, match="minutes and seconds or hours and minutes"):
        jobsim.read_log(frame)
    same(column(jobsim.read_log(frame, unit={"duration": "m:s"}), "service"), [330, 60])
    same(column(jobsim.read_log(frame, unit={"duration": "h:m"}), "service"), [19_800, 3600])
    frame["started"], frame["finished"] = [0, 60], [330, 120]
    same(column(jobsim.read_log(frame), "service"), [330, 60])


def test_a_negative_duration_is_missing():
    frame = pd.DataFrame({"created": [0, 1, 2], "duration": [5.0, -3.0, -1.0]})
    found = jobsim.read_log(frame)
    assert found.skipped == {"negative duration": 1, "missing duration": 1}


# Forms of instants


@pytest.mark.parametrize("size", [1, 1000, 10**6, 10**9])
def test_unix_times_are_recognised_by_their_size(size):
    frame = pd.DataFrame({"created_at": [1_769_817_600 * size, 1_769_817_605 * size], "took_s": 1})
    found = jobsim.read_log(frame)
    same(column(found, "arrival"), [0, 5])
    assert "by its size" in repr(found)
    assert found.dates()[0] == pd.Timestamp("2026-01-31", tz="UTC")


@pytest.mark.parametrize(
    ("cells", "step"),
    [
        (["2026-01-31 10:00:00", "2026-01-31 10:00:05"], 5),
        (["2026-01-31T10:00:00,250", "2026-01-31T10:00:01,500"], 1.25),
        (["2026-01-31T10:00:00+02:00", "2026-01-31T09:00:00Z"], 3600),
        (["2026/01/31 10:00:00", "2026/01/31 10:00:05"], 5),
        (["31/01/2026 10:00", "01/02/2026 10:00"], 86_400),
        (["01/31/2026 10:00:00 AM", "01/31/2026 01:00:00 PM"], 10_800),
        (["31.01.2026 10:00:00", "01.02.2026 10:00:00"], 86_400),
        (["31/Jan/2026:10:00:00 +0000", "31/Jan/2026:10:00:09 +0000"], 9),
        (["Sat Jan 31 10:00:00 2026", "Sun Feb  1 10:00:00 2026"], 86_400),
        (["Sat, 31 Jan 2026 10:00:00 GMT", "Sat, 31 Jan 2026 10:00:07 GMT"], 7),
        (["Jan 31, 2026 10:00:00", "Jan 31, 2026 10:00:03"], 3),
        (["20260131T100000Z", "20260131T100004Z"], 4),
        (["2026-01-31 10:00:00 UTC", "2026-01-31 10:00:02 UTC"], 2),
        (["2026-01-31", "2026-02-01"], 86_400),
    ],
)
def test_dates_in_every_form(cells, step):
    frame = pd.DataFrame({"created": cells, "duration_s": [1.0, 2.0]})
    found = jobsim.read_log(frame)
    same(column(found, "arrival"), [0, step])
    assert found.skipped == {}


def test_day_and_month_are_never_swapped_within_a_column():
    cells = ["13/01/2026 00:00", "02/01/2026 00:00"]
    frame = pd.DataFrame({"created": cells, "duration_s": [1.0, 2.0]})
    same(column(jobsim.read_log(frame), "arrival"), [0, 11 * 86_400])


def test_day_and_month_that_cannot_be_told_are_asked_about():
    frame = pd.DataFrame({"created": ["01/02/2026", "03/04/2026"], "duration_s": [1, 2]})
    with pytest.raises(TraceError, match="dayfirst=True or dayfirst=False"):
        jobsim.read_log(frame)
    first = jobsim.read_log(frame, dayfirst=True)
    assert first.dates()[0] == pd.Timestamp("2026-02-01")
    assert jobsim.read_log(frame, dayfirst=False).dates()[0] == pd.Timestamp("2026-01-02")


def test_dates_with_a_zone_and_without_are_asked_about():
    cells = ["2026-01-31T10:00:00Z", "2026-01-31T10:00:05"]
    frame = pd.DataFrame({"created": cells, "duration_s": [1, 2]})
    with pytest.raises(TraceError, match="timezone="):
        jobsim.read_log(frame)
    same(column(jobsim.read_log(frame, timezone="UTC"), "arrival"), [0, 5])
    apart = pd.DataFrame({"created": cells[:1], "started": cells[1:], "duration_s": [1]})
    with pytest.raises(TraceError, match="'started' have no zone"):
        jobsim.read_log(apart)


def test_a_zone_is_heeded_over_a_change_of_the_clocks():
    cells = ["2026-03-29 01:30:00", "2026-03-29 03:30:00"]
    frame = pd.DataFrame({"created": cells, "duration_s": [1, 2]})
    same(column(jobsim.read_log(frame), "arrival"), [0, 7200])
    zoned = jobsim.read_log(frame, timezone="Europe/Zurich")
    same(column(zoned, "arrival"), [0, 3600])
    with pytest.raises(TraceError, match="Nowhere"):
        jobsim.read_log(frame, timezone="Nowhere/Here")


def test_whatever_types_a_frame_has():
    at = dt.datetime(2026, 1, 31, 10, tzinfo=dt.timezone.utc)
    frame = pd.DataFrame(
        {
            "created": [at, at + dt.timedelta(seconds=5)],
            "duration": pd.Series([dt.timedelta(seconds=3), dt.timedelta(seconds=4)], dtype=object),
            "wait_s": [Decimal("1.5"), Decimal(0)],
            "ok": [True, False],
        }
    )
    found = jobsim.read_log(frame)
    same(column(found, "service"), [3, 4])
    same(column(found, "wait"), [1.5, 0])
    assert column(found, "outcome") == ["completed", "failed"]


def test_arrow_types_are_read():
    table = pa.table(
        {
            "created": pa.array([1_769_817_600, 1_769_904_000], pa.timestamp("s")),
            "took": pa.array([dt.timedelta(seconds=3), None], pa.duration("ms")),
            "state": ["done", "error"],
        }
    )
    found = jobsim.read_log(table.to_pandas(types_mapper=pd.ArrowDtype))
    same(column(found, "service"), [3])
    assert found.skipped == {"missing took": 1}


# Formats


ROWS = [("2026-01-31T00:00:00Z", "1.5", "ok"), ("2026-01-31T00:00:04Z", "2", "error")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_any_separator_quoted_or_not(log, separator, quote):
    lines = [("created", "duration", "status"), *ROWS]
    text = "\n".join(separator.join(f"{quote}{cell}{quote}" for cell in line) for line in lines)
    for data in (text.encode(), text.replace("\n", "\r\n").encode(), gzip.compress(text.encode())):
        found = log(data)
        same(column(found, "service"), [1.5, 2])
        same(column(found, "arrival"), [0, 4])


def test_a_comma_in_a_header_and_a_decimal_comma(log):
    found = log('"created, local";"duration, s"\n0;"1,5"\n3;"2,25"\n',
                columns={"arrival": "created, local", "service": "duration, s"})  # fmt: skip
    same(column(found, "service"), [1.5, 2.25])


def test_a_header_in_latin_1_and_nulls_of_databases(log):
    found = log("créé,created,duration\na,1,\\N\nb,2,NULL\nc,3,4\n".encode("latin-1"))
    assert found.skipped == {"missing duration": 2}
    assert any("Latin-1" in note for note in found.notes)


def test_a_file_without_a_header_is_asked_about(log):
    with pytest.raises(TraceError, match="no arrival and service time among '0', '1'"):
        log("10,1.5\n12,2.5\n")
    found = log("10,1.5\n12,2.5\n", columns={"arrival": 0, "service": 1})
    same(column(found, "service"), [1.5, 2.5])


def test_comments_before_the_header_and_a_header_behind_a_hash(log):
    same(column(log("# made by us\n# in 2026\ncreated,duration\n1,2\n"), "service"), [2])
    same(column(log("#created,duration\n1,2\n3,4\n"), "service"), [2, 4])
    same(column(log("sep=;\ncreated;duration\n1;2\n"), "service"), [2])


def test_json_lines_arrays_and_lists_inside_an_object(log):
    rows = [{"createdAt": 1_769_817_600_000 + 1000 * n, "startedAt": 1_769_817_601_000 + 1000 * n,
             "stoppedAt": 1_769_817_605_000 + 1000 * n, "status": "SUCCEEDED",
             "job": {"id": n}} for n in range(3)]  # fmt: skip
    for text in ("\n".join(map(json.dumps, rows)), json.dumps(rows), json.dumps({"jobs": rows})):
        found = log(text, "log.json")
        same(column(found, "service"), [4, 4, 4])
        same(column(found, "wait"), [1, 1, 1])
    with pytest.raises(TraceError, match="nested too deeply"):
        log("[" * 50_000, "log.json")
    with pytest.raises(TraceError, match="no list of objects"):
        log("[1, 2]", "log.json")
    with pytest.raises(TraceError, match="neither JSON"):
        log("{not json", "log.json")


def test_parquet_is_read_and_a_damaged_one_is_named(log, tmp_path):
    path = tmp_path / "log.parquet"
    pd.DataFrame({"created": [1.0, 2.0], "runtime": [3.0, 4.0]}).to_parquet(path)
    same(column(jobsim.read_log(path), "service"), [3, 4])
    with pytest.raises(TraceError, match="damaged Parquet"):
        log(path.read_bytes()[:60], "cut.parquet")


def test_a_database_is_read_by_url_and_table(tmp_path):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    url = f"sqlite:///{tmp_path}/jobs.db"
    engine = sqlalchemy.create_engine(url)
    frame = pd.DataFrame({"created_at": ["2026-01-31 10:00:00", "2026-01-31 10:00:02"],
                          "runtime": [1.0, 2.0]})  # fmt: skip
    frame.to_sql("jobs", engine, index=False)
    engine.dispose()
    same(column(jobsim.read_log(url, table="jobs"), "arrival"), [0, 2])
    with pytest.raises(TraceError, match="say which table"):
        jobsim.read_log(url)
    with pytest.raises(TraceError, match="'none'"):
        jobsim.read_log(url, table="none")
    with pytest.raises(TraceError, match=r"sqlite:///PATH"):
        jobsim.read_log(tmp_path / "jobs.db")


def test_an_event_log_is_put_together(log):
    found = log(
        "case,activity,timestamp\n"
        "a,created,2026-01-31T00:00:00Z\na,started,2026-01-31T00:00:10Z\n"
        "b,created,2026-01-31T00:00:05Z\na,failed,2026-01-31T00:00:40Z\n"
        "a,started,2026-01-31T00:01:00Z\nb,started,2026-01-31T00:00:40Z\n"
        "a,heartbeat,2026-01-31T00:01:01Z\nb,completed,2026-01-31T00:01:00Z\n"
        "a,completed,2026-01-31T00:01:30Z\n"
    )
    assert found.requests == 2
    assert column(found, "attempt") == [1, 2, 1]
    same(column(found, "started"), [10, 60, 40])
    same(column(found, "service"), [30, 30, 20])
    assert found.endings() == {"completed": 2}
    assert any("heartbeat" in note for note in found.notes)


def test_events_that_nobody_knows_are_asked_about(log):
    text = "case,activity,timestamp\na,created,0\na,GRAB,3\na,completed,5\n"
    with pytest.raises(TraceError, match=r"no event is taken for started among .*'GRAB'"):
        log(text)
    same(column(log(text, events={"GRAB": "started"}), "service"), [2])


def test_a_runs_own_jobs_are_a_log():
    scenario = jobsim.Scenario(
        jobs=300, workers=2, arrivals={"kind": "poisson", "rate": 1.5},
        payment={"delay": {"kind": "exponential", "mean": 2.0}, "abandon": 0.1},
        work={"fail": 0.1},
    )  # fmt: skip
    run = jobsim.run_virtual(scenario)
    found = jobsim.read_log(run.jobs)
    again = jobsim.run_virtual(found.workload(scenario)).jobs
    first = run.jobs["arrival"].iloc[0]
    for name in ("paid", "started", "finished"):
        same(again[name] + first, run.jobs[name])
    assert counts(found)["unpaid"] == int(run.jobs["paid"].isna().sum())


def test_a_start_time_of_swf_that_is_a_date(log):
    text = "; UnixStartTime: 2026-01-31T00:00:00Z\n1 60 5 2.5 1 0 0 1 -1 -1 1\n"
    assert log(text, "log.swf").dates()[0] == pd.Timestamp("2026-01-31 00:01:00", tz="UTC")
    assert log(text.replace("2026-01-31T00:00:00Z", "soon"), "log.swf").dates() is None


# Outcomes


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["SUCCESS", "FAILURE", "ABORTED", "UNSTABLE"], "cf x f"),
        (["succeeded", "failed", "cancelled", "timed_out"], "cf x f"),
        (["COMPLETED", "OUT_OF_ME+", "CANCELLED by 0", "NODE_FAIL"], "cf x f"),
        (["Succeeded", "OOMKilled", "canceled", "DeadlineExceeded"], "cf x f"),
        (["passed", "error", "revoked", "dead"], "cf x f"),
        (["CD", "F", "CA", "TO"], "cf x f"),
    ],
)
def test_words_of_schedulers_queues_and_ci_systems(words, expected):
    names = {"c": "completed", "f": "failed", "x": "cancelled_during"}
    frame = pd.DataFrame({"created": range(4), "duration": 1.0, "state": words})
    assert column(jobsim.read_log(frame), "outcome") == [
        names[w] for w in expected.replace(" ", "")
    ]


def test_words_that_nobody_knows_are_listed_and_never_completed():
    frame = pd.DataFrame({"created": range(3), "duration": 1.0, "state": ["done", "weird", ""]})
    found = jobsim.read_log(frame)
    assert column(found, "outcome") == ["completed", "unrecognised", "unrecognised"]
    assert "weird is unknown: 1" in repr(found)
    assert found.workload().fails.tolist() == [False, True, True]
    told = jobsim.read_log(frame, outcomes={"weird": "completed", "": "failed"})
    assert column(told, "outcome") == ["completed", "completed", "failed"]
    with pytest.raises(TraceError, match="choose from completed, failed"):
        jobsim.read_log(frame, outcomes={"weird": "fine"})


def test_a_conclusion_goes_before_a_status():
    frame = pd.DataFrame(
        {
            "created_at": range(3), "run_started_at": range(3), "duration": 1.0,
            "status": ["completed", "completed", "in_progress"],
            "conclusion": ["success", "failure", None],
        }
    )  # fmt: skip
    found = jobsim.read_log(frame)
    assert column(found, "outcome") == ["completed", "failed"]
    assert found.skipped == {"not over": 1}


def test_zero_and_one_are_asked_about():
    frame = pd.DataFrame({"created": [0, 1], "duration": 1.0, "status": [0, 1]})
    with pytest.raises(TraceError, match="outcomes='exit_code'"):
        jobsim.read_log(frame)
    truth = jobsim.read_log(frame, outcomes="truth")
    assert column(truth, "outcome") == ["failed", "completed"]
    codes = jobsim.read_log(frame, outcomes="exit_code")
    assert column(codes, "outcome") == ["completed", "failed"]


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("failed", [False, True], ["completed", "failed"]),
        ("is_error", ["true", "false"], ["failed", "completed"]),
        ("error", ["", "boom"], ["completed", "failed"]),
        ("ExitCode", ["0:0", "1:0"], ["completed", "failed"]),
        ("response_code", [201, 503], ["completed", "failed"]),
    ],
)
def test_other_columns_that_tell_an_outcome(header, cells, expected):
    frame = pd.DataFrame({"created": [0, 1], "duration": 1.0, header: cells})
    assert column(jobsim.read_log(frame), "outcome") == expected


# Several rows of a job, contradictions, choices


def test_rows_of_one_job_without_numbers_are_attempts_in_order_of_their_starts():
    frame = pd.DataFrame(
        {"job_id": ["x", "x", "y"], "created": [0, 50, 1], "started": [2, 60, 3],
         "finished": [10, 70, 9], "state": ["failed", "ok", "ok"]}
    )  # fmt: skip
    found = jobsim.read_log(frame)
    assert (found.requests, column(found, "attempt")) == (2, [1, 2, 1])
    same(column(found, "wait"), [2, 10, 2])


def test_the_same_row_again_is_left_out_and_counted():
    frame = pd.DataFrame({"job_id": [1, 1, 2], "created": [0, 0, 1], "duration": [5, 5, 6]})
    found = jobsim.read_log(frame)
    assert found.skipped == {"the same row again": 1}
    assert len(found) == 2


def test_steps_of_a_slurm_job_are_no_jobs():
    frame = pd.DataFrame({"JobID": ["7", "7.batch", "7.extern", "8_1"], "Submit": [0, 0, 0, 1],
                          "Elapsed": ["00:01:00"] * 4})  # fmt: skip
    found = jobsim.read_log(frame)
    assert found.skipped == {"step of a job": 2}
    assert found.requests == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"started": -50}, "started before it arrived"),
        ({"finished": 10}, "ended before it started"),
        ({"duration": 500}, "ran longer than from start to end"),
        ({"wait": 77}, "wait differs from its instants"),
    ],
)
def test_rows_that_contradict_themselves_are_counted_apart(change, reason):
    rows = [{"created": 10 * n, "started": 10 * n + 20, "finished": 10 * n + 50, "duration": 30,
             "wait": 20} for n in range(5)]  # fmt: skip
    rows[3] |= change
    found = jobsim.read_log(pd.DataFrame(rows))
    assert found.skipped == {f"contradicts itself: {reason}": 1}
    assert len(found) == 4


def test_a_log_whose_rows_mostly_contradict_themselves_is_refused():
    frame = pd.DataFrame({"created": [9, 10, 11], "started": [1, 2, 3], "finished": [20, 30, 40]})
    with pytest.raises(TraceError, match="a column is not what its name says"):
        jobsim.read_log(frame)


def test_two_columns_that_could_be_the_same_and_differ_are_asked_about():
    frame = pd.DataFrame({"created_at": [0, 1], "submitted_at": [5, 9], "duration": 1.0})
    with pytest.raises(TraceError, match=r"both 'submitted_at' and 'created_at' could be when"):
        jobsim.read_log(frame)
    same(column(jobsim.read_log(frame, columns={"arrival": "submitted_at"}), "arrival"), [0, 4])
    frame["submitted_at"] = frame["created_at"]
    same(column(jobsim.read_log(frame), "arrival"), [0, 1])


def test_the_name_of_a_request_or_a_queue_is_no_instant():
    frame = pd.DataFrame(
        {"request": [7, 8], "queue": ["a", "b"], "created": [0, 1], "took": [2, 3]}
    )
    same(column(jobsim.read_log(frame), "arrival"), [0, 1])


def test_one_queue_of_several(log):
    text = "queue,created,duration\na,1,2\nb,2,3\na,5,4\n"
    assert any("'queue'" in note for note in log(text).notes)
    found = log(text, where={"queue": "a"})
    same(column(found, "arrival"), [0, 4])
    assert found.skipped == {"another queue": 1}
    with pytest.raises(TraceError, match="there are 'a', 'b'"):
        log(text, where={"queue": "c"})
    with pytest.raises(TraceError, match="no column 'pool'"):
        log(text, where={"pool": "c"})


def test_created_and_finished_alone_hide_the_wait_and_say_so():
    found = jobsim.read_log(pd.DataFrame({"created": [0, 5], "finished": [10, 30]}))
    same(column(found, "service"), [10, 25])
    assert any("any wait is part of it" in note for note in found.notes)


def test_queue_time_is_a_moment_or_a_duration_by_its_values():
    at = pd.to_datetime(["2026-01-31 10:00:00", "2026-01-31 10:01:00"])
    later = at + pd.Timedelta("5s")
    moment = pd.DataFrame(
        {"queueTime": at, "startTime": later, "finishTime": later + later.diff()[1]}
    )
    same(column(jobsim.read_log(moment), "wait"), [5, 5])
    duration = pd.DataFrame({"created": [0, 1], "queue_time": [3, 4], "duration": [5, 6]})
    same(column(jobsim.read_log(duration), "wait"), [3, 4])


# What is not a file of reasonable size


def test_what_could_go_on_for_ever_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("jobsim.files.reading.PATIENCE_S", 0.01)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path, what in ((fifo, "pipe"), ("/dev/zero", "a device"), (tmp_path, "a folder")):
        with pytest.raises(TraceError, match=what):
            jobsim.read_log(path)


def test_a_small_file_that_unpacks_to_a_large_one_is_cut_short(log):
    bomb = gzip.compress(b"created,duration\n" + b"1,2\n" * 500_000)
    with pytest.raises(TraceError, match="limit_bytes"):
        log(bomb, limit_bytes=100_000)
    joined = gzip.compress(b"created,duration\n1,2\n") + gzip.compress(b"3,4\n")
    same(column(log(joined), "service"), [2, 4])


# What is said


def test_what_was_understood_is_shown(log):
    found = log(
        "created_at,runtime,state\n2026-01-31T00:00:00Z,60,ok\n2026-01-31T00:00:30Z,60,bad\n"
    )
    text = repr(found)
    assert "arrival   'created_at', by its name: dates, UTC" in text
    assert "2 at most" in text
    assert "2026-01-31 00:00:00 to 2026-01-31 00:00:30 (UTC)" in text
    assert found.peak_concurrency() == (2, 30.0)
    assert found.arrivals_per_hour().tolist() == [2]
    assert "<table" in found._repr_html_()


# Logs of systems that people use


def test_a_task_that_runs_daily_is_many_jobs():
    frame = pd.DataFrame(
        {
            "task_id": ["load"] * 3, "run_id": ["r1", "r2", "r3"], "try_number": [1, 1, 1],
            "queued_dttm": [0, 100, 200], "start_date": [5, 103, 203], "duration": [60, 30, 20],
        }
    )  # fmt: skip
    assert jobsim.read_log(frame).requests == 3
    assert jobsim.read_log(frame.drop(columns="run_id")).requests == 3


def test_processed_is_the_start_where_there_is_another_end():
    rows = [{"timestamp": 1_767_225_600_000 + 1000 * n, "processedOn": 1_767_225_600_500 + 1000 * n,
             "finishedOn": 1_767_225_603_500 + 1000 * n} for n in range(3)]  # fmt: skip
    found = jobsim.read_log(pd.DataFrame(rows))
    same(column(found, "wait"), [0.5] * 3)
    same(column(found, "service"), [3.0] * 3)
    done = pd.DataFrame({"created": [0, 1], "started": [2, 3], "processed_at": [5, 9]})
    same(column(jobsim.read_log(done), "service"), [3, 6])


def test_each_way_to_end_has_its_own_column():
    frame = pd.DataFrame(
        {
            "queue": ["default", "default"], "inserted_at": [0.0, 1.0], "attempted_at": [2.0, 3.0],
            "completed_at": [5.0, None], "discarded_at": [None, 9.0],
            "state": ["completed", "discarded"],
        }
    )  # fmt: skip
    found = jobsim.read_log(frame)
    same(column(found, "service"), [3, 6])
    assert column(found, "outcome") == ["completed", "failed"]


def test_fields_of_nested_objects_are_known_by_their_last_name(log):
    row = {
        "metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"startTime": "2026-01-01T00:00:02Z", "completionTime": "2026-01-01T00:00:10Z"},
    }
    found = log(json.dumps([row]), "log.json")
    same(column(found, "wait"), [2])
    same(column(found, "service"), [8])


def test_an_exit_code_counts_where_the_scheduler_notes_no_fault():
    frame = pd.DataFrame({"qsub_time": [0, 1], "start_time": [2, 3], "end_time": [4, 9],
                          "failed": [0, 0], "exit_status": [0, 137]})  # fmt: skip
    assert column(jobsim.read_log(frame), "outcome") == ["completed", "failed"]


@pytest.mark.parametrize(
    "url", ["postgresql://joe:secret@host/db", "postgresql://host/db?user=joe&password=secret"]
)
def test_no_message_has_the_password_of_a_database(url):
    with pytest.raises(TraceError, match="say which table") as caught:
        jobsim.read_log(url)
    assert "secret" not in str(caught.value)
