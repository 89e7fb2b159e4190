"""What the cells of a column are: dates, numbers, clocks, words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from jobsim.logs.cells import is_text, matches, middle, missing, numbers
from jobsim.logs.instants import EARLIEST, LATEST
from jobsim.logs.roles import DURATIONS, INSTANTS

_SAMPLE = 20_000  # rows from which the kind of a column is judged
_DATE = (
    r"\d{4}-\d\d-\d\d.*|\d{1,4}[/.]\d{1,2}[/.]\d{1,4}.*|\d{8}T\d{6}.*"
    r"|[A-Z][a-z]{2},? .*\d{4}.*|\d{1,2}[ /-][A-Z][a-z]{2}[ /-]\d{4}.*"
)
_CLOCK = (
    r"-?(\d+-)?\d+:\d\d(:\d\d)?([.,]\d+)?|-?P[\dTWDHMS.,]+|\d+ days?.*"
    r"|(\d+([.,]\d+)?\s*[a-zµμ]+(\(s\))?[\s,]*)+"
)
ACCEPTED_KINDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys((*INSTANTS, "time"), frozenset({"date", "epoch", "number", "empty"})),
    **dict.fromkeys(DURATIONS, frozenset({"number", "clock", "empty"})),
    **dict.fromkeys(
        ("status", "activity"), frozenset({"text", "number", "bool", "clock", "empty"})
    ),
    **dict.fromkeys(("success", "failed"), frozenset({"text", "number", "bool", "empty"})),
    "error": frozenset({"text", "bool", "empty"}),
    "exit_code": frozenset({"number", "clock", "text", "empty"}),
    "http_status": frozenset({"number"}),
    "attempt": frozenset({"number"}),
    "job": frozenset({"text", "number", "epoch", "clock"}),
}


def kind_of(column: pd.Series) -> str:
    """Return what most cells are: date, epoch, number, clock, bool, text, or empty."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "date"
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        return "clock"
    if pd.api.types.is_bool_dtype(column.dtype):
        return "bool"
    cells = column[~missing(column)].iloc[:_SAMPLE]
    if not len(cells):
        return "empty"
    found = numbers(cells)
    known = ~np.isnan(found)
    if known.mean() > 0.5:
        # The median, because one typing error must not change the kind of the column.
        usual = middle(found[known])
        sizes = (1.0, 1e-3, 1e-6, 1e-9)
        return "epoch" if any(EARLIEST <= usual * s < LATEST for s in sizes) else "number"
    if not is_text(column):
        return "number"
    # More than half: logs mix forms, and a few odd cells are counted as unreadable later.
    if matches(cells, _DATE).mean() > 0.5:
        return "date"
    if matches(cells, _CLOCK).mean() > 0.5:
        return "clock"
    if matches(cells, r"-?\d+,\d+").mean() > 0.5:
        return "number"
    return "text"


def is_step(column: pd.Series) -> np.ndarray:
    """Return where a SLURM job id is that of a step, which is not a job."""
    if not is_text(column):
        return np.zeros(len(column), dtype=np.bool_)
    step = column.str.fullmatch(r"\d+(_\d+)?(\+\d+)?\.(batch|extern|interactive|\d+)")
    return step.fillna(value=False).to_numpy(dtype=np.bool_)
