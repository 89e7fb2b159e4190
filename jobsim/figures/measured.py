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
from jobsim.figures.quantiles import mean, quantiles
from jobsim.figures.recovery import lost_worker
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
        self._timed_rows = _rows(timed)
        self.of_use = useful(self._jobs)
        # A study asks for the same ones for its figures and for its tallies.
        self._durations: dict[str, Seconds] = {}

    def counts(self) -> dict[str, float]:
        """Return the counts of jobs and of requests."""
        created, paid, started, released = (
            self._column(name) for name in ("created", "paid", "started", "released")
        )
        counted = self._counted
        codes = self._jobs.codes
        is_created = counted & ~np.isnan(created)
        is_paid = is_created & ~np.isnan(paid)
        running = counted & (codes == RUNNING)
        reaped = counted & self._flag("reaped")
        # A job whose last status could not be read may still wait.
        waiting = is_paid & np.isnan(started) & ((codes == AWAITING) | (codes == NO_STATUS))
        outcome = self.settled.outcome[self._of_request(counted)]
        requests = len(outcome)
        found = {
            "jobs": counted,
            "created": is_created,
            "paid": is_paid,
            "unpaid": is_created & np.isnan(paid),
            "waiting": waiting,
            "in_progress": running & np.isnan(released),
            "stuck": running & ~np.isnan(released),
            "completed": counted & (codes == COMPLETED),
            "failed": counted & (codes == FAILED),
            "crashed": counted & self._flag("crashed"),
            "reaped": reaped,
            "false_kills": reaped & ~lost_worker(self._jobs),
        }
        numbers: dict[str, float] = {
            name: int(np.count_nonzero(those)) for name, those in found.items()
        }
        return numbers | {
            "rejected": int(self._jobs["rejected"][counted].sum()),
            "requests": requests,
            "served": int(np.count_nonzero(outcome == SERVED)),
            "left": int(np.count_nonzero(outcome == LEFT)),
            "amplification": numbers["created"] / requests if requests else math.nan,
        }

    def makespan(self) -> float:
        """Return the seconds from the first creation to the last end."""
        created, finished = (self._column(name)[self._counted] for name in ("created", "finished"))
        # `fmin` and `fmax` skip NaN, and give NaN where there is nothing else.
        first = np.fmin.reduce(created, initial=np.nan)
        return float(np.fmax.reduce(finished, initial=np.nan) - first)

    def rates(self) -> dict[str, float]:
        """Return the jobs that ended and the requests that were served, per second."""
        finished = self._column("finished")
        return {
            "throughput": self._rate(finished),
            "goodput": self._rate(finished[self.of_use]),
        }

    def figures(self, wanted: Iterable[Figure]) -> dict[str, float]:
        """Return means, maxima, percentiles and service levels by name."""
        by_quantity: dict[str, list[Figure]] = {}
        for figure in wanted:
            by_quantity.setdefault(figure.quantity, []).append(figure)
        found: dict[str, float] = {}
        # Where nobody asks late, asks again or gives up, responses equal sojourns; to compare them
        # is far quicker than to select quantiles again.
        known: dict[tuple[float, ...], tuple[Seconds, list[float]]] = {}
        for quantity, figures in by_quantity.items():
            seconds = self.durations(quantity)
            places = {
                figure.name: 1.0 if figure.statistic == "max" else figure.value
                for figure in figures
                if figure.statistic in {"max", "quantile"}
            }
            shares = tuple(places.values())
            if quantity == "response" and shares in known and _equal(seconds, known[shares][0]):
                values = known[shares][1]
            else:
                # All shares at once, because one partition serves them all.
                values = quantiles(seconds, shares)
            if quantity == "sojourn":
                known[shares] = seconds, values
            found |= dict(zip(places, values, strict=True))
            for figure in figures:
                if figure.statistic == "mean":
                    found[figure.name] = mean(seconds)
                elif figure.statistic == "within":
                    found[figure.name] = _share_within(seconds, figure.value)
        return found

    def durations(self, quantity: str) -> Seconds:
        """Return the durations of one of `jobsim.figures.names.QUANTITIES`, without NaN.

        Only of jobs that got so far; `response` has one value per request, infinite where its
        client gave up or waits for a job that is stuck.
        """
        if quantity not in self._durations:
            self._durations[quantity] = self._take(quantity)
        return self._durations[quantity]

    @cached_property
    def settled(self) -> Settled:
        """What came of each request."""
        return settle(self._jobs, self.of_use)

    def _take(self, quantity: str) -> Seconds:
        """Compute what `durations` returns, with as few copies of columns as possible."""
        if quantity == "response":
            return self._responses()
        if quantity == "lateness":
            return _known(self._jobs["lateness"][_rows(self._counted)])
        begin, end = {
            "wait": ("paid", "started"),
            "sojourn": ("created", "finished"),
            "service": ("started", "finished"),
            "recovery": ("released", "finished"),
        }[quantity]
        taken: Mask | slice = self._timed_rows
        reaped = self._flag("reaped")
        if quantity == "recovery":
            # Only of reaped jobs: most runs have none, and need no difference.
            taken = self._timed & reaped
            if taken.any():
                taken &= lost_worker(self._jobs)
        elif quantity == "service" and reaped.any():
            taken = self._timed & ~reaped
        return _known(self._column(end)[taken] - self._column(begin)[taken])

    def _responses(self) -> Seconds:
        """Return the responses; that of a client that got nothing is infinite."""
        found = self.settled
        seconds = found.settled - found.asked
        # Leaving out those who gave up would make a worse service look faster.
        lost = (found.outcome == LEFT) & ~np.isnan(found.asked)
        stuck = self._flag("crashed") & np.isnan(self._column("finished"))
        # A job that is stuck never ends, so its client waits for ever.
        if stuck.any():
            waits = np.zeros(len(found.first), dtype=np.bool_)
            waits[self._jobs.group[stuck]] = True
            lost |= waits & (found.outcome == OPEN)
        if lost.any():
            seconds = np.where(lost, np.inf, seconds)
        return _known(seconds[_rows(self._of_request(self._timed))])

    def _rate(self, moments: Seconds) -> float:
        """Return the moments per second in the window, without its start.

        n events bound n - 1 gaps: the event that begins the window closes none.
        """
        start, end = self._window.start, self._window.end
        return int(np.count_nonzero((moments > start) & (moments <= end))) / self._window.length

    def _column(self, name: str) -> NDArray[np.float64]:
        column: NDArray[np.float64] = self._jobs[name]
        return column

    def _flag(self, name: str) -> Mask:
        flags: Mask = self._jobs[name]
        return flags

    def _of_request(self, jobs: Mask) -> Mask:
        """Return the mask of requests for a mask of jobs that has all or no attempts of each."""
        return jobs if self._jobs.one_each else jobs[self._jobs.first]


def _rows(mask: Mask) -> Mask | slice:
    """Return a mask as a slice where it is one, as after a warm-up: that copies nothing."""
    count = int(np.count_nonzero(mask))
    first = int(mask.argmax()) if count else 0
    return slice(first, first + count) if mask[first : first + count].all() else mask


def _known(seconds: Seconds) -> Seconds:
    # Most columns have no NaN; a copy of them would cost more than the test.
    known = ~np.isnan(seconds)
    return seconds if known.all() else seconds[known]


def _equal(first: Seconds, second: Seconds) -> bool:
    # Bit for bit: only then are the quantiles the same too.
    return len(first) == len(second) and bool((first == second).all())


def _share_within(seconds: Seconds, limit: float) -> float:
    if not len(seconds):
        return math.nan
    return int(np.count_nonzero(seconds <= limit)) / len(seconds)
