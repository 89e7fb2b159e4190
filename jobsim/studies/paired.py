"""Two settings compared replication by replication, on common random numbers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from jobsim.figures.intervals import JACKKNIFE, half_width
from jobsim.figures.metrics import UNITS
from jobsim.studies.replicate import Replications, table_of
from jobsim.studies.statistics import Interval


def paired(
    first: Replications | pd.DataFrame,
    second: Replications | pd.DataFrame,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the mean difference ``second - first`` of every metric, with its own interval.

    The differences are taken replication by replication: on common random numbers both sides go up
    and down together, so their difference is known better than either side.

    Parameters
    ----------
    first, second
        Replications, or the rows of a sweep at one setting each, of the same seeds.
    level
        Confidence level, between 0 and 1.

    Returns
    -------
    DataFrame
        One row per metric: `mean`, `half_width`, `level`, `n` (pairs with a value), `unit`.

    Raises
    ------
    ValueError
        If a side has two rows of the same replication, if no replication is on both sides, or if
        the seeds of a pair differ.

    References
    ----------
    Law (2015), Simulation Modeling and Analysis, 5th ed., section 10.2.

    Examples
    --------
    >>> from jobsim.scenario.scenario import Scenario
    >>> from jobsim.studies.sweep import sweep
    >>> table = sweep(Scenario(jobs=500), {"workers": [1, 2]}, replications=5)
    >>> one, two = (table[table["workers"] == workers] for workers in (1, 2))
    >>> paired(one, two).loc["wait_mean", ["level", "n"]].tolist()
    [0.95, 5.0]
    """
    sides = []
    for side in (first, second):
        samples = side.samples if isinstance(side, Replications) else side
        rows = samples.set_index("replication")
        if not rows.index.is_unique:
            raise ValueError(
                "a replication appears twice; give the rows of one setting on each side"
            )
        sides.append(rows)
    common = sides[0].index.intersection(sides[1].index)
    if common.empty:
        raise ValueError("the sides have no replication in common")
    left, right = (side.loc[common] for side in sides)
    if not (left["seed"] == right["seed"]).all():
        raise ValueError("the seeds of the two sides differ; pairs need common random numbers")
    names = [name for name in UNITS if name in left and name in right]
    found = []
    for name in names:
        # The jackknife values of a difference of quantiles are the differences of theirs.
        twin = f"{name}{JACKKNIFE}"
        column = twin if twin in left and twin in right else name
        before, after = (side[column].to_numpy(dtype=np.float64) for side in (left, right))
        # An infinite figure, such as the response of a client who left, has no difference.
        ended = np.isfinite(before) & np.isfinite(after)
        values = after[ended] - before[ended]
        n = len(values)
        width = half_width(float(values.std(ddof=1)) if n > 1 else math.nan, n, level)
        found.append(Interval(float(values.mean()) if n else math.nan, width, level, n))
    return table_of(names, found)
