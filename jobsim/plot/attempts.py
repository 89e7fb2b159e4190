"""The chart of how many attempts requests took, and what came of them."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from jobsim.display.text import count_of, format_share
from jobsim.domain.models import JobStatus
from jobsim.figures.attempts import attempts_per_request
from jobsim.plot.parts.axes import Jobs, axes_for, count_axis, frame, legend_below, note
from jobsim.plot.parts.entry import Chart, was_created
from jobsim.plot.parts.room import fitted
from jobsim.plot.parts.style import INK, NEUTRAL, STATUS_COLOURS
from jobsim.run.run import Run

_OUTCOMES = {
    "served": ("served", STATUS_COLOURS[JobStatus.COMPLETED.value]),
    "left": ("gave up", STATUS_COLOURS[JobStatus.FAILED.value]),
    "open": ("open at the end", NEUTRAL),
}

_MOST_LABELS = 12


def attempts(run: Jobs, *, ax: Axes | None = None) -> Axes:
    """Draw how many requests took how many attempts, and whether they were served.

    Parameters
    ----------
    run
        A run; its `jobs` are read.
    ax
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn on, data in attempts and requests.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from jobsim import Scenario, run_virtual
    >>> run = run_virtual(Scenario(jobs=20, work={"fail": 0.5}, retry={"attempts": 3}))
    >>> ax = attempts(run)
    >>> ax.get_ylabel()
    'requests'
    >>> plt.close(ax.figure)
    """
    table = attempts_per_request(run.jobs)
    total = int(table.to_numpy().sum())
    ax = axes_for(ax)
    told = f"{count_of(total, 'request')}, {count_of(len(run.jobs), 'job')}"
    frame(ax, "Attempts per request", told)
    ax.set_xlabel("attempts (number)")
    ax.set_xlim(0.4, max(len(table), 1) + 0.6)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
    count_axis(ax, "requests")
    if not total:
        note(ax, "no request was made")
        return fitted(ax)
    floor = 0 * table["served"]
    for outcome, (label, colour) in _OUTCOMES.items():
        counts = table[outcome]
        if counts.any():
            ax.bar(table.index, counts, bottom=floor, width=0.8, color=colour, label=label)
            floor = floor + counts
    ax.set_ylim(0, floor.max() * 1.1)
    if len(table) <= _MOST_LABELS:
        for number, count in floor.items():
            ax.annotate(
                f"{count:,}\n{format_share(count / total)}",
                (number, count),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                color=INK,
                fontsize="small",
                linespacing=1.1,
            )
        ax.set_ylim(0, floor.max() * 1.18)
    legend_below(ax)
    return fitted(ax)


def sentence(run: Run) -> str:
    """Say how many jobs the requests became, and what came of them."""
    table = attempts_per_request(run.jobs)
    total = int(table.to_numpy().sum())
    if not total:
        return "No request was made."
    jobs = len(run.jobs)
    first, later = int(table["served"].iloc[0]), int(table["served"].iloc[1:].sum())
    parts = [f"{format_share(first / total)} of the requests were served on the first attempt"]
    if later:
        parts.append(f"{format_share(later / total)} on a later one")
    if left := int(table["left"].sum()):
        tried = table.index[table["left"] > 0]
        most = count_of(int(tried[-1]), "attempt")
        up_to = "" if len(tried) == 1 else "up to "
        parts.append(f"{format_share(left / total)} were given up after {up_to}{most}")
    if still := int(table["open"].sum()):
        parts.append(f"{format_share(still / total)} had no answer when the run ended")
    each = f"{jobs / total:.2f}"
    told = f", {each} for each" if float(each) > 1 else ""
    return f"{count_of(total, 'request')} became {count_of(jobs, 'job')}{told}: {', '.join(parts)}."


def is_worth_showing(run: Run) -> bool:
    """Tell whether clients may ask again."""
    return run.workload.scenario.retry is not None and was_created(run)


CHART = Chart(attempts, sentence, is_worth_showing)
