"""Intervals of whole tables of replications."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy import stats

from jobsim.figures.intervals import half_width, intervals, setting_columns

TABLE = pd.DataFrame(
    {
        "workers": [9, 9, 9, 8, 8, 8],
        "replication": [0, 1, 2] * 2,
        "wait_mean": [1.0, 2.0, 4.0, 5.0, math.nan, math.nan],
    }
)


def test_the_interval_is_that_of_student():
    found = intervals(TABLE, "wait_mean", level=0.9).iloc[0]
    low, high = stats.t.interval(0.9, 2, loc=7 / 3, scale=stats.sem([1.0, 2.0, 4.0]))
    assert found["mean"] - found["half_width"] == pytest.approx(low)
    assert found["mean"] + found["half_width"] == pytest.approx(high)
    assert found["level"] == 0.9


def test_settings_keep_their_order_and_missing_values_do_not_count():
    found = intervals(TABLE, "wait_mean")
    assert found["workers"].tolist() == [9, 8]
    assert found["n"].tolist() == [3, 1]
    assert math.isnan(found["half_width"].iloc[1])


def test_a_table_without_settings_is_one_setting():
    found = intervals(TABLE.drop(columns="workers"), "wait_mean")
    assert found["n"].tolist() == [4]
    assert list(found) == ["mean", "half_width", "level", "n"]


def test_what_is_no_table_of_replications_is_refused():
    with pytest.raises(ValueError, match="no column 'replication'"):
        setting_columns(pd.DataFrame({"workers": [1]}))
    with pytest.raises(ValueError, match=r"no column 'wait'; it has workers, replication"):
        intervals(TABLE, "wait")


@pytest.mark.parametrize("level", [0.0, 1.0, math.nan])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(ValueError, match="lies between 0 and 1"):
        half_width(1.0, 5, level)
