from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsim.figures.flow import (
    CREATION,
    occupancy,
    round_duration,
    throughput,
    throughput_window,
    transition_matrix,
)
from jobsim.tables.schema import STATUS, TRANSITIONS

WAITING, RUNNING, COMPLETED, FAILED = STATUS.categories


def table(*rows: tuple[float, int, str | None, str]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["time", "job", "source", "target"])
    return frame.assign(actor="a").astype(TRANSITIONS)


MOVES = table(
    (0.0, 0, None, WAITING),
    (0.0, 1, None, WAITING),
    (1.0, 0, WAITING, RUNNING),
    (2.0, 2, None, WAITING),
    (3.0, 0, RUNNING, COMPLETED),
    (3.0, 1, WAITING, RUNNING),
    (4.5, 1, RUNNING, FAILED),
)
NOTHING = MOVES.head(0)


def test_the_matrix_counts_each_pair_in_lifecycle_order() -> None:
    found = transition_matrix(MOVES)
    assert list(found.index) == [CREATION, WAITING, RUNNING, COMPLETED, FAILED]
    assert list(found.columns) == [WAITING, RUNNING, COMPLETED, FAILED]
    assert found.to_numpy().tolist() == [
        [3, 0, 0, 0],
        [0, 2, 0, 0],
        [0, 0, 1, 1],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_the_matrix_shows_transitions_that_are_not_legal() -> None:
    broken = table((0.0, 0, COMPLETED, RUNNING), (1.0, 1, None, FAILED))
    found = transition_matrix(broken)
    assert found.loc[COMPLETED, RUNNING] == 1
    assert found.loc[CREATION, FAILED] == 1
    assert found.to_numpy().sum() == 2


TWICE = table(
    (0.0, 0, None, WAITING),
    (0.5, 1, None, WAITING),
    (1.0, 0, WAITING, RUNNING),
    (2.0, 0, WAITING, RUNNING),
    (3.0, 0, RUNNING, COMPLETED),
    (4.0, 0, RUNNING, FAILED),
    (5.0, 1, WAITING, RUNNING),
)


@pytest.mark.parametrize("rows", [TWICE, TWICE[::-1]], ids=["in order", "backwards"])
def test_a_step_that_was_accepted_twice_leaves_the_status_that_the_job_was_in(
    rows: pd.DataFrame,
) -> None:
    assert occupancy(rows).to_dict("list") == {
        WAITING: [1, 2, 1, 1, 1, 1, 0],
        RUNNING: [0, 0, 1, 1, 0, 0, 1],
        COMPLETED: [0, 0, 0, 0, 1, 0, 0],
        FAILED: [0, 0, 0, 0, 0, 1, 1],
    }
    assert transition_matrix(rows).to_numpy().tolist() == [
        [2, 0, 0, 0],
        [0, 2, 0, 0],
        [0, 1, 1, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 0],
    ]


def test_the_matrix_of_nothing_is_zeros_of_the_same_shape() -> None:
    found = transition_matrix(NOTHING)
    assert found.shape == (5, 4)
    assert not found.to_numpy().any()


def test_occupancy_counts_jobs_in_each_status_and_merges_ties() -> None:
    found = occupancy(MOVES)
    assert found.index.name == "time"
    assert found.index.tolist() == [0.0, 1.0, 2.0, 3.0, 4.5]
    assert found.to_dict("list") == {
        WAITING: [2, 1, 2, 1, 1],
        RUNNING: [0, 1, 1, 1, 0],
        COMPLETED: [0, 0, 0, 1, 1],
        FAILED: [0, 0, 0, 0, 1],
    }
    assert set(found.dtypes) == {np.dtype("int32")}


def test_occupancy_does_not_depend_on_the_order_of_the_rows() -> None:
    pd.testing.assert_frame_equal(occupancy(MOVES[::-1]), occupancy(MOVES))


def test_occupancy_of_nothing_has_the_columns_and_no_row() -> None:
    found = occupancy(NOTHING)
    assert found.empty
    assert list(found.columns) == list(STATUS.categories)


def test_occupancy_works_on_plain_strings_as_a_csv_file_gives_them() -> None:
    plain = MOVES.astype({"source": "str", "target": "str"})
    pd.testing.assert_frame_equal(occupancy(plain), occupancy(MOVES))


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=30))
def test_occupancy_sums_to_the_jobs_created_so_far(lives: list[tuple[int, int]]) -> None:
    rows: list[tuple[float, int, str | None, str]] = []
    for job, (start, steps) in enumerate(lives):
        path = [None, WAITING, RUNNING, COMPLETED][: steps + 2]
        rows += [(float(start + i), job, path[i], str(path[i + 1])) for i in range(len(path) - 1)]
    found = occupancy(table(*sorted(rows, key=lambda row: row[0])))
    created = [sum(start <= time for start, _ in lives) for time in found.index]
    assert found.sum(axis="columns").tolist() == created
    assert (found >= 0).all(axis=None)


def test_throughput_counts_per_second_in_windows_that_hold_their_start() -> None:
    found = throughput(MOVES, window=2.0)
    assert found.index.tolist() == [0.0, 2.0, 4.0]
    assert found.index.name == "start"
    assert found.to_dict("list") == {
        WAITING: [1.0, 0.5, 0.0],
        RUNNING: [0.5, 0.5, 0.0],
        COMPLETED: [0.0, 0.5, 0.0],
        FAILED: [0.0, 0.0, 0.5],
    }


def test_throughput_windows_that_no_float_can_show_still_agree_with_their_index() -> None:
    times = np.arange(50) * 0.1
    moves = table(*((float(time), job, None, WAITING) for job, time in enumerate(times)))
    found = throughput(moves, window=0.1)
    ends = [*found.index[1:], np.inf]
    inside = [
        ((times >= start) & (times < end)).sum()
        for start, end in zip(found.index, ends, strict=True)
    ]
    assert found[WAITING].tolist() == pytest.approx(np.array(inside) / 0.1)
    assert sum(inside) == 50


def test_throughput_begins_at_a_multiple_of_the_window() -> None:
    late = table((103.0, 0, None, WAITING), (111.0, 1, None, WAITING))
    assert throughput(late, window=5.0).index.tolist() == [100.0, 105.0, 110.0]


def test_throughput_takes_a_round_window_by_itself() -> None:
    moves = table(*((float(second), second, None, WAITING) for second in range(301)))
    assert throughput_window(moves) == 5.0
    found = throughput(moves)
    assert found.index.tolist() == [5.0 * k for k in range(61)]
    assert found[WAITING].iloc[:-1].eq(1.0).all()


def test_throughput_of_one_instant_is_one_window_of_a_second() -> None:
    found = throughput(table((7.0, 0, None, WAITING)))
    assert found[WAITING].to_dict() == {7.0: 1.0}


def test_throughput_of_nothing_has_the_columns_and_no_row() -> None:
    found = throughput(NOTHING)
    assert found.empty
    assert list(found.columns) == list(STATUS.categories)


@pytest.mark.parametrize("window", [0, -1.0, math.nan, math.inf])
def test_throughput_refuses_a_window_without_width(window: float) -> None:
    with pytest.raises(ValueError, match="window must be a positive number of seconds, not"):
        throughput(MOVES, window=window)


@given(st.floats(1e-6, 4e11))
def test_a_round_duration_is_at_least_what_was_asked_and_at_most_two_and_a_half_times(
    asked: float,
) -> None:
    assert asked <= round_duration(asked) <= 2.5 * asked


def test_a_round_duration_beyond_the_table_is_the_longest_there_is() -> None:
    assert round_duration(1e30) == round_duration(4.3e11) == 5e6 * 86_400
