"""The cells of a column: typed values as they are, stripped text, and which are missing."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

LIMIT = 2.0**32
"""Seconds (136 years) below which all times lie, so that a workload can hold the longest log."""

NOTHING = frozenset(
    {
        "", "\\n", "null", "none", "nan", "na", "n/a", "#n/a", "nat", "nil", "-", "--", "---",
        "(null)", "<null>", "<na>", "undefined", "?", "n.a.",
    }
)  # fmt: skip
"""Texts that stand for nothing, in lower case."""

NO_TIME = NOTHING | {
    "unknown", "never", "pending", "not started", "none assigned", "0000-00-00",
    "0000-00-00 00:00:00", "0001-01-01t00:00:00z",
}  # fmt: skip
"""The same in a column of times."""


def plain(column: pd.Series) -> pd.Series:
    """Return the column as numbers, datetimes, timedeltas, booleans or stripped text.

    Arrow's types become numpy's, and columns of Python objects take the type of their objects.
    """
    if isinstance(column.dtype, pd.ArrowDtype):
        column = pd.Series(column.array.__arrow_array__().to_pandas())
    column = column.reset_index(drop=True)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    kind = getattr(column.dtype, "kind", "O")
    if pd.api.types.is_bool_dtype(column.dtype) or kind in "iufmM":
        return column
    if column.dtype == object:
        inferred = pd.api.types.infer_dtype(column, skipna=True)
        if inferred in {"datetime", "datetime64"}:
            return _dates(column)
        if inferred in {"timedelta", "timedelta64"}:
            return pd.to_timedelta(column)
        if inferred in {"integer", "floating", "mixed-integer-float", "decimal"}:
            return pd.to_numeric(column.map(float, na_action="ignore"), errors="coerce")
        if inferred == "boolean":
            return column.astype("boolean")
        column = column.map(_as_text, na_action="ignore")
    return column.astype("str").str.strip()


def _dates(column: pd.Series) -> pd.Series:
    zones = {value.tzinfo is None for value in column if value is not None and value is not pd.NaT}
    if len(zones) > 1:  # `read_instants` decides about these
        return column.map(_as_text, na_action="ignore").astype("str")
    return pd.to_datetime(column, utc=zones == {False})


def _as_text(value: Any) -> str:
    if isinstance(value, dt.timedelta):
        return f"{value.total_seconds()!r} s"
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(float(value))
    return str(value)


def is_text(column: pd.Series) -> bool:
    """Tell whether the cells are text."""
    return isinstance(column.dtype, pd.StringDtype) or column.dtype == object


def matches(column: pd.Series, pattern: str) -> NDArray[np.bool_]:
    """Return where the whole text of a cell matches a pattern, in the syntax of RE2.

    pandas would use Python's engine for many patterns, which is about twenty times slower.
    """
    cells = pa.array(column, type=pa.large_string(), from_pandas=True)
    found = pc.match_substring_regex(cells, rf"^(?:{pattern})$")
    return np.asarray(found.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def missing(column: pd.Series, words: frozenset[str] = NO_TIME) -> NDArray[np.bool_]:
    """Return where a cell is empty, or one of `words`, which mean the same."""
    absent = column.isna().to_numpy(dtype=np.bool_)
    if is_text(column):
        absent = absent | column.str.lower().isin(words).to_numpy(dtype=np.bool_)
    return absent


def middle(values: NDArray[np.float64]) -> float:
    """Return the median of the finite values; 0 where there is none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else 0.0


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """Return the cells that are numbers as float64, NaN for all others."""
    if is_text(column):
        # `1_000` and `0x1f` are numbers to Python, not in logs.
        looks = matches(column, r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?")
        found = np.full(len(column), np.nan)
        if looks.all():
            return pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        if looks.any():
            found[looks] = pd.to_numeric(column[looks], errors="coerce").to_numpy(
                np.float64, na_value=np.nan
            )
        return found
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
