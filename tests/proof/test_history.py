from __future__ import annotations

import pytest
from calls_table import call, calls_of, final_of, life, read

from jobsim.proof.history import History, span


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="calls has no column 'observed'"):
        History(calls_of(life(0)).drop(columns="observed"))
    with pytest.raises(ValueError, match="final has no column 'result'"):
        History(calls_of(life(0)), final_of([read(0)]).drop(columns="result"))


@pytest.mark.parametrize("column", ["op", "target", "actor", "job"])
def test_a_column_of_another_type_is_named(column: str) -> None:
    calls = calls_of(life(0))
    with pytest.raises(ValueError, match=rf"calls\.{column} is object, not "):
        History(calls.astype({column: object}))


@pytest.mark.parametrize("column", ["op", "outcome"])
def test_a_call_must_say_what_it_was(column: str) -> None:
    calls = calls_of(life(0))
    calls.loc[1, column] = None
    with pytest.raises(ValueError, match=rf"calls\.{column} is empty in row 1"):
        History(calls)


def test_a_call_cannot_return_before_its_invocation() -> None:
    with pytest.raises(ValueError, match="row 1 returns before it is invoked"):
        History(calls_of([call("create", 0, 5), call("get", 9, 8)]))


def test_a_pending_call_has_no_return() -> None:
    history = History(calls_of([call("create", 7, -1, outcome="pending")]))
    assert history.call(0).returned_ns is None
    assert (history.start, history.end) == (7, 8)


def test_an_empty_history_has_no_jobs() -> None:
    history = History(calls_of([]), final_of([]))
    assert (history.jobs, history.seen_jobs()) == (0, 0)


def test_jobs_are_those_of_calls_and_final_reads() -> None:
    rows = [*life(2), call("get", 5, 6, job=-1, outcome="not_found")]
    history = History(calls_of(rows), final_of([read(4)]))
    assert history.jobs == 5
    assert history.seen_jobs() == 2
    assert History(calls_of(rows), jobs=9).jobs == 9


def test_a_final_read_is_a_call_after_all_others() -> None:
    last = History(calls_of(life(0)), final_of([read(0, None, outcome="not_found")])).final_call(0)
    assert (last.op, last.invoked_ns, last.returned_ns) == ("get", 51, 51)
    assert (last.outcome, last.observed) == ("not_found", None)


@pytest.mark.parametrize(
    ("ns", "text"), [(999, "999 ns"), (1_000, "1.0 µs"), (999_900, "999.9 µs"), (10**6, "1.000 ms")]
)
def test_spans_are_told_in_a_unit_that_fits(ns: int, text: str) -> None:
    assert span(ns) == text
