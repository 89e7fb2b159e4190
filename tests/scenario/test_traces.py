from __future__ import annotations

import gzip
import hashlib
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobsim.domain.exceptions import JobsimError
from jobsim.logs.source import OutcomePolicy, TraceError, TraceSource
from jobsim.scenario.distributions import Constant
from jobsim.scenario.scenario import Payment, Scenario
from jobsim.scenario.ticks import to_ticks
from jobsim.scenario.workload import Workload

TRACES = Path(__file__).resolve().parents[3] / "shared" / "traces"
real = pytest.mark.skipif(not TRACES.is_dir(), reason="the sample traces are not here")
KTH = TRACES / "KTH-SP2-1996-2.1-cln.first500.swf"
ATLAS = TRACES / "LLNL-Atlas-2006-2.1-cln.first500.swf"
AZURE = TRACES / "azure-functions-2021-invitro200.csv"


def line(submit: object, run: object, status: object = 1, wait: object = -1) -> str:
    return f"7 {submit} {wait} {run} 4 -1 -1 4 60 -1 {status} 12 12 -1 -1 -1 -1 -1"


@pytest.fixture
def swf(tmp_path):
    def write(*lines: str, **options) -> Workload:
        path = tmp_path / "log.swf"
        path.write_text("\n".join(lines) + "\n")
        return Workload.from_swf(path, **options)

    return write


@pytest.fixture
def csv(tmp_path):
    def write(text: str, **options) -> Workload:
        path = tmp_path / "log.csv"
        path.write_text(text)
        return Workload.from_csv(path, **options)

    return write


def check(workload: Workload) -> None:
    """Hold what holds for every workload that was read."""
    source = workload.source
    assert source is not None
    assert source.rows == source.jobs + sum(source.skipped.values())
    groups = (source.completed, source.failed, source.cancelled_before, source.cancelled_during)
    told = source.unknown + source.unrecognised + source.unpaid
    assert len(workload) == source.jobs == sum(groups) + told
    assert workload.arrival[0] == 0.0
    assert (np.diff(workload.arrival) >= 0).all()
    arrays = [workload.arrival, workload.delay, workload.lag, workload.service, workload.fails]
    arrays += [] if workload.logged_wait is None else [workload.logged_wait]
    for array in arrays:
        assert len(array) == len(workload)
        assert not array.flags.writeable
        assert array.dtype == (np.bool_ if array is workload.fails else np.float64)
    for array in (workload.arrival, workload.service):
        assert np.isfinite(array).all()
        np.testing.assert_array_equal(array, to_ticks(array))


# Real logs


@real
def test_kth_has_240_completed_and_260_failed_jobs():
    workload = Workload.from_swf(KTH)
    check(workload)
    assert (len(workload), int(workload.fails.sum())) == (500, 260)
    assert (workload.source.completed, workload.source.failed) == (240, 260)
    assert workload.source.skipped == {}
    assert workload.source.unix_start_time == 843480031.0
    assert workload.source.first_arrival == 599850.0
    assert workload.logged_wait[:2].tolist() == [192180.0, 11940.0]
    assert (workload.delay == 0).all()


@real
def test_atlas_outcomes_are_told_apart():
    workload = Workload.from_swf(ATLAS)
    check(workload)
    source = workload.source
    assert (source.completed, source.failed, source.unknown) == (346, 45, 0)
    assert (source.cancelled_before, source.cancelled_during) == (30, 79)
    unpaid = np.isnan(workload.delay)
    assert (unpaid.sum(), workload.fails.sum()) == (30, 45 + 79)
    assert not (unpaid & workload.fails).any()
    assert np.isnan(workload.logged_wait).all()
    assert source.without_wait == 500
    assert (workload.service == 0).sum() == 51 + 2 + 30


@real
def test_azure_arrives_at_its_end_minus_its_duration():
    workload = Workload.from_csv(AZURE)
    check(workload)
    frame = pd.read_csv(AZURE)
    start = frame["end_timestamp"] - frame["duration"]
    order = np.argsort(start, kind="stable")
    np.testing.assert_array_equal(
        workload.arrival, to_ticks((start - start.min()).to_numpy()[order])
    )
    np.testing.assert_array_equal(workload.service, to_ticks(frame["duration"].to_numpy()[order]))
    assert (workload.source.rows, workload.source.jobs, workload.source.unknown) == (199, 199, 199)
    assert not workload.fails.any()
    assert workload.logged_wait is None


# Tolerance for the format


def test_comments_blank_lines_and_surplus_fields_are_passed_over(swf):
    workload = swf(
        "; Version: 2.2",
        "  ; indented",
        "",
        "   \t",
        line(10, 5) + " 99 98 97",
        "; in the middle",
        " \t " + line(12, 6).replace(" ", "\t") + " ; at the end",
    )
    check(workload)
    assert workload.arrival.tolist() == [0.0, 2.0]
    assert workload.service.tolist() == [5.0, 6.0]
    assert workload.source.rows == 2


def test_lines_are_sorted_by_submit_time_and_ties_keep_their_order(swf):
    workload = swf(line(9, 1), line(3, 2), line(9, 3), line(3, 4))
    assert workload.service.tolist() == [2.0, 4.0, 1.0, 3.0]
    assert workload.arrival.tolist() == [0.0, 0.0, 6.0, 6.0]


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path):
    path = tmp_path / "log.swf"
    text = "\r\n".join(["; UnixStartTime: 77", line(1, 2), line(3.5, 4.25)])
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    workload = Workload.from_swf(path)
    check(workload)
    assert workload.arrival.tolist() == [0.0, 2.5]
    assert workload.service.tolist() == [2.0, 4.25]
    assert workload.source.unix_start_time == 77.0


@pytest.mark.parametrize("name", ["log.swf.gz", "log.swf"])
def test_gzip_is_known_by_its_bytes(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress((line(1, 2) + "\n").encode()))
    workload = Workload.from_swf(path)
    assert workload.service.tolist() == [2.0]
    assert workload.source.name == name
    assert workload.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_quotes_and_bytes_that_are_no_text_do_no_harm(tmp_path):
    path = tmp_path / "log.swf"
    path.write_bytes(b'; "\xff\xfe\n' + line(1, 2).encode() + b' "a\n' + line(2, 3).encode())
    assert len(Workload.from_swf(path)) == 2


def test_a_short_line_is_used_if_it_has_submit_and_run_time(swf):
    workload = swf("1 5 -1 7", "2 6 -1", "3")
    check(workload)
    assert workload.service.tolist() == [7.0]
    assert workload.source.unrecognised == 1
    assert workload.source.skipped == {"not over": 1, "missing submit time": 1}


# Nothing lost without a word


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (line(-1, 5), "missing submit time"),
        (line("nan", 5), "missing submit time"),
        (line("soon", 5), "unreadable submit time"),
        (line(-5, 5), "negative submit time"),
        (line("inf", 5), "submit time of 4294967296 s or more"),
        (line("-inf", 5), "negative submit time"),
        (line(10**30, 5), "submit time of 4294967296 s or more"),
        (line(5, -1), "missing run time"),
        (line(5, "-1.0"), "missing run time"),
        (line(5, -1, status=0), "missing run time"),
        (line(5, "long"), "unreadable run time"),
        (line(5, "long", status=5), "unreadable run time"),
        (line(5, -3), "negative run time"),
        (line(5, -3, status=5), "negative run time"),
        (line(5, "inf"), "run time of 4294967296 s or more"),
        (line(5, 10, status=2), "partial execution"),
        (line(5, 10, status=3), "partial execution"),
        (line(5, 10, status=4), "partial execution"),
        ("no job at all", "unreadable run time"),
        ("garbage", "missing submit time"),
    ],
)
def test_a_row_that_cannot_be_used_is_counted_with_its_reason(swf, row, reason):
    workload = swf(line(1, 2), row, row)
    check(workload)
    assert workload.service.tolist() == [2.0]
    assert workload.source.skipped == {reason: 2}


def test_a_run_time_of_zero_is_usable(swf):
    workload = swf(line(1, 0), line(2, 0, status=0))
    assert workload.service.tolist() == [0.0, 0.0]
    assert workload.fails.tolist() == [False, True]


def test_a_missing_wait_is_never_zero(swf):
    waits = [0, 3.5, -1, -7, "x", "inf"]
    workload = swf(*(line(i, 1, wait=wait) for i, wait in enumerate(waits)))
    nan = np.nan
    np.testing.assert_array_equal(workload.logged_wait, [0.0, 3.5, nan, nan, nan, nan])
    assert workload.source.without_wait == 4


def test_the_scenario_ends_the_trace_and_what_is_left_out_is_counted(swf):
    rows = [line(submit, 1) for submit in (30, 10, 20, 40, 15)]
    few = swf(*rows, scenario=Scenario(jobs=2))
    early = swf(*rows, scenario=Scenario(duration=10.0))
    both = swf(*rows, scenario=Scenario(duration=30.0, jobs=3))
    for workload in (few, early, both):
        check(workload)
    assert few.arrival.tolist() == early.arrival.tolist() == [0.0, 5.0]
    assert both.arrival.tolist() == [0.0, 5.0, 10.0]
    assert few.source.skipped == {"beyond the scenario's number of jobs": 3}
    assert early.source.skipped == {"arrival after the scenario's duration": 3}
    assert sum(both.source.skipped.values()) == 2
    assert len(swf(*rows, scenario=Scenario(jobs=5, duration=31.0))) == 5


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 1.5, -1, -2, "x", "nan", "inf", 1e12]),
            st.sampled_from([0, 2, 0.1, -1, -2, "x", "nan", "inf", 1e12]),
            st.sampled_from([0, 1, 2, 5, -1, "x", 9]),
        ),
        max_size=12,
    )
)
def test_every_row_is_a_job_or_has_one_reason(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "any.swf"
    path.write_text("\n".join([line(0, 1), *(line(*row) for row in rows)]))
    workload = Workload.from_swf(path)
    check(workload)
    assert workload.source.rows == 1 + len(rows)


# Outcomes


OUTCOMES = [
    line(1, 5, status=1),
    line(2, 5, status=0),
    line(3, -1, status=5),
    line(4, 0, status=5),
    line(5, 5, status=5),
    line(6, 5, status=-1),
    line(7, 5, status="odd"),
]


def test_outcomes_have_their_documented_defaults(swf):
    workload = swf(*OUTCOMES)
    check(workload)
    assert np.isnan(workload.delay).tolist() == [False] * 2 + [True] * 2 + [False] * 3
    assert workload.fails.tolist() == [False, True, False, False, True, True, True]
    assert workload.service.tolist() == [5.0, 5.0, 0.0, 0.0, 5.0, 5.0, 5.0]
    source = workload.source
    assert (source.cancelled_before, source.cancelled_during, source.unrecognised) == (2, 1, 2)


def test_each_choice_can_be_changed(swf):
    outcomes = OutcomePolicy(
        cancelled_before="failed", cancelled_during="unpaid", unrecognised="skipped"
    )
    workload = swf(*OUTCOMES, outcomes=outcomes)
    check(workload)
    assert workload.fails.tolist() == [False, True, True, True, False]
    assert np.isnan(workload.delay).tolist() == [False, False, False, False, True]
    assert workload.source.skipped == {"unrecognised outcome": 2}
    assert workload.source.outcomes == outcomes
    assert "Never paid: 1 cancelled while they ran." in workload.source.describe()
    skipping = OutcomePolicy(cancelled_before="skipped", cancelled_during="skipped")
    assert swf(*OUTCOMES, outcomes=skipping).source.skipped == {
        "cancelled before it ran": 2,
        "cancelled while it ran": 1,
    }


def test_a_choice_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError, match="unpaid"):
        OutcomePolicy(unknown="perhaps")
    with pytest.raises(ValidationError, match="partial"):
        OutcomePolicy(partial="failed")


def test_the_scenario_says_when_a_job_is_paid(swf):
    payment = Payment(delay=Constant(value=2.0), duplicate=1.0, lag=Constant(value=0.5))
    workload = swf(*OUTCOMES, scenario=Scenario(workers=9, payment=payment))
    paid = ~np.isnan(workload.delay)
    assert paid.tolist() == [True] * 2 + [False] * 2 + [True] * 3
    assert (workload.delay[paid] == 2.0).all()
    assert (workload.lag[paid] == 0.5).all()
    assert np.isnan(workload.lag[~paid]).all()
    assert workload.scenario.workers == 9


# CSV and frames


@pytest.mark.parametrize(
    ("header", "arrival"),
    [
        ("submit,run_time", [0.0, 2.0]),
        ("Submit Time,Service-Time", [0.0, 2.0]),
        ("arrival, duration", [0.0, 2.0]),
        ("end_timestamp,duration", [0.0, 1.0]),
    ],
)
def test_well_known_headers_are_recognised(csv, header, arrival):
    workload = csv(f"{header}\n10,1\n12,2\n")
    check(workload)
    assert workload.arrival.tolist() == arrival
    assert workload.service.tolist() == [1.0, 2.0]


def test_the_best_header_wins_and_an_arrival_beats_an_end(csv):
    workload = csv("end,start,submit,service,wait\n30,9,1,5,8\n40,12,3,6,\n")
    assert workload.arrival.tolist() == [0.0, 2.0]
    np.testing.assert_array_equal(workload.logged_wait, [8.0, 9.0])


def test_columns_name_what_nobody_could_guess(csv):
    columns = {"end": "t", "service": "d", "wait": "w", "status": "s"}
    workload = csv("s,t,d,w,x\nok,10,4,2,a\nerror,9,1,3,b\n", columns=columns)
    check(workload)
    assert workload.arrival.tolist() == [0.0, 1.0]
    assert workload.logged_wait.tolist() == [2.0, 3.0]
    assert workload.fails.tolist() == [False, True]
    assert workload.source.kind == "csv"


def test_rows_of_another_width_than_the_header_keep_their_columns(csv):
    workload = csv("submit,duration\n1,2,3,4\n2\n5,6\n")
    assert workload.service.tolist() == [2.0, 6.0]
    assert workload.source.skipped == {"missing duration": 1}


def test_csv_reasons_carry_the_names_of_the_columns(csv):
    workload = csv("end,duration\nx,1\n5,y\n7,-3\n9,\n9,1\n,1\n")
    check(workload)
    assert workload.source.skipped == {
        "unreadable duration": 1,
        "missing duration": 1,
        "negative duration": 1,
        "unreadable end": 1,
        "missing end": 1,
    }


def test_words_tell_the_outcome(csv):
    words = [*("Completed", " ok ", "SUCCESS", "passed"), *("failed", "Error", "oom", "TIMEOUT")]
    words += ["cancelled", "Canceled", "Aborted", "what", ""]
    rows = "\n".join(f"{number},1,{word}" for number, word in enumerate(words))
    workload = csv(f"submit,duration,status\n{rows}\n")
    check(workload)
    assert workload.fails.tolist() == [False] * 4 + [True] * 9
    source = workload.source
    groups = source.completed, source.failed, source.cancelled_during, source.unrecognised
    assert groups == (4, 4, 3, 2)


def test_a_job_that_began_before_the_log_is_kept(csv):
    workload = csv("end,duration\n3,10\n4,1\n")
    check(workload)
    assert workload.arrival.tolist() == [0.0, 10.0]
    assert workload.source.first_arrival == -7.0


def test_the_longest_trace_fits_a_workload(csv):
    most = 2**32 - 1
    workload = csv(f"end,duration\n0,{most}\n{most},0\n{most + 1},0\n")
    check(workload)
    assert workload.arrival.tolist() == [0.0, 2.0 * most]
    assert workload.source.skipped == {"end of 4294967296 s or more": 1}


def test_a_job_without_run_time_cannot_be_placed_by_its_end(csv):
    workload = csv("end,duration,status\n5,0,cancelled\n6,,cancelled\n9,1,ok\n")
    check(workload)
    assert workload.arrival.tolist() == [0.0, 3.0]
    assert np.isnan(workload.delay).tolist() == [True, False]
    assert workload.source.skipped == {"missing duration": 1}


def test_csv_times_may_be_iso_dates(csv):
    workload = csv(
        "submitted_at,duration\n2026-01-01T00:00:02Z,1\n2026-01-01 00:00:00.5Z,2\nsoon,3\n"
    )
    check(workload)
    assert workload.arrival.tolist() == [0.0, 1.5]
    assert workload.source.first_arrival == pd.Timestamp("2026-01-01 00:00:00.5").timestamp()
    assert workload.source.unix_start_time == 0.0
    assert workload.source.skipped == {"unreadable submitted_at": 1}


@pytest.mark.parametrize("zone", [None, "Europe/Stockholm"])
def test_a_frame_may_hold_datetimes_and_timedeltas(zone):
    ends = pd.to_datetime(["2026-03-29 00:00:10", None, "2026-03-29 00:00:00"]).tz_localize(zone)
    frame = pd.DataFrame({"end": ends, "run time": pd.to_timedelta([4.5, 1, 2], unit="s")})
    workload = Workload.from_frame(frame)
    check(workload)
    assert workload.arrival.tolist() == [0.0, 7.5]
    assert workload.service.tolist() == [2.0, 4.5]
    assert workload.source.unix_start_time == 0.0
    assert workload.source.skipped == {"missing end": 1}


def test_a_frame_keeps_its_values_whatever_its_index_and_dtypes():
    frame = pd.DataFrame(
        {
            "submit": pd.array([3, None, 1], dtype="Int64"),
            "service": [1.0, 2.0, 3.0],
            "status": pd.Categorical(["failed", "ok", "ok"]),
        },
        index=[5, 5, 5],
    )
    before = frame.copy()
    workload = Workload.from_frame(frame)
    check(workload)
    assert workload.service.tolist() == [3.0, 1.0]
    assert workload.fails.tolist() == [False, True]
    assert (workload.source.kind, workload.source.sha256) == ("frame", None)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("answers", [[True, False], ["true", "False"]])
def test_a_status_may_be_a_truth_value(answers):
    frame = pd.DataFrame({"submit": [1, 2], "service": [1, 1], "status": answers})
    assert Workload.from_frame(frame).fails.tolist() == [False, True]


def test_equal_reads_give_equal_bytes(swf):
    scenario = Scenario(payment=Payment(abandon=0.5), seed=3)
    rows = [line(number, 1) for number in range(50)]
    one, two = swf(*rows, scenario=scenario), swf(*rows, scenario=scenario)
    assert one.delay.tobytes() == two.delay.tobytes()
    assert 0 < np.isnan(one.delay).sum() < 50


# What is said


def test_the_source_survives_json_and_says_what_was_assumed(swf):
    workload = swf(*OUTCOMES, line(-1, 5), line(8, 5, status=3))
    source = workload.source
    assert TraceSource.model_validate_json(source.model_dump_json()) == source
    outcomes = (
        "Logged outcomes: 1 completed, 1 failed, 2 cancelled before they ran, "
        "1 cancelled while they ran, 2 unrecognised."
    )
    assert source.describe().splitlines() == [
        "log.swf: 9 rows, 7 jobs used.",
        "Skipped 2: 1 partial execution, 1 missing submit time.",
        outcomes,
        "Never paid: 2 cancelled before they ran.",
        "Run as failed: 1 cancelled while they ran.",
        "Run as failed: 2 of unrecognised outcome.",
        "No logged wait for 7.",
        "Each job takes one worker, whatever number of processors it used.",
    ]


def test_a_clean_log_is_described_without_ifs(swf):
    assert swf(line(1, 2, wait=0)).source.describe().splitlines() == [
        "log.swf: 1 row, 1 job used.",
        "Logged outcomes: 1 completed.",
        "Each job takes one worker, whatever number of processors it used.",
    ]


# Errors


@pytest.mark.parametrize("read", [Workload.from_swf, Workload.from_csv])
def test_a_file_that_is_not_there_is_named(tmp_path, read):
    with pytest.raises(TraceError, match="No such file") as caught:
        read(tmp_path / "none.swf")
    assert caught.value.path == str(tmp_path / "none.swf")
    with pytest.raises(TraceError):
        read(tmp_path)


def test_what_is_no_gzip_file_is_refused(tmp_path):
    path = tmp_path / "log.swf.gz"
    path.write_text(line(1, 2))
    with pytest.raises(TraceError, match="not a gzip file"):
        Workload.from_swf(path)
    whole = gzip.compress(line(1, 2).encode())
    for damaged in (whole[:-3], whole[:10] + b"\xff" * 20, whole[:2] + b"\0" + whole[3:]):
        path.write_bytes(damaged)
        with pytest.raises(TraceError, match="damaged gzip"):
            Workload.from_swf(path)


def test_a_file_without_a_usable_row_is_an_error_that_says_why(swf):
    with pytest.raises(TraceError, match="none of its 3 rows") as caught:
        swf(line(-1, 5), line(-1, 5), line(5, "x"))
    assert "2 missing submit time" in caught.value.problem
    assert "1 unreadable run time" in caught.value.problem


@pytest.mark.parametrize("text", ["", "; only a comment", "\n\n"])
def test_an_empty_log_is_an_error(swf, text):
    with pytest.raises(TraceError, match="it holds no rows"):
        swf(text)


@pytest.mark.parametrize("text", ["", "\n \n", "submit,duration\n"])
def test_an_empty_csv_is_an_error(csv, text):
    with pytest.raises(TraceError, match="it holds no rows"):
        csv(text)


def test_an_empty_frame_is_an_error():
    with pytest.raises(TraceError, match="DataFrame: it holds no rows"):
        Workload.from_frame(pd.DataFrame({"submit": [], "service": []}))


def test_a_csv_that_cannot_be_parsed_is_an_error(csv):
    with pytest.raises(TraceError, match="EOF inside string"):
        csv('submit,duration\n1,2\n3,"4\n')


def test_an_unknown_header_is_listed_with_the_way_out(csv):
    with pytest.raises(TraceError, match=r"'a', 'b'; .*columns=") as caught:
        csv("\n\na,b\n1,2\n")
    assert caught.value.line == 3
    assert "line 3" in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"arrival": "a", "service": "z"}, "no column 'z' among 'a', 'b'"),
        ({"arrivals": "a", "service": "b"}, "no 'arrivals'; choose from arrival, paid, started"),
        ({"arrival": "a"}, "no arrival and service time"),
        ({"service": "a"}, "no arrival and service time"),
    ],
)
def test_columns_that_do_not_fit_are_refused(csv, columns, problem):
    with pytest.raises(TraceError, match=problem):
        csv("a,b\n1,2\n", columns=columns)


def test_a_frame_with_a_column_twice_is_refused():
    frame = pd.DataFrame([[1, 2, 3]], columns=["submit", "service", "service"])
    with pytest.raises(TraceError, match="two columns 'service'") as caught:
        Workload.from_frame(frame)
    assert caught.value.line is None


def test_a_trace_error_survives_pickling():
    error = TraceError("log.swf", "odd", line=4)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert isinstance(again, JobsimError)
    assert (again.path, again.problem, again.line) == ("log.swf", "odd", 4)
    assert str(again) == str(error)
