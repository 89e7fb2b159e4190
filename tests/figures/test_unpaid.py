from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsim import Scenario, run_threads, run_virtual
from jobsim.figures.flow import occupancy
from jobsim.figures.unpaid import JOB_BYTES, unpaid_stock

NAN = float("nan")
LOSSY = Scenario(
    jobs=300,
    arrivals={"kind": "poisson", "rate": 5.0},
    payment={"delay": {"kind": "exponential", "mean": 3.0}, "abandon": 0.2, "lost": 0.5},
    workers=50,
)


def table(*rows):
    return pd.DataFrame(rows, columns=["created", "paid"], dtype="float64")


def test_a_job_counts_from_its_creation_until_its_confirmation():
    stock = unpaid_stock(table((1.0, 4.0), (2.0, 3.0)))
    assert stock["unpaid"].to_dict() == {1.0: 1, 2.0: 2, 3.0: 1, 4.0: 0}
    assert not stock["never"].any()


def test_a_job_that_is_never_confirmed_counts_for_ever():
    stock = unpaid_stock(table((0.0, NAN), (1.0, 2.0), (5.0, NAN)))
    assert stock["never"].to_dict() == {0.0: 1, 1.0: 1, 2.0: 1, 5.0: 2}
    assert stock["unpaid"].to_dict() == {0.0: 1, 1.0: 2, 2.0: 1, 5.0: 2}


def test_a_job_that_is_paid_at_once_leaves_a_row_and_no_stock():
    assert unpaid_stock(table((1.0, 1.0)))["unpaid"].to_dict() == {1.0: 0}


def test_a_job_that_was_never_created_does_not_count():
    assert unpaid_stock(table((NAN, NAN), (NAN, 3.0), (2.0, 3.0))).index.tolist() == [2.0, 3.0]


def test_the_bytes_are_those_of_all_unpaid_jobs():
    stock = unpaid_stock(table((0.0, NAN), (0.0, 2.0)))
    assert stock["bytes"].tolist() == [2 * JOB_BYTES, JOB_BYTES]


@pytest.mark.parametrize("rows", [(), ((0.0, 1.0),)])
def test_the_columns_have_their_types_in_a_table_of_any_length(rows):
    stock = unpaid_stock(table(*rows))
    assert stock.dtypes.astype("str").to_dict() == {
        "unpaid": "int32",
        "never": "int32",
        "bytes": "int64",
    }
    assert stock.index.name == "time"
    assert stock.index.dtype == np.float64
    assert len(stock) == 2 * len(rows)


moments = st.integers(0, 8).map(float)


@given(st.lists(st.tuples(moments, moments | st.just(NAN)), max_size=12))
def test_the_stock_is_what_a_count_at_each_instant_gives(rows):
    rows = [(created, created + waits) for created, waits in rows]
    for time, unpaid, never, _ in unpaid_stock(table(*rows)).itertuples():
        there = [paid for created, paid in rows if created <= time and not paid <= time]
        assert unpaid == len(there)
        assert never == sum(np.isnan(paid) for paid in there)


def test_where_nobody_has_to_wait_unpaid_jobs_are_those_that_await_payment():
    run = run_virtual(LOSSY)
    assert (run.jobs["started"] - run.jobs["paid"]).max() == 0.0
    waiting = occupancy(run.transitions)["awaiting_payment"]
    stock = unpaid_stock(run.jobs)["unpaid"]
    assert stock.to_dict() == waiting.loc[stock.index].to_dict()


def test_a_threaded_run_ends_with_the_same_stock():
    stock = unpaid_stock(run_threads(LOSSY, speedup=float("inf")).jobs).iloc[-1]
    assert stock.to_dict() == unpaid_stock(run_virtual(LOSSY).jobs).iloc[-1].to_dict()
    assert stock["unpaid"] == stock["never"] > 0
