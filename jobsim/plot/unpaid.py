"""The chart of the jobs that nobody has paid for."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from jobsim.display.text import format_number
from jobsim.domain.models import JobStatus
from jobsim.figures.unpaid import JOB_BYTES, unpaid_stock
from jobsim.plot.chart import axes_for, count_axis, edge_labels, frame, note, thin
from jobsim.plot.duration import time_axis
from jobsim.plot.room import fitted
from jobsim.plot.style import NEUTRAL, STATUS_COLOURS
from jobsim.plot.waits import Jobs

_NEVER = STATUS_COLOURS[JobStatus.AWAITING_PAYMENT.value]

_NAMES = {"never": "never confirmed", "pending": "not yet confirmed"}

_UNITS = {1.0: "bytes", 1e3: "kB", 1e6: "MB", 1e9: "GB"}


def stock_steps(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return what `unpaid` draws: the stock and its two parts, thinned to what can be seen.

    Columns `never` and `pending`, stacked in this order, and `unpaid`, their sum; index `time`
    in seconds, up to the last thing that happened to a job.
    """
    stock = unpaid_stock(jobs)
    pending = stock["unpaid"] - stock["never"]
    steps = pd.DataFrame({"never": stock["never"], "pending": pending, "unpaid": stock["unpaid"]})
    end = jobs["finished"].max()
    if len(steps) and end > steps.index[-1]:
        # What is left then stays as it is, while the workers go on.
        steps = pd.concat([steps, steps.tail(1).set_axis(pd.Index([end], name="time"))])
    return thin(steps)


def unpaid(run: Jobs, *, ax: Axes | None = None) -> Axes:
    """Draw how many jobs awaited their payment over time, and how many of them wait for ever.

    Two areas, stacked: at the bottom the jobs that are never paid or whose confirmation is
    lost for ever, above them those whose confirmation is still to come. Jobs that are paid and
    wait for a worker are in neither, unlike in `occupancy`. The subtitle says what they
    take up, at `jobsim.figures.unpaid.JOB_BYTES` a job.

    Parameters
    ----------
    run
        A run; its `jobs` are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in seconds and jobs.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_threads
    >>> lossy = Scenario(jobs=20, payment={"abandon": 0.5})
    >>> ax = unpaid(run_threads(lossy, speedup=float("inf")))
    >>> ax.get_ylabel()
    'jobs'
    >>> plt.close(ax.figure)
    """
    steps = stock_steps(run.jobs)
    total = steps["unpaid"]
    end = float(steps.index[-1]) if len(steps) else 0.0
    ax = axes_for(ax)
    frame(ax, "Unpaid jobs", _sizes(total))
    ax.set_xlim(0, end or 1)
    time_axis(ax, end)
    ax.set_ylim(0, total.max() * 1.05 if total.any() else 1)
    count_axis(ax, "jobs")
    if not total.any():
        note(ax, "no job was ever unpaid" if len(steps) else "no job was created")
        return fitted(ax)
    floor = pd.Series(0, index=steps.index)
    labels = []
    for name, colour in (("never", _NEVER), ("pending", NEUTRAL)):
        counts = steps[name]
        if not counts.any():
            continue
        top = floor + counts
        ax.fill_between(
            steps.index.to_numpy(),
            floor.to_numpy(),
            top.to_numpy(),
            step="post",
            facecolor=colour,
            linewidth=0,
            label=name,
        )
        middle = float(floor.iloc[-1] + top.iloc[-1]) / 2
        labels.append((middle, _label(name, counts), colour))
        floor = top
    edge_labels(ax, labels)
    return fitted(ax)


def _sizes(total: pd.Series) -> str:
    if not total.any():
        return ""
    last, peak = int(total.iloc[-1]), int(total.max())
    at_most = "" if peak == last else f", at most {_in_bytes(peak)}"
    return f"{_in_bytes(last)} at the end{at_most}, at {JOB_BYTES:,} bytes a job"


def _in_bytes(jobs: int) -> str:
    size = jobs * JOB_BYTES
    unit = max((unit for unit in _UNITS if unit <= size), default=1.0)
    return f"{format_number(size / unit)} {_UNITS[unit]}"


def _label(name: str, counts: pd.Series) -> str:
    last, peak = int(counts.iloc[-1]), int(counts.max())
    text = f"{_NAMES[name]}\n{last:,}"
    return text if peak == last else f"{text} (peak {peak:,})"
