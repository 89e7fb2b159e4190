"""Logs with one row per event: pivoted to one row per attempt."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from jobsim.logs.outcome_words import CODES, UNKNOWN, meaning_of, normal

_MOMENTS: Mapping[str, tuple[str, ...]] = {
    "arrival": (
        *("created", "create", "submitted", "submit", "queued", "enqueued", "received", "arrival"),
        *("requested", "arrived", "job created", "job submitted", "new", "pending", "published"),
        *("schedule", "job queued", "awaiting payment", "register", "placed", "sent"),
    ),
    "paid": (
        *("paid", "payment", "payment received", "payment confirmed", "confirmed", "pay"),
        *("job paid",),
    ),
    "started": (
        *("started", "start", "running", "begin", "picked up", "dequeued", "processing", "active"),
        *("executing", "execution started", "job started", "in progress", "locked", "claimed"),
    ),
    "finished": (
        *("finished", "finish", "end", "ended", "complete", "completed", "job finished"),
        *("job completed",),
        *("job failed", "execution completed", "close", "closed", "job ended", "stop"),
    ),
}  # fmt: skip
_MOST_WORDS = 100
_ENDS = frozenset({"completed", "failed", "cancelled"})


def meaning_of_event(word: str, given: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the moment that an event marks, and the outcome that it tells; None where none.

    Examples
    --------
    >>> meaning_of_event("Job Failed", {}), meaning_of_event("started", {})
    (('finished', 'failed'), ('started', None))
    """
    name = normal(word)
    said = given.get(word) or given.get(name)
    if said is not None:
        ends = said in _ENDS
        return ("finished" if ends else said), (said if ends else None)
    bare = name.removeprefix("job ").removeprefix("task ")
    code = meaning_of(bare)
    outcome = CODES[code] if code != UNKNOWN and CODES[code] in _ENDS else None
    for moment, words in _MOMENTS.items():
        if name in words or bare in words:
            return moment, outcome if moment == "finished" else None
    return ("finished", outcome) if outcome else (None, None)


def tells_moments(activity: pd.Series) -> bool:
    """Return whether a column names starts as well as ends, so that each row is an event."""
    words = activity.dropna().astype("str").unique()
    # A column of free text has thousands of values, and some may sound like events.
    if len(words) > _MOST_WORDS:
        return False
    return {"started", "finished"} <= {meaning_of_event(word, {})[0] for word in words}


def pivot(
    case: pd.Series, activity: pd.Series, seconds: np.ndarray, given: Mapping[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one row per attempt, and the moment that each event was taken for.

    A second start of a case begins its second attempt. Events that tell nothing are left out.

    Parameters
    ----------
    case, activity
        Which job, and what happened.
    seconds
        float64, when; NaN rows are left out.
    given
        The caller's meanings of events: arrival, paid, started, finished, completed, failed,
        cancelled, or ``"ignored"``.
    """
    words = activity.astype("str")
    meanings = {word: meaning_of_event(word, given) for word in words.unique()}
    moment = words.map({word: found[0] for word, found in meanings.items()})
    table = pd.DataFrame(
        {
            "word": list(meanings),
            "moment": [found[0] or "ignored" for found in meanings.values()],
            "rows": [int((words == word).sum()) for word in meanings],
        }
    )
    events = pd.DataFrame(
        {
            "job": case.to_numpy(),
            "seconds": seconds,
            "moment": moment.to_numpy(),
            "status": words.map({word: found[1] for word, found in meanings.items()}).to_numpy(),
        }
    )
    known = events["moment"].isin([*_MOMENTS]) & ~np.isnan(seconds) & events["job"].notna()
    rank = {name: number for number, name in enumerate(_MOMENTS)}
    events = events[known].assign(rank=lambda frame: frame["moment"].map(rank))
    events = events.sort_values(["job", "seconds", "rank"], kind="stable", ignore_index=True)
    begins = (events["moment"] == "started").groupby(events["job"], sort=False).cumsum()
    # What comes between two starts belongs to the earlier one, a new request to the later.
    again = (events["moment"] == "arrival") & (begins > 0)
    events["attempt"] = np.maximum(begins + again, 1)
    wide = events.pivot_table(
        index=["job", "attempt"], columns="moment", values="seconds", aggfunc="first", sort=False
    )
    wide = wide.join(events.dropna(subset=["status"]).groupby(["job", "attempt"])["status"].last())
    wide = wide.reset_index()
    for moment_name in (*_MOMENTS, "status"):
        if moment_name not in wide:
            wide[moment_name] = np.nan if moment_name != "status" else None
    wide["arrival"] = wide["arrival"].fillna(wide.groupby("job")["arrival"].transform("min"))
    if wide["paid"].notna().any():
        wide["paid"] = wide["paid"].fillna(wide.groupby("job")["paid"].transform("min"))
    else:
        wide = wide.drop(columns="paid")
    return wide, table
