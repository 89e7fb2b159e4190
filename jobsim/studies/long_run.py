"""What one long run tells about its waits, by batch means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from jobsim.figures.names import parse_figure
from jobsim.figures.tally import tally
from jobsim.figures.window import in_window, window_of
from jobsim.run.run import Run
from jobsim.studies.cells import Warmup, check_warmup
from jobsim.studies.pooled import Pooled
from jobsim.studies.statistics import (
    Interval,
    batch_series,
    correlated,
    fixed_fraction,
    mser5,
    skewed_half_width,
)

# In errors that are accepted of replications. Up to here the half-width, which allows for skewness,
# covers as often as it says. A limit near the usual error of a run would do harm: the error is
# measured too, and the runs that meet the limit would be those that look good by luck.
_ACCEPTED = 2.0


def wait_interval(
    run: Run,
    metric: str = "wait_mean",
    *,
    batches: int = 25,
    warmup: Warmup = "mser5",
    level: float = 0.95,
) -> Interval:
    """Return the interval of the mean wait, or another figure of the wait, from one long run.

    By batch means; a quantile or a share is pooled over the batches, with a jackknife over them.
    The half-width allows for skewness, see `jobsim.studies.statistics.skewed_half_width`. Batches
    that depend on each other make an interval too narrow: if they do, or if the run is too short
    in another way, `problem` of the interval says so.

    Parameters
    ----------
    run
        A run of either engine, long against the memory of its queue.
    metric
        ``"wait_mean"``, a quantile such as ``"wait_p99"``, or ``"wait_within_20s"``.
    batches
        Number of batches, at least 2.
    warmup
        What to delete first: a fraction of the paid jobs, or ``"mser5"``.
    level
        Confidence level, between 0 and 1.

    Raises
    ------
    ValueError
        If there are too few waits, or an argument is out of range.

    Examples
    --------
    >>> from jobsim.scenario.scenario import Scenario
    >>> from jobsim.virtual.run_virtual import run_virtual
    >>> wait_interval(run_virtual(Scenario(jobs=5000)), batches=5).n
    5
    """
    asked = parse_figure(metric)
    if asked.quantity != "wait" or asked.statistic == "max":
        raise ValueError(f"{metric} is not a figure of the wait, such as wait_mean or wait_p99")
    # Attempts stand by their request, at whatever time they were made.
    _, timed = in_window(run.jobs, window_of(run.jobs, run.workload.scenario, skipped=0))
    jobs = run.jobs[timed] if run.workload.scenario.users else run.jobs
    paid = jobs["paid"].to_numpy()
    waits = (jobs["started"].to_numpy() - paid)[np.argsort(paid, kind="stable")]
    waits = waits[~np.isnan(waits)]
    cut = mser5(waits) if check_warmup(warmup) == "mser5" else fixed_fraction(waits, float(warmup))
    settled = waits[cut:]
    means = batch_series(settled, batches)
    pooled = Pooled(
        pd.DataFrame({"wait_mean": means.mean(axis=1)}),
        [{"wait": tally(batch)} for batch in means],
        steady=True,
    )
    found, values = pooled.interval(metric, level), pooled.values(metric)
    # What happened in no batch, or in all, has a bound and no spread.
    if batches > 2 and values.std() > 0.0:
        found = replace(found, half_width=skewed_half_width(values, level=level))
    problem = ""
    if pooled.shortfall(metric) > _ACCEPTED:
        problem = "the run is too short for this figure"
    elif correlated(means.mean(axis=1)):
        problem = "the run is too short: its batches depend on each other"
    return replace(found, problem=problem)
