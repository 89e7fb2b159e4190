"""SLURM's job arrays: pending tasks stand in one row until they start."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from jobsim.display.text import count_of
from jobsim.logs.cells import is_text, matches
from jobsim.logs.chosen import Chosen

MOST_TASKS = 10_000_000
"""More tasks than any scheduler keeps pending; a longer range is an error in the log."""

_ARRAY = r"\d+_\[[\d,:\-]+(%\d+)?\]"


def tasks_of(job: str) -> list[str]:
    """Return the identifiers of the tasks that one row of an array stands for.

    ``%`` gives the most that may run at once, ``:`` a step.

    Examples
    --------
    >>> tasks_of("1003_[3-5%2]"), tasks_of("7_[1,4,8-10:2]")
    (['1003_3', '1003_4', '1003_5'], ['7_1', '7_4', '7_8', '7_10'])
    """
    array, _, listed = job.rstrip("]").partition("_[")
    numbers: list[int] = []
    for part in listed.partition("%")[0].split(","):
        found = re.fullmatch(r"(\d+)(?:-(\d+)(?::([1-9]\d*))?)?", part)
        if found is None:
            return [job]
        first, last, step = int(found[1]), int(found[2] or found[1]), int(found[3] or 1)
        if last - first >= MOST_TASKS:
            return [job]
        numbers += range(first, last + 1, step)
    return [f"{array}_{number}" for number in numbers] or [job]


def spread_arrays(chosen: Chosen) -> int:
    """Give each pending task of an array its own row; return how many rows that adds."""
    place = chosen.place.get("job")
    if place is None or not is_text(chosen.frame[place]):
        return 0
    rows = np.flatnonzero(matches(chosen.frame[place], _ARRAY))
    if not len(rows):
        return 0
    tasks = [tasks_of(job) for job in chosen.frame[place].iloc[rows]]
    counts = np.ones(len(chosen.frame), dtype=np.int64)
    counts[rows] = [len(found) for found in tasks]
    if counts.sum() > MOST_TASKS:
        chosen.notes.append("rows of pending arrays count as one job each: they name too many")
        return 0
    spread = chosen.frame.loc[np.repeat(np.arange(len(counts)), counts)].reset_index(drop=True)
    starts = np.cumsum(counts) - counts
    names = spread[place].to_numpy(dtype=object)
    for row, found in zip(rows, tasks, strict=True):
        names[starts[row] : starts[row] + len(found)] = found
    spread[place] = pd.Series(names, dtype="str")
    chosen.frame = spread
    total = int(counts[rows].sum())
    stand = (
        f"{count_of(len(rows), 'row')} of pending arrays {'stands' if len(rows) == 1 else 'stand'}"
    )
    chosen.notes.append(f"{stand} for {count_of(total, 'task')}")
    return int(counts.sum()) - len(counts)
