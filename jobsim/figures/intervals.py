"""Confidence intervals for whole tables of replications.

In a sweep, the column of a quantile has a twin, named with `JACKKNIFE`: one value per replication,
whose mean is the quantile of the jobs of all replications together, and whose spread gives the
uncertainty of that quantile.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from jobsim.figures.metrics import UNITS

JACKKNIFE = "_jackknife"
"""The suffix of the column of jackknife values of a quantile."""

INTERVAL = ("mean", "half_width", "level", "n")
"""The columns that make an interval; `n` is how many replications have a value."""


def half_width(deviation: float, n: int, level: float) -> float:
    """Return the half-width of Student's t interval for a mean.

    Parameters
    ----------
    deviation
        Sample standard deviation, with n - 1 degrees of freedom.
    n
        How many independent samples; fewer than 2 give NaN.
    level
        Confidence level.

    Raises
    ------
    ValueError
        If the level does not lie between 0 and 1.

    References
    ----------
    Student (1908), The probable error of a mean, Biometrika 6.

    Examples
    --------
    >>> round(half_width(1.0, 4, 0.95), 4)
    1.5912
    """
    # The quantile function behind scipy.stats.t, whose import would take a second.
    from scipy.special import stdtrit

    if not 0 < level < 1:
        raise ValueError(f"level is {level}; a confidence level lies between 0 and 1")
    if n < 2:
        return math.nan
    return float(stdtrit(n - 1, 0.5 + level / 2)) * deviation / math.sqrt(n)


def no_event_bound(unit: str, n: int, level: float) -> float:
    """Return an upper bound of a figure that was 0 in every replication.

    Zero events in n runs do not prove that there are none: with confidence 0.95 they happen in
    at most about 3 of n runs (the rule of three). A count is at most that number per run, if
    events are independent (Poisson); a share is at most the share of runs. The duration of
    something that was never seen has no bound: infinite.

    Parameters
    ----------
    unit
        Unit of the figure, as in `jobsim.figures.metrics.UNITS`.
    n
        Replications, at least 1.
    level
        Confidence level.

    References
    ----------
    Hanley and Lippman-Hand (1983), If nothing goes wrong, is everything all right?, JAMA 249(13).

    Examples
    --------
    >>> round(no_event_bound("jobs", 20, 0.95), 3), no_event_bound("s", 20, 0.95)
    (0.15, inf)
    """
    if unit == "s":
        return math.inf
    per_run = -math.log(1.0 - level) / n
    return 1.0 - math.exp(-per_run) if unit == "share" else per_run


def setting_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of a sweep that tell the setting of a row.

    They stand before `replication`.

    Raises
    ------
    ValueError
        If the table has no column `replication`.
    """
    if "replication" not in table:
        raise ValueError("this is not a table of replications: it has no column 'replication'")
    return list(table.columns[: table.columns.get_loc("replication")])


def intervals(table: pd.DataFrame, metric: str, *, level: float = 0.95) -> pd.DataFrame:
    """Return a metric at each setting of a sweep, with its confidence interval.

    A quantile is that of the jobs of all replications together, with a jackknife over
    replications, where the table has its twin (`JACKKNIFE`). The `half_width` of a figure that
    was 0 in every replication is its upper bound, see `no_event_bound`; NaN where that is unknown.

    Parameters
    ----------
    table
        What `sweep` returns: one row per setting and replication.
    metric
        One of its columns. Replications in which it is missing are left out; `n` is how many
        remain.
    level
        Confidence level, between 0 and 1.

    Returns
    -------
    DataFrame
        One row per setting, in their order: the columns of the setting, then `INTERVAL`.

    Raises
    ------
    ValueError
        If the table has no such column, or the level is out of range.

    Examples
    --------
    >>> table = pd.DataFrame({"workers": [8, 8, 9, 9], "replication": [0, 1, 0, 1],
    ...                       "wait_mean": [2.0, 4.0, 1.0, 1.0]})
    >>> intervals(table, "wait_mean").round({"half_width": 1})
       workers  mean  half_width  level  n
    0        8   3.0        12.7   0.95  2
    1        9   1.0         0.0   0.95  2
    """
    if metric not in table:
        raise ValueError(f"the table has no column {metric!r}; it has {', '.join(map(str, table))}")
    by = setting_columns(table)
    pooled = f"{metric}{JACKKNIFE}"
    # A mean of quantiles is biased, so the pooled twin is taken wherever there is one.
    values = table[pooled if pooled in table else metric].astype(np.float64)
    # Without columns of a setting, all rows belong to one.
    groups = [table[name] for name in by] or [pd.Series(0, index=table.index)]
    # Unsorted, so that the settings keep the order in which they were asked for.
    found = values.groupby(groups, sort=False).agg(["mean", "std", "count"])
    counts = found["count"].astype(np.int64)
    # A quantile of 0 is known from many jobs; a mean or a count of 0 is known from no event.
    unit = None if pooled in table else UNITS.get(metric)
    result = pd.DataFrame(
        {
            "mean": found["mean"],
            "half_width": [
                _half_width(mean, deviation, n, level, unit)
                for mean, deviation, n in zip(found["mean"], found["std"], counts, strict=True)
            ],
            "level": level,
            "n": counts,
        }
    )
    return result.reset_index()[[*by, *INTERVAL]]


def _half_width(mean: float, deviation: float, n: int, level: float, unit: str | None) -> float:
    """Return Student's half-width, or the bound of a figure that was always 0."""
    width = half_width(deviation, n, level)
    if mean or deviation or unit is None or n < 2:
        return width
    # Without spread Student's half-width is 0, as if zero were proved.
    bound = no_event_bound(unit, n, level)
    return bound if math.isfinite(bound) else math.nan
