"""Charts of studies: a metric over the settings of a sweep, threads beside virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from types import MappingProxyType
from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from pandas.api.types import is_numeric_dtype

from jobsim.analysis.intervals import intervals, setting_columns
from jobsim.analysis.metrics import UNITS
from jobsim.display import format_duration, time_unit
from jobsim.plot.chart import axes_for, frame, legend_below, literal, note
from jobsim.plot.distributions import draw_ecdf, log_start
from jobsim.plot.duration import log_time_axis, time_axis
from jobsim.plot.style import INK, MUTED, STATUS_COLOURS

LINES = ("#2B6CB0", "#7A1533", "#4F9D83", "#F0AC28", "#7C8AA0", "#222222")
"""Colours of the lines of one chart, told apart by hue and, in grey, by lightness."""

_MARKERS = "osD^vP"


class Compared(Protocol):
    """The part of a `Comparison` that `compare` reads."""

    @property
    def jobs(self) -> pd.DataFrame:
        """One row a job with `lateness`, `dispatch` and `drift`."""

    @property
    def agree(self) -> bool:
        """Whether both runs did the same to every job."""


def sweep(
    table: pd.DataFrame,
    y: str = "wait_p95",
    *,
    x: str | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean of a metric over the settings of a sweep, in a band of confidence.

    A line for every combination of the other settings. Where the table has a column of
    theory for the metric, it is a dashed line. The axis is logarithmic where some means are
    far above the others.

    Parameters
    ----------
    table
        What `jobsim.sweep` returns, or the `table` of `jobsim.workers_needed`.
    y
        The metric: one of the table's columns.
    x
        The swept field along the axis; by default the first.
    level
        Confidence level of the band, between 0 and 1.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in the units of the metric, times in seconds.

    Raises
    ------
    ValueError
        If the table has no such columns.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> table = pd.DataFrame({"workers": [8, 8, 9, 9], "replication": [0, 1, 0, 1],
    ...                       "wait_mean": [2.0, 4.0, 1.0, 1.0]})
    >>> ax = sweep(table, y="wait_mean")
    >>> ax.get_ylabel()
    'wait_mean (s)'
    >>> plt.close(ax.figure)
    """
    fields = setting_columns(table)
    along = fields[0] if x is None and fields else x
    if along not in fields:
        raise ValueError(f"the table has no swept field {along!r}; it has {', '.join(fields)}")
    means = intervals(table, y, level=level)
    others = [name for name in fields if name != along]
    ax = axes_for(ax)
    frame(ax, f"{y} by {literal(along)}", _sweep_subtitle(table, y, means, level))
    ax.set_xlabel(literal(along))
    places = _places(ax, means[along])
    groups = means.groupby(others, sort=False) if others else [((), means)]
    dashed = _theory_means(table, y)
    for number, (key, rows) in enumerate(groups):
        colour = LINES[number % len(LINES)]
        label = ", ".join(f"{name} {value}" for name, value in zip(others, key, strict=True))
        at = rows[along].map(places)
        _band(ax, at, rows, colour, _MARKERS[number % len(_MARKERS)], literal(label, limit=60))
        if dashed is not None:
            known = at.index[np.isfinite(dashed.loc[at.index])]
            ax.plot(at[known], dashed[known], color=colour, linestyle="dashed", linewidth=1.2)
    _metric_axis(ax, y, means["mean"])
    if means["mean"].notna().sum() == 0:
        note(ax, f"no run has a {y}")
    if others:
        legend_below(ax)
    return ax


def _places(ax: Axes, values: pd.Series) -> Mapping[object, float]:
    """Return where each value of the x axis stands: at itself, or in its turn if no number."""
    unique = list(dict.fromkeys(values))
    if is_numeric_dtype(values):
        if len(unique) <= 15 and all(float(value).is_integer() for value in unique):
            ax.set_xticks(sorted(unique))
        return {value: float(value) for value in unique}
    ax.set_xticks(range(len(unique)), [fill(literal(str(value), limit=60), 16) for value in unique])
    ax.set_xlim(-0.5, len(unique) - 0.5)
    return {value: float(number) for number, value in enumerate(unique)}


def _band(
    ax: Axes, at: pd.Series, rows: pd.DataFrame, colour: str, marker: str, label: str
) -> None:
    order = at.sort_values(kind="stable").index
    x, mean, width = at[order], rows.loc[order, "mean"], rows.loc[order, "half_width"]
    ax.fill_between(x, mean - width, mean + width, color=colour, alpha=0.25, linewidth=0)
    # Where there is but one point, or no order between them, the band has no width to be seen.
    ax.errorbar(
        x,
        mean,
        yerr=width,
        color=colour,
        marker=marker,
        markersize=4,
        linewidth=1.8,
        elinewidth=0.8,
        capsize=2,
        label=label,
    )


def _theory_means(table: pd.DataFrame, y: str) -> pd.Series | None:
    """Return theory's value at each setting, by the rows of `intervals`; None without any."""
    name = f"{y}_theory"
    if name not in table or not np.isfinite(table[name].astype(np.float64)).any():
        return None
    by = [table[field] for field in setting_columns(table)]
    return table[name].astype(np.float64).groupby(by, sort=False).first().reset_index(drop=True)


def _sweep_subtitle(table: pd.DataFrame, y: str, means: pd.DataFrame, level: float) -> str:
    runs = int(means["n"].max()) if len(means) else 0
    text = f"mean of {runs:,} runs, band: {100 * level:.4g} % confidence"
    if _theory_means(table, y) is None:
        return text
    rows = table[np.isfinite(table[f"{y}_theory"].astype(np.float64))]
    kinds = {str(kind).partition("/")[0] + "/" for kind in rows["theory"]}
    approximate = any("approximation" in str(kind) for kind in rows["theory"])
    models = ", ".join(f"{kind}{_second(rows, kind)}/c" for kind in sorted(kinds))
    return f"{text}; dashed: {models}{' (approximation)' if approximate else ''}"


def _second(rows: pd.DataFrame, kind: str) -> str:
    first = next(str(name) for name in rows["theory"] if str(name).startswith(kind))
    return first.split("/")[1]


def _metric_axis(ax: Axes, y: str, means: pd.Series) -> None:
    unit = UNITS.get(y, "")
    finite = means[np.isfinite(means)]
    if len(finite) and finite.min() > 0 and finite.max() > 30 * finite.median():
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=0)
    scale = ", log scale" if ax.get_yscale() == "log" else ""
    if unit == "s":
        time_axis(ax, float(finite.max()) if len(finite) else 0.0, y, axis="y")
        unit = time_unit(float(finite.max()) if len(finite) else 0.0)[0]
    ax.set_ylabel(f"{y} ({unit}{scale})" if unit else y)


_LAGS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "lateness": ("lateness", MUTED, "dotted"),
        "dispatch": ("dispatch delay", STATUS_COLOURS["running"], "solid"),
        "drift": ("raw drift", INK, "dashed"),
    }
)


def compare(comparison: Compared, *, ax: Axes | None = None) -> Axes:
    """Draw how far a threaded run was off its virtual twin (an ECDF of magnitudes).

    Lateness is what clients were late, dispatch delay what remains when the measured payments
    and busy times are given to the virtual engine, raw drift what all of it adds up to in
    the queue.

    Parameters
    ----------
    comparison
        What `jobsim.compare` returns.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in scenario seconds and shares.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from types import SimpleNamespace
    >>> off = pd.DataFrame({"lateness": [0.1], "dispatch": [0.2], "drift": [0.3]})
    >>> ax = compare(SimpleNamespace(jobs=off, agree=True))
    >>> ax.get_xlabel()
    'off by (ms)'
    >>> plt.close(ax.figure)
    """
    off = comparison.jobs[list(_LAGS)].abs().dropna(axis="columns", how="all")
    verdict = "the same outcome for every job" if comparison.agree else "OUTCOMES DIFFER"
    ax = axes_for(ax)
    frame(
        ax,
        "Threads beside virtual time",
        f"{verdict}; share of jobs off by at most so long",
        grid="both",
    )
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("share of jobs")
    nothing = off.dropna(how="all").empty
    longest = 0.0 if nothing else float(off.max().max())
    left = log_start(off) if longest else None
    if left is None:
        ax.set_xlim(0, longest * 1.02 or 1)
        time_axis(ax, longest, "off by")
    else:
        unit, size = time_unit(float(off.median().max()) or longest)
        log_time_axis(ax, "off by", unit=unit, size=size)
        ax.set_xlim(left, longest * 1.1)
    if nothing:
        note(ax, "no job started in both runs")
        return ax
    for name in off:
        what, colour, dashes = _LAGS[str(name)]
        text = f"{what}\nmedian {format_duration(float(off[name].median()))}"
        draw_ecdf(
            ax, off[name], left or 0.0, 2 * longest, color=colour, linestyle=dashes, label=text
        )
    ax.legend(
        loc="upper left",
        bbox_to_anchor=(1, 1),
        frameon=False,
        fontsize="small",
        labelspacing=1.2,
        labelcolor=INK,
    )
    return ax
