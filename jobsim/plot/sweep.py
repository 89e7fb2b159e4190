"""The chart of a metric over the settings of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from jobsim.display.text import format_given_share, format_number, time_unit
from jobsim.figures.intervals import intervals, setting_columns
from jobsim.plot.parts.axes import WIDE, axes_for, edge_labels, frame, legend_below, literal, note
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.time_axis import time_axis
from jobsim.plot.parts.words import field_unit, in_words, metric_unit, number_of, with_unit

LINES = ("#2B6CB0", "#7A1533", "#4F9D83", "#F0AC28", "#7C8AA0", "#222222")
"""Colours of the lines of one chart, told apart by hue and, in grey, by lightness."""

_MARKERS = "osD^vP"

_MOST_LABELS = 6
"""The most lines that are labelled at the edge; of more, a legend has the names."""

_LONG = 16
"""The most characters of a label at the edge; a longer one has its value on a new line."""


def sweep(
    table: pd.DataFrame,
    y: str = "wait_p95",
    *,
    x: str | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean of a metric over the settings of a sweep, with its confidence band.

    There is one line for every combination of the other settings; points, where the settings along
    the axis are not numbers. A column of theory for the metric is a dashed line. The axis is
    logarithmic where some means are far above the others.

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
    'mean wait (s)'
    >>> plt.close(ax.figure)
    """
    fields = setting_columns(table)
    along = fields[0] if x is None and fields else x
    if along not in fields:
        raise ValueError(f"the table has no swept field {along!r}; it has {', '.join(fields)}")
    means = intervals(table, y, level=level)
    others = [name for name in fields if name != along]
    ax = axes_for(ax)
    title = literal(f"{in_words(y)} by {number_of(along)}")
    frame(ax, title[:1].upper() + title[1:], _sweep_subtitle(table, y, means, level))
    numeric = is_numeric_dtype(means[along]) and not is_bool_dtype(means[along])
    ax.set_xlabel(literal(with_unit(along, field_unit(along) if numeric else "")))
    places = _places(ax, means[along], numeric)
    groups = list(means.groupby(others, sort=False)) if others else [((), means)]
    dashed = _theory_means(table, y)
    ends = []
    for number, (key, rows) in enumerate(groups):
        colour = LINES[number % len(LINES)]
        settings = [_setting(field, value) for field, value in zip(others, key, strict=True)]
        label = ", ".join(map(" ".join, settings))
        at = rows[along].map(places).sort_values(kind="stable")
        marker = _MARKERS[number % len(_MARKERS)]
        _band(ax, at, rows, colour, marker, literal(label, limit=60), joined=numeric)
        if dashed is not None:
            _theory_line(ax, at, dashed.loc[at.index].replace(np.inf, np.nan), colour, numeric)
        known = rows.loc[at.index, "mean"].dropna()
        if len(known):
            ends.append((float(known.iloc[-1]), _edge_text(settings), colour))
    _metric_axis(ax, y, means["mean"])
    if means["mean"].notna().sum() == 0:
        note(ax, f"no run has a {in_words(y)}")
    if numeric and 1 < len(ends) <= _MOST_LABELS:
        edge_labels(ax, ends)
    elif others:
        legend_below(ax)
    return fitted(ax)


def _setting(field: str, value: object) -> tuple[str, str]:
    """Return a setting in words: its field, and its value with the unit."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return in_words(field), str(value)
    shown = f"{value:,}" if isinstance(value, int) else format_number(value)
    return in_words(field), f"{shown} {field_unit(field)}".rstrip()


def _edge_text(settings: list[tuple[str, str]]) -> str:
    lines = [" ".join(words) for words in settings]
    if max(map(len, lines), default=0) > _LONG:
        lines = [word for words in settings for word in words]
    return "\n".join(literal(line, limit=30) for line in lines)


def _places(ax: Axes, values: pd.Series, numeric: bool) -> Mapping[object, float]:
    """Return the place of each value on the x axis: a number's own, otherwise its rank."""
    unique = list(dict.fromkeys(values))
    if numeric:
        ticks = sorted(unique)
        apart = min(np.diff(ticks), default=1) > 0.03 * (ticks[-1] - ticks[0]) if ticks else False
        if apart and len(ticks) <= 15 and all(float(value).is_integer() for value in ticks):
            ax.set_xticks(ticks)
        # The lines end close to the edge, where their labels stand.
        ax.margins(x=0.03)
        return {value: float(value) for value in unique}
    ax.set_xticks(range(len(unique)), [fill(literal(str(value), limit=60), 16) for value in unique])
    ax.set_xlim(-0.5, len(unique) - 0.5)
    return {value: float(number) for number, value in enumerate(unique)}


def _band(
    ax: Axes,
    at: pd.Series,
    rows: pd.DataFrame,
    colour: str,
    marker: str,
    label: str,
    *,
    joined: bool,
) -> None:
    """Draw means with their intervals: a band where values have an order, otherwise error bars."""
    mean, width = rows.loc[at.index, "mean"], rows.loc[at.index, "half_width"]
    if joined:
        ax.fill_between(at, mean - width, mean + width, color=colour, alpha=0.25, linewidth=0)
        ax.plot(at, mean, color=colour, marker=marker, markersize=4, linewidth=1.8, label=label)
        return
    ax.errorbar(
        at,
        mean,
        yerr=width,
        color=colour,
        marker=marker,
        markersize=4,
        linestyle="none",
        elinewidth=1.2,
        capsize=3,
        label=label,
    )


def _theory_line(ax: Axes, at: pd.Series, theory: pd.Series, colour: str, joined: bool) -> None:
    known = theory.dropna()
    x = at[known.index]
    if joined:
        ax.plot(x, known, color=colour, linestyle="dashed", linewidth=1.2)
    else:
        ax.hlines(known, x - 0.2, x + 0.2, color=colour, linestyle="dashed", linewidth=1.2)


def _theory_means(table: pd.DataFrame, y: str) -> pd.Series | None:
    """Return the theoretical value at each setting, by the rows of `intervals`; None if none."""
    name = f"{y}_theory"
    if name not in table or not np.isfinite(table[name].astype(np.float64)).any():
        return None
    by = [table[field] for field in setting_columns(table)]
    return table[name].astype(np.float64).groupby(by, sort=False).first().reset_index(drop=True)


def _sweep_subtitle(table: pd.DataFrame, y: str, means: pd.DataFrame, level: float) -> str:
    runs = int(means["n"].max()) if len(means) else 0
    text = f"mean of {runs:,} runs, band: {format_given_share(level)} confidence"
    if _theory_means(table, y) is None:
        return text
    rows = table[np.isfinite(table[f"{y}_theory"].astype(np.float64))]
    kinds = {str(kind).partition("/")[0] + "/" for kind in rows["theory"]}
    models = ", ".join(f"{kind}{_second(rows, kind)}/c" for kind in sorted(kinds))
    return f"{text}; dashed: {models}{_how_near(rows)}"


def _how_near(rows: pd.DataFrame) -> str:
    """Say how far off an approximation may be; empty for an exact formula."""
    if not any("approximation" in str(kind) for kind in rows["theory"]):
        return ""
    names = [f"wait_mean_theory{end}" for end in ("", "_low", "_high")]
    mean, low, high = rows.reindex(columns=names).to_numpy(dtype=np.float64).T
    there = mean > 0.0
    if not (high > mean).any():
        return " (approximation)"
    least, most = (low[there] / mean[there]).min(), (high[there] / mean[there]).max()
    return f" (approximation: mean wait {least:.1g} to {most:.1f} times this)"


def _second(rows: pd.DataFrame, kind: str) -> str:
    first = next(str(name) for name in rows["theory"] if str(name).startswith(kind))
    return first.split("/")[1]


def _metric_axis(ax: Axes, y: str, means: pd.Series) -> None:
    """Scale and label the axis; it is logarithmic where one setting would flatten the rest."""
    unit = metric_unit(y)
    finite = means[np.isfinite(means)]
    if len(finite) and finite.min() > 0 and finite.max() > WIDE * finite.median():
        ax.set_yscale("log")
    else:
        # Theory and the band may go above the means; their ends stay clear of the top.
        ax.set_ylim(0, max(ax.dataLim.y1 * 1.05, 0) or 1)
    scale = ", log scale" if ax.get_yscale() == "log" else ""
    if unit == "s":
        time_axis(ax, float(finite.max()) if len(finite) else 0.0, in_words(y), axis="y")
        unit = time_unit(float(finite.max()) if len(finite) else 0.0)[0]
    ax.set_ylabel(literal(with_unit(y, f"{unit}{scale}") if unit else in_words(y)))
