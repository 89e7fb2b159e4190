"""The outcome of each row, from the columns that hold it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.logs.cells import NOTHING, missing
from jobsim.logs.chosen import Chosen, named
from jobsim.logs.clocks import Flags
from jobsim.logs.formats import Raw
from jobsim.logs.outcome_words import (
    CANCELLED,
    CODES,
    COMPLETED,
    FAILED,
    UNKNOWN,
    AmbiguousOutcomes,
    Mode,
    normal,
    number_mode,
    read_outcomes,
)
from jobsim.logs.roles import OUTCOMES
from jobsim.logs.source import TraceError

_OVER = frozenset({"finished", "done", "ended", "complete", "completed", "closed", "exited"})


def outcome_codes(
    raw: Raw,
    chosen: Chosen,
    mode: Mode | None,
    given: Mapping[str, str] | None,
) -> tuple[NDArray[np.int8] | None, pd.DataFrame, list[str]]:
    """Return the outcome code of each row, the words behind the codes, and how they were read.

    The first column of outcomes decides; the next ones are used where it says nothing.
    """
    first = next((role for role in OUTCOMES if role in chosen.place), None)
    if first == "status":
        columns = [(first, chosen.place[first]), *chosen.more_status]
    else:
        columns = [(role, chosen.place[role]) for role in OUTCOMES if role in chosen.place]
    codes: NDArray[np.int8] | None = None
    words = pd.Series(dtype="str")
    notes: list[str] = []
    for role, place in columns:
        cells = chosen.frame[place]
        name = named(raw, place)
        if role == "error":
            found = np.where(_blank(cells), COMPLETED, FAILED).astype(np.int8)
            read, why = (
                pd.Series(np.where(found == FAILED, "some error", ""), dtype="str"),
                "any text is a failure",
            )
        else:
            try:
                how, why = (
                    (mode, "as the format says" if raw.kind == "swf" else "you said so")
                    if mode and role == "status"
                    else number_mode(name, cells, role)
                )
            except AmbiguousOutcomes as error:
                if codes is not None:
                    continue
                if not given:
                    raise TraceError(raw.path, str(error), raw.line) from error
                how, why = "words", "as you said"
            found, read = read_outcomes(cells, how, given, inverted=role == "failed")
        if codes is None:
            codes, words = found, read
            notes.append(f"{name}: {why}")
            continue
        # An unknown word says something; an empty cell does not.
        silent = (codes == UNKNOWN) & (words == "").to_numpy(dtype=np.bool_)
        silent = _overruled(first, role, silent, codes, found, words)
        if silent.any():
            codes = np.where(silent, found, codes).astype(np.int8)
            words = words.where(~silent, read)
            notes.append(f"{name} where that says nothing")
    return codes, _table(codes, words), notes


def _overruled(
    first: str | None,
    role: str,
    silent: Flags,
    codes: NDArray[np.int8],
    found: NDArray[np.int8],
    words: pd.Series,
) -> Flags:
    """Return where a later column decides: where the first says nothing, or less than it."""
    if role in {"exit_code", "http_status", "error"}:
        silent = silent & (found != UNKNOWN)
    if first == "failed" and role == "exit_code":
        # Without a fault of the scheduler the job's own exit may still be a failure.
        silent = silent | ((codes == COMPLETED) & (found == FAILED))
    if first == "status":
        # "Finished" only says that a job is over; another column may say how.
        over = _said(words, _OVER)
        if role == "status":
            silent = silent | (over & np.isin(found, (FAILED, CANCELLED)))
        elif role == "exit_code":
            silent = silent | (over & (found == FAILED))
            # PBS writes F for finished, SLURM for failed.
            silent = silent | (_said(words, frozenset({"f"})) & (found != UNKNOWN))
    return silent


def _said(words: pd.Series, any_of: frozenset[str]) -> Flags:
    """Return where one of these words stands; each distinct word is normalised once."""
    hit = [word for word in words.unique() if normal(word) in any_of]
    return words.isin(hit).to_numpy(dtype=np.bool_)


def _blank(cells: pd.Series) -> Flags:
    false = cells.astype("str").str.lower().isin({"false", "0"}).to_numpy(dtype=np.bool_)
    return missing(cells, NOTHING) | false


def _table(codes: NDArray[np.int8] | None, words: pd.Series) -> pd.DataFrame:
    if codes is None:
        return pd.DataFrame({"word": pd.Series(dtype="str"), "outcome": [], "rows": []})
    pairs = pd.DataFrame({"word": words, "code": codes})
    counts = pairs.value_counts(sort=True).reset_index(name="rows")
    counts["outcome"] = [CODES[code] for code in counts["code"]]
    return counts[["word", "outcome", "rows"]]
