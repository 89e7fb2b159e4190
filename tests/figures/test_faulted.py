from __future__ import annotations

import math

import pandas as pd
import pytest
from calls_table import call, calls_of

from jobsim.figures.faulted import fault_rows, fault_sentence, recovery_s, unanswered, unknown_jobs
from jobsim.tables.schema import FAULTS


def faults_of(*rows):
    return pd.DataFrame(rows, columns=list(FAULTS)).astype(FAULTS)


CALLS = calls_of(
    [
        call("create", 0, 1, job=0),
        call("create", 0, 1, job=1, outcome="error"),
        call("update_status", 2, 3, job=1, target="running", outcome="error"),
        call("update_status", 2, 3, job=0, target="running", outcome="pending"),
        call("get", 4, 5, job=2, outcome="error"),
        call("update_status", 6, 7, job=3, target="running", outcome="illegal"),
        call("update_status", 8, 9, job=3, target="running", outcome="no_effect"),
    ]
)


def test_what_raised_had_no_answer_and_a_refusal_is_one():
    assert unanswered(CALLS) == 4


def test_a_job_is_unknown_by_a_write_without_an_answer_and_counts_once():
    assert unknown_jobs(CALLS) == 2


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [
        ([("kill_server", 0, 0, 2_000_000_000), ("kill_backend", 1, 10, 1_000)], 2.0),
        ([("kill_server", 0, 0, -1), ("kill_backend", 1, 0, 500_000_000)], 0.5),
        ([("stall", 0, 0, 9_000_000_000)], math.nan),
        ([], math.nan),
    ],
)
def test_recovery_is_the_longest_time_from_a_kill_to_an_answer(rows, seconds):
    assert recovery_s(faults_of(*rows)) == pytest.approx(seconds, nan_ok=True)


def test_rows_say_what_was_injected_and_what_the_clients_had_of_it():
    rows = fault_rows(CALLS, faults_of(("kill_server", 0, 0, 250_000_000), ("cut_after", 1, 0, 5)))
    assert dict(rows) == {
        "faults": "1 cut_after, 1 kill_server",
        "no answer": "4 calls ended in an error (1 without effect)",
        "unknown": "2 jobs whose client cannot know",
        "recovery": "250 ms at most after a kill",
    }


def test_rows_without_a_fault_say_so():
    assert fault_rows(CALLS, faults_of())[0] == ("faults", "none")


def test_the_sentence_says_what_was_injected_and_what_the_clients_had_of_it():
    table = faults_of(
        ("cut_after", 0, 0, 1), ("cut_after", 1, 0, 1), ("kill_server", 2, 0, 250_000_000)
    )
    assert fault_sentence(CALLS, table) == (
        "Injected into the database: 2 lost answers and 1 killed server. 4 calls ended in an "
        "error (1 without effect), and the client cannot know the state of 2 jobs; after a kill "
        "the server answered again within 250 ms."
    )


def test_the_sentence_says_that_a_server_did_not_come_back():
    told = fault_sentence(CALLS, faults_of(("kill_backend", 0, 0, -1)))
    assert told.endswith("of 2 jobs; the server did not come back.")
    some = faults_of(("kill_backend", 0, 0, -1), ("kill_backend", 1, 0, 500_000_000))
    told = fault_sentence(CALLS, some)
    assert told.endswith("answered again within 500 ms, after 1 other kill not at all.")


def test_without_a_fault_there_is_no_sentence():
    assert fault_sentence(CALLS, faults_of()) == ""
