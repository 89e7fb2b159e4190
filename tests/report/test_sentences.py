"""The sentences of the report are exact on data made by hand."""

from __future__ import annotations

import pytest
from report_runs import FOUR, NAN, made

from jobsim import run_virtual
from jobsim.report import sentences
from jobsim.scenario.presets import preset

ALL = (
    sentences.lifecycle, sentences.occupancy, sentences.throughput, sentences.waits,
    sentences.dwell, sentences.time_spent, sentences.swimlanes, sentences.latency,
)  # fmt: skip


def waited(*seconds):
    rows = [(0.0, 0.0, wait, wait + 1.0, "completed", "worker-0") for wait in seconds]
    return made(rows)


def test_lifecycle_tells_how_jobs_ended():
    run = made(FOUR)
    assert sentences.lifecycle(run) == (
        "Of 4 jobs: 2 completed (50 %), 1 failed (25 %), 1 never paid (25 %)."
    )
    run.jobs.loc[0, "rejected"] = 3
    assert sentences.lifecycle(run).endswith("1 never paid (25 %); 3 calls refused.")


def test_lifecycle_tells_what_is_left():
    rows = [
        (0.0, 0.0, 0.0, NAN, "running", "worker-0"),
        (0.0, 0.0, NAN, NAN, "awaiting_payment", None),
    ]
    assert sentences.lifecycle(made(rows)) == (
        "Of 2 jobs: 1 still waiting for a worker (50 %), 1 still running (50 %)."
    )


def test_occupancy_tells_the_peak_and_the_end():
    assert sentences.occupancy(made(FOUR)) == (
        "At most 4 jobs were on their way at once, first after 2 s, and at most 2 of them "
        "running; when the run ended, 1 job had not ended."
    )


def test_occupancy_counts_who_ends_before_who_begins_at_the_same_moment():
    rows = [
        (0.0, 0.0, 0.0, 1.0, "completed", "worker-0"),
        (1.0, 1.0, 1.0, 2.0, "completed", "worker-0"),
    ]
    assert sentences.occupancy(made(rows)) == (
        "At most 1 job was on their way at once, first after 0 s, and at most 1 of them "
        "running; when the run ended, all had ended."
    )


def test_occupancy_of_jobs_that_nobody_started():
    assert sentences.occupancy(made(FOUR[3:])).endswith(
        "at most 0 of them running; when the run ended, 1 job had not ended."
    )


def test_throughput_of_a_stream_tells_both_rates():
    rows = [(float(at), at, at, at + 1.5, "completed", "worker-0") for at in range(11)]
    assert sentences.throughput(made(rows)) == (
        "While jobs came in, 1.1 per second were created and 0.9 got done; 2 were still on their "
        "way when the last one came."
    )


@pytest.mark.parametrize(("left", "them"), [((), "them"), (FOUR[3:], "2 of them")])
def test_throughput_of_a_stampede_tells_how_long_it_took(left, them):
    rows = [
        (0.0, 0.0, 0.0, 4.0, "completed", "worker-0"),
        (0.1, 0.1, 4.0, 8.0, "failed", "worker-0"),
    ]
    rows += [(0.1, *row[1:]) for row in left]
    assert sentences.throughput(made(rows)) == (
        f"{len(rows)} jobs came in within 100 ms; getting {them} done took 8 s, 0.25 jobs per "
        "second."
    )


def test_throughput_without_an_end():
    assert sentences.throughput(made(FOUR[3:])) == "1 job came in and none got done."


def test_waits_tell_the_95th_percentile_and_the_share_of_the_slowest_job():
    assert sentences.waits(waited(*[1.0] * 9, 11.0)) == (
        "95 % of jobs waited less than 6.5 s; the slowest job causes 55 % of all waiting."
    )


def test_waits_of_many_jobs_tell_the_share_of_the_slowest_percent():
    assert sentences.waits(waited(*[0.0] * 100, *[1.0] * 98, 31.0, 39.0)) == (
        "95 % of jobs waited less than 1 s; the slowest 1 % cause 42 % of all waiting."
    )


def test_waits_of_zero_are_none():
    assert sentences.waits(waited(0.0, 0.0)) == "None of the 2 paid jobs waited for a worker."


def test_time_spent_divides_the_mean():
    assert sentences.time_spent(made(FOUR)) == (
        "A finished job took 6.33 s on average: 5 % of that until it was paid, 21 % waiting for a "
        "worker, 74 % being worked on."
    )


def test_dwell_names_the_longest_stage():
    assert sentences.dwell(made(FOUR)) == (
        "Half of the finished jobs took less than 6 s from creation to end, 95 % less than 8.7 s; "
        "the longest stage is usually being worked on, 4 s at the median."
    )


def test_swimlanes_tell_how_busy_and_how_even():
    assert sentences.swimlanes(made(FOUR)) == (
        "The 2 workers were busy 70 % of the time; the busiest started 2 jobs, the least busy 1."
    )


def test_a_worker_that_never_started_anything_is_the_least_busy():
    assert sentences.swimlanes(made(FOUR, workers=3)).endswith("the least busy 0.")


def test_swimlanes_of_one_worker():
    assert sentences.swimlanes(made(FOUR[:1], workers=1)) == (
        "The one worker was busy 100 % of the time."
    )
    stuck = [(0.0, 0.0, 0.0, NAN, "running", "worker-0")]
    assert sentences.swimlanes(made(stuck, workers=1)) == "The one worker started 1 job."
    assert sentences.swimlanes(made(stuck)) == "The busiest started 1 job, the least busy 0."


def test_latency_tells_the_tail_and_the_slowest_call():
    calls = [("get", 0, 1000, "ok")] * 99
    calls += [("create", 0, 2_000_000, "ok"), ("get", 0, -1, "pending")]
    assert sentences.latency(made(FOUR, calls=calls)) == (
        "Half of the 100 repository calls took less than 1 µs, 99 % less than 21 µs; the slowest, "
        "create, took 2 ms."
    )


def test_every_sentence_copes_with_an_empty_run():
    said = [sentence(made(calls=[])) for sentence in ALL]
    assert all(
        text.endswith(".") and "nan" not in text and "none" not in text[1:5] for text in said
    )
    assert said[0] == "No job was created."
    assert said[-1] == "No call on a repository was recorded."


@pytest.mark.parametrize("name", ["steady", "stampede", "unpaid", "overload"])
def test_every_sentence_copes_with_a_preset(name):
    run = run_virtual(preset(name))
    for sentence in ALL:
        text = sentence(run)
        assert text.endswith(".")
        assert "nan" not in text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1e-9, "less than 0.1 %"),
        (0.002, "0.2 %"),
        (0.5, "50 %"),
        (0.99999, "99.9 %"),
        (0.01, "1 %"),
        (1.0, "100 %"),
    ],
)
def test_only_nothing_is_0_percent_and_only_all_is_100_percent(share, text):
    assert sentences.percent(share) == text
