"""The explorer's chart: jobs in the system over time, redrawn on one figure."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from jobsim.domain.models import JobStatus
from jobsim.plot.parts.axes import count_axis, frame, legend_below
from jobsim.plot.parts.style import INK, STATUS_COLOURS
from jobsim.plot.parts.time_axis import time_axis

INCHES = (6.2, 3.2)
DPI = 144
"""More than a usual screen shows, to be sharp on finer ones; twice as much would be too slow."""

_POINTS = 400
_UNPAID, _RUNNING = (
    STATUS_COLOURS[status.value] for status in (JobStatus.AWAITING_PAYMENT, JobStatus.RUNNING)
)
# Waiting and payment under way are one status, so they share a colour; the second is paler.
_BANDS = (
    ("running", "running", _RUNNING, 1.0),
    ("waiting", "paid, waiting for a worker", _UNPAID, 1.0),
    ("paying", "payment under way", _UNPAID, 0.4),
)

Array = NDArray[np.float64]


def jobs_by_stage(jobs: pd.DataFrame, *, points: int = _POINTS) -> pd.DataFrame:
    """Count the jobs that run, wait for a worker, or are being paid for, over time.

    Parameters
    ----------
    jobs
        The `jobs` table of a run. Jobs that are never paid are left out.
    points
        At how many evenly spaced instants, from 0 to the last event.

    Returns
    -------
    DataFrame
        int64 columns `running`, `waiting`, `paying`, exact at each instant; index `time` (s).

    Examples
    --------
    >>> jobs = pd.DataFrame({"created": [0.0], "paid": [1.0], "started": [1.0], "finished": [3.0]})
    >>> jobs_by_stage(jobs, points=4)["running"].tolist()
    [0, 1, 1, 0]
    """
    created, paid, started, finished = _sorted_stages(jobs)
    end = max((float(stage[-1]) for stage in (paid, started, finished) if len(stage)), default=0.0)
    time = np.linspace(0.0, end, points)
    # side="right": what happens at an instant counts from that instant on.
    asked, confirmed, taken, done = (
        np.searchsorted(stage, time, side="right") for stage in (created, paid, started, finished)
    )
    return pd.DataFrame(
        {"running": taken - done, "waiting": confirmed - taken, "paying": asked - confirmed},
        index=pd.Index(time, name="time"),
    )


def longest_queue(jobs: pd.DataFrame) -> int:
    """Return the most jobs that were paid and waited for a worker at one moment.

    Examples
    --------
    >>> nan = float("nan")
    >>> jobs = pd.DataFrame({"created": [0.0, 0.0], "paid": [0.0, 1.0], "started": [0.0, nan],
    ...                      "finished": [9.0, nan]})
    >>> longest_queue(jobs)
    1
    """
    _, paid, started, _ = _sorted_stages(jobs)
    # The queue only grows at a payment, so the longest one is just after one.
    confirmed, taken = (np.searchsorted(stage, paid, side="right") for stage in (paid, started))
    return int((confirmed - taken).max(initial=0))


def _sorted_stages(jobs: pd.DataFrame) -> tuple[Array, Array, Array, Array]:
    """Return when paid jobs were created, paid, started, finished: each sorted, without NaN."""
    stages = {
        name: jobs[name].to_numpy(dtype=np.float64)
        for name in ("created", "paid", "started", "finished")
    }
    is_paid = ~np.isnan(stages["paid"]) & ~np.isnan(stages["created"])
    # Each sorted by itself: counts over time do not ask which job it was.
    created, paid, started, finished = (
        np.sort(stage[is_paid & ~np.isnan(stage)]) for stage in stages.values()
    )
    return created, paid, started, finished


class Chart:
    """One figure that is redrawn for each run; not for several threads at once.

    Parameters
    ----------
    first
        What `jobs_by_stage` gives for the given scenario; a thin line always shows it.
    """

    def __init__(self, first: pd.DataFrame) -> None:
        figure = Figure(figsize=INCHES, dpi=DPI)
        canvas: Any = FigureCanvasAgg(figure)  # only partly typed
        # Set by hand: to compute a layout takes longer than to draw.
        self._axes = ax = figure.subplots()
        figure.subplots_adjust(left=0.13, right=0.96, top=0.83, bottom=0.25)
        subtitle = "thin line: running and waiting in the scenario as it was given"
        frame(ax, "Jobs in the system", subtitle)
        nothing, edges = np.zeros(len(first)), _edges(first)
        self._bands: list[Any] = [
            ax.stairs(nothing, edges, fill=True, color=colour, alpha=alpha, lw=0, label=label)
            for _, label, colour, alpha in _BANDS
        ]
        self._before = ax.stairs(_busy(first), edges, baseline=None, color=INK, linewidth=0.8)
        legend_below(ax)
        self._first = first
        self._end = self._top = 0.0
        # Text takes most of the time, so what never changes is drawn once and kept as a picture.
        self._changing = [ax.xaxis, ax.yaxis, *self._bands, self._before, *ax.spines.values()]
        for artist in self._changing:
            artist.set_animated(True)
        canvas.draw()
        self._canvas, self._still = canvas, canvas.copy_from_bbox(figure.bbox)

    def forget(self) -> None:
        """Let the axes fit only the next run, not the earlier ones."""
        self._end = self._top = 0.0

    def png(self, now: pd.DataFrame) -> bytes:
        """Draw a run and return the picture."""
        ax, edges = self._axes, _edges(now)
        floor = np.zeros(len(now))
        for (name, *_), band in zip(_BANDS, self._bands, strict=True):
            top = floor + now[name].to_numpy()
            band.set_data(top, edges, floor)
            floor = top
        self._before.set_visible(not now.equals(self._first))
        # The axes only ever grow: if they changed with every picture, they would hide the effect.
        self._end = max(self._end, _round_up(max(self._first.index[-1], now.index[-1])))
        self._top = max(self._top, _round_up(1.05 * max(_busy(self._first).max(), floor.max())))
        ax.set_xlim(0, self._end)
        time_axis(ax, self._end)
        count_axis(ax, "jobs")
        ax.set_ylim(0, self._top)
        self._canvas.restore_region(self._still)
        for artist in self._changing:
            ax.draw_artist(artist)
        picture = Image.fromarray(np.asarray(self._canvas.buffer_rgba())).convert("RGB")
        buffer = io.BytesIO()
        # The fastest compression: the picture is read once, usually on the same machine.
        picture.save(buffer, "png", compress_level=1)
        return buffer.getvalue()


def _round_up(value: float) -> float:
    """Return the smallest round number (1, 1.5, 2, 3, ... times a power of ten) not below it."""
    if not value > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(digit * power for digit in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if digit * power >= value)


def _busy(counts: pd.DataFrame) -> Array:
    return (counts["running"] + counts["waiting"]).to_numpy(dtype=np.float64)


def _edges(counts: pd.DataFrame) -> Array:
    """Return the instants and one more end, because each count holds until the next instant."""
    time = counts.index.to_numpy()
    return np.append(time, time[-1] + (time[1] - time[0]))
