"""The programs that are explored, counted by independent formulas."""

from __future__ import annotations

from math import comb

import pytest

from jobsim.domain.models import JobStatus
from jobsim.testing.explore.programs import (
    PLAIN,
    Program,
    as_programs,
    crossed,
    programs,
    sequences,
    with_snapshot,
)
from jobsim.testing.explore.stages import stages_of


def multisets(kinds, size):
    return comb(kinds + size - 1, size)


@pytest.mark.parametrize(("threads", "longest", "count"), [(2, 1, 36), (2, 2, 1764), (3, 1, 104)])
def test_all_programs_up_to_the_order_of_threads(threads, longest, count):
    every = sum(6**n for n in range(1, longest + 1))
    reads = sum(2**n for n in range(1, longest + 1))  # get and count alone disturb nobody
    formula = 2 * (multisets(every, threads) - multisets(reads, threads))
    assert len(programs(threads, longest)) == formula == count


def test_the_numbers_with_a_snapshot():
    assert len(sequences((*PLAIN, "snapshot"), 2)) == 56
    assert 2 * multisets(56, 2) == 3192
    # Without those of reads alone: three reads make twelve sequences.
    more = programs(2, 2, (*PLAIN, "snapshot"))
    assert len(more) == 3192 - 2 * multisets(12, 2) == 3036
    assert len(list(with_snapshot())) == 3036 - 1764


def test_no_program_stands_twice():
    some = [*programs(2, 2), *programs(3, 1), *crossed(), *with_snapshot()]
    assert len({(sorted_threads(program), program.start) for program in some}) == len(some)


def sorted_threads(program):
    return tuple(sorted(program.threads))


def test_short_programs_with_writers_come_first():
    some = programs(2, 2)
    assert str(some[0]) == "running | running (job awaiting_payment)"
    assert [program.calls for program in some] == sorted(program.calls for program in some)


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ([["running", "get"], ["failed"]], 1),
        ([[["running"], ["running"]], [["create"], ["count"]]], 2),
        ([Program([["running"], ["get"]], start="running")], 1),
        ([Program([["running"]] * 4), [["get"], ["running"]]], 2),
    ],
)
def test_a_users_own_programs(given, count):
    some = as_programs(given)
    assert len(some) == count
    assert all(isinstance(program, Program) for program in some)


def test_the_start_of_a_users_program():
    assert Program([["get"]], start="running").start is JobStatus.RUNNING


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ([["runing"]], ValueError, "'runing' is not a call"),
        ([[]], ValueError, "has threads with calls"),
        ([3], TypeError, "3 is not a program"),
        (["running"], TypeError, "'running' is not a program"),
    ],
)
def test_what_is_no_program_is_refused(given, error, text):
    with pytest.raises(error, match=text):
        as_programs(given)


def test_no_program_takes_a_snapshot_where_none_is_offered():
    stages = stages_of((2, 3), 2, snapshot=False)
    assert not any(program.snapshots for stage in stages for program in stage.programs)
