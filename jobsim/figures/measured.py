"""The durations and counts of a table of jobs, as plain arrays, each computed once.

Plain arrays, because a sweep asks for them thousands of times, and pandas would take most of the
time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from jobsim.domain.codes import AWAITING, COMPLETED, FAILED, NO_STATUS, RUNNING
from jobsim.figures.attempts import LEFT, OPEN, SERVED, Settled, settle, useful
from jobsim.figures.names import Figure
from jobsim.figures.quantiles import mean, quantile, without_nan
from jobsim.figures.recovery import lost_worker
from jobsim.figures.tally import Tally, tally
from jobsim.figures.window import Window, in_window
from jobsim.tables.job_arrays import Jobs, arrays_of

Mask = NDArray[np.bool_]
Seconds = NDArray[np.floating]


class Measured:
    """The measurements of a table of jobs.

    Parameters
    ----------
    jobs
        The `jobs` table of a run, all of it, or its arrays.
    window
        The window over which rates are measured.
    only_window
        Whether requests before the window are left out of counts and durations too.
    """

    def __init__(self, jobs: Jobs, window: Window, *, only_window: bool) -> None:
        self._jobs, self._window = arrays_of(jobs), window
        after, timed = in_window(self._jobs, window)
        # Unless it is left out, durations of the warm-up count; those of the drain never do.
        if not only_window:
            after, timed = np.ones_like(after), timed | ~after
        self._counted, self._timed = after, timed
        self._counted_rows, self._timed_rows = _rows(after), _rows(timed)
        self.of_use = useful(self._jobs)
        # A study asks for the same ones for its figures and for its tallies.
        self._durations: dict[str, Seconds] = {}
        self._tallies: dict[int, Tally] = {}  # by the identity of durations, all kept

    def counts(self) -> dict[str, float]:
        """Return the counts of jobs and of requests."""
        rows, jobs = self._counted_rows, self._jobs
        codes = jobs.codes[rows]
        created, paid, started, released = (
            jobs.has(name)[rows] for name in ("created", "paid", "started", "released")
        )
        running, reaped = codes == RUNNING, self._flag("reaped")[rows]
        # A job whose last status could not be read may still wait.
        idle = ~started & ((codes == AWAITING) | (codes == NO_STATUS))
        outcome = self.settled.outcome[self._of_request(self._counted)]
        requests = len(outcome)
        found = {
            "created": created,
            "paid": created & paid,
            "unpaid": created & ~paid,
            "waiting": created & paid & idle,
            "in_progress": running & ~released,
            "stuck": running & released,
            "completed": codes == COMPLETED,
            "failed": codes == FAILED,
            "crashed": self._flag("crashed")[rows],
            "reaped": reaped,
            "false_kills": reaped & ~lost_worker(jobs)[rows],
        }
        numbers: dict[str, float] = {
            name: int(np.count_nonzero(those)) for name, those in found.items()
        }
        return numbers | {
            "jobs": len(codes),
            "rejected": int(jobs["rejected"][rows].sum()),
            "requests": requests,
            "served": int(np.count_nonzero(outcome == SERVED)),
            "left": int(np.count_nonzero(outcome == LEFT)),
            "amplification": numbers["created"] / requests if requests else math.nan,
        }

    def makespan(self) -> float:
        """Return the seconds from the first creation to the last end."""
        created, finished = (
            self._column(name)[self._counted_rows] for name in ("created", "finished")
        )
        # `fmin` and `fmax` skip NaN, and give NaN where there is nothing else.
        first = np.fmin.reduce(created, initial=np.nan)
        return float(np.fmax.reduce(finished, initial=np.nan) - first)

    def rates(self) -> dict[str, float]:
        """Return the jobs that ended and the requests that were served, per second."""
        finished, window = self._column("finished"), self._window
        # n events bound n - 1 gaps: the one that begins the window closes none.
        inside = (finished > window.start) & (finished <= window.end)
        return {
            "throughput": int(np.count_nonzero(inside)) / window.length,
            "goodput": int(np.count_nonzero(inside & self.of_use)) / window.length,
        }

    def figures(self, wanted: Iterable[Figure]) -> dict[str, float]:
        """Return means, maxima, percentiles and service levels by name."""
        found: dict[str, float] = {}
        # Where responses equal sojourns, their figures are known already.
        known: dict[tuple[int, str, float], float] = {}
        for figure in wanted:
            key = id(self.durations(figure.quantity)), figure.statistic, figure.value
            if key not in known:
                known[key] = self._figure(figure)
            found[figure.name] = known[key]
        return found

    def _figure(self, figure: Figure) -> float:
        seconds = self.durations(figure.quantity)
        if figure.statistic == "mean":
            return mean(seconds)
        if figure.statistic == "within":
            return _share_within(seconds, figure.value)
        share = 1.0 if figure.statistic == "max" else figure.value
        return quantile(seconds, share, self.tally(figure.quantity))

    def durations(self, quantity: str) -> Seconds:
        """Return the durations of one of `jobsim.figures.names.QUANTITIES`, without NaN.

        Only of jobs that got so far; `response` has one value per request, infinite where its
        client gave up or waits for a job that is stuck.
        """
        if quantity not in self._durations:
            self._durations[quantity] = self._take(quantity)
        return self._durations[quantity]

    def tally(self, quantity: str) -> Tally:
        """Return the durations of a quantity counted in buckets."""
        seconds = self.durations(quantity)
        if id(seconds) not in self._tallies:
            self._tallies[id(seconds)] = tally(seconds)
        return self._tallies[id(seconds)]

    @cached_property
    def settled(self) -> Settled:
        """What came of each request."""
        return settle(self._jobs, self.of_use)

    def _take(self, quantity: str) -> Seconds:
        """Compute what `durations` returns, with as few copies of columns as possible."""
        if quantity == "response":
            return self._responses()
        if quantity == "lateness":
            return without_nan(self._jobs["lateness"][self._counted_rows])
        begin, end = {
            "wait": ("paid", "started"),
            "sojourn": ("created", "finished"),
            "service": ("started", "finished"),
            "recovery": ("released", "finished"),
        }[quantity]
        reaped = self._flag("reaped")
        if quantity == "recovery":
            # Only of reaped jobs: most runs have none, and need no difference.
            taken = np.flatnonzero(self._timed & reaped & lost_worker(self._jobs))
            return without_nan(self._column(end)[taken] - self._column(begin)[taken])
        seconds = self._jobs.between(begin, end)
        if quantity == "service" and reaped.any():
            return without_nan(seconds[self._timed & ~reaped])
        return without_nan(seconds[self._timed_rows])

    def _responses(self) -> Seconds:
        """Return the responses; that of a client that got nothing is infinite."""
        found, sojourns = self.settled, self.durations("sojourn")
        if found.settled is self._column("finished") and found.asked is self._column("created"):
            return sojourns  # all were served, and asked for on schedule
        seconds: Seconds = found.settled - found.asked
        # Leaving out those who gave up would make a worse service look faster.
        lost = (found.outcome == LEFT) & ~np.isnan(found.asked)
        stuck = self._flag("crashed") & np.isnan(self._column("finished"))
        # A job that is stuck never ends, so its client waits for ever.
        if stuck.any():
            waits = np.zeros(len(found.outcome), dtype=np.bool_)
            waits[self._jobs.group[stuck]] = True
            lost |= waits & (found.outcome == OPEN)
        if lost.any():
            seconds = np.where(lost, np.inf, seconds)
        seconds = without_nan(seconds[_rows(self._of_request(self._timed))])
        # One array, so that what is computed of sojourns need not be computed again.
        return sojourns if _equal(seconds, sojourns) else seconds

    def _column(self, name: str) -> NDArray[np.float64]:
        column: NDArray[np.float64] = self._jobs[name]
        return column

    def _flag(self, name: str) -> Mask:
        # Contiguous: most runs have one value for all rows, and operations on that are slow.
        flags: Mask = np.ascontiguousarray(self._jobs[name])
        return flags

    def _of_request(self, jobs: Mask) -> Mask:
        """Return the mask of requests for a mask of jobs that has all or no attempts of each."""
        return jobs if self._jobs.one_each else jobs[self._jobs.first]


def _rows(mask: Mask) -> Mask | slice:
    """Return a mask as a slice where it is one, as after a warm-up: that copies nothing."""
    count = int(np.count_nonzero(mask))
    first = int(mask.argmax()) if count else 0
    return slice(first, first + count) if mask[first : first + count].all() else mask


def _equal(first: Seconds, second: Seconds) -> bool:
    # Bit for bit: only then are the quantiles the same too.
    return len(first) == len(second) and bool((first == second).all())


def _share_within(seconds: Seconds, limit: float) -> float:
    if not len(seconds):
        return math.nan
    return int(np.count_nonzero(seconds <= limit)) / len(seconds)
