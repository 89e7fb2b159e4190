"""A check of a table of transitions against the lifecycle, column by column."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobsim.domain.codes import AWAITING, NUMBER_OF, STATUSES
from jobsim.domain.models import LEGAL_TRANSITIONS
from jobsim.tables.schema import STATUS

_ABSENT = len(STATUSES)
"""Stands for the status of a job that is not there yet, and for a missing value."""


def _legal() -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    table = np.zeros((_ABSENT + 1, _ABSENT + 1), dtype=np.bool_)
    table[_ABSENT, AWAITING] = True
    for status, targets in LEGAL_TRANSITIONS.items():
        table[NUMBER_OF[status], [NUMBER_OF[target] for target in targets]] = True
    return table


def illegal_transitions(transitions: pd.DataFrame) -> pd.DataFrame:
    """Return the transitions that the lifecycle does not allow.

    A transition is legal if its source is the target of the job's previous one (the first is a
    creation and has no source), if `LEGAL_TRANSITIONS` has the step, and if its time is known and
    not before that of the previous row.

    Parameters
    ----------
    transitions
        The `transitions` table of a run of either engine, in time order.

    Returns
    -------
    DataFrame
        The illegal rows, unchanged; empty if all are legal.

    Examples
    --------
    >>> rows = [(0.0, 0, None, "awaiting_payment"), (1.0, 0, "awaiting_payment", "completed")]
    >>> table = pd.DataFrame(rows, columns=["time", "job", "source", "target"])
    >>> illegal_transitions(table)["target"].tolist()
    ['completed']
    """
    source, target = (_codes(transitions[name]) for name in ("source", "target"))
    job, time = transitions["job"].to_numpy(), transitions["time"].to_numpy()
    order = np.argsort(job, kind="stable")
    again = job[order[1:]] == job[order[:-1]]
    before = np.full(len(job), _ABSENT, dtype=np.int8)
    before[order[1:]] = np.where(again, target[order[:-1]], _ABSENT)
    good = (source == before) & _legal()[source, target] & ~np.isnan(time)
    good[1:] &= ~(time[1:] < time[:-1])
    illegal: pd.DataFrame = transitions[~good]
    return illegal


def _codes(column: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    codes = pd.Categorical(column, dtype=STATUS).codes.astype(np.int8)
    return np.where(codes < 0, np.int8(_ABSENT), codes)
