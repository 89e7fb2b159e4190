"""The chart of unpaid jobs, and of the memory that they take."""

from __future__ import annotations

from types import MappingProxyType

import pandas as pd
from matplotlib.axes import Axes

from jobsim.display.text import count_of, format_number, format_share
from jobsim.domain.models import JobStatus
from jobsim.figures.unpaid import JOB_BYTES, unpaid_stock
from jobsim.plot.parts.axes import Jobs, axes_for, count_axis, frame, note, thin
from jobsim.plot.parts.entry import Chart, was_created
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.stack import Parts, stack
from jobsim.plot.parts.style import NEUTRAL, STATUS_COLOURS
from jobsim.plot.parts.time_axis import time_axis
from jobsim.run.run import Run

_PARTS: Parts = MappingProxyType(
    {
        "never": ("never confirmed", STATUS_COLOURS[JobStatus.AWAITING_PAYMENT.value]),
        "pending": ("not yet confirmed", NEUTRAL),
    }
)
"""The words and the colour of each part, from the bottom up."""

_PILE = 0.05
"""The chart is worth showing if more than this share of the jobs was never paid."""

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
        # The stock stays as it is, while the workers go on.
        steps = pd.concat([steps, steps.tail(1).set_axis(pd.Index([end], name="time"))])
    return thin(steps)


def unpaid(run: Jobs, *, ax: Axes | None = None) -> Axes:
    """Draw how many jobs awaited payment over time, and how many of them wait for ever.

    Two areas, stacked: at the bottom the jobs that are never paid or whose confirmation is
    lost for ever, above them those whose confirmation is still to come. Jobs that are paid and
    wait for a worker are in neither. No step of the lifecycle removes an unpaid job, so a store
    keeps it for ever. The subtitle says how much memory that takes, at the measured size of one
    job, `jobsim.figures.unpaid.JOB_BYTES`.

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
    stack(ax, steps, _PARTS)
    return fitted(ax)


def _sizes(total: pd.Series) -> str:
    if not total.any():
        return ""
    last, peak = int(total.iloc[-1]), int(total.max())
    at_most = "" if peak == last else f", {_in_bytes(peak)} at most"
    each = f"{JOB_BYTES:,} bytes per job in memory"
    return f"the store keeps {_in_bytes(last)} for them at the end{at_most} ({each})"


def _in_bytes(jobs: int) -> str:
    size = jobs * JOB_BYTES
    unit = max((unit for unit in _UNITS if unit <= size), default=1.0)
    return f"{format_number(size / unit)} {_UNITS[unit]}"


def sentence(run: Run) -> str:
    """Say how many jobs awaited payment at once, and how many of them always will."""
    stock = unpaid_stock(run.jobs)
    if stock.empty:
        return "No job was created."
    created = int(run.jobs["created"].notna().sum())
    peak, never = int(stock["unpaid"].max()), int(stock["never"].iloc[-1])
    told = f"At most {count_of(peak, 'job')} awaited payment at once"
    if not never:
        return f"{told}; by the end every job was paid."
    which = f"{never:,} of {created:,} ({format_share(never / created)})"
    return f"{told}; {which} are never paid and stay in the store for ever."


def is_worth_showing(run: Run) -> bool:
    """Tell whether confirmations of payment are lost, or many jobs are never paid."""
    figures = run.metrics()
    lossy = run.workload.scenario.payment.lost > 0 and was_created(run)
    return lossy or figures["unpaid"] > _PILE * figures["created"]


CHART = Chart(unpaid, sentence, is_worth_showing)
