"""Empirical distribution functions: their steps, their axes, and how they are drawn."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from jobsim.display.text import time_unit
from jobsim.plot.parts.axes import WIDE
from jobsim.plot.parts.time_axis import log_time_axis, time_axis

Array = NDArray[np.float64]


def ecdf(values: ArrayLike, *, points: int = 600) -> tuple[Array, Array]:
    """Return the steps of the empirical distribution function, NaN left out.

    Every step that is returned is exact: the share of values at or below x. At most `points` steps
    are returned; of more, the first and the last, half at evenly spaced ranks, and half ever closer
    towards the top, so that the tail keeps its shape on a log scale.

    Examples
    --------
    >>> x, share = ecdf([3.0, 1.0, 1.0, float("nan"), 2.0])
    >>> x.tolist(), share.tolist()
    ([1.0, 2.0, 3.0], [0.5, 0.75, 1.0])
    """
    found = np.asarray(values, dtype=np.float64)
    found, repeats = np.unique(found[~np.isnan(found)], return_counts=True)
    share = np.cumsum(repeats) / max(int(repeats.sum()), 1)
    if len(found) > points:
        last = len(found) - 1
        even = np.linspace(0, last, points // 2)
        from_top = last - np.geomspace(1, last, points // 2)
        kept = np.unique(np.concatenate([even, from_top]).round().astype(np.int64))
        found, share = found[kept], share[kept]
    return found, share


def share_axes(ax: Axes, durations: pd.DataFrame, what: str) -> tuple[float, float]:
    """Make axes for the distribution functions of durations, one per column.

    Logarithmic where a linear axis would hide most of them. Returns where each function begins and
    ends; the end lies past the edge, so that the last step does not end in the picture.
    """
    longest = float(np.nan_to_num(durations.max().max()))
    left = log_start(durations)
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("share of jobs")
    if left is None:
        ax.set_xlim(0, longest * 1.02 or 1)
        time_axis(ax, longest, what)
    else:
        unit, size = time_unit(float(durations.median().max()) or longest)
        log_time_axis(ax, what, unit=unit, size=size)
        ax.set_xlim(left, longest * 1.1)
    return left or 0.0, 2 * longest


def draw_ecdf(
    ax: Axes,
    values: ArrayLike,
    start: float,
    end: float,
    *,
    color: str,
    linestyle: str,
    label: str,
) -> None:
    """Draw an empirical distribution function from `start`, with the share up to there."""
    x, share = ecdf(values)
    inside = x > start
    begin = share[~inside].max(initial=0.0)
    ax.step(
        np.concatenate([[start], x[inside], [end]]),
        np.concatenate([[begin], share[inside], [1.0]]),
        where="post",
        linewidth=2,
        color=color,
        linestyle=linestyle,
        label=label,
    )


def log_start(stages: pd.DataFrame) -> float | None:
    """Return where a logarithmic axis would begin; None where a linear one shows everything."""
    positive = stages.where(stages > 0).dropna(axis="columns", how="all")
    if positive.empty:
        return None
    if positive.max().max() < WIDE * positive.median().min():
        return None
    # The decade of the first percentile: one tiny value must not stretch the axis.
    return float(10.0 ** math.floor(math.log10(positive.quantile(0.01).min())))
