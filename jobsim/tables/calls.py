"""The recorded calls of all actors as one table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.domain.codes import COUNT
from jobsim.repository.call_rows import BACKDATED, CHANGED, ROW, ActorHistory
from jobsim.repository.recorded import RecordedRepository
from jobsim.tables.schema import CALLS, OP, OUTCOME, STATUS


def calls_table(recorded: RecordedRepository) -> pd.DataFrame:
    """Return every recorded call as one table, in order of invocation.

    Parameters
    ----------
    recorded
        The recorder. It may still be in use; open calls are `pending`.

    Returns
    -------
    DataFrame
        Columns as in `jobsim.tables.schema.CALLS`, times in nanoseconds of one monotonic
        clock.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> recorded = RecordedRepository(InMemoryJobRepository())
    >>> job = recorded.create("a" * 64)
    >>> calls_table(recorded)[["actor", "op", "job", "outcome", "observed"]]
            actor      op  job outcome          observed
    0  MainThread  create    0      ok  awaiting_payment
    """
    histories = recorded.histories()
    rows = np.concatenate([np.empty(0, dtype=ROW), *(history.rows for history in histories)])
    # Threads with the same name share one actor, since categories must be unique.
    names = list(dict.fromkeys(history.actor for history in histories))
    actor = np.repeat(
        np.array([names.index(history.actor) for history in histories], dtype=np.int32),
        [len(history.rows) for history in histories],
    )
    order = np.argsort(rows["invoked_ns"], kind="stable")
    rows = rows[order]
    counts = rows["op"] == COUNT
    return pd.DataFrame(
        {
            "actor": pd.Categorical.from_codes(
                actor[order], categories=pd.Index(names, dtype="str")
            ),
            "op": pd.Categorical.from_codes(rows["op"], dtype=OP),
            "job": np.where(counts, np.int32(-1), rows["job"]),
            "target": pd.Categorical.from_codes(rows["target"], dtype=STATUS),
            "invoked_ns": rows["invoked_ns"],
            "returned_ns": rows["returned_ns"],
            "outcome": pd.Categorical.from_codes(rows["outcome"], dtype=OUTCOME),
            "observed": pd.Categorical.from_codes(rows["observed"], dtype=STATUS),
            "count": np.where(counts, rows["job"], -1).astype(np.int64),
            "changed": (rows["faults"] & CHANGED) != 0,
            "backdated": (rows["faults"] & BACKDATED) != 0,
            "error": _error_texts(histories, order),
        },
        columns=list(CALLS),
    )


def _error_texts(
    histories: Sequence[ActorHistory], order: NDArray[np.int64]
) -> pd.Categorical[str]:
    """Return the error text of each row of the joined and sorted history, missing if none."""
    codes = np.full(len(order), -1, dtype=np.int32)
    texts: dict[str, int] = {}
    offset = 0
    for history in histories:
        for row, text in history.errors.items():
            codes[offset + row] = texts.setdefault(text, len(texts))
        offset += len(history.rows)
    return pd.Categorical.from_codes(codes[order], categories=pd.Index(list(texts), dtype="str"))
