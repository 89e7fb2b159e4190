"""Areas on top of each other, each labelled at the right edge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import pandas as pd
from matplotlib.axes import Axes

from jobsim.plot.parts.axes import edge_labels

Parts: TypeAlias = Mapping[str, tuple[str, str]]
"""The words and the colour of each area by its column, from the bottom up."""


def stack(ax: Axes, table: pd.DataFrame, parts: Parts) -> None:
    """Draw these columns on top of each other, and label each that ever had a job."""
    floor = pd.Series(0, index=table.index)
    labels = []
    for name, (text, colour) in parts.items():
        counts = table[name]
        # A part that never had a job has no colour and no label.
        if not counts.any():
            continue
        top = floor + counts
        ax.fill_between(
            table.index.to_numpy(),
            floor.to_numpy(),
            top.to_numpy(),
            step="post",
            facecolor=colour,
            # A hairline of the same colour closes the seam that SVG viewers show between fills.
            edgecolor=colour,
            linewidth=0.4,
            label=name,
        )
        # At the right edge, where the label stands.
        middle = float(floor.iloc[-1] + top.iloc[-1]) / 2
        labels.append((middle, _label(text, counts), colour))
        floor = top
    edge_labels(ax, labels)


def _label(text: str, counts: pd.Series) -> str:
    last, peak = int(counts.iloc[-1]), int(counts.max())
    return f"{text}\n{last:,}" if peak == last else f"{text}\n{last:,} (peak {peak:,})"
