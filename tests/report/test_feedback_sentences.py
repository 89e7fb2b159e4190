"""The sentences on feedback are exact on data made by hand."""

from __future__ import annotations

import pytest
from report_runs import FOUR, NAN, STORM, made, retried

from jobsim import preset, presets, run_virtual
from jobsim.report import feedback_sentences as sentences
from jobsim.report.charts import chosen

ALL = (
    sentences.goodput, sentences.attempts, sentences.running_age, sentences.outage,
    sentences.unpaid,
)  # fmt: skip


def running(*ends):
    """Return jobs that one worker each begins at once, by when they end."""
    return [
        (job, 1, 0.0, 0.0, 0.0, end, "running" if end is NAN else "failed", f"worker-{job}")
        for job, end in enumerate(ends)
    ]


def test_goodput_tells_what_was_of_use_and_who_left():
    assert sentences.goodput(retried(STORM, left={4: 7.0})) == (
        "The 2 workers were busy 95 % of the time, but only 40 % of the jobs that ended were of "
        "use; 33 % of the clients left with nothing."
    )


def test_goodput_of_one_worker_whose_work_was_all_of_use():
    assert sentences.goodput(retried(STORM[:1], workers=1)) == (
        "The one worker was busy 100 % of the time, and 100 % of the jobs that ended were of use; "
        "no client left with nothing."
    )


def test_goodput_of_an_instant_and_of_nothing():
    instant = [(0, 1, 0.0, 0.0, 0.0, 0.0, "failed", "worker-0")]
    assert sentences.goodput(retried(instant)) == (
        "0 % of the jobs that ended were of use; no client left with nothing."
    )
    assert sentences.goodput(retried()) == "No job ended, so none was of use."


def test_attempts_divide_the_requests():
    assert sentences.attempts(retried(STORM, left={4: 7.0})) == (
        "3 requests became 5 jobs, 1.67 for each: 33 % of them were served with one attempt, "
        "33 % with more, 33 % left with nothing after 2 attempts."
    )


def test_attempts_tell_who_was_served_late_and_who_still_waits():
    rows = [
        (0, 1, 0.0, 0.0, 0.0, 1.0, "failed", "worker-0"),
        (0, 2, 2.0, 2.0, 2.0, 3.0, "completed", "worker-0"),
        (1, 1, 0.0, 0.0, NAN, NAN, "awaiting_payment", None),
        (2, 1, 0.0, 0.0, NAN, NAN, "awaiting_payment", None),
        (3, 1, 0.0, 0.0, 0.0, 1.0, "failed", "worker-1"),
        (3, 2, 2.0, 2.0, NAN, NAN, "awaiting_payment", None),
    ]
    assert sentences.attempts(retried(rows, left={2: 5.0, 5: 6.0})) == (
        "4 requests became 6 jobs, 1.50 for each: 0 % of them were served with one attempt, "
        "25 % with more, 50 % left with nothing after up to 2 attempts, 25 % had no answer "
        "when the run ended."
    )


def test_attempts_of_those_who_never_asked_again_have_no_ratio():
    assert sentences.attempts(retried(STORM[:1])).startswith("1 request became 1 job: 100 %")


def test_running_age_tells_how_late_the_reaper_came():
    run = retried(running(5.0, 9.0), released={0: 3.0, 1: 3.0}, crashed=[0, 1], reaped=[0, 1])
    assert sentences.running_age(run) == (
        "2 jobs lost their worker; the reaper came 4 s later on average and 6 s at most."
    )


def test_running_age_tells_who_is_stuck():
    run = retried(running(5.0, NAN), released={0: 3.0, 1: 1.0}, crashed=[0, 1], reaped=[0])
    assert sentences.running_age(run) == (
        "2 jobs lost their worker; to 1 the reaper came, 2 s later on average and 2 s at most; "
        "1 stayed RUNNING for ever."
    )


def test_running_age_tells_false_kills():
    run = retried(running(5.0, 5.0), released={0: 7.0, 1: 7.0}, crashed=[1], reaped=[0, 1])
    assert sentences.running_age(run) == (
        "No job lost its worker; the reaper failed 2 jobs whose worker was still at it."
    )


@pytest.mark.parametrize("run", [made(FOUR), retried(running(5.0))], ids=["no feedback", "calm"])
def test_running_age_of_a_run_in_which_nothing_was_cut_off(run):
    assert sentences.running_age(run) == (
        "No job lost its worker, and nobody failed one that ran too long."
    )


def waiting(*starts):
    """Return jobs that are paid at 0, 1, 2, ... and take a second, by when they start."""
    return [
        (job, 1, float(job), float(job), start, start + 1.0, "completed", "worker-0")
        for job, start in enumerate(starts)
    ]


GONE = {"outages": [{"at": 2.0, "duration": 3.0, "workers": 1}]}


def test_outage_tells_how_the_backlog_grew_and_went():
    assert sentences.outage(retried(waiting(0.0, 1.0, 6.0, 7.0, 8.0), **GONE)) == (
        "1 of 2 workers gone from 2 s to 5 s: the backlog, empty before, grew to 3 jobs and was "
        "that short again 3 s after the end of it."
    )


def test_outage_tells_that_the_backlog_stayed():
    rows = [
        *waiting(0.5, 1.0, 6.0, 7.0),
        *[(9, 1, 3.0, 3.0, NAN, NAN, "awaiting_payment", None)] * 2,
    ]
    assert sentences.outage(retried(rows, **GONE)) == (
        "1 of 2 workers gone from 2 s to 5 s: the backlog, at most 1 job before, grew to 4 jobs "
        "and was not that short again when the run ended."
    )


def test_outages_that_did_no_harm_are_told_together():
    two = {"outages": [GONE["outages"][0], {"at": 6.0, "duration": 1.0, "workers": 2}]}
    assert sentences.outage(retried(waiting(1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5), **two)) == (
        "2 disturbances from 2 s to 7 s: the backlog, at most 2 jobs before, never grew longer."
    )


def test_outage_without_one():
    assert sentences.outage(made(FOUR)) == "Nothing disturbed the service."


def test_unpaid_tells_the_peak_and_what_stays():
    assert sentences.unpaid(made(FOUR)) == (
        "At most 1 job awaited a confirmation of payment at once; 1 of 4 (25 %) never get one "
        "and stay in the store for ever."
    )
    assert sentences.unpaid(made(FOUR[:2])) == (
        "At most 1 job awaited a confirmation of payment at once; in the end each one came."
    )


def test_every_sentence_copes_with_an_empty_run():
    for sentence in ALL:
        assert sentence(retried()).endswith(".")
        assert sentence(made()).endswith(".")


@pytest.mark.parametrize("name", presets())
def test_six_to_eight_charts_of_a_preset_each_with_its_sentence(name):
    run = run_virtual(preset(name))
    said = [chart.sentence(run) for chart in chosen(run)]
    assert 6 <= len(said) <= 8
    assert len(set(said)) == len(said)
    for text in said:
        assert text.endswith(".")
        assert "nan" not in text
